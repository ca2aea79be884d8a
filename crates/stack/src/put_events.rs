//! PutEvents: checks the limits of the request, then each entry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bus::{Bus, NewEvent};

/// Most entries in a request.
const MAX_ENTRIES: usize = 10;
/// Most bytes of all entries in a request, counted as AWS counts them. AWS raised it to 1 MB in
/// January 2026, but its documents disagree. Requests within this limit satisfy both.
const MAX_BYTES: usize = 256 * 1024;
/// Size of an entry's `Time`, whatever its value.
const TIME_BYTES: usize = 14;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutEventsRequest {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    resources: Option<Vec<String>>,
    /// Seconds since the Unix epoch.
    time: Option<f64>,
    event_bus_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutEventsResponse {
    failed_entry_count: usize,
    entries: Vec<EntryResult>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum EntryResult {
    #[serde(rename_all = "PascalCase")]
    Taken { event_id: String },
    #[serde(rename_all = "PascalCase")]
    Failed {
        error_code: &'static str,
        error_message: String,
    },
}

/// The request exceeds a limit, and no entry is accepted: ValidationException.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidRequest {
    #[error(
        "1 validation error detected: Value at 'entries' failed to satisfy constraint: \
         Member must have length between 1 and {MAX_ENTRIES}, not {0}"
    )]
    Entries(usize),
    #[error("Total size of the entries in the request is over the limit: {0} of {MAX_BYTES} bytes")]
    Bytes(usize),
}

/// Publishes the valid entries, and reports the result of each.
pub(crate) fn put_events(
    bus: &Bus,
    request: PutEventsRequest,
) -> Result<PutEventsResponse, InvalidRequest> {
    let count = request.entries.len();
    if !(1..=MAX_ENTRIES).contains(&count) {
        return Err(InvalidRequest::Entries(count));
    }
    let bytes = request.entries.iter().map(Entry::bytes).sum();
    if bytes > MAX_BYTES {
        return Err(InvalidRequest::Bytes(bytes));
    }
    let entries: Vec<_> = request
        .entries
        .into_iter()
        .map(|entry| publish(bus, entry))
        .collect();
    Ok(PutEventsResponse {
        failed_entry_count: entries
            .iter()
            .filter(|entry| matches!(entry, EntryResult::Failed { .. }))
            .count(),
        entries,
    })
}

fn publish(bus: &Bus, entry: Entry) -> EntryResult {
    let published = entry.into_event().and_then(|event| {
        bus.publish(event).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "publish an event");
            failed("InternalFailure", error.to_string())
        })
    });
    match published {
        Ok(event_id) => EntryResult::Taken { event_id },
        Err(failed) => failed,
    }
}

impl Entry {
    /// The entry's size as AWS counts it: UTF-8 bytes of its texts, and 14 for a time.
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        text(&self.source)
            + text(&self.detail_type)
            + text(&self.detail)
            + self.time.map_or(0, |_| TIME_BYTES)
            + self
                .resources
                .iter()
                .flatten()
                .map(String::len)
                .sum::<usize>()
    }

    fn into_event(self) -> Result<NewEvent, EntryResult> {
        if let Some(name) = &self.event_bus_name
            && name != "default"
            && !name.ends_with(":event-bus/default")
        {
            // AWS accepts an event for an unknown bus, and drops it. On a laptop that would look
            // like a run that hangs, so here it is an error.
            let message = format!("Event bus {name} does not exist.");
            return Err(failed("ResourceNotFoundException", message));
        }
        let source = required("Source", self.source)?;
        let detail_type = required("DetailType", self.detail_type)?;
        let detail = required("Detail", self.detail)?;
        if source.starts_with("aws.") {
            let message = "Not authorized for the source.".into();
            return Err(failed("NotAuthorizedForSourceException", message));
        }
        let detail = match serde_json::from_str(&detail) {
            Ok(detail @ Value::Object(_)) => detail,
            _ => return Err(failed("MalformedDetail", "Detail is malformed.".into())),
        };
        Ok(NewEvent {
            source,
            detail_type,
            time: self.time.map_or_else(|| Ok(Utc::now()), time)?,
            resources: self.resources.unwrap_or_default(),
            detail,
        })
    }
}

