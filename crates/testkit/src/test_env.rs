//! The test environment: the embedded AWS side with clients, and the real splitter and worker.

use std::{
    num::NonZero,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use gifgen_shared::{Deadline, Settings};
use gifgen_splitter::Splitter;
use gifgen_stack::{ETags, ObjectInfo, Stack};
use gifgen_worker::{Invocation, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    clients::{self, REGION},
    media,
};

/// Bucket of the source videos.
pub const FILMS: &str = "films";

/// Bucket of the outputs.
pub const PREVIEWS: &str = "previews";

/// An embedded stack with the buckets [`FILMS`] and [`PREVIEWS`], in a temporary directory.
///
/// ```no_run
/// # async fn example() {
/// let env = gifgen_testkit::test_env::TestEnv::start().await;
/// let object = env.adopt("a b.mp4", &gifgen_testkit::media::video("d05")).await;
/// # }
/// ```
#[derive(Debug)]
pub struct TestEnv {
    stack: Stack,
    s3: aws_sdk_s3::Client,
    bus: aws_sdk_eventbridge::Client,
    directory: TempDir,
}

impl TestEnv {
    /// Starts with the ETags that [`etags_wanted`] gives, so that the same tests can run with both
    /// kinds.
    pub async fn start() -> Self {
        Self::start_with(etags_wanted()).await
    }

    /// Starts with this kind of ETags.
    pub async fn start_with(etags: ETags) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("tmp")).unwrap();
        let data = directory.path().join("data");
        let stack = Stack::start_with(etags, &data).await.unwrap();
        for bucket in [FILMS, PREVIEWS] {
            stack.store().create_bucket(bucket).await.unwrap();
        }
        let (id, secret) = {
            let credentials = stack.credentials();
            (&credentials.access_key_id, &credentials.secret_access_key)
        };
        Self {
            s3: clients::s3(&stack.s3_endpoint(), id, secret),
            bus: clients::event_bridge(&stack.eventbridge_endpoint(), id, secret),
            stack,
            directory,
        }
    }

    /// The embedded AWS side.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// A client for the S3 server.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// A client for the S3 server behind a proxy at `endpoint`.
    pub fn s3_behind(&self, endpoint: &str) -> aws_sdk_s3::Client {
        let credentials = self.stack.credentials();
        let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
        clients::s3(endpoint, id, secret)
    }

    /// A client for the event bus.
    pub fn bus(&self) -> &aws_sdk_eventbridge::Client {
        &self.bus
    }

    /// A temporary directory for the test's own files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Registers a file as an object in [`FILMS`], without copying it.
    pub async fn adopt(&self, key: &str, file: &Path) -> ObjectInfo {
        self.stack.store().adopt(FILMS, key, file).await.unwrap()
    }

    /// Registers a test video as an object in [`FILMS`], without copying it.
    pub async fn adopt_video(&self, key: &str, name: &str) -> ObjectInfo {
        self.adopt(key, &media::video(name)).await
    }

    /// The real splitter on this stack. `variables` override [`settings`]' defaults.
    pub fn splitter(&self, variables: &[(&str, &str)]) -> Splitter {
        self.splitter_to(self.bus.clone(), variables)
    }

    /// Like [`splitter`](Self::splitter), on another event bus.
    pub fn splitter_to(
        &self,
        bus: aws_sdk_eventbridge::Client,
        variables: &[(&str, &str)],
    ) -> Splitter {
        Splitter::new(self.s3.clone(), bus, settings(variables)).unwrap()
    }

    /// The real worker on this stack. `variables` override [`settings`]' defaults.
    pub fn worker(&self, variables: &[(&str, &str)]) -> Worker {
        let (s3, bus) = (self.s3.clone(), self.bus.clone());
        worker(s3, bus, self.temporary(), variables)
    }

    /// The parent of the workers' temporary directories.
    pub fn temporary(&self) -> std::path::PathBuf {
        self.directory.path().join("tmp")
    }

    /// Receives gifgen's events (`custom.gifGenerator`) from now on.
    pub fn our_events(&self) -> UnboundedReceiver<Value> {
        let pattern = json!({"source": ["custom.gifGenerator"]});
        self.stack.bus().add_rule("our-events", &pattern).unwrap()
    }

    /// Environment variables that point one of our binaries to this stack.
    pub fn environment(&self) -> Vec<(String, String)> {
        let credentials = self.stack.credentials();
        [
            ("AWS_ENDPOINT_URL_S3", self.stack.s3_endpoint()),
            (
                "AWS_ENDPOINT_URL_EVENTBRIDGE",
                self.stack.eventbridge_endpoint(),
            ),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
            (
                "AWS_SECRET_ACCESS_KEY",
                credentials.secret_access_key.clone(),
            ),
            ("AWS_REGION", REGION.into()),
            ("DESTINATION_BUCKET", PREVIEWS.into()),
            ("TMPDIR", self.temporary().to_str().unwrap().into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// The kind of ETags in `GIFGEN_ETAGS`: `md5` (default) or `opaque`.
pub fn etags_wanted() -> ETags {
    match std::env::var("GIFGEN_ETAGS").as_deref() {
        Err(_) | Ok("md5") => ETags::Md5,
        Ok("opaque") => ETags::Opaque,
        Ok(other) => panic!("GIFGEN_ETAGS is md5 or opaque, not {other}"),
    }
}

/// An invocation with a unique id, whose deadline is `after` from now.
pub fn invocation(after: Duration) -> Invocation {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    Invocation {
        id: format!("invocation-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        memory_megabytes: None,
        deadline: Deadline::after(after),
    }
}

/// Settings from `variables`, with [`PREVIEWS`] as the destination and the installed FFmpeg.
pub fn settings(variables: &[(&str, &str)]) -> Settings {
    Settings::read(|name| match variables.iter().find(|(n, _)| *n == name) {
        Some((_, value)) => Some(value.into()),
        None if name == "DESTINATION_BUCKET" => Some(PREVIEWS.into()),
        None => std::env::var_os(name).filter(|_| matches!(name, "PATH" | "FFMPEG" | "FFPROBE")),
    })
    .unwrap()
}

/// The real worker on any S3 and event bus, with one decoding thread.
pub fn worker(
    s3: aws_sdk_s3::Client,
    bus: aws_sdk_eventbridge::Client,
    temporary: std::path::PathBuf,
    variables: &[(&str, &str)],
) -> Worker {
    Worker::start(s3, bus, settings(variables), NonZero::<u32>::MIN, temporary).unwrap()
}
