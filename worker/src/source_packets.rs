//! What the packets of the source tell that decoded pictures do not.

use std::{ops::Range, sync::Arc};

use gifgen_index::losses::transport_stream_breaks;
use gifgen_probe::{LoggedPicture, PacketAt};
use gifgen_reader::{
    BlockCache,
    probing::{Programs, packets_within},
};
use gifgen_shared::Deadline;

use crate::{decoded::Decoded, error::JobError, job::Job};

/// Two times this close, in seconds, are the same. Pictures count from a millisecond later than packets.
const ROUNDING_SECONDS: f64 = 0.002;

/// The packets around a hole are up to so many places from it in the order of decoding.
const REORDERED: usize = 4;

/// How far before a hole packets are listed, in seconds, for those that come earlier in the order of decoding.
const BEFORE_SECONDS: f64 = 1.0;

/// The packets of a slice's source.
#[derive(Clone, Copy)]
pub(crate) struct SourcePackets<'a> {
    pub programs: Programs<'a>,
    pub blocks: &'a Arc<BlockCache>,
    pub deadline: Deadline,
    pub job: &'a Job,
}

impl SourcePackets<'_> {
    /// The packets in `range`, which like their times counts in seconds from the slice's start: those of stream
    /// `index`, or of all. See [`packets_within`].
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn within(
        &self,
        index: Option<u32>,
        range: Range<f64>,
    ) -> Result<Vec<PacketAt>, JobError> {
        let (blocks, deadline, container) = (self.blocks, self.deadline, &self.job.container);
        let zero = self.job.slice.video.start_time + f64::from(self.job.slice.slice.start);
        let range = zero + range.start..zero + range.end;
        let packets =
            packets_within(self.programs, blocks, deadline, container, index, range).await?;
        let since_zero = |packet: PacketAt| PacketAt {
            time: packet.time - zero,
            ..packet
        };
        Ok(packets.into_iter().map(since_zero).collect())
    }

    /// Takes the mark of a keyframe from `pictures` that may be repeated and that the container does not call
    /// keyframes.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn unmark_repeated(
        &self,
        pictures: &mut [LoggedPicture],
    ) -> Result<(), JobError> {
        let is_doubtful =
            |picture: &&mut LoggedPicture| picture.is_keyframe && picture.may_be_repeated;
        let slice = &self.job.slice;
        let first = pictures.iter_mut().find(is_doubtful);
        let Some(first) = first.and_then(|first| first.time) else {
            return Ok(());
        };
        let zero = slice.zero();
        let range = first - zero - ROUNDING_SECONDS..slice.slice.seconds();
        let packets = self.within(Some(slice.video.index), range).await?;
        for picture in pictures.iter_mut().filter(is_doubtful) {
            let is_of = |packet: &PacketAt| {
                let time = picture.time.map(|time| time - zero);
                time.is_some_and(|time| (packet.time - time).abs() < ROUNDING_SECONDS)
            };
            let mut keyframes = packets.iter().filter(|packet| packet.is_keyframe);
            picture.is_keyframe = keyframes.any(is_of);
        }
        Ok(())
    }

    /// Since when packets of a transport stream are lost within a short hole among the decoded pictures, in seconds
    /// from the slice's start. If the counter of the packets agrees by chance, FFmpeg says nothing.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn first_loss(&self, decoded: &Decoded) -> Result<Option<f64>, JobError> {
        let slice = &self.job.slice;
        let holes = decoded.short_holes(slice.slice.seconds());
        let (Some(first), Some(last)) = (holes.first(), holes.last()) else {
            return Ok(None);
        };
        let range = first.start - BEFORE_SECONDS..last.end;
        let packets = self.within(Some(slice.video.index), range).await?;
        for hole in holes {
            let Some(range) = bytes_around(&packets, &hole) else {
                continue;
            };
            if transport_stream_breaks(self.blocks, range).await? {
                return Ok(Some(hole.start));
            }
        }
        Ok(None)
    }
}

/// The bytes from a packet before `hole` to one behind it. `packets` are in the order of decoding.
fn bytes_around(packets: &[PacketAt], hole: &Range<f64>) -> Option<Range<u64>> {
    let place_of = |time: f64| {
        let is_there = |packet: &PacketAt| (packet.time - time).abs() < ROUNDING_SECONDS;
        packets.iter().position(is_there)
    };
    let (before, behind) = (place_of(hole.start)?, place_of(hole.end)?);
    let first = before.min(behind).saturating_sub(REORDERED);
    let last = (before.max(behind) + REORDERED).min(packets.len() - 1);
    let range = packets[first].offset?..packets[last].offset?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_around_a_hole_hold_those_of_pictures_that_are_decoded_earlier() {
        let tenths = [0, 2, 1, 4, 3, 6, 5, 12, 11, 14, 13, 16, 15, 18, 17];
        let packet = |(n, tenth): (usize, &i32)| PacketAt {
            stream: 0,
            time: f64::from(*tenth) / 10.0,
            size: 100,
            offset: Some(n as u64 * 188),
            is_keyframe: n == 0,
        };
        let packets: Vec<PacketAt> = tenths.iter().enumerate().map(packet).collect();
        let bytes = |from, to| bytes_around(&packets, &(from..to));
        assert_eq!(bytes(0.599, 1.099), Some(188..12 * 188));
        assert_eq!(bytes(0.0, 1.8), Some(0..14 * 188));
        assert_eq!(bytes(0.65, 1.1), None);
    }
}
