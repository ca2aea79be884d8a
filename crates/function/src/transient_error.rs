//! The transient errors of the functions.

use std::io;

use gifgen_child::ChildError;
use gifgen_ledger::LedgerError;
use gifgen_probe::ProbeError;
use gifgen_reader::{LoopbackProxyError, NoTls, ReadError};
use gifgen_shared::{PublishError, SourceUnavailable, with_causes};
use lambda_runtime::Diagnostic;

/// An error that a retry may not meet: the input is not to blame. The function returns it, so that the
/// platform retries the invocation.
#[derive(Debug, thiserror::Error)]
pub enum TransientError {
    /// The worker ran out of time.
    #[error("the deadline passed while {doing}")]
    DeadlinePassed {
        /// What was being done.
        doing: &'static str,
    },
    /// The splitter ran out of time: S3, ffprobe or the bus took too long.
    #[error("the deadline passed before s3://{bucket}/{key} was split")]
    NotSplit {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
    },
    /// S3 does not answer for the source, or denies access.
    #[error(transparent)]
    Source(#[from] SourceUnavailable),
    /// The source could not be read to the end. No `From`, because a worker records a source that was
    /// deleted or replaced; the splitter is invoked again, and then ignores it.
    #[error(transparent)]
    SourceLost(ReadError),
    /// The run, a receipt or an object cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Some events are not on the bus.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The splitter's ffprobe could not be started.
    #[error(transparent)]
    ProbeNotStarted(ChildError),
    /// The splitter's ffprobe was ended before it finished.
    #[error("failed to probe {source_name}: {reason}")]
    Probe {
        /// Bucket and key of the source.
        source_name: String,
        /// What ended ffprobe.
        reason: String,
    },
    /// The loopback proxy for the splitter's ffprobe could not be started.
    #[error(transparent)]
    NoPort(LoopbackProxyError),
    /// The worker's FFmpeg or ffprobe could not be started.
    #[error(transparent)]
    FfmpegNotStarted(ChildError),
    /// FFmpeg does not run, for example because a library is missing.
    #[error("FFmpeg does not run: {said}")]
    FfmpegNotRun {
        /// What was logged.
        said: String,
    },
    /// FFmpeg was killed from outside, mostly by the kernel when memory is short.
    #[error("FFmpeg was killed by signal {signal}")]
    FfmpegKilled {
        /// Number of the signal.
        signal: i32,
    },
    /// The worker's ffprobe was ended before it finished.
    #[error(transparent)]
    ProbeEnded(ProbeError),
    /// The loopback proxy for the worker's FFmpeg could not be started.
    #[error(transparent)]
    LoopbackProxy(LoopbackProxyError),
    /// The pipe to FFmpeg could not be made, or it broke.
    #[error("failed to use a pipe to FFmpeg: {0}")]
    Pipe(io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] NoTls),
    /// The temporary directory is full.
    #[error(
        "no space is left in the temporary directory: give the function more ephemeral storage"
    )]
    NoSpace,
    /// The GIF could not be written.
    #[error("{0}")]
    Gif(String),
    /// The work directory cannot be used.
    #[error("failed to {action} the work directory")]
    WorkDir {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// An output could not be read for its upload.
    #[error("failed to upload {key}: {reason}")]
    Upload {
        /// Key of the object.
        key: String,
        /// What the system said.
        reason: String,
    },
    /// Other workers keep replacing the objects.
    #[error("others replaced the slice's objects at each of {rounds} attempts to upload them")]
    Contended {
        /// Number of attempts.
        rounds: u32,
    },
    /// An event of the failure queue is malformed.
    #[error("an event of the failure queue makes no sense: {0}")]
    Queue(serde_json::Error),
}

