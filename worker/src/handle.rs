//! Handles one event: resolve, read, render, upload, record, complete.

use std::time::Instant;

use gifgen_function::TransientError;
use gifgen_ledger::{Authority, LedgerError, Object, Outputs, Receipt, Run, Work};
use gifgen_reader::Reader;
use gifgen_shared::{
    Deadline, ExcerptText, Job, JobEvent, JobId, SliceEvent, slice_event::detail, with_causes,
};
use serde_json::Value;
use tokio::time::timeout_at;

use crate::{
    answer::Answer,
    complete::complete_if_last,
    error::{JobError, PermanentError},
    given_up::messages,
    invocation::Invocation,
    job::SliceJob,
    objects::{outputs_of, sheet_of, uploads_of},
    overview::SheetJob,
    record::record,
    resolve::{MayStartRun, Membership},
    upload::{Upload, upload},
    worker::Worker,
};

/// Most rounds in which the completing worker does jobs again because their objects differ from
/// their receipts.
const MOST_ROUNDS: u32 = 3;

/// How a job was sent.
#[derive(Clone, Copy)]
struct Sent<'a> {
    /// Where its pictures are in the source, if the event says so.
    places: Option<&'a ExcerptText>,
    /// Number of times it was sent.
    attempt: u32,
}

/// A job whose objects are uploaded.
struct Produced {
    outputs: Outputs,
    objects: Vec<Object>,
    /// Times and bytes, without the total time and the memory.
    work: Work,
}

