//! Looks for the keyframe before a place, backwards.

use std::sync::Arc;

use bytes::Bytes;
use gifgen_reader::reader::{ReadError, Reader};
use serde::{Deserialize, Serialize};

use crate::{
    excerpt::{Excerpt, Start},
    matroska, mpegts,
    mpegts::{codec::Codec, packet::Layout},
};

/// What the keyframe is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Landmark {
    /// A picture in a transport stream.
    Picture {
        /// The stream of packets to look into.
        pid: u16,
        /// What it is coded with.
        codec: Codec,
        /// From one packet to the next, in bytes.
        packet: u64,
        /// Latest time at which it may be shown, of 90,000 in a second.
        shown: i64,
    },
    /// A block in a Matroska file.
    Block {
        /// Number of the track to look into.
        track: u64,
        /// Latest time at which it may be shown, in the file's own units.
        shown: i64,
    },
}

/// How far each look goes back, in first steps: eight of them in all, 12 s as a rule; x264 puts
/// keyframes ten seconds apart at most. So a slice takes four requests with that for its own bytes.
/// More and smaller looks would read less before the keyframe that is not needed.
const STEPS: [u64; 3] = [1, 2, 5];

/// Most bytes to look through: as much as a worker holds in memory, and ten seconds of 100 Mbit/s.
const MOST: u64 = 128 * 1024 * 1024;

/// The keyframe at which `excerpt` starts, if that is to be looked for: where it is, and what FFmpeg
/// is to read from there to the first of the ranges. `None` if there is none nearby.
///
/// # Errors
/// If the source cannot be read.
pub async fn before(
    reader: &Arc<Reader>,
    excerpt: &Excerpt,
) -> Result<Option<(u64, Bytes)>, ReadError> {
    let (
        Start::KeyframeBefore {
            landmark,
            first,
            step,
        },
        Some(range),
    ) = (&excerpt.start, excerpt.ranges.first())
    else {
        return Ok(None);
    };
    let end = range.start;
    let mut from = end;
    let mut bytes = Bytes::new();
    for steps in STEPS {
        let look = step.saturating_mul(steps).max(1);
        let start = landmark.align(*first, from.saturating_sub(look).max(*first));
        if start >= from || end - start > MOST {
            return Ok(None);
        }
        bytes = [reader.read(start..from).await?, bytes].concat().into();
        from = start;
        if bytes.len() as u64 != end - start {
            return Ok(None);
        }
        if let Some((at, found)) = landmark.last(&bytes) {
            return Ok(Some((from + at as u64, found)));
        }
        if from <= *first {
            // The beginning is as good as it gets.
            return Ok(Some((from, bytes)));
        }
    }
    Ok(None)
}

impl Landmark {
    fn align(&self, first: u64, at: u64) -> u64 {
        match self {
            Self::Picture { packet, .. } => Layout {
                size: *packet,
                first,
            }
            .align(at),
            Self::Block { .. } => at,
        }
    }

    /// The last one in `bytes`: where, and what FFmpeg is to read from there on.
    fn last(&self, bytes: &Bytes) -> Option<(usize, Bytes)> {
        match self {
            Self::Picture {
                pid,
                codec,
                packet,
                shown,
            } => {
                let layout = Layout {
                    size: *packet,
                    first: 0,
                };
                let at = mpegts::keyframe::last(bytes, layout, *pid, *codec, *shown)?;
                Some((at, bytes.slice(at..)))
            }
            Self::Block { track, shown } => {
                let (at, lead) = matroska::keyframe::last(bytes, *track, *shown)?;
                let found = [&lead, bytes.get(at..)?].concat();
                Some((at, found.into()))
            }
        }
    }
}
