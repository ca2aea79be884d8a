//! Handles one event: resolve, read, render, upload, record, complete.

use std::time::Instant;

use gifgen_function::TransientError;
use gifgen_index::Excerpt;
use gifgen_ledger::{Authority, LedgerError, Object, Receipt, Run, SliceOutputs, Work};
use gifgen_shared::{Deadline, Slice, SliceEvent, slice_event::detail, with_causes};
use serde_json::Value;
use tokio::time::timeout_at;

use crate::{
    answer::Answer,
    complete::complete_if_last,
    error::{JobError, PermanentError},
    given_up::messages,
    invocation::Invocation,
    job::Job,
    objects::{outputs_of, uploads_of},
    record::record,
    resolve::{MayStartRun, Membership},
    upload::upload,
    worker::Worker,
};

/// Most rounds in which the completing worker renders slices again because their objects differ from
/// their receipts.
const MOST_ROUNDS: u32 = 3;

/// A slice whose objects are uploaded.
struct Produced {
    outputs: SliceOutputs,
    objects: Vec<Object>,
    /// Times and bytes, without the total time and the memory.
    work: Work,
}

impl Worker {
    /// Handles an event. For a slice event, renders and uploads the slice. For messages from the failure
    /// queue, records the slices that failed for the last time. Handling an event twice is harmless.
    ///
    /// # Errors
    /// Transient ones only, so that the platform retries. A slice that cannot be rendered is an
    /// [`Answer::Failed`].
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
        // In a box, since the state of this future is large.
        let handling = Box::pin(invocation.deadline.govern(self.answer(event, invocation)));
        let answer = timeout_at(invocation.deadline.end(), handling).await;
        let answer = answer.unwrap_or_else(|_| {
            let doing = "reading and writing S3";
            Err(TransientError::DeadlinePassed { doing }.into())
        });
        match answer {
            Ok(answer) => Ok(answer),
            Err(JobError::Permanent(error)) => Ok(Answer::failed(&error)),
            Err(JobError::Transient(error)) => {
                let detail = detail(event);
                let (bucket, key) = (detail["bucket"].as_str(), detail["key"].as_str());
                let (start, event) = (detail["start"].as_f64(), for_replay(detail));
                tracing::warn!(bucket, key, start, why = %with_causes(&error), %event, "interrupted");
                Err(error)
            }
        }
    }

    async fn answer(&self, event: &Value, invocation: &Invocation) -> Result<Answer, JobError> {
        match self.handle_slice(event, invocation).await {
            Err(JobError::Permanent(PermanentError::Superseded(source))) => {
                let (bucket, key) = (&source.bucket, &source.key);
                tracing::info!(bucket, %key, start = detail(event)["start"].as_f64(), "superseded");
                self.ledger.retract(&source.key).await?;
                Ok(Answer::Superseded)
            }
            answer => answer,
        }
    }

    async fn handle_slice(
        &self,
        event: &Value,
        invocation: &Invocation,
    ) -> Result<Answer, JobError> {
        let deadline = invocation.deadline;
        let event = SliceEvent::parse(event).map_err(PermanentError::BadEvent)?;
        let source = event.source(&self.settings);
        let source = source.map_err(PermanentError::BadEvent)?;
        let membership = self.membership(&event, &source, MayStartRun::Yes, deadline);
        let Membership::Of(run, slice) = membership.await? else {
            let job = self.untracked_job(&event, &source, deadline).await?;
            let produced = self.render_and_upload(&job, None, deadline).await?;
            let start = event.start;
            tracing::info!(bucket = source.bucket, key = %source.key, start, "slice of no run done");
            let (slice, outputs) = (job.slice.slice, produced.outputs);
            return Ok(Answer::done(&source.key, slice.start, slice.end, outputs));
        };
        let receipt = match self.true_receipt(&run, slice.start).await? {
            Some(receipt) => receipt,
            None => {
                let excerpt = self.excerpt(&run, &event).await;
                let attempt = event.attempt.unwrap_or(1);
                self.render_and_record(&run, slice, excerpt, attempt, invocation)
                    .await?
            }
        };
        self.complete(&run, &receipt, invocation).await?;
        Ok(Answer::of(&run, receipt))
    }

    /// The receipt of a slice that was rendered before, if its objects are as it says.
    async fn true_receipt(&self, run: &Run, start: u32) -> Result<Option<Receipt>, JobError> {
        match self.ledger.receipt(run, start).await? {
            Some(receipt) if receipt.is_good() && self.ledger.is_true(&receipt).await? => {
                Ok(Some(receipt))
            }
            _ => Ok(None),
        }
    }

    /// Renders a slice of a run and writes its receipt, also if it fails for good.
    async fn render_and_record(
        &self,
        run: &Run,
        slice: Slice,
        excerpt: Option<Excerpt>,
        attempt: u32,
        invocation: &Invocation,
    ) -> Result<Receipt, JobError> {
        let started = Instant::now();
        let job = self.job(run, slice, excerpt);
        let produced = self.render_and_upload(&job, Some(run), invocation.deadline);
        let mut receipt = match produced.await {
            Ok(Produced {
                outputs,
                objects,
                work,
            }) => Receipt::done(run, &slice, outputs, objects, attempt, work),
            Err(error @ JobError::Permanent(PermanentError::Superseded(_))) => return Err(error),
            Err(JobError::Permanent(error)) => {
                Receipt::failed(run, &slice, error.failure(), attempt)
            }
            Err(error) => return Err(error),
        };
        receipt.work.worker_ms = started.elapsed().as_millis() as u64;
        receipt.work.memory_megabytes = invocation.memory_megabytes;
        // Retried until the deadline: without its receipt, the slice counts as not rendered.
        let recording = record(&self.ledger, run, &receipt);
        invocation.deadline.persist(recording).await?;
        Ok(receipt)
    }

    async fn render_and_upload(
        &self,
        job: &Job,
        run: Option<&Run>,
        deadline: Deadline,
    ) -> Result<Produced, JobError> {
        let (reader, started) = (&job.reader, Instant::now());
        let rendered = match self.renderer.render(job, deadline).await {
            Err(JobError::Transient(lost @ TransientError::SourceLost(_))) => {
                return Err(self.sources.why_lost(reader.source(), lost).await);
            }
            rendered => rendered?,
        };
        let render_ms = started.elapsed().as_millis() as u64;
        let started = Instant::now();
        let key = &reader.source().key;
        let outputs = outputs_of(key, &job.slice, &rendered.outputs);
        let files = uploads_of(key, &job.slice, &rendered.outputs);
        let uploading = upload(&self.ledger, &files, reader.source(), run);
        let uploaded = timeout_at(deadline.instant(), deadline.persist(uploading)).await;
        let work = Work {
            render_ms,
            gif_ms: rendered.gif_time.as_millis() as u64,
            upload_ms: started.elapsed().as_millis() as u64,
            bytes_read: Some(reader.bytes_read()),
            source_requests: Some(reader.requests()),
            by_excerpt: Some(rendered.by_excerpt),
            ..Work::default()
        };
        rendered.remove()?;
        let late = TransientError::DeadlinePassed { doing: "uploading" };
        Ok(Produced {
            outputs,
            objects: uploaded.map_err(|_| late)??,
            work,
        })
    }

    /// Completes `run` if every slice has a receipt. If objects differ from their receipts (deleted, or
    /// written by another worker), only this worker can notice. So it renders those slices again, one
    /// after another. If some still differ after the platform's retries, the run ends `partial`.
    async fn complete(
        &self,
        run: &Run,
        receipt: &Receipt,
        invocation: &Invocation,
    ) -> Result<(), JobError> {
        let complete =
            || complete_if_last(&self.ledger, Authority::Worker, run, receipt, invocation);
        for _ in 0..MOST_ROUNDS {
            let starts = match complete().await {
                Err(LedgerError::Disproved { starts, .. }) => starts,
                completed => return Ok(completed?),
            };
            for slice in run.plan() {
                if starts.contains(&slice.start) {
                    let (key, start) = (&run.source.key, slice.start);
                    tracing::warn!(%key, start, "objects are not as the receipt says: rendered again");
                    let before = self.ledger.receipt(run, slice.start).await?;
                    let attempt = before.map_or(1, |receipt| receipt.attempt);
                    self.render_and_record(run, slice, None, attempt, invocation)
                        .await?;
                }
            }
        }
        Ok(complete().await?)
    }
}

/// `detail` as it can be replayed from the log, without the excerpt, which is long and not needed.
fn for_replay(detail: &Value) -> Value {
    let mut detail = detail.clone();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("excerpt");
    }
    detail
}
