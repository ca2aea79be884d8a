//! What starts a worker: slice events, and the messages of the failure queue.
#![no_main]

use gifgen_shared::SliceEvent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(json) = serde_json::from_str(text) else {
        return;
    };
    let Ok(event) = SliceEvent::parse(&json) else {
        return;
    };
    let seconds = event.slice().seconds();
    assert!(seconds > 0.0 && seconds <= SliceEvent::MAX_SECONDS);
    let again = serde_json::to_value(&event).unwrap();
    assert_eq!(SliceEvent::parse(&again).unwrap(), event);
});
