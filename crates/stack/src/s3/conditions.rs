//! Conditional requests.

use std::time::{Duration, SystemTime};

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use crate::store::{WriteCondition, to_millis};

#[derive(Debug, Default)]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

/// The result of a read's conditions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// HTTP 304.
    NotModified,
    /// HTTP 412.
    Failed,
}

impl ReadConditions {
    /// In the order of RFC 9110, section 13.2.2: an ETag takes precedence over a time.
    pub(super) fn evaluate(&self, etag: &str, modified: SystemTime) -> Verdict {
        // HTTP dates have a resolution of one second.
        let modified = Timestamp::from(
            SystemTime::UNIX_EPOCH + Duration::from_secs(to_millis(modified) / 1000),
        );
        let unchanged = match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) => matches(wanted, etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => true,
        };
        if !unchanged {
            return Verdict::Failed;
        }
        let known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) => matches(known, etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if known {
            Verdict::NotModified
        } else {
            Verdict::Send
        }
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}

/// The condition of a write. S3 does not support `If-None-Match` with an ETag there.
pub(super) fn of_write(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> S3Result<WriteCondition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(WriteCondition::Always),
        (None, Some(ETagCondition::Any)) => Ok(WriteCondition::IfAbsent),
        (Some(ETagCondition::Any), None) => Ok(WriteCondition::IfPresent),
        (Some(ETagCondition::ETag(etag)), None) => Ok(WriteCondition::IfMatch(etag.into_value())),
        (_, Some(_)) => Err(s3_error!(
            NotImplemented,
            "a write takes If-Match, or If-None-Match with `*`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETag;

    use super::*;

    fn etag(value: &str) -> Option<ETagCondition> {
        Some(ETagCondition::ETag(ETag::Strong(value.into())))
    }

    fn time(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn an_etag_has_the_say_over_a_time() {
        let before = Some(Timestamp::from(time(1000)));
        let conditions = ReadConditions {
            if_match: etag("a"),
            if_unmodified_since: before.clone(),
            ..ReadConditions::default()
        };
        assert_eq!(conditions.evaluate("a", time(5000)), Verdict::Send);
        assert_eq!(conditions.evaluate("b", time(0)), Verdict::Failed);
        let conditions = ReadConditions {
            if_none_match: etag("a"),
            if_modified_since: before,
            ..ReadConditions::default()
        };
        assert_eq!(conditions.evaluate("a", time(5000)), Verdict::NotModified);
        assert_eq!(conditions.evaluate("b", time(0)), Verdict::Send);
    }

    #[test]
    fn times_are_compared_in_whole_seconds() {
        let since = Some(Timestamp::from(time(5000)));
        let conditions = ReadConditions {
            if_modified_since: since.clone(),
            ..ReadConditions::default()
        };
        assert_eq!(conditions.evaluate("a", time(5999)), Verdict::NotModified);
        assert_eq!(conditions.evaluate("a", time(6000)), Verdict::Send);
        let conditions = ReadConditions {
            if_unmodified_since: since,
            ..ReadConditions::default()
        };
        assert_eq!(conditions.evaluate("a", time(5999)), Verdict::Send);
        assert_eq!(conditions.evaluate("a", time(6000)), Verdict::Failed);
    }

    #[test]
    fn a_write_is_conditional_in_four_ways() {
        let any = Some(ETagCondition::Any);
        assert_eq!(of_write(None, None).unwrap(), WriteCondition::Always);
        assert_eq!(
            of_write(None, any.clone()).unwrap(),
            WriteCondition::IfAbsent
        );
        assert_eq!(of_write(any, None).unwrap(), WriteCondition::IfPresent);
        assert_eq!(
            of_write(etag("a"), None).unwrap(),
            WriteCondition::IfMatch("a".into())
        );
        assert!(of_write(None, etag("a")).is_err());
    }
}
