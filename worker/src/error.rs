//! Why a slice is not rendered: for good, or for now.

use std::io::ErrorKind;

use gifgen_child::ChildError;
use gifgen_ledger::error::LedgerError;
use gifgen_probe::ProbeError;
use gifgen_reader::{GatewayError, NoTls, ReadError};
use gifgen_shared::{
    rejection::Rejection,
    slice_event::SliceEventError,
    source::{Source, SourceUnavailable},
};
use lambda_runtime::Diagnostic;

use crate::gif::GifError;

/// Why a slice is not rendered, told apart by what is to be done about it.
#[derive(Debug, thiserror::Error)]
pub enum SliceError {
    /// For good.
    #[error(transparent)]
    Permanent(#[from] PermanentError),
    /// For now.
    #[error(transparent)]
    Transient(#[from] TransientError),
}

/// The input is to blame: recorded, reported, never retried.
#[derive(Debug, thiserror::Error)]
pub enum PermanentError {
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
    /// The slice belongs to no run, so there is nowhere to record what became of it.
    #[error("the slice of {0} belongs to no run")]
    NoRun(Source),
    /// The range is no slice of the run that keeps count of the objects.
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
    /// FFmpeg gives up on the content.
    #[error("FFmpeg cannot render the slice: {said}")]
    Undecodable {
        /// What FFmpeg said, without the URL.
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
    /// FFmpeg claims success, but its outputs are not what the slice should give.
    #[error("FFmpeg rendered the slice wrongly: {found}; it said: {said}")]
    WrongOutput {
        /// What is wrong with which output.
        found: String,
        /// What FFmpeg said, without the URL.
        said: String,
    },
}

/// Something else is to blame: returned, so that the platform retries.
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
    LoopbackProxy(GatewayError),
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
    /// FFmpeg does not run, for want of a library, say.
    #[error("FFmpeg does not run: {said}")]
    FfmpegNotRun {
        /// What was said.
        said: String,
    },
    /// FFmpeg was killed by somebody else, mostly the kernel when memory is short.
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
    /// The GIF could not be made, for another reason than its pictures.
    #[error(transparent)]
    Gif(GifError),
    /// The work directory cannot be used.
    #[error("failed to {action} the work directory: {source}")]
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
    /// What comes from the failure queue is no message.
    #[error("an event of the failure queue makes no sense: {0}")]
    Queue(serde_json::Error),
    /// Somebody else keeps replacing the objects.
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
    /// The class, for machines.
    pub fn reason(&self) -> String {
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

    /// Whether it is what came out of FFmpeg that is wrong, so that the way into it may be to blame.
    pub fn is_of_the_pictures(&self) -> bool {
        matches!(
            self,
            Self::Undecodable { .. } | Self::Damaged { .. } | Self::WrongOutput { .. }
        )
    }
}

impl From<SourceUnavailable> for SliceError {
    fn from(error: SourceUnavailable) -> Self {
        TransientError::Source(error).into()
    }
}

impl From<LedgerError> for SliceError {
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
            error_message: error.to_string(),
        }
    }
}
