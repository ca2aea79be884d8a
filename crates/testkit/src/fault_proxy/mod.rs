//! An HTTP proxy before the embedded S3 server or event bus that deals faults by a seed.
//!
//! - `faults`: which fault the nth request for a target gets; depends on nothing else.
//! - `proxy`: the proxy, and what each fault does to an exchange.
//! - `entries`: what PutEvents asks and answers, taken apart and put together again.
//! - `stop`: the end of all requests after so many, as if their sender had died.
//! - `refusals`: error answers.
//! - `request_kind`: what a request is called in the counts.

mod entries;
mod faults;
mod proxy;
mod refusals;
mod request_kind;
mod stop;

pub use faults::{Dealt, Faults, Kind};
pub use proxy::FaultProxy;
pub use stop::Stop;
