//! Why a slice is not rendered: permanent errors and transient ones.

use std::io::ErrorKind;

use gifgen_function::TransientError;
use gifgen_ledger::{JobFailure, LedgerError};
use gifgen_probe::ProbeError;
use gifgen_reader::{ReadError, probing::ProbingError};
use gifgen_shared::{
    Rejection, Slice, SliceEventError, Source, SourceUnavailable, job_event::JobEventError,
    with_causes,
};

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
    /// The event of a job makes no sense.
    #[error(transparent)]
    BadJobEvent(#[from] JobEventError),
    /// There is no such job.
    #[error("{of} has no job {index} of this kind: send one that it has")]
    NoJob {
        /// The source.
        of: Source,
        /// Position of the job among those of its kind.
        index: u32,
    },
    /// A slice is asked for whose settings give it no outputs.
    #[error("GIFS and FRAMES are none, so slices have no previews: set one of them")]
    NothingWanted,
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
    /// The times of pictures go back, and not just those of single pictures.
    #[error(
        "the times of the pictures between second {from:.1} and second {to:.1} contradict each other: the file is damaged"
    )]
    Disordered {
        /// Start of the pictures, in seconds of the video.
        from: f64,
        /// End of the pictures, in seconds of the video.
        to: f64,
    },
    /// Another recording starts within the slice, so its pictures have two clocks.
    #[error(
        "another recording starts at byte {offset}, and its clock starts again: split the file there"
    )]
    NewClock {
        /// Where it starts in the source.
        offset: u64,
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

impl PermanentError {
    /// The error of a slice of which nothing can be shown.
    pub(crate) fn all_damaged(slice: Slice) -> Self {
        Self::Damaged {
            from: f64::from(slice.start),
            to: slice.end,
        }
    }

    /// The error as receipts and answers have it.
    pub(crate) fn failure(&self) -> JobFailure {
        JobFailure {
            reason: self.reason(),
            message: with_causes(self),
        }
    }

    /// The class, for machines.
    fn reason(&self) -> String {
        match self {
            Self::BadEvent(_) | Self::BadJobEvent(_) => "badEvent".into(),
            Self::Rejected(rejection) => rejection.reason.to_string(),
            Self::SourceGone(_) => "sourceGone".into(),
            Self::Superseded(_) => "superseded".into(),
            Self::NoRun(_) => "noRun".into(),
            Self::NoSlice { .. } => "noSlice".into(),
            Self::NoJob { .. } => "noJob".into(),
            Self::NothingWanted => "badSettings".into(),
            Self::OutsideVideo { .. } => "outsideVideo".into(),
            Self::Undecodable { .. } => "undecodable".into(),
            Self::Damaged { .. } | Self::Disordered { .. } | Self::NewClock { .. } => {
                "damaged".into()
            }
            Self::WrongOutput { .. } => "wrongOutput".into(),
        }
    }

    /// Whether FFmpeg's output is wrong, so that its input, an excerpt, may be to blame.
    pub(crate) fn is_of_the_pictures(&self) -> bool {
        matches!(
            self,
            Self::Undecodable { .. }
                | Self::Damaged { .. }
                | Self::Disordered { .. }
                | Self::WrongOutput { .. }
        )
    }

    /// Whether the decoder may lack something that stands further back in the source.
    pub(crate) fn may_lack_what_precedes(&self) -> bool {
        matches!(self, Self::Undecodable { .. } | Self::WrongOutput { .. })
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
            ProbingError::Probe(ProbeError::Child(error)) => {
                TransientError::FfmpegNotStarted(error).into()
            }
            ProbingError::Probe(error @ ProbeError::Interrupted { .. }) => {
                TransientError::ProbeEnded(error).into()
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

impl From<GifError> for JobError {
    fn from(error: GifError) -> Self {
        let error = match error {
            GifError::Write(error) if error.kind() == ErrorKind::StorageFull => {
                TransientError::NoSpace
            }
            other => TransientError::Gif(other.to_string()),
        };
        error.into()
    }
}
