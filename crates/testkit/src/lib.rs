//! Shared by the tests of several crates. Everything here panics with a message that says what to
//! do, listens on free loopback ports, and cleans up when dropped.
//!
//! - [`media`]: the folder of test videos, and the measured properties of each.
//! - [`test_env`]: the embedded AWS side with clients, and the real splitter and worker.
//! - [`moto`]: a third party's S3 and EventBridge.
//! - [`rie`]: hosts one of our binaries in Lambda's runtime emulator.
//! - [`sandbox`]: the machine that the emulator runs on, under Lambda's rules.
//! - [`program`]: writes executable files.
//! - [`captured`]: an FFmpeg that a hostile video has taken over.
//! - [`broken_connections`]: a proxy that breaks connections by their number.
//! - [`stub_server`]: a server whose answers the test writes.
//! - [`stale_connections`]: a proxy whose connections become stale while the client is frozen.
//! - [`fault_proxy`]: a proxy that injects faults, reproducibly from a seed.
//! - [`counting_proxy`]: a proxy that records and delays each read of a source.
//! - [`lambda`]: hosts one of our binaries in processes that are killed, with events that come
//!   twice.
//! - [`put_events`]: an event bus that fails chosen entries.
//! - [`unresponsive`]: a server that accepts connections and never answers.
//! - [`events`]: the events that start the splitter, and the saved events in `events/`.
//! - [`keys`]: object keys that break careless encoding, splitting or normalizing.

mod descendants;
mod function;
mod http;
mod memory_bound;
mod process;
mod seed;
mod server;

pub mod broken_connections;
pub mod captured;
pub mod clients;
pub mod counting_proxy;
pub mod events;
pub mod fault_proxy;
pub mod keys;
pub mod lambda;
pub mod media;
pub mod moto;
pub mod program;
pub mod put_events;
pub mod rie;
pub mod run_json;
pub mod sandbox;
pub mod stale_connections;
pub mod stub_server;
pub mod test_env;
pub mod unresponsive;

use std::path::PathBuf;

pub use test_env::TestEnv;

/// Root of the workspace.
pub fn workspace_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .unwrap()
}

/// A program that `make setup` installed in `.tools`.
fn tool(name: &str) -> PathBuf {
    let path = workspace_root().join(".tools").join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `make setup`",
        path.display()
    );
    path
}
