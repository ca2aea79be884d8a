//! Records who sends the slices of a run, and when, so that a repeated notification does not send all
//! slices twice.
//!
//! S3 and EventBridge deliver at least once. So a second splitter may start on a run that another
//! splitter is sending, or has just sent. Two times in `run.json` handle that. [`Run::sending`] is set
//! by the same write that begins or resumes a run. [`Run::sent`] is set, and `sending` removed, when all
//! slices are on the bus. A second splitter waits while the first one sends, and sends nothing if that
//! succeeds.
//!
//! **These times only save work; correctness does not depend on them.** A splitter that dies while it
//! sends leaves `sending` behind. It expires in less than a minute, before the platform retries that
//! splitter. A splitter that fails removes it. Success and failure change the record only while
//! [`Run::sender`] is the splitter's own name: a slow splitter that another has replaced leaves the
//! other's record alone. `sent` expires after [`SENT_LATELY`]; a later notification sends the slices
//! that have no receipt by then. A video that was restored from an archive after `sent` is sent again,
//! and `gifgen redrive` ignores both times. A time in the future, from a wrong clock, is ignored.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use gifgen_shared::with_causes;

use crate::{Ledger, bucket::Precondition, error::LedgerError, run::Run};

/// How long slices that were sent count as under way. A trade-off: a later notification resends slices
/// that still wait for a worker, and an earlier one cannot revive a run whose events were lost.
pub const SENT_LATELY: TimeDelta = TimeDelta::minutes(15);

/// Time in which one splitter finds the excerpts of a few slices and sends them.
const SENDING_TIME: TimeDelta = TimeDelta::seconds(30);

/// Additional time for each slice. Ten slices are one request, which rarely takes longer than 50 ms.
const SENDING_TIME_PER_SLICE: TimeDelta = TimeDelta::milliseconds(5);

/// Upper limit. Lambda retries a failed splitter after a minute.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const MAX_SENDING_TIME: TimeDelta = TimeDelta::seconds(50);

/// Largest assumed difference between the clocks of two hosts.
const SKEW: TimeDelta = TimeDelta::seconds(5);

impl Run {
    /// Marks the run as being sent by the caller, under a new random name.
    #[must_use]
    pub fn being_sent(self) -> Self {
        Self {
            sending: Some(now()),
            sender: Some(format!("{:032x}", fastrand::u128(..))),
            sent: None,
            ..self
        }
    }

    /// Whether another splitter may be sending its slices at the time `now`.
    pub fn is_being_sent(&self, now: DateTime<Utc>) -> bool {
        is_within(self.sending, self.sending_time(), now)
    }

    /// Whether all its slices were sent within [`SENT_LATELY`] before `now`.
    pub fn was_sent_lately(&self, now: DateTime<Utc>) -> bool {
        is_within(self.sent, SENT_LATELY, now)
    }

    /// Time a splitter gets to send the slices before others take over.
    fn sending_time(&self) -> TimeDelta {
        let slices = i32::try_from(self.slices).unwrap_or(i32::MAX);
        (SENDING_TIME + SENDING_TIME_PER_SLICE * slices).min(MAX_SENDING_TIME)
    }
}

impl Ledger {
    /// Records in `run.json` that all slices of `run` are on the bus, unless another splitter is sending
    /// them now.
    ///
    /// # Errors
    /// If `run.json` cannot be written.
    pub async fn note_sent(&self, run: &Run) -> Result<(), LedgerError> {
        let sent = Some(now());
        self.record_sender(run, sent).await
    }

    /// Awaits `sending`, which sends the slices of `run`. If it fails, the caller's mark is removed, so
    /// that other splitters need not wait.
    ///
    /// # Errors
    /// Those of `sending`.
    pub async fn or_let_others<T, E>(
        &self,
        run: &Run,
        sending: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let sent = sending.await;
        if sent.is_err()
            && let Err(error) = self.note_unsent(run).await
        {
            tracing::warn!(key = %run.source.key, run = run.run, error = %with_causes(&error), "others wait for slices that are not sent");
        }
        sent
    }

    /// Removes the caller's mark from `run.json` when it does not send the slices of `run`, so that
    /// other splitters need not wait.
    ///
    /// # Errors
    /// If `run.json` cannot be written.
    pub async fn note_unsent(&self, run: &Run) -> Result<(), LedgerError> {
        self.record_sender(run, None).await
    }

    async fn record_sender(
        &self,
        run: &Run,
        sent: Option<DateTime<Utc>>,
    ) -> Result<(), LedgerError> {
        self.amend(run, |current| {
            (current.sender == run.sender).then_some(Run {
                sending: None,
                sent,
                ..current
            })
        })
        .await
    }

    /// Applies `change` to `run.json` if `run` is still current. `change` returns `None` to leave it as
    /// it is.
    ///
    /// # Errors
    /// If `run.json` cannot be read or written, or other writers are always faster.
    pub(crate) async fn amend(
        &self,
        run: &Run,
        change: impl Fn(Run) -> Option<Run>,
    ) -> Result<(), LedgerError> {
        for _ in 0..Self::ATTEMPTS {
            let current = self.current_run(&run.source.key).await?;
            let Some((current, read)) = current.filter(|(current, _)| current.is(run)) else {
                return Ok(());
            };
            let Some(changed) = change(current) else {
                return Ok(());
            };
            let (key, when) = (run.keys().run(), Precondition::Is(read));
            if self.bucket.write(&key, &changed, &when).await?.is_won() {
                return Ok(());
            }
        }
        Err(self.contended(run.keys().run()))
    }
}

/// Whether `time` is less than `period` before `now`. It may be up to `SKEW` later than `now`.
fn is_within(time: Option<DateTime<Utc>>, period: TimeDelta, now: DateTime<Utc>) -> bool {
    time.is_some_and(|time| (-SKEW..period).contains(&(now - time)))
}

/// The current time, in JSON's precision of milliseconds.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
