//! Excerpts, as events bring them.
#![no_main]

use gifgen_index::Excerpt;
use libfuzzer_sys::fuzz_target;

const BYTES: u64 = 1 << 40;

fuzz_target!(|raw: &[u8]| {
    // As the text of an event, and as what it unpacks to.
    let text = std::str::from_utf8(raw).ok();
    let decoded = text.and_then(|text| Excerpt::decode(text, BYTES).ok());
    for excerpt in decoded
        .into_iter()
        .chain(Excerpt::unpacked(raw, BYTES).ok())
    {
        assert!(excerpt.fetches().count() > 0);
        assert_eq!(Excerpt::decode(&excerpt.encode(), BYTES).unwrap(), excerpt);
    }
});
