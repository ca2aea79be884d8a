//! Runs a program under Lambda's rules, on a machine that has other ones.
//!
//! Lambda's runtime emulator starts the function itself, and starts it again when it has ended;
//! `/tmp` must outlive that. So there are two phases, each of which ends in an `exec`:
//!
//! - `host` ([`host`]) makes the machine: a mount namespace with a read-only root, few devices, and a
//!   bounded `/tmp`. Its command is the emulator.
//! - `function` ([`function`]) makes the process: limits, an unprivileged user, and the filter of
//!   system calls ([`filter`]). Its program is the function, which the emulator starts by it.
//!
//! ```console
//! $ gifgen-sandbox host --bind target/release/worker:bootstrap -- \
//!     aws-lambda-rie "$PWD/target/debug/gifgen-sandbox" function -- /mnt/bootstrap
//! ```
//!
//! As root the function's user is Lambda's; else both phases have a user namespace of their own, so
//! that the function sees nothing of the emulator, whose environment holds credentials. Memory is
//! bounded by whoever starts the `host` phase, since a control group outlives its processes.

pub mod docker;
pub mod error;
pub mod filter;
pub mod function;
pub mod host;
pub mod identity;
pub mod probe;
pub mod refused;
