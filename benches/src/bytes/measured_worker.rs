//! The local AWS side, and the lanes in which slices are read: each has a proxy of its own, so that
//! what slices read that run at once is told apart.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use gifgen_shared::{
    presigned_url::PresignedUrl, slice::Slice, source::Source, source_key::SourceKey,
    video_stream::VideoStream,
};
use gifgen_testkit::{
    counting_proxy::CountingProxy,
    test_env::{FILMS, TestEnv, worker},
};
use gifgen_worker::worker::Worker;
use serde_json::Value;

use super::reads::Reads;

/// What a request for a source waits for.
pub const LATENCY: Duration = Duration::from_millis(20);

/// Life of the presigned URLs: longer than any file takes.
const EXPIRY: Duration = Duration::from_secs(12 * 3600);

/// Settings of splitter and worker: reading is what is measured, so there is little to make of it.
pub const SETTINGS: [(&str, &str); 5] = [
    ("FRAMES", "none"),
    ("GIF_WIDTH", "16"),
    ("GIF_FPS", "1"),
    ("DECODE", "fast"),
    ("URL_EXPIRY_SECONDS", "43200"),
];

/// A proxy, and a worker behind it.
pub struct MeasuredWorker {
    /// The proxy.
    pub proxy: CountingProxy,
    /// The worker.
    pub worker: Worker,
    s3: aws_sdk_s3::Client,
}

/// A slice as the splitter planned it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its event.
    pub event: Value,
    /// Its times.
    pub slice: Slice,
    /// The stream that it is of.
    pub video: VideoStream,
}

impl MeasuredWorker {
    /// A lane whose worker has these variables beside [`SETTINGS`].
    pub async fn start(env: &TestEnv, variables: &[(&str, &str)]) -> Self {
        let proxy = CountingProxy::start(&env.stack().s3_endpoint(), LATENCY).await;
        let s3 = env.s3_behind(&proxy.endpoint());
        let variables = [&SETTINGS, variables].concat();
        let worker = worker(s3.clone(), env.bus().clone(), env.temporary(), &variables);
        Self { proxy, worker, s3 }
    }

    /// A URL of the object `key` that leads through this lane's proxy.
    ///
    /// # Errors
    /// If the key is none.
    pub async fn url(&self, key: &str) -> Result<PresignedUrl> {
        let source = Source {
            bucket: FILMS.into(),
            key: SourceKey::plain(key)?,
            etag: None,
        };
        Ok(source.presign(&self.s3, EXPIRY).await?)
    }
}

/// Does `work` for each of `slices`, as many at once as there are lanes. What each read, in the
/// order of the slices.
///
/// # Errors
/// If `work` fails.
pub async fn each(
    lanes: &[MeasuredWorker],
    slices: &[Planned],
    work: impl AsyncFn(&MeasuredWorker, &Planned) -> Result<()>,
) -> Result<Vec<Reads>> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let in_lane = async |lane: &MeasuredWorker| {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(planned) = slices.get(place) else {
                return anyhow::Ok(done);
            };
            lane.proxy.take().await;
            let start = planned.slice.start;
            let worked = work(lane, planned).await;
            worked.with_context(|| format!("the slice at {start} s failed"))?;
            done.push((place, Reads::new(lane.proxy.take().await)));
        }
    };
    let done = try_join_all(lanes.iter().map(in_lane)).await?;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, reads)| reads).collect())
}