impl Worker {
    /// Handles an event. For the event of a slice or another job, renders and uploads that. For messages from the failure
    /// queue, records the jobs that failed for the last time. Handling an event twice is harmless.
    ///
    /// # Errors
    /// Transient ones only, so that the platform retries. A job that cannot be done is an
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
                let job = detail.get("job").map(Value::to_string);
                tracing::warn!(bucket, key, start, job, why = %with_causes(&error), %event, "interrupted");
                Err(error)
            }
        }
    }

    async fn answer(&self, event: &Value, invocation: &Invocation) -> Result<Answer, JobError> {
        let answer = if JobEvent::is_meant(event) {
            self.handle_job(event, invocation).await
        } else {
            self.handle_slice(event, invocation).await
        };
        match answer {
            Err(JobError::Permanent(PermanentError::Superseded(source))) => {
                let (bucket, key) = (&source.bucket, &source.key);
                let detail = detail(event);
                let (start, job) = (
                    detail["start"].as_f64(),
                    detail.get("job").map(Value::to_string),
                );
                tracing::info!(bucket, %key, start, job, "superseded");
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
            let produced = self.produce_slice(&job, None, deadline).await?;
            let start = event.start;
            tracing::info!(bucket = source.bucket, key = %source.key, start, "slice of no run done");
            let job = Job::Slice(job.slice.slice);
            return Ok(Answer::done(&source.key, &job, produced.outputs));
        };
        let sent = Sent {
            places: event.excerpt.as_ref(),
            attempt: event.attempt.unwrap_or(1),
        };
        self.do_job(&run, &Job::Slice(slice), sent, invocation)
            .await
    }

    async fn handle_job(&self, event: &Value, invocation: &Invocation) -> Result<Answer, JobError> {
        let event = JobEvent::parse(event).map_err(PermanentError::BadJobEvent)?;
        let Some((run, job)) = self.job_of_run(&event).await? else {
            let job = self.untracked_sheet(&event, invocation.deadline).await?;
            let produced = self.produce_sheet(&job, None, invocation.deadline).await?;
            let (bucket, key) = (&event.bucket, &event.key);
            tracing::info!(bucket, %key, sheet = job.sheet.index, "sheet of no run done");
            let job = Job::Overview(job.sheet);
            return Ok(Answer::done(key, &job, produced.outputs));
        };
        let sent = Sent {
            places: event.keyframes.as_ref(),
            attempt: event.attempt.unwrap_or(1),
        };
        self.do_job(&run, &job, sent, invocation).await
    }

    /// Does a job of a run, unless it is done already, and completes the run if it was the last one.
    async fn do_job(
        &self,
        run: &Run,
        job: &Job,
        sent: Sent<'_>,
        invocation: &Invocation,
    ) -> Result<Answer, JobError> {
        let receipt = match self.true_receipt(run, job.id()).await? {
            Some(receipt) => receipt,
            None => self.produce_and_record(run, job, sent, invocation).await?,
        };
        self.complete(run, &receipt, invocation).await?;
        Ok(Answer::of(run, job, receipt))
    }

    /// The receipt of a job that was done before, if its objects are as it says.
    async fn true_receipt(&self, run: &Run, job: JobId) -> Result<Option<Receipt>, JobError> {
        match self.ledger.receipt(run, job).await? {
            Some(receipt) if receipt.is_good() && self.ledger.is_true(&receipt).await? => {
                Ok(Some(receipt))
            }
            _ => Ok(None),
        }
    }

    /// Does a job of a run and writes its receipt, also if it fails for good.
    async fn produce_and_record(
        &self,
        run: &Run,
        job: &Job,
        sent: Sent<'_>,
        invocation: &Invocation,
    ) -> Result<Receipt, JobError> {
        let (started, deadline) = (Instant::now(), invocation.deadline);
        let produced = match job {
            Job::Slice(slice) => {
                let excerpt = self.excerpt(run, *slice, sent.places).await;
                let job = self.job(run, *slice, excerpt);
                self.produce_slice(&job, Some(run), deadline).await
            }
            Job::Overview(sheet) => {
                let plan = self.sheet_plan(run, *sheet, sent.places).await;
                let job = self.sheet_job(run, *sheet, plan);
                self.produce_sheet(&job, Some(run), deadline).await
            }
        };
        let mut receipt = match produced {
            Ok(Produced {
                outputs,
                objects,
                work,
            }) => Receipt::done(run, job, outputs, objects, sent.attempt, work),
            Err(error @ JobError::Permanent(PermanentError::Superseded(_))) => return Err(error),
            Err(JobError::Permanent(error)) => {
                Receipt::failed(run, job, error.failure(), sent.attempt)
            }
            Err(error) => return Err(error),
        };
        receipt.work.worker_ms = started.elapsed().as_millis() as u64;
        receipt.work.memory_megabytes = invocation.memory_megabytes;
        // Retried until the deadline: without its receipt, the job counts as not done.
        let recording = record(&self.ledger, run, &receipt);
        deadline.persist(recording).await?;
        Ok(receipt)
    }

    async fn produce_slice(
        &self,
        job: &SliceJob,
        run: Option<&Run>,
        deadline: Deadline,
    ) -> Result<Produced, JobError> {
        let (reader, started) = (&job.reader, Instant::now());
        let rendered = self.renderer.render(job, deadline).await;
        let rendered = self.or_why_lost(reader, rendered).await?;
        let work = Work {
            render_ms: started.elapsed().as_millis() as u64,
            gif_ms: rendered.gif_time.as_millis() as u64,
            by_excerpt: Some(rendered.by_excerpt),
            ..Work::default()
        };
        let key = &reader.source().key;
        let outputs = outputs_of(key, &job.slice, &rendered.outputs);
        let files = uploads_of(key, &job.slice, &rendered.outputs);
        let uploaded = self.upload(&files, reader, run, work, deadline).await;
        rendered.remove()?;
        let (objects, work) = uploaded?;
        Ok(Produced {
            outputs: Outputs::Slice(outputs),
            objects,
            work,
        })
    }

    async fn produce_sheet(
        &self,
        job: &SheetJob,
        run: Option<&Run>,
        deadline: Deadline,
    ) -> Result<Produced, JobError> {
        let (reader, started) = (&job.reader, Instant::now());
        let rendered = self.renderer.render_sheet(job, deadline).await;
        let rendered = self.or_why_lost(reader, rendered).await?;
        let work = Work {
            render_ms: started.elapsed().as_millis() as u64,
            by_excerpt: Some(rendered.tiles.iter().all(|tile| !tile.exact)),
            ..Work::default()
        };
        let (outputs, files) = sheet_of(&reader.source().key, &job.sheet, &rendered);
        let uploaded = self.upload(&files, reader, run, work, deadline).await;
        rendered.remove()?;
        let (objects, work) = uploaded?;
        Ok(Produced {
            outputs: Outputs::Sheet(outputs),
            objects,
            work,
        })
    }

    /// What was `rendered`, or why the source was lost meanwhile.
    async fn or_why_lost<T>(
        &self,
        reader: &Reader,
        rendered: Result<T, JobError>,
    ) -> Result<T, JobError> {
        match rendered {
            Err(JobError::Transient(lost @ TransientError::SourceLost(_))) => {
                Err(self.sources.why_lost(reader.source(), lost).await)
            }
            rendered => rendered,
        }
    }

    /// Uploads `files`, and adds to `work` what was read and how long this took.
    async fn upload(
        &self,
        files: &[Upload],
        reader: &Reader,
        run: Option<&Run>,
        work: Work,
        deadline: Deadline,
    ) -> Result<(Vec<Object>, Work), JobError> {
        let started = Instant::now();
        let uploading = upload(&self.ledger, files, reader.source(), run);
        let uploaded = timeout_at(deadline.instant(), deadline.persist(uploading)).await;
        let late = TransientError::DeadlinePassed { doing: "uploading" };
        let objects = uploaded.map_err(|_| late)??;
        let work = Work {
            upload_ms: started.elapsed().as_millis() as u64,
            bytes_read: Some(reader.bytes_read()),
            source_requests: Some(reader.requests()),
            ..work
        };
        Ok((objects, work))
    }

    /// Completes `run` if every job has a receipt. If objects differ from their receipts (deleted, or
    /// written by another worker), only this worker can notice. So it does those jobs again, one
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
            let jobs = match complete().await {
                Err(LedgerError::Disproved { jobs, .. }) => jobs,
                completed => return Ok(completed?),
            };
            for job in run.jobs() {
                if jobs.contains(&job.id()) {
                    let (key, id) = (&run.source.key, job.id());
                    tracing::warn!(%key, job = %id, "objects are not as the receipt says: rendered again");
                    let before = self.ledger.receipt(run, id).await?;
                    let sent = Sent {
                        places: None,
                        attempt: before.map_or(1, |receipt| receipt.attempt),
                    };
                    self.produce_and_record(run, &job, sent, invocation).await?;
                }
            }
        }
        Ok(complete().await?)
    }
}

/// `detail` as it can be replayed from the log, without what is long and not needed.
fn for_replay(detail: &Value) -> Value {
    let mut detail = detail.clone();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("excerpt");
        fields.remove("keyframes");
    }
    detail
}