impl TransientError {
    /// The `errorType` of a failed invocation, by which filters and alarms of operators know it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::DeadlinePassed { .. } | Self::NotSplit { .. } => "DeadlinePassed",
            Self::Source(_) => "SourceUnavailable",
            Self::SourceLost(_) => "SourceLost",
            Self::Ledger(LedgerError::Disproved { .. }) => "Disproved",
            Self::Ledger(LedgerError::Unannounced { .. }) => "Unannounced",
            Self::Ledger(_) => "LedgerUnavailable",
            Self::Publish(_) => "EventsUnsent",
            Self::ProbeNotStarted(_) => "ProbeNotStarted",
            Self::Probe { .. } | Self::ProbeEnded(_) => "ProbeInterrupted",
            Self::NoPort(_) => "NoPort",
            Self::FfmpegNotStarted(_) | Self::FfmpegNotRun { .. } => "FfmpegNotStarted",
            Self::FfmpegKilled { .. } => "FfmpegKilled",
            Self::LoopbackProxy(_) | Self::Pipe(_) => "NoPipe",
            Self::Tls(_) => "NoTls",
            Self::NoSpace => "NoSpace",
            Self::Gif(_) => "Gif",
            Self::WorkDir { .. } => "WorkDir",
            Self::Upload { .. } | Self::Contended { .. } => "UploadFailed",
            Self::Queue(_) => "BadMessage",
        }
    }
}

impl From<TransientError> for Diagnostic {
    fn from(error: TransientError) -> Self {
        Self {
            error_type: error.error_type().into(),
            error_message: with_causes(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use gifgen_shared::{Source, SourceKey};
    use serde_json::{Value, from_str};

    use super::*;

    #[test]
    fn alarms_find_each_error_by_its_name() {
        let io = || io::Error::from(io::ErrorKind::Other);
        let text = String::new;
        let source = || Source {
            bucket: text(),
            key: SourceKey::plain("film.mp4").unwrap(),
            etag: None,
        };
        let refused = || PublishError::Refused {
            code: text(),
            message: text(),
        };
        let table = [
            (
                TransientError::DeadlinePassed { doing: "" },
                "DeadlinePassed",
            ),
            (
                TransientError::NotSplit {
                    bucket: text(),
                    key: text(),
                },
                "DeadlinePassed",
            ),
            (
                TransientError::SourceLost(ReadError::Gone(source())),
                "SourceLost",
            ),
            (
                LedgerError::Disproved {
                    key: text(),
                    jobs: vec![gifgen_shared::JobId::Slice(0)],
                }
                .into(),
                "Disproved",
            ),
            (
                LedgerError::Unannounced {
                    key: text(),
                    source: refused(),
                }
                .into(),
                "Unannounced",
            ),
            (
                LedgerError::Contended {
                    bucket: text(),
                    key: text(),
                    attempts: 1,
                }
                .into(),
                "LedgerUnavailable",
            ),
            (refused().into(), "EventsUnsent"),
            (
                TransientError::Probe {
                    source_name: text(),
                    reason: text(),
                },
                "ProbeInterrupted",
            ),
            (
                TransientError::ProbeEnded(ProbeError::Interrupted { reason: text() }),
                "ProbeInterrupted",
            ),
            (
                TransientError::NoPort(LoopbackProxyError::from(io())),
                "NoPort",
            ),
            (
                TransientError::FfmpegNotRun { said: text() },
                "FfmpegNotStarted",
            ),
            (TransientError::FfmpegKilled { signal: 9 }, "FfmpegKilled"),
            (
                TransientError::LoopbackProxy(LoopbackProxyError::from(io())),
                "NoPipe",
            ),
            (TransientError::Pipe(io()), "NoPipe"),
            (TransientError::NoSpace, "NoSpace"),
            (TransientError::Gif(text()), "Gif"),
            (
                TransientError::WorkDir {
                    action: "make",
                    source: io(),
                },
                "WorkDir",
            ),
            (
                TransientError::Upload {
                    key: text(),
                    reason: text(),
                },
                "UploadFailed",
            ),
            (TransientError::Contended { rounds: 1 }, "UploadFailed"),
            (
                TransientError::Queue(from_str::<Value>("{").unwrap_err()),
                "BadMessage",
            ),
        ];
        for (error, name) in table {
            assert_eq!(error.error_type(), name, "{error:?}");
            assert_eq!(Diagnostic::from(error).error_type, name);
        }
    }
}
