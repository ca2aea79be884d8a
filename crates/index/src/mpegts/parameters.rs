//! Parameters of H.264 that keyframes do not repeat.
//!
//! A stream that was copied out of an MP4 has them before IDR pictures only. Those of an open group of pictures are none.

use std::{borrow::Cow, ops::Range};

use gifgen_reader::{BlockCache, ReadError};
use serde::{Deserialize, Serialize};

use super::{
    codec::{Codec, units},
    keyframe_unit::each_start,
    retime::Packets,
    stream::Stream,
};

/// How much of a recording's start is read for them, in bytes. Of the file's start it has been read already.
const START_BYTES: u64 = 64 * 1024;

/// Most recordings in one file whose parameters are read.
pub(crate) const MAX_RECORDINGS: usize = 8;

/// Longest parameters, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Kinds of units.
const SLICES: [u8; 5] = [1, 2, 3, 4, 5];
const SEQUENCE: u8 = 7;
const PICTURE: u8 = 8;

/// The parameters at the start of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// Where the recording is in the source.
    range: Range<u64>,
    /// Units with start codes.
    #[serde(with = "serde_bytes")]
    units: Vec<u8>,
}

impl Parameters {
    /// Those of each recording in `stream` that starts with some. None if its codec needs none.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn read(blocks: &BlockCache, stream: &Stream) -> Result<Vec<Self>, ReadError> {
        let packets = stream.packets(0..u64::MAX);
        let mut starts: Vec<u64> = packets.pieces.iter().map(|piece| piece.from).collect();
        if packets.codec != Codec::H264 {
            return Ok(Vec::new());
        }
        if let Some(first) = starts.first_mut() {
            *first = stream.layout.first;
        } else {
            starts.push(stream.layout.first);
        }
        let ends = starts.iter().skip(1).copied().chain([u64::MAX]);
        let mut found = Vec::new();
        for (start, end) in starts.iter().zip(ends).take(MAX_RECORDINGS) {
            let bytes = blocks.read(*start..start.saturating_add(START_BYTES).min(end));
            found.extend(units_in(&bytes.await?, *start, &packets).map(|units| Self {
                range: *start..end,
                units,
            }));
        }
        Ok(found)
    }

    /// Those among `all` that are valid at `offset`.
    pub(crate) fn at(all: &[Self], offset: u64) -> Option<&Self> {
        all.iter().find(|one| one.range.contains(&offset))
    }

    /// The picture in `data`, with parameters in front if it has none.
    pub(crate) fn before<'a>(&self, data: &'a [u8]) -> Cow<'a, [u8]> {
        let kinds = units(data).filter_map(|unit| Some(unit.first()? & 0x1f));
        let mut before_slices = kinds.take_while(|kind| !SLICES.contains(kind));
        if before_slices.any(|kind| kind == SEQUENCE) {
            return Cow::Borrowed(data);
        }
        Cow::Owned([&self.units, data].concat())
    }

    /// Whether they are short enough for an event.
    pub(crate) fn is_short(&self) -> bool {
        self.units.len() <= MAX_BYTES
    }
}

/// The parameters of the first picture in `bytes` that has some. `bytes` start at `offset` with a packet.
fn units_in(bytes: &[u8], offset: u64, packets: &Packets) -> Option<Vec<u8>> {
    let mut found = None;
    each_start(bytes, offset, packets, |_, data| {
        if found.is_none() {
            found = parameters(data);
        }
    });
    found
}

fn parameters(data: &[u8]) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    let mut kinds = Vec::new();
    for unit in units(data) {
        let kind = unit.first()? & 0x1f;
        if SLICES.contains(&kind) {
            break;
        }
        if matches!(kind, SEQUENCE | PICTURE) {
            kinds.push(kind);
            found.extend([0, 0, 1]);
            // Zeros before the next start code belong to that.
            let length = unit.iter().rposition(|byte| *byte != 0)? + 1;
            found.extend_from_slice(unit.get(..length)?);
        }
    }
    let is_all = kinds.contains(&SEQUENCE) && kinds.contains(&PICTURE);
    (is_all && found.len() <= MAX_BYTES).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 7] = [0, 0, 0, 1, 0x67, 0x64, 7];
    const PPS: [u8; 6] = [0, 0, 0, 1, 0x68, 9];
    const IDR: [u8; 6] = [0, 0, 0, 1, 0x65, 1];

    #[test]
    fn the_parameters_before_a_picture_are_put_before_one_that_has_none() {
        let with_own = [&SPS[..], &PPS, &IDR].concat();
        let parameters = Parameters {
            range: 0..9,
            units: parameters(&with_own).unwrap(),
        };
        assert_eq!(parameters.units, [0, 0, 1, 0x67, 0x64, 7, 0, 0, 1, 0x68, 9]);
        assert_eq!(*parameters.before(&with_own), with_own);
        assert_eq!(
            *parameters.before(&IDR),
            [&parameters.units[..], &IDR].concat()
        );
        let all = [parameters];
        assert!(Parameters::at(&all, 8).is_some() && Parameters::at(&all, 9).is_none());
    }

    #[test]
    fn parameters_that_are_not_complete_are_none() {
        for data in [
            &[&SPS[..], &IDR].concat()[..],
            &IDR,
            &[&IDR[..], &SPS, &PPS].concat(),
        ] {
            assert_eq!(parameters(data), None);
        }
    }
}
