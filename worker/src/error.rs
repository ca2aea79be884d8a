//! Why a slice is not rendered: permanent errors and transient ones.

use std::io::ErrorKind;

use gifgen_child::ChildError;
use gifgen_ledger::{LedgerError, SliceFailure};
use gifgen_probe::ProbeError;
use gifgen_reader::{LoopbackProxyError, NoTls, ReadError, probing::ProbingError};
use gifgen_shared::{Rejection, SliceEventError, Source, SourceUnavailable, with_causes};
use lambda_runtime::Diagnostic;

use crate::gif::GifError;

/// Why a slice is not rendered. The kind says what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// The input is to blame: recorded, reported, never retried.
    #[error(transparent)]
    Permanent(#[from] PermanentError),
    /// Something else is to blame: returned, so that the platform retries.
    #[error(transparent)]
    Transient(#[from] TransientError),
}

/// An error that a retry would meet again, since the input is to blame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PermanentError {
    /// The event makes no sense.
    #[error(transparent)]
    BadEvent(#[from] SliceEventError),
    /// The source holds no video.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The source was deleted.
    #[error("{0} is gone")]
    SourceGone(Source),
    /// The source was replaced; its successor has slices of its own.
    #[error("{0} was replaced by another version")]
    Superseded(Source),
    /// The slice belongs to no run, so it cannot get a receipt.
    #[error("the slice of {0} belongs to no run")]
    NoRun(Source),
    /// The range is no slice of the current run.
    #[error(
        "run {run} of {of} has no slice that starts at {start} s: send one that it has, or delete its run.json"
    )]
    NoSlice {
        /// The source.
        of: Source,
        /// Start of the range, in seconds.
        start: u32,
        /// Number of the run.
        run: u32,
    },
    /// The slice starts behind the end of the video.
    #[error("the slice starts at {start} s, and the video ends at {length} s")]
    OutsideVideo {
        /// Start of the slice, in seconds.
        start: u32,
        /// Length of the video stream, in seconds.
        length: f64,
    },
    /// FFmpeg fails on the content.
    #[error("FFmpeg cannot render the slice: {said}")]
    Undecodable {
        /// What FFmpeg logged, without the loopback URL.
        said: String,
    },
    /// Packets of the video give no pictures.
    #[error(
        "pictures between second {from:.1} and second {to:.1} do not decode: the file is damaged"
    )]
    Damaged {
        /// Start of the gap, in seconds of the video.
        from: f64,
        /// End of the gap, in seconds of the video.
        to: f64,
    },
    /// FFmpeg exited with 0, but its outputs are not those of the slice.
    #[error("FFmpeg rendered the slice wrongly: {found}; it said: {said}")]
    WrongOutput {
        /// What is wrong with which output.
        found: String,
        /// What FFmpeg logged, without the loopback URL.
        said: String,
    },
}

