//! Tells whether an object is archived: S3 lists it and announces it, but does not return its content.
//!
//! A HEAD of such an object answers 200. Only a GET is refused (403, `InvalidObjectState`).

use crate::rejection::{Reason, Rejection};

/// The headers of a HEAD answer that tell whether the object can be read.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Storage<'a> {
    /// `x-amz-storage-class`. S3 omits it for `STANDARD`.
    pub class: Option<&'a str>,
    /// `x-amz-archive-status`. Present if the object is in an archive tier of Intelligent-Tiering.
    pub archive_status: Option<&'a str>,
    /// `x-amz-restore`. Present if a restore is under way or done.
    pub restore: Option<&'a str>,
}

/// Classes whose objects must be restored before they can be read. `GLACIER_IR` needs no restore.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// Part of `x-amz-restore` once the restored copy can be read.
const RESTORED: &str = "ongoing-request=\"false\"";

impl Storage<'_> {
    /// Whether the object must be restored before it can be read.
    pub(crate) fn is_archived(&self) -> bool {
        let is_archive = self.class.is_some_and(|class| ARCHIVES.contains(&class));
        let is_restored = self.restore.is_some_and(|said| said.contains(RESTORED));
        (is_archive || self.archive_status.is_some()) && !is_restored
    }
}

impl Rejection {
    /// Rejects an archived source, and tells how to restore it.
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
