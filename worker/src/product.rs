//! What one run of FFmpeg makes of the pictures of a slice.

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// The slice's previews, as its settings say.
    Previews,
    /// Raw pictures.
    Raw(RawPictures),
}

/// Raw pictures of one size. They are collected in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawPictures {
    /// Width and height, in pixels.
    pub size: (u32, u32),
    /// Which ones.
    pub choice: Choice,
}

/// Which pictures of a slice become raw pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// So many: those on screen at the slice's start and each `interval` seconds later.
    Each {
        /// Seconds, from 1.
        interval: u32,
        /// How many.
        count: u32,
    },
    /// The same if only keyframes were in the source.
    EachOfKeyframes {
        /// Seconds, from 1.
        interval: u32,
        /// How many.
        count: u32,
    },
    /// All that are decoded, up to so many.
    All {
        /// Most pictures.
        most: u32,
    },
}

impl RawPictures {
    /// Bytes of one: three planes of one byte a pixel.
    pub(crate) fn picture_bytes(&self) -> usize {
        3 * self.size.0 as usize * self.size.1 as usize
    }

    /// Bytes of all of them, at most.
    pub(crate) fn bytes(&self) -> u64 {
        self.picture_bytes() as u64 * u64::from(self.most())
    }

    /// Whether none of them is missing.
    pub(crate) fn has_all(&self, pictures: &[Vec<u8>]) -> bool {
        let is_open = matches!(self.choice, Choice::All { .. });
        is_open || pictures.len() == self.most() as usize
    }

    /// Most pictures.
    pub(crate) fn most(&self) -> u32 {
        match self.choice {
            Choice::Each { count, .. } | Choice::EachOfKeyframes { count, .. } => count,
            Choice::All { most } => most,
        }
    }
}
