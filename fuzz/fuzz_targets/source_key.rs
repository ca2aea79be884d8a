//! Keys as notifications encode them, and the names that are made of them.
#![no_main]

use gifgen_shared::{JobId, OutputKeys, SourceKey, output_keys::is_output};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let keys = [
        SourceKey::form_encoded(text).ok(),
        SourceKey::plain(text).ok(),
    ];
    for key in keys.into_iter().flatten() {
        let names = OutputKeys::of(&key);
        for name in [
            names.gif(7),
            names.frame(8),
            names.receipt(9, JobId::Slice(10)),
            names.receipt(9, JobId::Overview(10)),
            names.index(11),
        ] {
            assert!(name.len() <= 1024 && is_output(&name));
            assert!(name.starts_with(key.as_str()));
        }
    }
});
