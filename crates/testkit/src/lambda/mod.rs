//! Lambda's side of one function, with asynchronous invocations and all that may befall them:
//! events come late, twice and out of order, processes are killed, failures are delivered again.
//!
//! - `function`: the function, to send events to and to ask what became of them.
//! - `policy`: how it treats events and processes.
//! - `dispatcher`: the queue of events, their retries, and the on-failure destination behind them.
//! - `destination`: what goes to that destination, and how its queue hands it over.
//! - `environment`: one process, which serves one invocation at a time.
//! - `runtime_api`: what that process talks to.

mod destination;
mod dispatcher;
mod environment;
mod function;
mod policy;
mod runtime_api;

pub use dispatcher::Report;
pub use function::Lambda;
pub use policy::Policy;
