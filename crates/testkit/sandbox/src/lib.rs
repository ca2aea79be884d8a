//! Runs a program under Lambda's rules on another machine.
//!
//! Lambda's runtime emulator starts the function, and restarts it when it ends; `/tmp` must survive
//! that. So there are two phases, each ending in an `exec`:
//!
//! - `host` ([`host`]) sets up the machine: a mount namespace with a read-only root, few devices,
//!   and a size-limited `/tmp`. It then executes the emulator.
//! - `function` ([`function`]) sets up the process: limits, an unprivileged user, and the system
//!   call filter ([`filter`]). The emulator runs it, and it executes the function.
//!
//! ```console
//! $ gifgen-sandbox host --bind target/release/worker:bootstrap -- \
//!     aws-lambda-rie "$PWD/target/debug/gifgen-sandbox" function -- /mnt/bootstrap
//! ```
//!
//! As root, the function runs as Lambda's user. Otherwise each phase has its own user namespace, so
//! that the function cannot read the emulator's environment, which contains credentials. The caller
//! of the `host` phase limits memory, because a control group outlives its processes.

pub mod docker;
pub mod error;
pub mod filter;
pub mod function;
pub mod host;
pub mod identity;
pub mod probe;
pub mod refused;
