//! The part of a source that a slice needs, as a file of its own.

use std::{io::Read as _, ops::Range};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use gifgen_shared::Slice;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{keyframe_query::KeyframeQuery, mpegts::retime::Packets};

/// The part of a source that a slice needs. FFmpeg reads `header`, and then the bytes in `ranges`, as one file from
/// a pipe. Pictures keep the timestamps that they have in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The demuxer that FFmpeg uses for it.
    pub demuxer: Demuxer,
    /// Index of the video stream in the excerpt, as FFmpeg counts.
    pub stream: u32,
    /// What stands before the bytes of the source.
    #[serde(with = "serde_bytes")]
    pub header: Vec<u8>,
    /// Where the bytes start.
    pub start: Start,
    /// Byte ranges of the source, not empty: ascending and without overlaps, except for those of [`Demuxer::Mov`].
    pub ranges: Vec<Range<u64>>,
    /// If the end of `ranges` is an estimate, FFmpeg may read on up to this offset. Less than the end of `ranges`
    /// where that is exact.
    pub until: u64,
    /// The video in the packets of a transport stream. They are watched, and given the times of the film, as they are
    /// fed.
    pub packets: Option<Packets>,
    /// What the source has lost of the film, in milliseconds from its start: ranges in order, of whole pictures.
    pub lost: Vec<Range<u64>>,
}

/// The format of an [`Excerpt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Demuxer {
    /// MP4 and QuickTime.
    Mov,
    /// Matroska and WebM.
    Matroska,
    /// MPEG-TS.
    MpegTs,
}

/// Where the bytes of an [`Excerpt`] start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// With the first of its ranges, which starts with a keyframe.
    Exact,
    /// With the last keyframe before the first of its ranges. The worker searches it backwards, since the source
    /// has no index.
    KeyframeBefore {
        /// How it is recognised.
        query: KeyframeQuery,
        /// Where the first packet or cluster of the source starts.
        first: u64,
        /// A step of the search, in bytes.
        step: u64,
    },
}

/// Longest header, in bytes: the tables of a slice of 900 s at 240 pictures a second.
const MAX_HEADER_BYTES: usize = 8 * 1024 * 1024;

/// Ranges with less than this between them, in bytes, are fetched at once: a request costs more time, and on S3 as
/// much money as 4 MB cost from another region.
const GAP: u64 = 512 * 1024;

/// Most requests for one slice. If its bytes are more scattered, FFmpeg may as well seek.
const MAX_FETCHES: usize = 64;

/// Most ranges: one for each picture of such a slice.
const MAX_RANGES: usize = 250_000;

/// Most ranges of lost film: one for each second of the longest slice.
const MAX_LOST: usize = 900;

/// Most bytes of the encoded form before compression.
const MAX_ENCODED_BYTES: u64 = 16 * 1024 * 1024;

/// A text encodes no valid excerpt. Permanent, but the slice can be read without one.
#[derive(Debug, thiserror::Error)]
#[error("this is no excerpt: {0}")]
pub struct NoExcerpt(String);

impl Demuxer {
    /// FFmpeg's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::MpegTs => "mpegts",
        }
    }
}

impl Excerpt {
    /// As text, for an event.
    pub fn encode(&self) -> String {
        pack(self)
    }

    /// Reads what [`Self::encode`] wrote, for a source of `bytes` bytes.
    ///
    /// # Errors
    /// If it is invalid for that source.
    pub fn decode(text: &str, bytes: u64) -> Result<Self, NoExcerpt> {
        Self::unpacked(&unpack_bytes(text)?, bytes)
    }

    /// As [`Self::decode`], from what the text decompresses to.
    ///
    /// # Errors
    /// If it is invalid for that source.
    pub fn unpacked(raw: &[u8], bytes: u64) -> Result<Self, NoExcerpt> {
        let excerpt: Self = from_raw(raw)?;
        excerpt.check(bytes)?;
        Ok(excerpt)
    }

    /// Whether it is valid for a source of `bytes` bytes.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        let wrong = |what: &str| Err(NoExcerpt(what.to_owned()));
        if self.header.len() > MAX_HEADER_BYTES
            || self.ranges.len() > MAX_RANGES
            || self.lost.len() > MAX_LOST
        {
            return wrong("it is too long");
        }
        let mut end = 0;
        // Samples may be repeated or in any order. Packets and clusters are not.
        let is_free = self.demuxer == Demuxer::Mov;
        for range in &self.ranges {
            if (range.start < end && !is_free) || range.is_empty() || range.end > bytes {
                return wrong("its ranges are not in order, or behind the end of the source");
            }
            end = range.end;
        }
        if self.fetches().count() > MAX_FETCHES {
            return wrong("its bytes are scattered all over the source");
        }
        if end == 0 || self.until > bytes {
            return wrong("it names no bytes, or some behind the end of the source");
        }
        Ok(())
    }

    /// The first range of `slice`, in seconds of the film, in which the source has lost so much that a picture
    /// more than a second old would be on screen.
    pub fn lost_in(&self, slice: &Slice) -> Option<(f64, f64)> {
        let too_long = self.lost.iter().find_map(|lost| {
            let (from, to) = (
                lost.start as f64 / 1e3,
                (lost.end as f64 / 1e3).min(slice.end),
            );
            (to - from > 1.0).then_some((from, to))
        });
        too_long.map(|(from, to)| (from.max(f64::from(slice.start)), to))
    }

    /// The ranges, grouped by request. Ranges with small gaps between them are fetched together, and the gaps are
    /// dropped.
    pub fn fetches(&self) -> impl Iterator<Item = &[Range<u64>]> {
        let is_near = |before: &Range<u64>, after: &Range<u64>| {
            let gap = after.start.checked_sub(before.end);
            gap.is_some_and(|gap| gap < GAP)
        };
        self.ranges.chunk_by(is_near)
    }
}

