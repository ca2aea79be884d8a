//! Slices and other jobs that were given up: their workers failed until no retry was left, or no worker was ever
//! started. They come from the failure queue.
//!
//! A message is one of two kinds: Lambda's record of an asynchronous invocation that failed for the
//! last time, or the slice event itself if EventBridge could not deliver it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>

use gifgen_function::TransientError;
use gifgen_ledger::{Authority, JobFailure, Receipt, Run};
use gifgen_shared::{Job, JobEvent, SliceEvent, SliceEventError, slice_event::detail, with_causes};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout_at;

use crate::{
    complete::complete_if_last,
    error::{JobError, PermanentError},
    invocation::Invocation,
    record::record,
    resolve::{MayStartRun, Membership},
    worker::Worker,
};

/// A message of the queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// The queue's id for it.
    pub message_id: String,
    body: String,
    #[serde(default)]
    message_attributes: Value,
}

/// A job that was given up.
#[derive(Debug, PartialEq)]
pub(crate) struct GivenUp {
    /// The event of the slice or of another job.
    pub event: Value,
    /// The id of the invocation that failed, or that of the event where there was none.
    pub id: String,
    /// Why.
    pub failure: JobFailure,
}

/// The answer to a batch: the messages that stay in the queue.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// One for each message that was not dealt with.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message that was not dealt with.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its id.
    pub item_identifier: String,
}

/// The messages, if `event` comes from a queue.
pub(crate) fn messages(event: &Value) -> Option<Result<Vec<Message>, serde_json::Error>> {
    let records = event.get("Records")?.as_array()?;
    let from_queue = |record: &Value| record["eventSource"] == "aws:sqs";
    let all = !records.is_empty() && records.iter().all(from_queue);
    all.then(|| records.iter().map(Message::deserialize).collect())
}

impl Message {
    /// What it says.
    ///
    /// # Errors
    /// If its body is no JSON.
    pub(crate) fn read(&self) -> Result<GivenUp, serde_json::Error> {
        let body: Value = serde_json::from_str(&self.body)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let Some(payload) = body.get("requestPayload") else {
            let attribute = |name: &str| text(&self.message_attributes[name]["stringValue"]);
            let code = attribute("ERROR_CODE").unwrap_or_else(|| "NO_CODE".into());
            let said = attribute("ERROR_MESSAGE").unwrap_or_default();
            return Ok(GivenUp {
                id: text(&body["id"]).unwrap_or_else(|| self.message_id.clone()),
                event: body,
                failure: JobFailure {
                    reason: "undelivered".into(),
                    message: format!("EventBridge could not deliver the event ({code}) {said}"),
                },
            });
        };
        let (context, answer) = (&body["requestContext"], &body["responsePayload"]);
        let kind = text(&answer["errorType"])
            .or_else(|| text(&context["condition"]))
            .unwrap_or_else(|| "unknown".into());
        let said = text(&answer["errorMessage"])
            .unwrap_or_else(|| "it waited too long for a worker, or its worker was lost".into());
        let attempts = context["approximateInvokeCount"].as_u64().unwrap_or(0);
        Ok(GivenUp {
            event: payload.clone(),
            id: text(&context["requestId"]).unwrap_or_else(|| self.message_id.clone()),
            failure: JobFailure {
                reason: "retriesExhausted".into(),
                message: format!("given up after {attempts} attempts ({kind}): {said}"),
            },
        })
    }
}

impl Worker {
    /// Records the jobs of messages from the failure queue. A message that cannot be recorded now,
    /// or not before the deadline, stays in the queue. So does one that makes no sense, since a run may
    /// wait for it.
    pub(crate) async fn give_up_all(
        &self,
        messages: Vec<Message>,
        invocation: &Invocation,
    ) -> BatchAnswer {
        let mut answer = BatchAnswer::default();
        for message in messages {
            let given_up = async {
                let given_up = message.read().map_err(|error| {
                    JobError::from(PermanentError::BadEvent(SliceEventError::Malformed(error)))
                })?;
                self.give_up(&given_up, invocation).await
            };
            let given_up = timeout_at(invocation.deadline.end(), given_up)
                .await
                .unwrap_or_else(|_| {
                    let doing = "recording jobs that were given up";
                    Err(TransientError::DeadlinePassed { doing }.into())
                });
            if let Err(error) = given_up {
                tracing::error!(
                    message = message.message_id,
                    why = %with_causes(&error),
                    "a job that was given up could not be recorded"
                );
                answer.batch_item_failures.push(BatchItemFailure {
                    item_identifier: message.message_id,
                });
            }
        }
        answer
    }

