//! The AWS side of gifgen on loopback: an embedded S3 server and a small EventBridge endpoint.
//!
//! `gifgen run` and `gifgen serve` use it on a laptop, and integration tests use it as their AWS.
//! The real SDKs talk to it over HTTP, so the code above it needs no test seam.
//!
//! - [`Stack`] starts both servers on free ports, and stops them.
//! - [`Store`] is the object store behind the S3 server: bodies in files, names in `redb`.
//! - [`Bus`] matches events against rules and sends each match to the rule's receiver.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = gifgen_stack::Stack::start("/tmp/gifgen-data".as_ref()).await?;
//! stack.store().create_bucket("films").await?;
//! let mut created = stack.bus().add_rule(
//!     "new-films",
//!     &serde_json::json!({"source": ["aws.s3"], "detail-type": ["Object Created"]}),
//! )?;
//! stack.store().adopt("films", "a.mp4", "/home/me/a.mp4".as_ref()).await?;
//! assert_eq!(created.recv().await.unwrap()["detail"]["object"]["key"], "a.mp4");
//! stack.stop().await;
//! # Ok(())
//! # }
//! ```

mod bus;
mod credentials;
mod eventbridge;
mod ids;
mod pattern;
mod put_events;
mod s3;
mod server;
mod stack;
mod store;

/// Entry points for the fuzzer.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Answers the body of a PutEvents request.
    pub fn put_events(body: &[u8]) -> String {
        crate::eventbridge::answer_to_body(body)
    }
}

pub use bus::{Bus, BusError};
pub use credentials::Credentials;
pub use pattern::PatternError;
pub use stack::{Stack, StackError};
pub use store::{Checksums, ETags, ObjectHeaders, ObjectInfo, Store, StoreError};