/// Packs `value` as text, for an event.
pub(crate) fn pack(value: &impl Serialize) -> String {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    let packed = postcard::to_allocvec(value)
        .map_err(std::io::Error::other)
        .and_then(|bytes| std::io::Write::write_all(&mut packed, &bytes))
        .and_then(|()| packed.finish());
    // Writing to a vector does not fail, nor does serializing these types.
    STANDARD_NO_PAD.encode(packed.unwrap_or_default())
}

/// Reads what [`pack`] wrote, from what its text decompresses to.
pub(crate) fn from_raw<T: DeserializeOwned>(raw: &[u8]) -> Result<T, NoExcerpt> {
    postcard::from_bytes(raw).map_err(|error| NoExcerpt(error.to_string()))
}

/// What `text` decompresses to, up to a limit.
pub(crate) fn unpack_bytes(text: &str) -> Result<Vec<u8>, NoExcerpt> {
    let packed = STANDARD_NO_PAD.decode(text);
    let packed = packed.map_err(|error| NoExcerpt(error.to_string()))?;
    let mut raw = Vec::new();
    let mut unpacking = DeflateDecoder::new(packed.as_slice()).take(MAX_ENCODED_BYTES);
    unpacking
        .read_to_end(&mut raw)
        .map_err(|error| NoExcerpt(error.to_string()))?;
    Ok(raw)
}

impl NoExcerpt {
    /// There is none, because of `why`.
    pub(crate) fn because(why: &str) -> Self {
        Self(why.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excerpt(header: Vec<u8>, lengths: &[(u64, u64)]) -> Excerpt {
        let mut at = 0;
        let ranges = lengths.iter().map(|(gap, length)| {
            let start = at + gap;
            at = start + length;
            start..at
        });
        Excerpt {
            demuxer: Demuxer::Mov,
            stream: 0,
            header,
            start: Start::Exact,
            ranges: ranges.collect(),
            until: 0,
            packets: None,
            lost: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn an_excerpt_survives_its_event(header in prop::collection::vec(any::<u8>(), 0..200),
            lengths in prop::collection::vec((0u64..1 << 40, 1u64..1 << 30), 1..MAX_FETCHES)) {
            let excerpt = excerpt(header, &lengths);
            let end = excerpt.ranges.last().unwrap().end;
            let text = excerpt.encode();
            prop_assert_eq!(Excerpt::decode(&text, end).unwrap(), excerpt);
            prop_assert!(Excerpt::decode(&text, end - 1).is_err());
        }

        #[test]
        fn no_text_makes_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = STANDARD_NO_PAD.encode(bytes);
            prop_assert!(Excerpt::decode(&text, 1000).is_err() || text.len() > 10);
        }
    }

    #[test]
    fn small_gaps_are_fetched_along_and_large_ones_are_not() {
        let excerpt = excerpt(Vec::new(), &[(0, 10), (10, 10), (GAP, 10)]);
        let counts: Vec<usize> = excerpt.fetches().map(<[_]>::len).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn what_is_scattered_all_over_the_source_is_refused() {
        let scattered = excerpt(Vec::new(), &[(GAP, 1); MAX_FETCHES + 1]);
        assert!(Excerpt::decode(&scattered.encode(), u64::MAX).is_err());
    }

    #[test]
    fn ranges_out_of_order_are_refused() {
        let mut backwards = excerpt(Vec::new(), &[(0, 10), (10, 10)]);
        backwards.demuxer = Demuxer::MpegTs;
        backwards.ranges.reverse();
        assert!(Excerpt::decode(&backwards.encode(), 100).is_err());
        let none = excerpt(vec![1], &[]);
        assert!(Excerpt::decode(&none.encode(), 100).is_err());
    }

    #[test]
    fn what_unpacks_to_far_more_than_it_is_is_refused() {
        let long = excerpt(vec![0; MAX_HEADER_BYTES + 1], &[(0, 1)]);
        assert!(long.encode().len() < 32 * 1024);
        assert!(Excerpt::decode(&long.encode(), 100).is_err());
    }
}
