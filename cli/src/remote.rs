//! A run on AWS, or on another S3 and bus that the environment names.

use gifgen_ledger::{Ledger, LedgerError, Run, Versioned};
use gifgen_shared::{
    Addressing, AddressingError, Connections, PublishError, SourceKey, SourceKeyError, SourceState,
    SourceUnavailable,
};

use crate::{login::log_in, options::RunOfVideo};

/// Clients and ledger for the run of one video.
#[derive(Debug)]
pub struct Remote {
    /// Client of the source bucket.
    pub s3: aws_sdk_s3::Client,
    pub ledger: Ledger,
    pub key: SourceKey,
}

/// Why `status` or `redrive` failed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(transparent)]
    Key(#[from] SourceKeyError),
    #[error(transparent)]
    Addressing(#[from] AddressingError),
    #[error(
        "there is no run of {key} in the bucket {bucket}: check --bucket and --destination-bucket, or upload the video (again)"
    )]
    NoRun {
        key: SourceKey,
        /// Bucket of the previews.
        bucket: String,
    },
    /// The run has a source in another bucket.
    #[error(
        "the run of {key} there is about the video in the bucket {found}: give --bucket {found}"
    )]
    OtherBucket {
        key: SourceKey,
        /// Bucket of the run's source.
        found: String,
    },
    /// The video no longer exists in the version of the run.
    #[error("{key} {what}, so its run cannot go on: upload the video again")]
    Gone {
        key: SourceKey,
        /// What happened to the video.
        what: &'static str,
    },
    #[error(
        "{0} is archived, so its run cannot go on: restore it (aws s3api restore-object), then run this again"
    )]
    Archived(SourceKey),
    /// Somebody else has begun a run of the same video.
    #[error("another run of {0} has just begun: look at it with `gifgen status`")]
    Overtaken(SourceKey),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Source(#[from] SourceUnavailable),
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The answer cannot be printed.
    #[error("failed to print")]
    Print(#[from] std::io::Error),
}

impl RemoteError {
    /// Exit code: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Key(_) | Self::Addressing(_) | Self::OtherBucket { .. } => 2,
            _ => 1,
        }
    }
}

impl Remote {
    /// Creates the clients from the environment. It sends no request to S3 or the bus.
    ///
    /// # Errors
    /// If the key or a setting is invalid.
    pub async fn connect(run: &RunOfVideo, bus_name: Option<&str>) -> Result<Self, RemoteError> {
        let key = SourceKey::plain(&run.key)?;
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let bucket = (run.destination_bucket.clone())
            .or_else(|| set("DESTINATION_BUCKET"))
            .unwrap_or_else(|| run.bucket.clone());
        let bus_name = (bus_name.map(str::to_owned))
            .or_else(|| set("EVENT_BUS_NAME"))
            .unwrap_or_else(|| "default".into());
        let aws = log_in().await;
        let connections = Connections::new(aws, Addressing::of_environment()?);
        let s3 = connections.s3();
        let ledger = Ledger::new(s3.clone(), bucket, connections.event_bridge(), bus_name);
        Ok(Self { s3, ledger, key })
    }

    /// The current run, with its version.
    ///
    /// # Errors
    /// If there is no run, its source is in another bucket, or it cannot be read.
    pub async fn run(&self, bucket: &str) -> Result<Versioned<Run>, RemoteError> {
        let found = self.ledger.current_run(&self.key).await?;
        let destination = self.ledger.bucket.name();
        let Some((run, version)) = found else {
            return Err(RemoteError::NoRun {
                key: self.key.clone(),
                bucket: destination.to_owned(),
            });
        };
        if run.source.bucket != bucket && bucket != destination {
            return Err(RemoteError::OtherBucket {
                key: self.key.clone(),
                found: run.source.bucket,
            });
        }
        Ok((run, version))
    }

    /// Checks that the video still has the version of `run`, so that its slices can be rendered.
    ///
    /// # Errors
    /// If it has not, or S3 cannot be asked.
    pub async fn check_source(&self, run: &Run) -> Result<(), RemoteError> {
        let what = match run.source().state(&self.s3).await? {
            SourceState::Present(_) => return Ok(()),
            SourceState::Replaced => "was replaced by another version",
            SourceState::Gone => "was deleted",
            SourceState::Archived { .. } => return Err(RemoteError::Archived(self.key.clone())),
        };
        Err(RemoteError::Gone {
            key: self.key.clone(),
            what,
        })
    }
}
