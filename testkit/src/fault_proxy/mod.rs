//! An HTTP proxy before the embedded S3 server or event bus that deals faults by a seed.
//!
//! - `faults`: which fault the nth request for a target gets; depends on nothing else.
//! - `proxy`: the proxy, and what each fault does to an exchange.
//! - `entries`: what PutEvents asks and answers, taken apart and put together again.
//! - `request_kind`: what a request is called in the counts.

mod entries;
mod faults;
mod proxy;
mod request_kind;

pub use faults::{Dealt, Faults, Kind};
pub use proxy::FaultProxy;
