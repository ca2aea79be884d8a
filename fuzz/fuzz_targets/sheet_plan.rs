//! Plans of sheets, as events bring them.
#![no_main]

use gifgen_index::SheetPlan;
use libfuzzer_sys::fuzz_target;

const BYTES: u64 = 1 << 40;

fuzz_target!(|raw: &[u8]| {
    let Ok(text) = std::str::from_utf8(raw) else { return };
    if let Ok(plan) = SheetPlan::decode(text, BYTES) {
        assert_eq!(SheetPlan::decode(&plan.encode(), BYTES).unwrap(), plan);
    }
});
