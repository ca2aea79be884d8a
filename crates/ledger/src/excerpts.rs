//! Brings what the splitter knows of where a job's pictures are to the workers: in the events or, if too long for an
//! event, in one object of the run.

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use gifgen_shared::{ExcerptText, JobId};

use crate::{
    Ledger,
    bucket::{Precondition, PutRequest},
    checksum::Sha256,
    error::LedgerError,
    run::Run,
};

/// What the events carry, by their jobs: the excerpts of slices, and where the keyframes of sheets are.
pub type Excerpts = BTreeMap<JobId, ExcerptText>;

/// Longest excerpt in an event, in bytes. The whole event then stays well within the 64 KB that
/// EventBridge bills as one. <https://aws.amazon.com/eventbridge/pricing/>
const LONGEST_IN_EVENT: usize = 40 * 1024;

impl Ledger {
    /// Turns the encoded `texts` of the jobs of `run` into what the events carry.
    /// Those that are too long are stored. The same source gives the same object, so a repeated write is
    /// harmless.
    ///
    /// # Errors
    /// If S3 does not write the object.
    pub async fn keep_excerpts(
        &self,
        run: &Run,
        texts: BTreeMap<JobId, String>,
    ) -> Result<Excerpts, LedgerError> {
        let mut stored = String::new();
        let excerpts = texts.into_iter().map(|(job, text)| {
            if text.len() <= LONGEST_IN_EVENT {
                return (job, ExcerptText::Here(text));
            }
            let (offset, bytes) = (stored.len() as u64, text.len() as u64);
            stored.push_str(&text);
            (job, ExcerptText::Stored { offset, bytes })
        });
        let excerpts: Excerpts = excerpts.collect();
        if !stored.is_empty() {
            let stored = stored.into_bytes();
            let new = PutRequest {
                key: run.keys().index(run.run),
                sha256: Sha256::of(&stored),
                body: ByteStream::from(stored),
                content_type: "text/plain",
                cached: false,
                mark: None,
            };
            self.bucket.put(new, &Precondition::Always).await?;
        }
        Ok(excerpts)
    }

    /// The encoded text that an event of `run` carries or refers to.
    ///
    /// # Errors
    /// If the excerpt is stored and S3 does not return it.
    pub async fn excerpt(&self, run: &Run, excerpt: &ExcerptText) -> Result<String, LedgerError> {
        match excerpt {
            ExcerptText::Here(text) => Ok(text.clone()),
            ExcerptText::Stored { offset, bytes } => {
                let key = run.keys().index(run.run);
                let last = offset.saturating_add(*bytes).saturating_sub(1);
                self.bucket
                    .read_range(&key, &format!("bytes={offset}-{last}"))
                    .await
            }
        }
    }
}
