//! Emulates Lambda's asynchronous invocations of one function, with everything that can go wrong:
//! events arrive late, twice and out of order, processes are killed, and failures are retried.
//!
//! - `function`: accepts events and reports results.
//! - `policy`: how events and processes are treated.
//! - `dispatcher`: the event queue, retries, and the on-failure destination.
//! - `destination`: the records that go there, and their delivery by its queue.
//! - `environment`: one process, which serves one invocation at a time.
//! - `runtime_api`: the API that the process uses.

mod destination;
mod dispatcher;
mod environment;
mod function;
mod policy;
mod runtime_api;

pub use dispatcher::Report;
pub use function::Lambda;
pub use policy::Policy;
