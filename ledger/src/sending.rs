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
//! `sending` behind; it counts for [`Run::sending_time`] only, which is shorter than the pause before
//! the platform runs that splitter again. One that fails removes it. `sent` counts for
//! [`SENT_LATELY`]: a notification that comes later sends what has no receipt by then. `gifgen redrive`
//! looks at neither. A clock that is wrong makes a splitter send twice, or wait for as long as the
//! clock is wrong, at most twice the periods here: a time further in the future counts as none.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::{Ledger, bucket::When, error::LedgerError, run::Run};

/// How long all slices that were sent count as under way. Longer than a doubled notification is late,
/// and than a slice takes that waits for no free worker.
pub const SENT_LATELY: TimeDelta = TimeDelta::minutes(15);

/// Time that one splitter has to find the excerpts of a few slices and send them. Lambda runs a
/// splitter that failed again after a minute.
const SENDING: TimeDelta = TimeDelta::seconds(30);

/// The same for each slice: ten are one request, which rarely takes longer than 50 ms.
const SENDING_A_SLICE: TimeDelta = TimeDelta::milliseconds(5);

impl Run {
    /// The same run, whose slices the caller is about to send.
    #[must_use]
    pub fn being_sent(self) -> Self {
        Self {
            sending: Some(now()),
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
        SENDING + SENDING_A_SLICE * slices
    }
}

impl Ledger {
    /// Notes in `run.json` that all slices of `run` are on the bus.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn note_sent(&self, run: &Run) -> Result<(), LedgerError> {
        let sent = Some(now());
        self.amend(run, |current| Run {
            sending: None,
            sent,
            ..current
        })
        .await
    }

    /// Notes in `run.json` that the caller, who was about to send the slices of `run`, does not: others
    /// need not wait.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn note_unsent(&self, run: &Run) -> Result<(), LedgerError> {
        self.amend(run, |current| Run {
            // Another may send by now.
            sending: current.sending.filter(|since| run.sending != Some(*since)),
            ..current
        })
        .await
    }

    /// Changes what `run.json` says of `run`, if that is still the current run.
    ///
    /// # Errors
    /// If it cannot be read or written, or others change it all the time.
    pub(crate) async fn amend(
        &self,
        run: &Run,
        change: impl Fn(Run) -> Run,
    ) -> Result<(), LedgerError> {
        for _ in 0..Self::ATTEMPTS {
            let current = Run::current(&self.bucket, &run.source.key).await?;
            let Some((current, read)) = current.filter(|(current, _)| current.is(run)) else {
                return Ok(());
            };
            let (key, when) = (run.keys().run(), When::Is(read));
            let written = self.bucket.write(&key, &change(current), &when).await?;
            if written.is_some() {
                return Ok(());
            }
        }
        Err(self.contended(run.keys().run()))
    }
}

/// Whether `time` is at most `period` away from `now`, before it or after.
fn is_within(time: Option<DateTime<Utc>>, period: TimeDelta, now: DateTime<Utc>) -> bool {
    time.is_some_and(|time| (now - time).abs() < period)
}

/// The time, as exactly as JSON keeps it.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