fn required(name: &str, value: Option<String>) -> Result<String, EntryResult> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        let message =
            format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        failed("InvalidArgument", message)
    })
}

fn time(seconds: f64) -> Result<DateTime<Utc>, EntryResult> {
    // The cast saturates, and an out-of-range value has no date.
    DateTime::from_timestamp_millis((seconds * 1000.0) as i64).ok_or_else(|| {
        let message = "Parameter Time is not valid. Reason: Time is out of range.".into();
        failed("InvalidArgument", message)
    })
}

fn failed(error_code: &'static str, error_message: String) -> EntryResult {
    EntryResult::Failed {
        error_code,
        error_message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(entries: Value) -> Result<Value, InvalidRequest> {
        let request = serde_json::from_value(json!({"Entries": entries})).unwrap();
        put_events(&Bus::default(), request).map(|response| serde_json::to_value(response).unwrap())
    }

    fn code_of(entry: Value) -> Value {
        answer(json!([entry])).unwrap()["Entries"][0]["ErrorCode"].clone()
    }

    #[test]
    fn one_to_ten_entries_are_taken() {
        let entry = json!({"Source": "a", "DetailType": "b", "Detail": "{}"});
        assert_eq!(answer(json!([])), Err(InvalidRequest::Entries(0)));
        let ten = answer(json!(vec![entry.clone(); 10])).unwrap();
        assert_eq!(ten["FailedEntryCount"], 0);
        let eleven = answer(json!(vec![entry; 11]));
        assert_eq!(eleven, Err(InvalidRequest::Entries(11)));
    }

    #[test]
    fn the_size_limit_counts_texts_resources_and_time() {
        let detail = format!("{{\"a\":\"{}\"}}", "é".repeat(100_000));
        let rest = MAX_BYTES - detail.len() - 2 - TIME_BYTES;
        let entry = |resource: usize| {
            json!([{"Source": "a", "DetailType": "b", "Detail": detail, "Time": 5,
                    "Resources": ["r".repeat(resource)]}])
        };
        assert!(answer(entry(rest)).is_ok());
        assert_eq!(
            answer(entry(rest + 1)),
            Err(InvalidRequest::Bytes(MAX_BYTES + 1))
        );
    }

    #[test]
    fn an_entry_fails_by_itself() {
        let good = json!({"Source": "a", "DetailType": "b", "Detail": "{}"});
        let bad = json!({"Source": "a", "DetailType": "b", "Detail": "[]"});
        let answer = answer(json!([good, bad])).unwrap();
        assert_eq!(answer["FailedEntryCount"], 1);
        assert!(answer["Entries"][0]["EventId"].is_string());
        assert_eq!(answer["Entries"][1]["ErrorCode"], "MalformedDetail");
    }

    #[test]
    fn each_mistake_has_the_code_that_aws_gives_it() {
        for (entry, code) in [
            (
                json!({"DetailType": "b", "Detail": "{}"}),
                "InvalidArgument",
            ),
            (json!({"Source": "a", "Detail": "{}"}), "InvalidArgument"),
            (json!({"Source": "a", "DetailType": "b"}), "InvalidArgument"),
            (
                json!({"Source": "a", "DetailType": "b", "Detail": "{"}),
                "MalformedDetail",
            ),
            (
                json!({"Source": "aws.s3", "DetailType": "b", "Detail": "{}"}),
                "NotAuthorizedForSourceException",
            ),
            (
                json!({"Source": "a", "DetailType": "b", "Detail": "{}", "EventBusName": "no"}),
                "ResourceNotFoundException",
            ),
            (
                json!({"Source": "a", "DetailType": "b", "Detail": "{}", "Time": 1e300}),
                "InvalidArgument",
            ),
        ] {
            assert_eq!(code_of(entry), code);
        }
        let arn = "arn:aws:events:us-east-1:000000000000:event-bus/default";
        let entry = json!({"Source": "a", "DetailType": "b", "Detail": "{}", "EventBusName": arn});
        assert_eq!(code_of(entry), Value::Null);
    }
}
