//! Plans of sheets, as events bring them.
#![no_main]

use gifgen_index::SheetPlan;
use libfuzzer_sys::fuzz_target;

const BYTES: u64 = 1 << 40;

fuzz_target!(|raw: &[u8]| {
    // As the text of an event, and as what it unpacks to.
    let text = std::str::from_utf8(raw).ok();
    let decoded = text.and_then(|text| SheetPlan::decode(text, BYTES).ok());
    for plan in decoded
        .into_iter()
        .chain(SheetPlan::unpacked(raw, BYTES).ok())
    {
        assert_eq!(SheetPlan::decode(&plan.encode(), BYTES).unwrap(), plan);
    }
});
