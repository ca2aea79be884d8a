//! Whether an object is archived: S3 keeps it, and tells of it, but does not give it.
//!
//! A HEAD answers 200 as for any other object; only a GET is refused (403, `InvalidObjectState`).

use crate::rejection::{Reason, Rejection};

/// What a HEAD says that tells whether an object can be read.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Storage<'a> {
    /// `x-amz-storage-class`; S3 leaves it out where it is `STANDARD`.
    pub class: Option<&'a str>,
    /// `x-amz-archive-status`: there if the object lies in an archive tier of Intelligent-Tiering.
    pub archive_status: Option<&'a str>,
    /// `x-amz-restore`: there if the object is being restored, or a copy of it was.
    pub restore: Option<&'a str>,
}

/// Classes whose objects have to be restored before they can be read. `GLACIER_IR` is none of them.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// What `x-amz-restore` says of an object whose copy can be read.
const RESTORED: &str = "ongoing-request=\"false\"";

impl Storage<'_> {
    /// Whether the object has to be restored before it can be read.
    pub(crate) fn is_archived(&self) -> bool {
        let is_archive = self.class.is_some_and(|class| ARCHIVES.contains(&class));
        let is_restored = self.restore.is_some_and(|said| said.contains(RESTORED));
        (is_archive || self.archive_status.is_some()) && !is_restored
    }
}

impl Rejection {
    /// The rejection of a source that is archived.
    pub fn archived() -> Self {
        Self::new(
            Reason::Archived,
            "it is archived, so S3 does not give it: restore it (aws s3api restore-object); its previews start by themselves when that is done",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(class: &'a str, archive_status: &'a str, restore: &'a str) -> Storage<'a> {
        let header = |value: &'a str| (!value.is_empty()).then_some(value);
        Storage {
            class: header(class),
            archive_status: header(archive_status),
            restore: header(restore),
        }
    }

    #[test]
    fn what_lies_in_an_archive_and_is_not_restored_is_archived() {
        for storage in [
            of("GLACIER", "", ""),
            of("DEEP_ARCHIVE", "", ""),
            of("DEEP_ARCHIVE", "", "ongoing-request=\"true\""),
            of("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", ""),
            of(
                "INTELLIGENT_TIERING",
                "DEEP_ARCHIVE_ACCESS",
                "ongoing-request=\"true\"",
            ),
        ] {
            assert!(storage.is_archived(), "{storage:?}");
        }
    }

    #[test]
    fn what_can_be_read_at_once_is_not_archived() {
        let restored = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2026 00:00:00 GMT\"";
        for storage in [
            of("", "", ""),
            of("STANDARD_IA", "", ""),
            of("GLACIER_IR", "", ""),
            of("INTELLIGENT_TIERING", "", ""),
            of("GLACIER", "", restored),
            of("DEEP_ARCHIVE", "", restored),
        ] {
            assert!(!storage.is_archived(), "{storage:?}");
        }
    }
}
