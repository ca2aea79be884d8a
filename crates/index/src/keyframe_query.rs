//! How a keyframe is recognised in the bytes of a source.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    matroska,
    mpegts::{self, codec::Codec, packet::Layout},
    search::align,
};

/// Which keyframe is wanted: the last one that is shown at a pts or before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyframeQuery {
    /// A picture in a transport stream.
    Picture {
        /// The pid of the video.
        pid: u16,
        /// The codec of the video.
        codec: Codec,
        /// From one packet to the next, in bytes.
        packet: u64,
        /// Latest pts, in 1/90,000 s.
        latest_pts: i64,
    },
    /// A block in a Matroska file.
    Block {
        /// The number of the video track.
        track: u64,
        /// Latest pts, in ticks of the file.
        latest_pts: i64,
    },
}

impl KeyframeQuery {
    /// The last offset up to `offset` at which a read may start, where packets start at `first`.
    pub(crate) fn align(&self, first: u64, offset: u64) -> u64 {
        match self {
            Self::Picture { packet, .. } => align(offset, first, *packet),
            Self::Block { .. } => offset,
        }
    }

    /// The last such keyframe in `bytes` and all that follows it, as FFmpeg reads it. `None` if there is none.
    pub(crate) fn last(&self, bytes: &Bytes) -> Option<Bytes> {
        match self {
            Self::Picture {
                pid,
                codec,
                packet,
                latest_pts,
            } => {
                let layout = Layout {
                    size: *packet,
                    first: 0,
                };
                let offset = mpegts::keyframe::last(bytes, layout, *pid, *codec, *latest_pts)?;
                Some(bytes.slice(offset..))
            }
            Self::Block { track, latest_pts } => {
                let (offset, cluster) = matroska::keyframe::last(bytes, *track, *latest_pts)?;
                Some([&cluster, bytes.get(offset..)?].concat().into())
            }
        }
    }
}
