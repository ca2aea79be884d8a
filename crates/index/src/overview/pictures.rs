//! How pictures are found in bytes of a source that has no index, and how keyframes are written for FFmpeg.

use std::borrow::Cow;

use memchr::memmem;
use serde::{Deserialize, Serialize};

pub(super) use crate::mpegts::keyframe_unit::{Cut, Picture};
use crate::{
    decoder_restart::{DecoderSetup, Restart, unlinked_stream},
    h264_restart::restarted,
    matroska::{
        cued_block::{MAX_BLOCK_BYTES, cluster_of, time_in_cluster, with_picture},
        ebml::Header,
        ids,
        scan::{cluster, scan},
    },
    mpegts::{
        codec::Codec, fields, keyframe_stream, keyframe_unit, parameters::Parameters,
        retime::Packets,
    },
    search::align,
};

/// Longest start of a cluster that is needed to know it, in bytes.
const CLUSTER_HEAD_BYTES: usize = 64;

/// How a cluster starts.
const CLUSTER_ID: [u8; 4] = ids::CLUSTER.to_be_bytes();

/// A kind of source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Pictures {
    /// Matroska without cues.
    Matroska {
        /// The number of the video.
        track: u64,
        decoder_setup: DecoderSetup,
    },
    /// MPEG-TS.
    MpegTs {
        packets: Packets,
        /// Those that keyframes need not have in themselves.
        parameters: Vec<Parameters>,
    },
}

/// Writes keyframes, one after the other.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pictures: &'a Pictures,
    restart: Option<Restart>,
    count: usize,
    counter: u8,
}

impl Pictures {
    /// The last offset up to `offset` at which a read may start, where pictures start at `first`.
    pub(super) fn align(&self, first: u64, offset: u64) -> u64 {
        match self {
            Self::Matroska { .. } => offset,
            Self::MpegTs { packets, .. } => align(offset, first, packets.size),
        }
    }

    /// The pictures that start in `bytes`, which start at `offset`; and from which offset on these must be kept if more
    /// are read behind them.
    pub(super) fn seen(&self, bytes: &[u8], offset: u64) -> (Vec<Picture>, u64) {
        match self {
            Self::MpegTs {
                packets,
                parameters,
            } => {
                let found = keyframe_unit::pictures(bytes, offset, packets, parameters);
                let end = offset + bytes.len() as u64;
                let last = found.last().map(|last| last.offset);
                (
                    found,
                    last.unwrap_or_else(|| align(end, offset, packets.size)),
                )
            }
            Self::Matroska { track, .. } => {
                let blocks = scan(bytes, None, *track);
                // Times and sizes are only certain from the start of a cluster on.
                let start = blocks.iter().rev().find_map(|block| block.starts_cluster);
                let kept = start.unwrap_or_else(|| possible_cluster(bytes));
                let picture = blocks.into_iter().map(|block| Picture {
                    offset: offset + block.offset as u64,
                    pts: block.pts,
                    is_keyframe: block.is_keyframe,
                });
                (picture.collect(), offset + kept as u64)
            }
        }
    }

    /// Cuts `picture` out of `bytes`, which start at `offset`. `is_end` is whether the source ends with them.
    pub(super) fn cut(&self, bytes: &[u8], offset: u64, picture: &Picture, is_end: bool) -> Cut {
        match self {
            Self::MpegTs {
                packets,
                parameters,
            } => {
                let mut cut = keyframe_unit::cut(bytes, offset, packets, picture.offset, is_end);
                let known = Parameters::at(parameters, picture.offset);
                if let (Cut::Whole(data), Some(known)) = (&mut cut, known) {
                    *data = known.before(data).into_owned();
                }
                match cut {
                    Cut::Whole(data) if !fields::are_complete(&data, packets.codec) => Cut::Damaged,
                    cut => cut,
                }
            }
            Self::Matroska { .. } => {
                let at = picture.offset.saturating_sub(offset) as usize;
                let element = bytes.get(at..).unwrap_or_default();
                let size = Header::read(element)
                    .and_then(|header| header.header.checked_add(header.size?))
                    .filter(|size| *size <= MAX_BLOCK_BYTES);
                match size {
                    None => Cut::Damaged,
                    Some(size) => match element.get(..size as usize) {
                        None => Cut::Short,
                        Some(element) => Cut::Whole(element.to_vec()),
                    },
                }
            }
        }
    }

    pub(super) fn writer(&self) -> Writer<'_> {
        let restart = match self {
            Self::Matroska { decoder_setup, .. } => decoder_setup.restart(),
            Self::MpegTs { .. } => None,
        };
        Writer {
            pictures: self,
            restart,
            count: 0,
            counter: 0,
        }
    }
}

/// Where the last cluster starts in `bytes`, or may do so.
fn possible_cluster(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(CLUSTER_HEAD_BYTES);
    let mut starts = memmem::rfind_iter(bytes, &CLUSTER_ID);
    let last = starts.find(|at| bytes.get(*at..).and_then(cluster).is_some());
    last.unwrap_or(tail)
}

impl Writer<'_> {
    /// The keyframe `data` that was cut out, as FFmpeg reads it. `None` if its decoder cannot be started anew with it.
    pub(super) fn write(&mut self, data: &[u8], pts: i64) -> Option<Vec<u8>> {
        let written = match self.pictures {
            Pictures::MpegTs { packets, .. } => {
                let data = match packets.codec {
                    Codec::H264 => Cow::Owned(restarted(data, self.count)?),
                    Codec::Hevc => Cow::Owned(unlinked_stream(data)),
                    Codec::Mpeg2 | Codec::Mpeg4 => Cow::Borrowed(data),
                };
                keyframe_stream::picture(&data, pts, &mut self.counter)?
            }
            Pictures::Matroska { .. } => {
                let timestamp = pts.checked_sub(time_in_cluster(data)?);
                let timestamp = timestamp.filter(|timestamp| *timestamp >= 0)?;
                match self.restart.as_ref()? {
                    Restart::Nothing => cluster_of(timestamp, data),
                    restart => {
                        let count = self.count;
                        let element = with_picture(data, |picture| restart.of(picture, count))?;
                        cluster_of(timestamp, &element)
                    }
                }
            }
        };
        self.count += 1;
        Some(written)
    }
}
