//! Who sends the slices of a run, and when: so that a notification that comes twice does not send all
//! of them twice.
//!
//! S3 and EventBridge deliver at least once, so a second splitter may start on a run that another
//! sends at this moment, or has just sent. `run.json` has two times for that. [`Run::sending`] is set
//! by the same write that begins or resumes a run; [`Run::sent`] is set, and `sending` removed, when
//! all slices are on the bus. A second splitter waits while the first one sends, and if that ends well
//! it sends nothing.
//!
//! **These times save work, and nothing depends on them.** A splitter that dies while it sends leaves
//! `sending` behind; it counts for less than a minute, which is shorter than the pause before
//! the platform runs that splitter again. One that fails removes it. Either only while
//! [`Run::sender`] is its own name: who was slow, so that another took over, leaves the other's mark
//! alone. `sent` counts for [`SENT_LATELY`]: a notification that comes later sends what has no receipt
//! by then. A video that was restored from an archive after `sent` is sent again, and `gifgen redrive`
//! looks at neither. A time in the future, from a clock that is wrong, counts as none.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use gifgen_shared::error_chain::with_causes;

use crate::{Ledger, bucket::Precondition, error::LedgerError, run::Run};

/// How long all slices that were sent count as under way: a trade-off. A notification that is later
/// than that sends slices again that still wait for a worker; and one that was to bring a run back
/// whose events were lost is in vain before.
pub const SENT_LATELY: TimeDelta = TimeDelta::minutes(15);

/// Time that one splitter has to find the excerpts of a few slices and send them.
const SENDING: TimeDelta = TimeDelta::seconds(30);

/// The same for each slice: ten are one request, which rarely takes longer than 50 ms.
const SENDING_A_SLICE: TimeDelta = TimeDelta::milliseconds(5);

/// Most that it has. Lambda runs a splitter that failed again after a minute.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const LONGEST_SENDING: TimeDelta = TimeDelta::seconds(50);

/// By how much the clocks of two hosts may differ.
const SKEW: TimeDelta = TimeDelta::seconds(5);

impl Run {
    /// The same run, whose slices the caller is about to send.
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

    /// Whether all its slices were sent a short while before `now`.
    pub fn was_sent_lately(&self, now: DateTime<Utc>) -> bool {
        is_within(self.sent, SENT_LATELY, now)
    }

    /// How long a splitter may take to send its slices, before others take over.
    fn sending_time(&self) -> TimeDelta {
        let slices = i32::try_from(self.slices).unwrap_or(i32::MAX);
        (SENDING + SENDING_A_SLICE * slices).min(LONGEST_SENDING)
    }
}

impl Ledger {
    /// Notes in `run.json` that all slices of `run` are on the bus, unless another sends them by now.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn note_sent(&self, run: &Run) -> Result<(), LedgerError> {
        let sent = Some(now());
        self.note_of_sender(run, sent).await
    }

    /// What `sending` the slices of `run` gives. If it fails, others need not wait for the caller.
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
            tracing::warn!(key = %run.source.key, run = run.run, error = with_causes(&error), "others wait for slices that are not sent");
        }
        sent
    }

    /// Notes in `run.json` that the caller, who was about to send the slices of `run`, does not: others
    /// need not wait.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn note_unsent(&self, run: &Run) -> Result<(), LedgerError> {
        self.note_of_sender(run, None).await
    }

    async fn note_of_sender(
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

    /// Changes what `run.json` says of `run`, if that is still the current run and `change` gives
    /// something else.
    ///
    /// # Errors
    /// If it cannot be read or written, or others change it all the time.
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

/// Whether `time` lies less than `period` before `now`.
fn is_within(time: Option<DateTime<Utc>>, period: TimeDelta, now: DateTime<Utc>) -> bool {
    time.is_some_and(|time| (-SKEW..period).contains(&(now - time)))
}

/// The time, as exactly as JSON keeps it.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