    /// Writes the receipt of a job that was given up, unless it was done after all, and
    /// completes its run. A job of no current run gets no receipt. The receipt of a success stays even
    /// if the objects are not as it says: the last worker does such a job again, but not a failed one.
    async fn give_up(&self, given_up: &GivenUp, invocation: &Invocation) -> Result<(), JobError> {
        let (run, job, attempt) = match self.waiting_job(given_up, invocation).await {
            Ok(Some(waiting)) => waiting,
            Ok(None) => return Ok(()),
            Err(JobError::Permanent(
                error @ (PermanentError::BadEvent(_) | PermanentError::BadJobEvent(_)),
            )) => return Err(error.into()),
            Err(JobError::Permanent(why)) => {
                no_run_waits(&why, given_up);
                return Ok(());
            }
            Err(error @ JobError::Transient(_)) => return Err(error),
        };
        let before = self.ledger.receipt(&run, job.id()).await?;
        let receipt = match before.filter(Receipt::is_good) {
            Some(receipt) => receipt,
            None => {
                let failure = given_up.failure.clone();
                let receipt = Receipt::failed(&run, &job, failure, attempt);
                record(&self.ledger, &run, &receipt).await?;
                receipt
            }
        };
        // The invocation that was given up may have claimed the completion, so this goes by its id.
        let as_given_up = Invocation {
            id: given_up.id.clone(),
            ..invocation.clone()
        };
        let authority = Authority::LastResort;
        Ok(complete_if_last(&self.ledger, authority, &run, &receipt, &as_given_up).await?)
    }

    /// The job that was given up, with its run and the number of times it was sent. `None` if no run waits for it.
    async fn waiting_job(
        &self,
        given_up: &GivenUp,
        invocation: &Invocation,
    ) -> Result<Option<(Run, Job, u32)>, JobError> {
        if JobEvent::is_meant(&given_up.event) {
            let event = JobEvent::parse(&given_up.event).map_err(PermanentError::BadJobEvent)?;
            let waiting = self.job_of_run(&event).await?;
            if waiting.is_none() {
                no_run_waits(&PermanentError::NoRun(event.source()), given_up);
            }
            let attempt = event.attempt.unwrap_or(1);
            return Ok(waiting.map(|(run, job)| (run, job, attempt)));
        }
        let event = SliceEvent::parse(&given_up.event).map_err(PermanentError::BadEvent)?;
        let source = event
            .source(&self.settings)
            .map_err(PermanentError::BadEvent)?;
        let membership = self.membership(&event, &source, MayStartRun::No, invocation.deadline);
        match membership.await? {
            Membership::Of(run, slice) => {
                let attempt = event.attempt.unwrap_or(1);
                Ok(Some((*run, Job::Slice(slice), attempt)))
            }
            Membership::Untracked => {
                no_run_waits(&PermanentError::NoRun(source), given_up);
                Ok(None)
            }
        }
    }
}

/// Logs a job that no run waits for: of an older version of the video, or of no run. Its message
/// must not stay in the queue, where it would raise the alarm that a run hangs.
fn no_run_waits(why: &PermanentError, given_up: &GivenUp) {
    let detail = detail(&given_up.event);
    let (bucket, key) = (detail["bucket"].as_str(), detail["key"].as_str());
    let (start, failure) = (detail["start"].as_f64(), &given_up.failure.message);
    tracing::warn!(
        bucket,
        key,
        start,
        why = %with_causes(why),
        failure,
        "a job that was given up is of no current run"
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(record: Value) -> GivenUp {
        let mut messages = messages(&json!({"Records": [record]})).unwrap().unwrap();
        messages.remove(0).read().unwrap()
    }

    #[test]
    fn lambdas_record_names_the_event_the_invocation_and_the_error() {
        let slice = json!({"detail": {"key": "a.mp4", "start": 0, "end": 30}});
        let body = json!({"version": "1.0", "requestContext": {"requestId": "abc",
                "condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": slice, "responseContext": {"statusCode": 200},
            "responsePayload": {"errorType": "NoSpace", "errorMessage": "no space is left"}});
        let given_up = read(json!({"messageId": "m", "eventSource": "aws:sqs",
            "body": body.to_string()}));
        assert_eq!(given_up.event, slice);
        assert_eq!(given_up.id, "abc");
        assert_eq!(
            given_up.failure.message,
            "given up after 3 attempts (NoSpace): no space is left"
        );
    }

    #[test]
    fn an_event_that_was_not_delivered_is_the_message_itself() {
        let slice = json!({"detail-type": "newVideoCreated", "detail": {"key": "a.mp4"}});
        let given_up = read(json!({"messageId": "m", "eventSource": "aws:sqs",
            "body": slice.to_string(),
            "messageAttributes": {"ERROR_CODE": {"stringValue": "THROTTLED"}}}));
        assert_eq!((given_up.event, given_up.id.as_str()), (slice, "m"));
        assert_eq!(given_up.failure.reason, "undelivered");
        assert!(given_up.failure.message.contains("THROTTLED"));
    }

    #[test]
    fn other_events_are_no_messages() {
        assert!(messages(&json!({"detail": {"key": "a.mp4"}})).is_none());
        assert!(messages(&json!({"Records": [{"eventSource": "aws:s3"}]})).is_none());
    }
}
