//! Excerpts of a video whose timestamps are searched: one algorithm for Matroska and MPEG-TS.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use gifgen_reader::Reader;
use gifgen_shared::Slice;

use super::{
    align::align,
    clock::Clock,
    timestamp_map::{Point, SearchParams, TimestampMap},
    timestamp_search::{probe, search},
};
use crate::{
    error::IndexError,
    excerpt::{Demuxer, Excerpt, Start},
    keyframe_query::KeyframeQuery,
    keyframe_search::{MAX_DISTANCE_SECONDS, step},
};

/// Size of a probe, in seconds of video: about 1.5 pictures at 24 a second. The probe reads on if no picture
/// starts in it.
const PROBE_SECONDS: f64 = 0.06;

/// A point at most this many seconds after a bound is close enough. On average half of that is read and not used;
/// another probe would cost as much.
const MAX_LATE_SECONDS: f64 = 0.8;

/// State of the search in one video.
#[derive(Debug)]
pub(crate) struct SearchedVideo<'a> {
    pub(crate) reader: &'a Arc<Reader>,
    pub(crate) clock: Clock,
    /// The bytes with pictures.
    pub(crate) range: Range<u64>,
    /// Bytes in a second, on the average.
    pub(crate) byte_rate: f64,
    /// From one packet to the next, in bytes; 1 if a probe may start anywhere.
    pub(crate) packet: u64,
    /// Longest time by which a picture may be shown later than pictures that are stored after it, in ticks.
    pub(crate) reorder_delay: i64,
    /// A slice that ends at this pts or later extends to the end of the file.
    pub(crate) end_pts: i64,
    /// The known points.
    pub(crate) map: TimestampMap,
    /// The format of the excerpts.
    pub(crate) demuxer: Demuxer,
    /// The index of the video stream.
    pub(crate) stream: u32,
    /// What precedes the pictures of an excerpt.
    pub(crate) header: Vec<u8>,
    /// How far FFmpeg may read on after an excerpt, in bytes, if the end of the excerpt is an estimate.
    pub(crate) spare: Option<u64>,
}

/// A keyframe whose offset is known, and what FFmpeg must read before it.
#[derive(Debug)]
pub(crate) struct Keyframe {
    pub(crate) offset: u64,
    pub(crate) prefix: Vec<u8>,
}

impl SearchedVideo<'_> {
    /// Searches for `bounds`, the pts of the bounds of slices, in a video of `seconds` seconds. `find` gives the
    /// points in bytes that start at an offset.
    ///
    /// # Errors
    /// If the source cannot be read, or cannot be searched.
    pub(crate) async fn search(
        &mut self,
        bounds: &BTreeSet<i64>,
        seconds: f64,
        find: impl Fn(u64, &[u8]) -> Vec<Point>,
    ) -> Result<(), IndexError> {
        let point = |offset, seconds| {
            let pts = self.clock.pts(seconds);
            Point {
                offset,
                pts,
                earliest_pts: pts.saturating_sub(self.reorder_delay),
            }
        };
        let ends = (point(self.range.start, 0.0), point(self.range.end, seconds));
        let probe_bytes = ((self.byte_rate * PROBE_SECONDS) as u64).clamp(4 * 1024, 256 * 1024);
        let params = SearchParams {
            // Whole packets, since a read starts where the last one ended.
            probe_bytes: align(probe_bytes, 0, self.packet),
            max_late: self.clock.span(MAX_LATE_SECONDS),
            max_gap: self.near_bytes(),
        };
        let (reader, first, packet) = (self.reader, self.range.start, self.packet);
        search(&mut self.map, bounds, ends, params, |range| {
            let range = align(range.start, first, packet)..range.end;
            probe(reader, range, params.probe_bytes, &find)
        })
        .await
    }

    /// Gaps up to this many bytes are not probed further.
    pub(crate) fn near_bytes(&self) -> u64 {
        ((self.byte_rate * MAX_LATE_SECONDS) as u64).max(16 * 1024)
    }

    /// The excerpt of `slice`, or `None` if it cannot be cut out. It starts at the keyframe that `keyframe(offset)`
    /// returns. If that is `None`, the worker searches backwards with `query`. `offset` is where the slice's own bytes
    /// start, if that is known.
    pub(crate) fn excerpt(
        &self,
        slice: &Slice,
        keyframe: impl FnOnce(Option<u64>) -> Option<Keyframe>,
        query: impl Fn(i64) -> KeyframeQuery,
    ) -> Option<Excerpt> {
        let pts = self.clock.range(slice);
        let after = |pts| self.map.after(pts).map(|point| point.offset);
        let estimated_end = after(pts.end).filter(|_| pts.end < self.end_pts);
        let end = estimated_end.unwrap_or(self.range.end);
        // The first picture that is shown may be the keyframe, so the search for a keyframe must see it.
        let first = after(pts.start).filter(|first| *first < end);
        let first = first.or_else(|| Some(self.map.before(pts.start)?.offset));
        let (start, Keyframe { offset, prefix }) = match keyframe(first) {
            Some(keyframe) => (Start::Exact, keyframe),
            None => {
                let span = self.clock.span(MAX_DISTANCE_SECONDS);
                let rate = self.map.byte_rate_before(pts.start, span);
                let rate = rate.unwrap_or(self.byte_rate / self.clock.timescale());
                let start = Start::KeyframeBefore {
                    query: query(pts.start),
                    first: self.range.start,
                    step: step(rate * span as f64),
                };
                (start, Keyframe::at(first?))
            }
        };
        let spare = estimated_end.and(self.spare);
        (offset < end).then(|| Excerpt {
            demuxer: self.demuxer,
            stream: self.stream,
            header: [&self.header[..], &prefix].concat(),
            start,
            ranges: std::iter::once(offset..end).collect(),
            until: spare.map_or(0, |spare| (end + spare).min(self.range.end)),
            packets: None,
            lost: Vec::new(),
        })
    }
}

impl Keyframe {
    /// A keyframe that needs nothing before it.
    pub(crate) fn at(offset: u64) -> Self {
        let prefix = Vec::new();
        Self { offset, prefix }
    }
}
