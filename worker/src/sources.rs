//! Access to sources, each in one version.

use std::{sync::Arc, time::Duration};

use gifgen_function::TransientError;
use gifgen_ledger::Run;
use gifgen_reader::{Http, Reader};
use gifgen_shared::{PinnedSource, Rejection, Source, SourceState};

use crate::error::{JobError, PermanentError};

/// Access to sources.
#[derive(Debug)]
pub(crate) struct Sources {
    pub s3: aws_sdk_s3::Client,
    pub http: Http,
    /// How long the presigned URLs are valid.
    pub url_expiry: Duration,
}

impl Sources {
    /// Opens `source` in the version that it names, or in the current one if it names none.
    ///
    /// # Errors
    /// Permanent if the source is archived, gone, or in another version.
    pub(crate) async fn open(&self, source: &Source) -> Result<Arc<Reader>, JobError> {
        match source.state(&self.s3).await? {
            SourceState::Present(pinned) => Ok(self.read(pinned)),
            SourceState::Archived { .. } => {
                Err(PermanentError::Rejected(Rejection::archived()).into())
            }
            SourceState::Replaced => Err(PermanentError::Superseded(source.clone()).into()),
            SourceState::Gone => Err(PermanentError::SourceGone(source.clone()).into()),
        }
    }

    /// Opens the source of `run` without asking S3: every read names the version.
    pub(crate) fn of_run(&self, run: &Run) -> Arc<Reader> {
        self.read(run.pinned_source())
    }

    fn read(&self, pinned: PinnedSource) -> Arc<Reader> {
        let (http, s3) = (self.http.clone(), self.s3.clone());
        Reader::new(http, s3, pinned, self.url_expiry)
    }

    /// The error for a source that could not be read: permanent if it has been archived since the
    /// splitter saw it.
    pub(crate) async fn why_lost(&self, source: &Source, lost: TransientError) -> JobError {
        match source.state(&self.s3).await {
            Ok(SourceState::Archived { .. }) => {
                PermanentError::Rejected(Rejection::archived()).into()
            }
            _ => lost.into(),
        }
    }
}
