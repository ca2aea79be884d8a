//! A run on AWS, or on what stands in for it: found with the credentials of the environment.

use gifgen_ledger::{
    Ledger,
    error::LedgerError,
    run::{Run, Versioned},
};
use gifgen_shared::{
    connections::{Addressing, AddressingError, Connections},
    publish::PublishError,
    source::{SourceState, SourceUnavailable},
    source_key::{SourceKey, SourceKeyError},
};

use crate::{login::log_in, options::RunOfVideo};

/// The ledgers, and what is needed beside them.
#[derive(Debug)]
pub struct Remote {
    /// A client for the source bucket.
    pub s3: aws_sdk_s3::Client,
    /// The ledgers.
    pub ledger: Ledger,
    /// Key of the video.
    pub key: SourceKey,
}

/// Why a run on AWS cannot be looked at, or sent again.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The key is none.
    #[error(transparent)]
    Key(#[from] SourceKeyError),
    /// A setting is none.
    #[error(transparent)]
    Addressing(#[from] AddressingError),
    /// There is no run.
    #[error(
        "there is no run of {key} in the bucket {bucket}: check --bucket and --destination-bucket, or upload the video (again)"
    )]
    NoRun {
        /// Key of the video.
        key: SourceKey,
        /// Bucket of the previews.
        bucket: String,
    },
    /// The run is about another bucket's video.
    #[error(
        "the run of {key} there is about the video in the bucket {found}: give --bucket {found}"
    )]
    OtherBucket {
        /// Key of the video.
        key: SourceKey,
        /// Bucket of the run's source.
        found: String,
    },
    /// The video is not there any more in the version of the run.
    #[error("{key} {what}, so its run cannot go on: upload the video again")]
    Gone {
        /// Key of the video.
        key: SourceKey,
        /// What became of it.
        what: &'static str,
    },
    /// The video is in an archive of S3's.
    #[error(
        "{0} is archived, so its run cannot go on: restore it (aws s3api restore-object), then run this again"
    )]
    Archived(SourceKey),
    /// Somebody else begins a run of the same video.
    #[error("another run of {0} has just begun: look at it with `gifgen status`")]
    Overtaken(SourceKey),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The video cannot be looked at.
    #[error(transparent)]
    Source(#[from] SourceUnavailable),
    /// The events cannot be sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The answer cannot be printed.
    #[error("failed to print")]
    Print(#[from] std::io::Error),
}

impl RemoteError {
    /// The exit code: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Key(_) | Self::Addressing(_) | Self::OtherBucket { .. } => 2,
            _ => 1,
        }
    }
}

impl Remote {
    /// Connects, with what the environment says. Nothing is sent to S3 or the bus yet.
    ///
    /// # Errors
    /// If the key is none, or a setting.
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
    /// If there is none, or it is about another bucket's video, or it cannot be read.
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

    /// Makes sure that the video is there in the version of `run`, so that its slices can be
    /// rendered.
    ///
    /// # Errors
    /// If it is not, or cannot be looked at.
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
