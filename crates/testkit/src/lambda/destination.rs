//! The on-failure destination: the record of a discarded event, and the queue's delivery of that
//! record to the function.

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::runtime_api::FUNCTION_ARN;

/// Lambda's record of an event that it discards.
pub(super) fn record(request_id: &str, event: &Value, invocations: usize, error: &Value) -> Value {
    json!({
        "version": "1.0",
        "timestamp": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        "requestContext": {
            "requestId": request_id,
            "functionArn": format!("{FUNCTION_ARN}:$LATEST"),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": invocations,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": error,
    })
}

/// The SQS event that delivers `record` to the function for the nth time.
pub(super) fn sqs_event(message_id: &str, record: &Value, receives: usize) -> Value {
    json!({"Records": [{
        "messageId": message_id,
        "receiptHandle": format!("{message_id}-{receives}"),
        "body": record.to_string(),
        "attributes": {"ApproximateReceiveCount": receives.to_string()},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:on-failure",
        "awsRegion": "us-east-1",
    }]})
}

/// Whether the function's answer removes the message from the queue.
pub(super) fn is_taken(answer: &Value) -> bool {
    match &answer["batchItemFailures"] {
        Value::Null => true,
        failures => failures.as_array().is_some_and(Vec::is_empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_unless_the_answer_names_it() {
        assert!(is_taken(&Value::Null));
        assert!(is_taken(&json!({"status": "done"})));
        assert!(is_taken(&json!({"batchItemFailures": []})));
        assert!(!is_taken(
            &json!({"batchItemFailures": [{"itemIdentifier": "a"}]})
        ));
        // Lambda treats an answer that it does not understand as a failure of the whole batch.
        assert!(!is_taken(&json!({"batchItemFailures": "a"})));
    }
}
