//! Looks for the keyframe before a place, backwards.

use std::{ops::Range, sync::Arc};

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
pub enum KeyframeQuery {
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

/// How far each look goes back, in steps. The first comes with the slice's own bytes, so that a slice
/// takes four requests at most. Of such looks these read the least in vain where keyframes are two to
/// ten seconds apart.
const STEPS: [u64; 4] = [3, 4, 6, 13];

/// How far all looks together go back, in seconds: x264 puts keyframes ten seconds apart at most, and
/// rates differ.
pub const FAR_SECONDS: f64 = 13.0;

/// Shortest step, in bytes.
const LEAST_STEP: u64 = 8 * 1024;

/// The step for a film of which [`FAR_SECONDS`] take `far` bytes.
pub fn step(far: f64) -> u64 {
    let steps: u64 = STEPS.iter().sum();
    ((far / steps as f64) as u64).max(LEAST_STEP)
}

/// Most bytes to look through, since they are kept meanwhile: thirteen seconds of 40 Mbit/s.
const MOST: u64 = 64 * 1024 * 1024;

/// What is to be looked through first for the keyframe at which `excerpt` starts: the bytes just before
/// its ranges. Empty where they start with one.
pub fn first_look(excerpt: &Excerpt) -> Range<u64> {
    let end = excerpt.ranges.first().map_or(0, |range| range.start);
    let first = looks(excerpt).and_then(|mut looks| looks.next());
    first.unwrap_or(end..end)
}

/// What FFmpeg is to read before the ranges of `excerpt`, from the keyframe on at which it starts.
/// `looked` is what [`first_look`] says; if it is not in there, more is read. `None` if there is none
/// nearby.
///
/// # Errors
/// If the source cannot be read.
pub async fn before(
    reader: &Arc<Reader>,
    excerpt: &Excerpt,
    looked: Bytes,
) -> Result<Option<Bytes>, ReadError> {
    let Start::KeyframeBefore {
        landmark, first, ..
    } = &excerpt.start
    else {
        return Ok(Some(looked));
    };
    let mut bytes = Bytes::new();
    for (look, range) in looks(excerpt).into_iter().flatten().enumerate() {
        let read = match look {
            0 => looked.clone(),
            _ => reader.read(range.clone()).await?,
        };
        bytes = [read, bytes].concat().into();
        if let Some(found) = landmark.last(&bytes) {
            return Ok(Some(found));
        }
        if range.start <= *first {
            // The beginning is as good as it gets.
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Where to look, one after the other, each before the last.
fn looks(excerpt: &Excerpt) -> Option<impl Iterator<Item = Range<u64>>> {
    let Start::KeyframeBefore {
        landmark,
        first,
        step,
    } = &excerpt.start
    else {
        return None;
    };
    let end = excerpt.ranges.first()?.start;
    let mut from = end;
    Some(STEPS.into_iter().map_while(move |steps| {
        let look = step.saturating_mul(steps).max(1);
        let start = landmark.align(*first, from.saturating_sub(look).max(*first));
        let range = start..from;
        from = start;
        (!range.is_empty() && end - start <= MOST).then_some(range)
    }))
}

impl KeyframeQuery {
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

    /// What FFmpeg is to read of `bytes`, from the last one in them on.
    fn last(&self, bytes: &Bytes) -> Option<Bytes> {
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
                Some(bytes.slice(at..))
            }
            Self::Block { track, shown } => {
                let (at, lead) = matroska::keyframe::last(bytes, *track, *shown)?;
                Some([&lead, bytes.get(at..)?].concat().into())
            }
        }
    }
}
