//! Puts events on the bus until every one of them is there.

use aws_sdk_eventbridge::{
    Client,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use futures::{StreamExt, stream};
use tokio::time::timeout_at;

use crate::{
    backoff::{Backoff, Retries},
    batch::batches,
    deadline::Deadline,
    error_chain::with_causes,
};

/// Requests under way at once. At some 30 ms each this sends a three-hour film in under 200 ms,
/// far below the default quota of PutEvents.
const CONCURRENT_REQUESTS: usize = 8;

/// Codes of failed entries that pass by themselves.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
const PASSING_CODES: [&str; 4] = [
    "ThrottlingException",
    "InternalFailure",
    "InternalException",
    "ServiceUnavailable",
];

/// Why events are not on the bus.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The bus did not take them in time. Transient.
    #[error("{count} events are still unsent after {attempts} attempts: {reason}")]
    Unsent {
        /// How many.
        count: usize,
        /// How often they were sent.
        attempts: u32,
        /// What the bus said last.
        reason: String,
    },
    /// The bus refuses an event for what it is, and would again. Permanent.
    #[error("the bus refuses an event: {code}: {message}")]
    Refused {
        /// The bus's code.
        code: String,
        /// The bus's message.
        message: String,
    },
    /// A request as a whole failed: the bus refuses it (a right is missing, or the bus is), or it throttled
    /// or did not answer until the deadline. Tried again by the platform, since the first can be mended and
    /// the second passes.
    #[error("failed to put events on the bus: {0}")]
    Request(String),
}

/// Puts all `entries` on the bus, several requests at once. Entries that fail for a passing reason are
/// sent again, and only those, until the deadline; a request that is throttled or not answered is sent
/// again as a whole, until then, too.
///
/// # Errors
/// If any entry is not on the bus at the end. Others may be: events are delivered at least once
/// anyway, so the whole may be published again.
pub async fn publish(
    bus: &Client,
    entries: Vec<PutEventsRequestEntry>,
    deadline: Deadline,
) -> Result<(), PublishError> {
    // All batches are sent, also those behind one that fails: fewer are left for the next time.
    let published: Vec<Result<(), PublishError>> = stream::iter(batches(entries))
        .map(|batch| publish_batch(bus, batch, deadline))
        .buffer_unordered(CONCURRENT_REQUESTS)
        .collect()
        .await;
    published.into_iter().collect()
}

async fn publish_batch(
    bus: &Client,
    mut batch: Vec<PutEventsRequestEntry>,
    deadline: Deadline,
) -> Result<(), PublishError> {
    let mut retries = Retries::new(Backoff::UNTIL_THE_DEADLINE, Some(deadline));
    loop {
        let request = bus.put_events().set_entries(Some(batch.clone()));
        // A request that fails as a whole is sent again by the client, by the same rule.
        let sending = deadline.persist(request.send());
        let answer = timeout_at(deadline.instant(), sending).await;
        let (failed, reason) = match answer {
            Ok(Ok(answer)) => failed_entries(batch, answer.entries())?,
            Ok(Err(error)) => return Err(PublishError::Request(with_causes(&error))),
            Err(_) => {
                return Err(PublishError::Unsent {
                    count: batch.len(),
                    attempts: retries.failures() + 1,
                    reason: "the bus throttled, or did not answer, until the deadline".into(),
                });
            }
        };
        if failed.is_empty() {
            return Ok(());
        }
        let pause = retries.failed();
        let attempts = retries.failures();
        let Some(pause) = pause else {
            return Err(PublishError::Unsent {
                count: failed.len(),
                attempts,
                reason,
            });
        };
        tracing::warn!(
            failed = failed.len(),
            attempts,
            reason,
            "sending failed events again"
        );
        tokio::time::sleep(pause).await;
        batch = failed;
    }
}

/// The entries of `batch` that failed for a passing reason, and the last of their reasons.
/// Results stand in the order of the entries.
fn failed_entries(
    batch: Vec<PutEventsRequestEntry>,
    results: &[PutEventsResultEntry],
) -> Result<(Vec<PutEventsRequestEntry>, String), PublishError> {
    let mut reason = String::new();
    let mut failed = Vec::new();
    for (place, entry) in batch.into_iter().enumerate() {
        // An entry without a result counts as failed: only an event id proves that it is there.
        let result = results.get(place);
        if result.is_some_and(|result| result.event_id().is_some()) {
            continue;
        }
        let code = result
            .and_then(|r| r.error_code())
            .unwrap_or("InternalFailure");
        let message = result
            .and_then(|r| r.error_message())
            .unwrap_or("no result");
        if !PASSING_CODES.contains(&code) {
            return Err(PublishError::Refused {
                code: code.to_owned(),
                message: message.to_owned(),
            });
        }
        reason = format!("{code}: {message}");
        failed.push(entry);
    }
    Ok((failed, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(detail: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder().detail(detail).build()
    }

    fn taken() -> PutEventsResultEntry {
        PutEventsResultEntry::builder().event_id("1").build()
    }

    fn refused(code: &str) -> PutEventsResultEntry {
        PutEventsResultEntry::builder()
            .error_code(code)
            .error_message("why")
            .build()
    }

    #[test]
    fn only_the_entries_that_failed_are_sent_again() {
        let batch = vec![entry("a"), entry("b"), entry("c"), entry("d")];
        let results = [taken(), refused("ThrottlingException"), taken()];
        let (failed, reason) = failed_entries(batch, &results).unwrap();
        assert_eq!(failed, [entry("b"), entry("d")]);
        assert_eq!(reason, "InternalFailure: no result");
    }

    #[test]
    fn a_malformed_entry_is_permanent() {
        let error = failed_entries(vec![entry("a")], &[refused("MalformedDetail")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the bus refuses an event: MalformedDetail: why"
        );
    }
}
