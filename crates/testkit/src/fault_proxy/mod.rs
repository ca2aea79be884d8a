//! An HTTP proxy before the embedded S3 server or event bus. It injects faults, reproducibly from a
//! seed.
//!
//! - `faults`: selects the fault of the nth request for a target, independent of everything else.
//! - `proxy`: applies the fault to the exchange.
//! - `entries`: splits PutEvents requests and merges their answers.
//! - `stop`: stops all traffic after some requests, as if the sender had died.
//! - `refusals`: error answers.
//! - `request_kind`: names of requests in the counts.

mod entries;
mod faults;
mod proxy;
mod refusals;
mod request_kind;
mod stop;

pub use faults::{Dealt, Faults, Kind};
pub use proxy::FaultProxy;
pub use stop::Stop;
