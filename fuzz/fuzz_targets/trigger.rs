//! What starts the splitter: S3 notifications and `Object Created` events.
#![no_main]

use gifgen_splitter::trigger::created_objects;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(event) = serde_json::from_str(text) else {
        return;
    };
    for created in created_objects(&event).into_iter().flatten().flatten() {
        if let Ok(source) = created.source() {
            assert!(!source.key.as_str().is_empty());
        }
    }
});
