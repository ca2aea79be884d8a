//! The event bus: matches events against rules.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use quamina::{Quamina, QuaminaError};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::ids::{RandomError, random_uuid};
use crate::pattern::{self, PatternError};

/// Account of every envelope and ARN.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Region of every envelope and ARN.
pub(crate) const REGION: &str = "us-east-1";

/// The default event bus of this stack. A clone is another handle on the same bus.
///
/// Delivery is in memory, once, in the order of publication. Events that were not received are lost
/// when the process ends.
#[derive(Clone, Default)]
pub struct Bus {
    rules: Arc<Mutex<Vec<Rule>>>,
}

struct Rule {
    name: String,
    matcher: Quamina<()>,
    matches: UnboundedSender<Value>,
}

/// A rule was not added, or an event not published.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The pattern contains something unsupported, which would not match as meant.
    #[error("add rule `{rule}`: {reason}")]
    Pattern {
        /// Name of the rule.
        rule: String,
        /// What is wrong with the pattern.
        reason: PatternError,
    },
    /// The matcher refuses the pattern.
    #[error("add rule `{rule}`: {reason}")]
    Matcher {
        /// Name of the rule.
        rule: String,
        /// The matcher's error.
        reason: QuaminaError,
    },
    /// A rule of that name exists, and its receiver is alive.
    #[error("add rule `{rule}`: a rule of that name exists")]
    RuleExists {
        /// Name of the rule.
        rule: String,
    },
    /// The event could not be matched.
    #[error("match event `{id}` against rule `{rule}`: {reason}")]
    Match {
        /// Id of the event.
        id: String,
        /// Name of the rule.
        rule: String,
        /// The matcher's error.
        reason: QuaminaError,
    },
    /// The event got no id.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The publisher's part of an event; the bus adds the rest of the envelope.
pub(crate) struct NewEvent {
    pub(crate) source: String,
    pub(crate) detail_type: String,
    pub(crate) time: DateTime<Utc>,
    pub(crate) resources: Vec<String>,
    pub(crate) detail: Value,
}

