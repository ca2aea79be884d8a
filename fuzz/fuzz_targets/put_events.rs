//! The PutEvents endpoint of the embedded bus.
#![no_main]

use gifgen_stack::fuzzing::put_events;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    // An answer is JSON, whatever was asked.
    let answer = put_events(body);
    serde_json::from_str::<serde_json::Value>(&answer).unwrap();
});
