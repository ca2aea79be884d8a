//! Splits PutEvents requests and merges their answers.

use fastrand::Rng;
use serde_json::{Value, json};

/// The entries of a PutEvents request, some of which are to fail.
pub(super) struct Split {
    /// Whether each entry fails.
    fails: Vec<bool>,
    /// The request without the failing entries; `None` if all fail.
    pub(super) kept: Option<Value>,
}

/// Lets at least one entry fail.
pub(super) fn split(request: &Value, dice: &mut Rng) -> Split {
    let entries = request["Entries"].as_array().map_or(&[][..], Vec::as_slice);
    let certain = dice.usize(..entries.len().max(1));
    let fails: Vec<bool> = (0..entries.len())
        .map(|place| dice.bool() || place == certain)
        .collect();
    let kept: Vec<&Value> = entries
        .iter()
        .zip(&fails)
        .filter_map(|(entry, fails)| (!fails).then_some(entry))
        .collect();
    let kept = (!kept.is_empty()).then(|| json!({"Entries": kept}));
    Split { fails, kept }
}

impl Split {
    /// Merges upstream's answer with the failed entries.
    pub(super) fn answer(&self, upstream: &Value) -> Value {
        let mut taken = upstream["Entries"].as_array().into_iter().flatten();
        let entries: Vec<Value> = self
            .fails
            .iter()
            .map(|fails| match fails {
                true => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "on purpose"}),
                false => taken.next().cloned().unwrap_or_default(),
            })
            .collect();
        let failed = entries
            .iter()
            .filter(|entry| entry["ErrorCode"].is_string())
            .count();
        json!({"FailedEntryCount": failed, "Entries": entries})
    }
}

/// Number of completion events in `request` that `answer` accepts.
pub(super) fn completions(request: &Value, answer: &Value) -> usize {
    let (sent, results) = (request["Entries"].as_array(), answer["Entries"].as_array());
    sent.into_iter()
        .flatten()
        .zip(results.into_iter().flatten())
        .filter(|(entry, result)| {
            entry["DetailType"] == "videoPreviewsCompleted" && result["EventId"].is_string()
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(entries: usize) -> Value {
        let entries: Vec<Value> = (0..entries)
            .map(|n| json!({"DetailType": "videoPreviewsCompleted", "Detail": n}))
            .collect();
        json!({"Entries": entries})
    }

    #[test]
    fn failed_entries_stand_in_their_places() {
        for seed in 0..50 {
            let split = split(&request(5), &mut Rng::with_seed(seed));
            let kept = split.kept.clone().unwrap_or_default();
            let taken: Vec<Value> = kept["Entries"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|entry| json!({"EventId": entry["Detail"].to_string()}))
                .collect();
            let count = taken.len();
            let upstream = json!({"FailedEntryCount": 0, "Entries": taken});
            assert_eq!(completions(&kept, &upstream), count);
            let answer = split.answer(&upstream);
            assert_eq!(answer["FailedEntryCount"], 5 - count);
            assert!(count < 5);
            for place in 0..5 {
                let result = &answer["Entries"][place];
                let id = result["EventId"].as_str();
                assert!(
                    result["ErrorCode"] == "ThrottlingException" || id == Some(&*place.to_string())
                );
            }
        }
    }

    #[test]
    fn only_completions_that_are_accepted_count() {
        let results = json!([{"EventId": "a"}, {"ErrorCode": "b"}, {"EventId": "c"}]);
        let mut request = request(3);
        request["Entries"][2]["DetailType"] = json!("newVideoCreated");
        assert_eq!(completions(&request, &json!({"Entries": results})), 1);
        assert_eq!(
            completions(&request, &json!({"__type": "InternalException"})),
            0
        );
    }
}
