//! What the tests of several crates share. Everything here panics with a sentence that says what
//! to do, listens on loopback ports of the kernel's choosing, and is gone when it is dropped.
//!
//! - [`media`]: the folder of test videos and what is known of each.
//! - [`bed`]: the embedded AWS side with clients, and the real splitter and worker on it.
//! - [`moto`]: an S3 and EventBridge that we did not write.
//! - [`rie`]: one of our binaries, hosted by Lambda's own runtime emulator.
//! - [`sandbox`]: what the machine is like that the emulator hosts it on.
//! - [`program`]: programs that tests make.
//! - [`captured`]: a stand-in for an FFmpeg that a hostile video has taken over.
//! - [`broken_connections`]: a proxy that fails connections by their number.
//! - [`canned`]: a server whose answers a test words itself.
//! - [`forgetful`]: a proxy whose connections die while their client sleeps.
//! - [`fault_proxy`]: a proxy that deals faults by a seed.
//! - [`counting_proxy`]: a proxy that notes each read of a source, and makes it wait.
//! - [`lambda`]: one of our binaries, in processes that are killed, and events that come twice.
//! - [`put_events`]: an event bus that fails the entries it is told to fail.
//! - [`hang`]: a server that takes connections and never answers.
//! - [`events`]: the events that start the splitter, and the saved ones of `events/`.
//! - [`keys`]: object keys that go wrong when somebody encodes, splits or cleans them.

mod function;
mod http;
mod memory_bound;
mod process;
mod seed;
mod server;

pub mod bed;
pub mod broken_connections;
pub mod canned;
pub mod captured;
pub mod clients;
pub mod counting_proxy;
pub mod events;
pub mod fault_proxy;
pub mod forgetful;
pub mod hang;
pub mod keys;
pub mod lambda;
pub mod media;
pub mod moto;
pub mod program;
pub mod put_events;
pub mod rie;
pub mod run_json;
pub mod sandbox;

use std::path::PathBuf;

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .unwrap()
}

/// A program that `make setup` installs into `.tools`.
fn tool(name: &str) -> PathBuf {
    let path = workspace_root().join(".tools").join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `make setup`",
        path.display()
    );
    path
}
