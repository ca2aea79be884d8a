//! From a slice event to its uploaded objects and its receipt.

use std::{num::NonZero, path::PathBuf, time::Instant};

use gifgen_index::Excerpt;
use gifgen_ledger::{
    Ledger,
    receipt::{Outcome, Receipt, Work},
    run::Run,
    slice_outputs::SliceFailure,
};
use gifgen_reader::{Http, Reader};
use gifgen_shared::{
    settings::Settings,
    slice::Slice,
    slice_event::{SliceEvent, detail},
    work_dir::sweep,
};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout_at;

use crate::{
    error::{PermanentError, SliceError, TransientError},
    failures::{BatchAnswer, messages},
    invocation::Invocation,
    membership::{MayStartRun, Membership},
    report::Report,
    slice_work::{Finished, Wanted},
};

/// The worker with its connections.
#[derive(Debug)]
pub struct Worker {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) http: Http,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Settings,
    pub(crate) threads: NonZero<u32>,
    pub(crate) temporary: PathBuf,
}

/// The answer to one invocation.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Answer {
    /// All objects of the slice are uploaded, and its receipt says so.
    Done(Report),
    /// The slice cannot be rendered, now or later, and its receipt says so.
    Failed {
        /// The class, for machines.
        reason: String,
        /// One sentence for people.
        message: String,
    },
    /// Another run of the source has begun, so there is nothing left to do for this one.
    Superseded,
    /// Given-up slices have their receipts, but for the messages that are named.
    #[serde(untagged)]
    GivenUp(BatchAnswer),
}

impl Worker {
    /// A worker that reads and writes through `s3`, announces on `bus`, decodes with `threads`
    /// threads, and makes its work directories in `temporary`. What killed workers left there is
    /// removed.
    ///
    /// # Errors
    /// If `temporary` cannot be read, or TLS cannot be set up.
    pub fn start(
        s3: aws_sdk_s3::Client,
        bus: aws_sdk_eventbridge::Client,
        settings: Settings,
        threads: NonZero<u32>,
        temporary: PathBuf,
    ) -> Result<Self, TransientError> {
        let swept = sweep(&temporary).map_err(|source| TransientError::WorkDir {
            action: "sweep",
            source,
        })?;
        if swept > 0 {
            tracing::warn!(swept, "removed what killed workers left behind");
        }
        let ledger = Ledger::new(
            s3.clone(),
            &settings.destination_bucket,
            bus,
            &settings.event_bus_name,
        );
        Ok(Self {
            s3,
            http: Http::new()?,
            ledger,
            settings,
            threads,
            temporary,
        })
    }

    /// Handles an event: renders and uploads the slice that it names, or records slices that were
    /// given up, if it comes from the failure queue. To do so twice is harmless.
    ///
    /// # Errors
    /// For passing reasons only, so that the platform retries. A slice that cannot be rendered
    /// is an [`Answer::Failed`].
    pub async fn handle(
        &self,
        event: &Value,
        invocation: &Invocation,
    ) -> Result<Answer, TransientError> {
        if let Some(messages) = messages(event) {
            let messages = messages.map_err(TransientError::Queue)?;
            let giving_up = self.give_up_all(messages, invocation);
            let giving_up = Box::pin(invocation.deadline.govern(giving_up));
            return Ok(Answer::GivenUp(giving_up.await));
        }
        let detail = detail(event);
        let (bucket, key) = (detail["bucket"].as_str(), detail["key"].as_str());
        let start = detail["start"].as_f64();
        // In a box, for the state of all that it waits for is large.
        let handling = Box::pin(invocation.deadline.govern(self.answer(event, invocation)));
        let handled = timeout_at(invocation.deadline.end(), handling).await;
        let handled = handled.unwrap_or_else(|_| {
            Err(TransientError::DeadlinePassed {
                doing: "reading and writing S3",
            }
            .into())
        });
        match handled {
            Ok(answer) => Ok(answer),
            Err(SliceError::Permanent(error)) => Ok(failed(&error)),
            Err(SliceError::Transient(error)) => {
                let event = for_replay(detail);
                tracing::warn!(bucket, key, start, why = %error, %event, "interrupted");
                Err(error)
            }
        }
    }

    async fn answer(&self, event: &Value, invocation: &Invocation) -> Result<Answer, SliceError> {
        match self.slice(event, invocation).await {
            Err(SliceError::Permanent(PermanentError::Superseded(source))) => {
                let (bucket, key) = (&source.bucket, &source.key);
                tracing::info!(bucket, %key, start = detail(event)["start"].as_f64(), "superseded");
                self.ledger.retract(&source.key).await?;
                Ok(Answer::Superseded)
            }
            answer => answer,
        }
    }

    async fn slice(&self, event: &Value, invocation: &Invocation) -> Result<Answer, SliceError> {
        let event = SliceEvent::parse(event).map_err(PermanentError::BadEvent)?;
        let source = event
            .source(&self.settings)
            .map_err(PermanentError::BadEvent)?;
        match self
            .membership(&event, &source, MayStartRun::One, invocation.deadline)
            .await?
        {
            Membership::Of(run, slice) => self.slice_of(&run, slice, &event, invocation).await,
            Membership::Untracked => self.untracked_slice(&event, &source, invocation).await,
        }
    }