impl Bus {
    /// Adds a rule with a unique name. Each event that matches `pattern` (an EventBridge event
    /// pattern) is sent to the returned receiver as a whole envelope: `version`, `id`,
    /// `detail-type`, `source`, `account`, `time`, `region`, `resources`, `detail`. Dropping the
    /// receiver removes the rule.
    ///
    /// # Errors
    /// The pattern contains something unsupported (`$or`, `anything-but` with a nested operator,
    /// …). No part of a pattern is ever ignored.
    pub fn add_rule(
        &self,
        name: &str,
        pattern: &Value,
    ) -> Result<UnboundedReceiver<Value>, BusError> {
        let pattern = pattern::checked(pattern.clone()).map_err(|reason| BusError::Pattern {
            rule: name.into(),
            reason,
        })?;
        let mut matcher = Quamina::new();
        matcher
            .add_pattern((), &pattern.to_string())
            .map_err(|reason| BusError::Matcher {
                rule: name.into(),
                reason,
            })?;
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| !rule.matches.is_closed());
        if rules.iter().any(|rule| rule.name == name) {
            return Err(BusError::RuleExists { rule: name.into() });
        }
        let (matches, receiver) = unbounded_channel();
        rules.push(Rule {
            name: name.into(),
            matcher,
            matches,
        });
        Ok(receiver)
    }

    /// Sends the event to each matching rule, and returns its id.
    pub(crate) fn publish(&self, event: NewEvent) -> Result<String, BusError> {
        let id = random_uuid()?;
        let envelope = json!({
            "version": "0",
            "id": id,
            "detail-type": event.detail_type,
            "source": event.source,
            "account": ACCOUNT,
            "time": event.time.to_rfc3339_opts(SecondsFormat::Secs, true),
            "region": REGION,
            "resources": event.resources,
            "detail": event.detail,
        });
        let text = envelope.to_string();
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        // A dropped receiver removes its rule.
        rules.retain(|rule| !rule.matches.is_closed());
        for rule in rules.iter() {
            let matched = rule
                .matcher
                .has_matches(text.as_bytes())
                .map_err(|reason| BusError::Match {
                    id: id.clone(),
                    rule: rule.name.clone(),
                    reason,
                })?;
            if matched && rule.matches.send(envelope.clone()).is_err() {
                tracing::debug!(rule = rule.name, event = id, "the rule's receiver is gone");
            }
        }
        Ok(id)
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Bus")
            .field("rules", &rules.iter().map(|r| &r.name).collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(source: &str, detail: Value) -> NewEvent {
        NewEvent {
            source: source.into(),
            detail_type: "test".into(),
            time: DateTime::UNIX_EPOCH,
            resources: vec!["arn:aws:s3:::films".into()],
            detail,
        }
    }

    fn key(key: &str) -> NewEvent {
        event("aws.s3", json!({"object": {"key": key, "size": 7}}))
    }

    #[test]
    fn a_rule_gets_the_whole_envelope_of_what_it_matches_and_nothing_else() {
        let bus = Bus::default();
        let mut matches = bus
            .add_rule("films", &json!({"source": ["custom.gifGenerator"]}))
            .unwrap();
        bus.publish(event("other", json!({}))).unwrap();
        let id = bus
            .publish(event("custom.gifGenerator", json!({"a": [1]})))
            .unwrap();
        assert_eq!(
            matches.try_recv().unwrap(),
            json!({
                "version": "0", "id": id, "detail-type": "test", "source": "custom.gifGenerator",
                "account": "000000000000", "time": "1970-01-01T00:00:00Z", "region": "us-east-1",
                "resources": ["arn:aws:s3:::films"], "detail": {"a": [1]},
            })
        );
        assert!(matches.try_recv().is_err());
    }

    #[test]
    fn operators_mean_what_they_mean_in_eventbridge() {
        let table: [(Value, &[&str], &[&str]); 10] = [
            (json!({"prefix": "in/"}), &["in/a"], &["out/a", "in"]),
            (json!({"suffix": ".mp4"}), &["a.mp4"], &["a.mp4x", "mp4"]),
            (
                json!({"suffix": {"equals-ignore-case": ".Mp4"}}),
                &["a.mp4", "a.MP4", "a.mP4", "a\n.mp4"],
                &["a.mp4x", "mp4", "a.mp"],
            ),
            (
                json!({"prefix": {"equals-ignore-case": "In/"}}),
                &["in/a", "IN/a"],
                &["out/a", "in"],
            ),
            (json!({"anything-but": ["a", "b"]}), &["c", ""], &["a", "b"]),
            (json!({"equals-ignore-case": "A.MP4"}), &["a.mP4"], &["b"]),
            (
                json!({"wildcard": "*/in/*.mp4"}),
                &["a/in/b.mp4"],
                &["in/b.mp4"],
            ),
            (json!("say \"hé\"\n+1"), &["say \"hé\"\n+1"], &["say hé"]),
            (json!({"prefix": "é\"\\"}), &["é\"\\x"], &["é"]),
            (json!({"suffix": "\"\n"}), &["x\"\n"], &["x\""]),
        ];
        for (matcher, yes, no) in table {
            let bus = Bus::default();
            let pattern = json!({"detail": {"object": {"key": [matcher]}}});
            let mut matches = bus.add_rule("rule", &pattern).unwrap();
            for wanted in yes {
                bus.publish(key(wanted)).unwrap();
                let got = matches.try_recv();
                assert!(got.is_ok(), "{matcher} does not match {wanted:?}");
            }
            for unwanted in no {
                bus.publish(key(unwanted)).unwrap();
                assert!(
                    matches.try_recv().is_err(),
                    "{matcher} matches {unwanted:?}"
                );
            }
        }
    }

    #[test]
    fn numbers_and_existence_are_matched() {
        let bus = Bus::default();
        let pattern = json!({"detail": {"object": {
            "size": [{"numeric": [">", 5, "<=", 7]}], "version-id": [{"exists": false}],
        }}});
        let mut matches = bus.add_rule("rule", &pattern).unwrap();
        bus.publish(key("a")).unwrap();
        assert!(matches.try_recv().is_ok());
        let versioned = json!({"object": {"size": 7, "version-id": "1"}});
        bus.publish(event("aws.s3", versioned)).unwrap();
        bus.publish(event("aws.s3", json!({"object": {"size": 5}})))
            .unwrap();
        assert!(matches.try_recv().is_err());
    }

    #[test]
    fn a_pattern_that_cannot_be_honoured_is_refused() {
        let bus = Bus::default();
        for pattern in [
            json!({"source": [{"regexp": "a"}]}),
            json!({"detail": {"ip": [{"cidr": "nowhere"}]}}),
            json!({"source": [{"wildcard": "a**"}]}),
        ] {
            if bus.add_rule("rule", &pattern).is_ok() {
                panic!("{pattern} was taken");
            }
        }
    }

    #[test]
    fn a_name_is_free_again_when_its_receiver_is_gone() {
        let bus = Bus::default();
        let pattern = json!({"source": ["a"]});
        let first = bus.add_rule("rule", &pattern).unwrap();
        assert!(matches!(
            bus.add_rule("rule", &pattern),
            Err(BusError::RuleExists { .. })
        ));
        drop(first);
        assert!(bus.add_rule("rule", &pattern).is_ok());
    }
}
