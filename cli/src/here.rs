//! The functions' sentences in the words of a run on this machine. The functions speak of buckets and of
//! Lambda, and here are neither.

use gifgen_reader::ReadError;
use gifgen_shared::with_causes;
use gifgen_worker::TransientError;

use crate::local::SOURCE_BUCKET;

/// The sentence for a file that another program writes to, replaces or removes during the run.
pub const FILE_CHANGED: &str =
    "the file was changed while it was read; run gifgen again when it is written to its end";

/// The sentence for an error that the platform would retry.
pub fn transient(error: &TransientError) -> String {
    match error {
        TransientError::NoSpace => {
            "no space is left in the file system of the output folder; free some, or choose another folder with --out".into()
        }
        TransientError::SourceLost(ReadError::Replaced(_) | ReadError::Gone(_)) => {
            FILE_CHANGED.into()
        }
        error => without_bucket(&with_causes(error)),
    }
}

/// A sentence without the name of our own bucket, so that a file has the name that its user knows.
pub fn without_bucket(sentence: &str) -> String {
    sentence.replace(&format!("s3://{SOURCE_BUCKET}/"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_one_of_this_machine() {
        let sentence = transient(&TransientError::NoSpace);
        assert!(sentence.starts_with("no space is left"), "{sentence}");
        assert!(sentence.contains("--out"), "{sentence}");
        assert!(!sentence.contains("function"), "{sentence}");
    }

    #[test]
    fn a_file_has_its_own_name() {
        let sentence = without_bucket("failed to probe s3://videos/a film.mp4: it was killed");
        assert_eq!(sentence, "failed to probe a film.mp4: it was killed");
    }
}