/// An error that a retry may not meet.
#[derive(Debug, thiserror::Error)]
pub enum TransientError {
    /// The time of the invocation ran out.
    #[error("the deadline passed while {doing}")]
    DeadlinePassed {
        /// What was being done.
        doing: &'static str,
    },
    /// The source could not be read to the end of the slice.
    #[error(transparent)]
    SourceLost(ReadError),
    /// ffprobe did not come to its end.
    #[error(transparent)]
    Probe(ProbeError),
    /// There is no port on which FFmpeg could read the source.
    #[error(transparent)]
    LoopbackProxy(LoopbackProxyError),
    /// There is no pipe to FFmpeg, or it broke.
    #[error("failed to use a pipe to FFmpeg: {0}")]
    Pipe(std::io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] NoTls),
    /// S3 gives no access to the source.
    #[error(transparent)]
    Source(#[from] SourceUnavailable),
    /// FFmpeg could not be started.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// FFmpeg does not run, for example because a library is missing.
    #[error("FFmpeg does not run: {said}")]
    FfmpegNotRun {
        /// What was said.
        said: String,
    },
    /// FFmpeg was killed from outside, mostly by the kernel when memory is short.
    #[error("FFmpeg was killed by signal {signal}")]
    FfmpegKilled {
        /// Number of the signal.
        signal: i32,
    },
    /// The temporary directory is full.
    #[error(
        "no space is left in the temporary directory: give the function more ephemeral storage"
    )]
    NoSpace,
    /// The GIF could not be written.
    #[error(transparent)]
    Gif(GifError),
    /// The work directory cannot be used.
    #[error("failed to {action} the work directory")]
    WorkDir {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An output could not be read for its upload.
    #[error("failed to upload {key}: {reason}")]
    Upload {
        /// Key of the object.
        key: String,
        /// What the system said.
        reason: String,
    },
    /// An event of the failure queue is malformed.
    #[error("an event of the failure queue makes no sense: {0}")]
    Queue(serde_json::Error),
    /// Other workers keep replacing the objects.
    #[error("others replaced the slice's objects at each of {rounds} attempts to upload them")]
    Contended {
        /// How often it was tried.
        rounds: u32,
    },
    /// An object could not be written, or the ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl PermanentError {
    /// The error as receipts and answers have it.
    pub(crate) fn failure(&self) -> SliceFailure {
        SliceFailure {
            reason: self.reason(),
            message: with_causes(self),
        }
    }

    /// The class, for machines.
    fn reason(&self) -> String {
        match self {
            Self::BadEvent(_) => "badEvent".into(),
            Self::Rejected(rejection) => rejection.reason.to_string(),
            Self::SourceGone(_) => "sourceGone".into(),
            Self::Superseded(_) => "superseded".into(),
            Self::NoRun(_) => "noRun".into(),
            Self::NoSlice { .. } => "noSlice".into(),
            Self::OutsideVideo { .. } => "outsideVideo".into(),
            Self::Undecodable { .. } => "undecodable".into(),
            Self::Damaged { .. } => "damaged".into(),
            Self::WrongOutput { .. } => "wrongOutput".into(),
        }
    }

    /// Whether FFmpeg's output is wrong, so that its input, an excerpt, may be to blame.
    pub(crate) fn is_of_the_pictures(&self) -> bool {
        matches!(
            self,
            Self::Undecodable { .. } | Self::Damaged { .. } | Self::WrongOutput { .. }
        )
    }
}

impl From<ReadError> for JobError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Replaced(source) => PermanentError::Superseded(source).into(),
            ReadError::Gone(source) => PermanentError::SourceGone(source).into(),
            error @ ReadError::Interrupted { .. } => TransientError::SourceLost(error).into(),
        }
    }
}

impl From<ProbingError> for JobError {
    fn from(error: ProbingError) -> Self {
        match error {
            ProbingError::Read(error) => error.into(),
            ProbingError::LoopbackProxy(error) => TransientError::LoopbackProxy(error).into(),
            ProbingError::Probe(ProbeError::Rejected(rejection)) => {
                PermanentError::Rejected(rejection).into()
            }
            ProbingError::Probe(ProbeError::Child(error)) => TransientError::Child(error).into(),
            ProbingError::Probe(error @ ProbeError::Interrupted { .. }) => {
                TransientError::Probe(error).into()
            }
        }
    }
}

impl From<SourceUnavailable> for JobError {
    fn from(error: SourceUnavailable) -> Self {
        TransientError::Source(error).into()
    }
}

impl From<LedgerError> for JobError {
    fn from(error: LedgerError) -> Self {
        TransientError::Ledger(error).into()
    }
}

impl From<GifError> for TransientError {
    fn from(error: GifError) -> Self {
        match error {
            GifError::Write(error) if error.kind() == ErrorKind::StorageFull => Self::NoSpace,
            other => Self::Gif(other),
        }
    }
}

impl From<TransientError> for Diagnostic {
    fn from(error: TransientError) -> Self {
        let error_type = match &error {
            TransientError::DeadlinePassed { .. } => "DeadlinePassed",
            TransientError::SourceLost(_) => "SourceLost",
            TransientError::Source(_) => "SourceUnavailable",
            TransientError::Child(_) | TransientError::FfmpegNotRun { .. } => "FfmpegNotStarted",
            TransientError::Probe(_) => "ProbeInterrupted",
            TransientError::LoopbackProxy(_) | TransientError::Pipe(_) => "NoPipe",
            TransientError::Tls(_) => "NoTls",
            TransientError::FfmpegKilled { .. } => "FfmpegKilled",
            TransientError::NoSpace => "NoSpace",
            TransientError::Gif(_) => "Gif",
            TransientError::WorkDir { .. } => "WorkDir",
            TransientError::Upload { .. } | TransientError::Contended { .. } => "UploadFailed",
            TransientError::Queue(_) => "BadMessage",
            TransientError::Ledger(LedgerError::Disproved { .. }) => "Disproved",
            TransientError::Ledger(LedgerError::Unannounced { .. }) => "Unannounced",
            TransientError::Ledger(_) => "LedgerUnavailable",
        };
        Self {
            error_type: error_type.into(),
            error_message: with_causes(&error),
        }
    }
}
