//! Workers whose reads are measured. Each has its own proxy, so that the reads of concurrent slices
//! can be told apart.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use gifgen_shared::{PresignedUrl, Slice, Source, SourceKey, VideoStream};
use gifgen_testkit::{
    counting_proxy::CountingProxy,
    test_env::{FILMS, TestEnv, worker},
};
use gifgen_worker::Worker;
use serde_json::Value;

use super::reads::Reads;

/// Delay of each request for a source.
pub const LATENCY: Duration = Duration::from_millis(20);

/// Life of the presigned URLs: longer than any file takes.
const EXPIRY: Duration = Duration::from_secs(12 * 3600);

/// Settings of splitter and worker: minimal rendering, because only reading is measured.
pub const SETTINGS: [(&str, &str); 6] = [
    ("OVERVIEW", "none"),
    ("FRAMES", "none"),
    ("GIF_WIDTH", "16"),
    ("GIF_FPS", "1"),
    ("DECODE", "fast"),
    ("URL_EXPIRY_SECONDS", "43200"),
];

/// A worker behind its own proxy.
pub struct MeasuredWorker {
    /// Counts the worker's reads.
    pub proxy: CountingProxy,
    /// The real worker.
    pub worker: Worker,
    s3: aws_sdk_s3::Client,
}

/// A slice as the splitter planned it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The slice event.
    pub event: Value,
    /// Its index and times.
    pub slice: Slice,
    /// The stream to render.
    pub video: VideoStream,
}

impl MeasuredWorker {
    /// Starts a worker with these settings in addition to [`SETTINGS`].
    pub async fn start(env: &TestEnv, variables: &[(&str, &str)]) -> Self {
        let proxy = CountingProxy::start(&env.stack().s3_endpoint(), LATENCY).await;
        let s3 = env.s3_behind(&proxy.endpoint());
        let variables = [&SETTINGS, variables].concat();
        let worker = worker(s3.clone(), env.bus().clone(), env.temporary(), &variables);
        Self { proxy, worker, s3 }
    }

    /// A URL of the object `key` through this worker's proxy.
    ///
    /// # Errors
    /// The key is invalid.
    pub async fn url(&self, key: &str) -> Result<PresignedUrl> {
        let source = Source {
            bucket: FILMS.into(),
            key: SourceKey::plain(key)?,
            etag: None,
        };
        Ok(source.presign(&self.s3, EXPIRY).await?)
    }
}

/// Runs `work` for each of `slices`, one at a time per worker. Returns the reads of each slice, in
/// the order of `slices`.
///
/// # Errors
/// `work` fails.
pub async fn each(
    workers: &[MeasuredWorker],
    slices: &[Planned],
    work: impl AsyncFn(&MeasuredWorker, &Planned) -> Result<()>,
) -> Result<Vec<Reads>> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let in_worker = async |worker: &MeasuredWorker| {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(planned) = slices.get(place) else {
                return anyhow::Ok(done);
            };
            worker.proxy.take().await;
            let start = planned.slice.start;
            let worked = work(worker, planned).await;
            worked.with_context(|| format!("the slice at {start} s failed"))?;
            done.push((place, Reads::new(worker.proxy.take().await)));
        }
    };
    let done = try_join_all(workers.iter().map(in_worker)).await?;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, reads)| reads).collect())
}
