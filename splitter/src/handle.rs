//! Handles one event: turns new objects into slice events.

use std::time::Duration;

use futures::future::join_all;
use gifgen_function::TransientError;
use gifgen_ledger::{Ledger, Race, Run, Versioned};
use gifgen_shared::{
    Deadline, ETag, OutputKeys, PublishError, Reason, Rejection, Source, SourceKeyError,
    SourceState, output_keys::is_output, publish::publish, slice_event::REJECTED_DETAIL_TYPE,
    with_causes,
};
use serde_json::{Value, json};
use tokio::time::timeout_at;

use crate::{
    measure::Measured,
    outcome::{Outcome, Status, Summary},
    splitter::Splitter,
    trigger::{Created, created_objects},
};

impl Splitter {
    /// Handles one event. Its objects are handled independently of each other.
    ///
    /// # Errors
    /// If any object failed for a transient reason. The platform then delivers the whole event again,
    /// which is harmless for the objects that were split.
    pub async fn handle(
        &self,
        event: &Value,
        deadline: Deadline,
    ) -> Result<Summary, TransientError> {
        let (created, malformed): (Vec<_>, Vec<_>) = match created_objects(event) {
            Ok(created) => created.into_iter().partition(Result::is_ok),
            Err(error) => (Vec::new(), vec![Err(error)]),
        };
        let error = malformed.into_iter().find_map(Result::err);
        if let Some(error) = &error {
            tracing::error!(
                error = %with_causes(error),
                "refused an event, or a part of it"
            );
        }
        // Probes run one at a time, so each gets an equal share of the time. A hanging ffprobe must not
        // use up that of the others.
        let share = deadline.left() / created.len().max(1) as u32;
        let splitting = created.iter().flatten();
        let outcomes = splitting.map(|created| self.split_in_time(created, share, deadline));
        let outcomes = join_all(outcomes).await;
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            tracing::error!(
                error = %with_causes(error),
                "failed to split; to be tried again"
            );
        }
        let sources = outcomes.into_iter().collect::<Result<_, _>>()?;
        Ok(Summary {
            sources,
            error: error.map(|error| with_causes(&error)),
        })
    }

    /// Splits one object before the deadline.
    async fn split_in_time(
        &self,
        created: &Created,
        probing: Duration,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        let splitting = deadline.govern(self.split(created, probing, deadline));
        match timeout_at(deadline.end(), splitting).await {
            // The bus would refuse the same content again.
            Ok(Err(TransientError::Publish(error @ PublishError::Refused { .. }))) => {
                Ok(created.failed(&error))
            }
            Ok(outcome) => outcome,
            Err(_) => Err(TransientError::NotSplit {
                bucket: created.bucket.clone(),
                key: created.raw_key.clone(),
            }),
        }
    }

    /// Splits one object. Probing takes `probing` at most.
    async fn split(
        &self,
        created: &Created,
        probing: Duration,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        if created.bucket == self.settings.destination_bucket && is_output(&created.raw_key) {
            return Ok(created.ignored("it is an output of ours"));
        }
        let named = match created.source() {
            Ok(source) => source,
            Err(error) => {
                let reason = match error {
                    SourceKeyError::TooLong { .. } => Reason::TooLarge,
                    SourceKeyError::Empty | SourceKeyError::NotUtf8 { .. } => Reason::Unreadable,
                };
                let rejection = Rejection::new(reason, error.to_string());
                return self.reject(created, None, rejection, deadline).await;
            }
        };
        for _ in 0..Ledger::ATTEMPTS {
            let read = self.ledger.current_run(&named.key).await?;
            let pinned = match named.state(&self.s3).await? {
                SourceState::Present(pinned) => pinned,
                SourceState::Archived { etag } => {
                    let source = Source {
                        etag: Some(etag),
                        ..named
                    };
                    return self.archived(created, &source, read, deadline).await;
                }
                SourceState::Replaced => {
                    return Ok(
                        created.ignored("it was replaced, and its successor has its own event")
                    );
                }
                SourceState::Gone => return Ok(created.ignored("it was deleted")),
            };
            if let Some(read) = &read
                && read.0.covers(pinned.source(), &self.settings.previews)
            {
                if let Race::Won(outcome) = self.resume(read, created.restored_at, deadline).await?
                {
                    return Ok(outcome);
                }
                continue;
            }
            let etag = pinned.etag().clone();
            let blocks = self.block_cache(pinned);
            let measured = match self.measure(&blocks, probing, deadline).await? {
                Ok(measured) => measured,
                Err(rejection) => {
                    return self.reject(created, Some(&etag), rejection, deadline).await;
                }
            };
            let before = read.as_ref().map(|(run, _)| run);
            let Measured {
                facts,
                video,
                index,
            } = measured;
            let run = Run::new(facts, video, self.settings.previews, before).being_sent();
            if self.ledger.begin(&run, read.as_ref()).await? {
                return self.start(&run, &blocks, index.as_ref(), deadline).await;
            }
        }
        Err(self
            .ledger
            .contended(OutputKeys::of(&named.key).run())
            .into())
    }

    /// Rejects an archived object, except if its run is complete or still in progress. In a run in
    /// progress, the workers record the slices that they cannot read. S3 sends a new event when the
    /// object is restored.
    async fn archived(
        &self,
        created: &Created,
        source: &Source,
        read: Option<Versioned<Run>>,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        if let Some((run, _)) = read
            && run.covers(source, &self.settings.previews)
        {
            match self.ledger.manifest_of(&run).await? {
                Some((manifest, _)) if manifest.is_complete() => {
                    return Ok(Outcome::complete(&run));
                }
                Some(_) => {}
                None => return Ok(Outcome::under_way(&run)),
            }
        }
        let etag = source.etag.as_ref();
        self.reject(created, etag, Rejection::archived(), deadline)
            .await
    }

    async fn reject(
        &self,
        created: &Created,
        etag: Option<&ETag>,
        rejection: Rejection,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        let detail = json!({
            "bucket": created.bucket,
            "key": created.raw_key,
            "etag": etag.or(created.etag.as_ref()),
            "reason": rejection.reason,
            "message": rejection.message,
        });
        let entries = vec![self.ledger.entry(REJECTED_DETAIL_TYPE, detail)];
        publish(&self.ledger.bus, entries, deadline).await?;
        tracing::warn!(
            bucket = created.bucket,
            key = created.raw_key,
            reason = %rejection.reason,
            why = rejection.message,
            "rejected"
        );
        Ok(created.outcome(Status::Rejected(rejection)))
    }
}
