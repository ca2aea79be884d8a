//! What one event asks a worker for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{overview::Sheet, slice::Slice};

/// What one event asks a worker for. Each job of a run has a receipt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Job {
    /// The previews of a slice.
    Slice(Slice),
    /// A sheet of the overview.
    Overview(Sheet),
}

/// Identifies a job among those of its run. The overview's sheets come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobId {
    /// A sheet of the overview, by its index.
    Overview(u32),
    /// A slice, by its first second.
    Slice(u32),
}

/// Kinds of jobs, as JSON names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JobKind {
    /// A slice.
    #[default]
    Slice,
    /// A sheet of the overview.
    Overview,
}

impl Job {
    /// Identifies it in its run.
    pub fn id(&self) -> JobId {
        match self {
            Self::Slice(slice) => JobId::Slice(slice.start),
            Self::Overview(sheet) => JobId::Overview(sheet.index),
        }
    }

    /// Position among the jobs of its kind, from zero.
    pub fn index(&self) -> u32 {
        match self {
            Self::Slice(slice) => slice.index,
            Self::Overview(sheet) => sheet.index,
        }
    }

    /// First second, inclusive.
    pub fn start(&self) -> u32 {
        match self {
            Self::Slice(slice) => slice.start,
            Self::Overview(sheet) => sheet.start,
        }
    }

    /// End in seconds, exclusive.
    pub fn end(&self) -> f64 {
        match self {
            Self::Slice(slice) => slice.end,
            Self::Overview(sheet) => sheet.end,
        }
    }
}

impl JobId {
    /// What kind of job it is.
    pub fn kind(self) -> JobKind {
        match self {
            Self::Slice(_) => JobKind::Slice,
            Self::Overview(_) => JobKind::Overview,
        }
    }
}

impl JobKind {
    /// Whether it is a slice. Receipts leave the kind of slices out.
    pub fn is_slice(&self) -> bool {
        *self == Self::Slice
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overview(index) => write!(f, "sheet {index} of the overview"),
            Self::Slice(start) => write!(f, "the slice at second {start}"),
        }
    }
}