    /// Renders a slice of a run, writes its receipt, and completes the run if it is the last one. A
    /// slice that has been rendered is not rendered again.
    async fn slice_of(
        &self,
        run: &Run,
        slice: Slice,
        event: &SliceEvent,
        invocation: &Invocation,
    ) -> Result<Answer, SliceError> {
        let attempt = event.attempt.unwrap_or(1);
        if let Some(receipt) = self.true_receipt(run, slice.start).await? {
            self.complete(run, &receipt, invocation).await?;
            return Ok(answer(run, &receipt));
        }
        let excerpt = self.excerpt(run, event).await;
        let receipt = self
            .render_and_record(run, slice, excerpt.as_ref(), attempt, invocation)
            .await?;
        self.complete(run, &receipt, invocation).await?;
        Ok(answer(run, &receipt))
    }

    /// Renders a slice of a run, and writes its receipt.
    pub(crate) async fn render_and_record(
        &self,
        run: &Run,
        slice: Slice,
        excerpt: Option<&Excerpt>,
        attempt: u32,
        invocation: &Invocation,
    ) -> Result<Receipt, SliceError> {
        let started = Instant::now();
        let source = run.source();
        let (http, s3) = (self.http.clone(), self.s3.clone());
        let (etag, bytes) = (&run.source.etag, run.source.bytes);
        let reader = Reader::new(http, s3, &source, etag, bytes, self.settings.url_expiry);
        let finished = self
            .finish(&Wanted {
                source: &source,
                reader: &reader,
                container: &run.source.container,
                video: run.video,
                slice,
                excerpt,
                look: &run.settings,
                run: Some(run),
                deadline: invocation.deadline,
            })
            .await;
        let (outcome, work) = match finished {
            Ok(Finished {
                made,
                objects,
                work,
            }) => (Outcome::Good { made, objects }, work),
            Err(SliceError::Permanent(PermanentError::Superseded(source))) => {
                return Err(PermanentError::Superseded(source).into());
            }
            Err(SliceError::Permanent(error)) => {
                let error = SliceFailure {
                    reason: error.reason(),
                    message: error.to_string(),
                };
                (Outcome::Failed { error }, Work::default())
            }
            Err(error) => return Err(error),
        };
        let work = Work {
            worker_ms: started.elapsed().as_millis() as u64,
            memory_megabytes: invocation.memory_megabytes,
            ..work
        };
        let receipt = Receipt::new(run, &slice, outcome, attempt, work);
        // What was rendered counts by its receipt only.
        let writing = self.ledger.write_receipt(run, &receipt);
        invocation.deadline.persist(writing).await?;
        log(run, &receipt);
        Ok(receipt)
    }

    /// The receipt of a slice that was rendered, if its objects are as it says.
    pub(crate) async fn true_receipt(
        &self,
        run: &Run,
        start: u32,
    ) -> Result<Option<Receipt>, SliceError> {
        match self.ledger.receipt(run, start).await? {
            Some(receipt) if receipt.is_good() && self.ledger.is_true(&receipt).await? => {
                Ok(Some(receipt))
            }
            _ => Ok(None),
        }
    }
}

/// `detail` as it can be replayed from the log, without the long part that it can do without.
fn for_replay(detail: &Value) -> Value {
    let mut detail = detail.clone();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("excerpt");
    }
    detail
}

/// A failure, with a line in the log.
fn failed(error: &PermanentError) -> Answer {
    let (reason, message) = (error.reason(), error.to_string());
    tracing::error!(reason, why = message, "failed for good");
    Answer::Failed { reason, message }
}

/// The answer for a slice that has this receipt.
fn answer(run: &Run, receipt: &Receipt) -> Answer {
    match &receipt.outcome {
        Outcome::Good { made, .. } => Answer::Done(Report {
            key: run.source.key.to_string(),
            start: receipt.start,
            end: receipt.end,
            made: made.clone(),
        }),
        Outcome::Failed { error } => Answer::Failed {
            reason: error.reason.clone(),
            message: error.message.clone(),
        },
    }
}

/// A line in the log for a receipt.
pub(crate) fn log(run: &Run, receipt: &Receipt) {
    let (bucket, key) = (&run.source.bucket, &run.source.key);
    let (etag, number, start) = (run.source.etag.as_str(), run.run, receipt.start);
    let (attempt, work) = (receipt.attempt, receipt.work);
    match &receipt.outcome {
        Outcome::Good { made, .. } => tracing::info!(
            bucket, %key, etag, run = number, start, attempt,
            gif_bytes = made.gif.bytes,
            bytes_read = work.bytes_read,
            source_requests = work.source_requests,
            by_excerpt = work.by_excerpt,
            rendered_ms = work.render_ms,
            gif_ms = work.gif_ms,
            uploaded_ms = work.upload_ms,
            elapsed_ms = work.worker_ms,
            "slice done"
        ),
        Outcome::Failed { error } => tracing::error!(
            bucket, %key, etag, run = number, start, attempt,
            reason = error.reason,
            why = error.message,
            "slice failed for good"
        ),
    }
}
