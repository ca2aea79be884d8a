//! What the packets of the source tell that decoded pictures do not.

use std::{ops::Range, sync::Arc};

use gifgen_index::losses::{pieces_lose, transport_stream_breaks};
use gifgen_probe::{LoggedPicture, PacketAt};
use gifgen_reader::{
    BlockCache,
    probing::{Programs, packets_within},
};
use gifgen_shared::{Deadline, Timeline};

use crate::{error::JobError, job::SliceJob};

/// Two times this close, in seconds, are the same. Pictures count from a millisecond later than packets.
const ROUNDING_SECONDS: f64 = 0.002;

/// A codec of which a picture refers to the one before at most, though FFmpeg 8's decoder calls none a keyframe.
const CINEFORM: &str = "cfhd";

/// The packets around a hole are up to so many places from it in the order of decoding.
const REORDERED: usize = 16;

/// How far before a hole packets are listed, in seconds, for those that come earlier in the order of decoding.
const BEFORE_SECONDS: f64 = 2.0;

/// The packets of a slice's source.
#[derive(Clone, Copy)]
pub(crate) struct SourcePackets<'a> {
    pub programs: Programs<'a>,
    pub blocks: &'a Arc<BlockCache>,
    pub deadline: Deadline,
    pub job: &'a SliceJob,
    /// The bytes of the source in the excerpt that was rendered. None if FFmpeg sought.
    pub ranges: &'a [Range<u64>],
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

    /// Whether packets are lost in the excerpt of a transport stream with a `timeline`.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn pieces_lose(&self, timeline: &Timeline) -> Result<bool, JobError> {
        for range in self.ranges {
            if pieces_lose(self.blocks, &timeline.pieces, range.clone()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Corrects what `pictures` say of themselves. The mark of a keyframe may be that of an earlier picture; so it is
    /// taken from those that the container, or the demuxer's parser, does not call keyframes. And what a decoder passed
    /// over is a loss if its packet should have given a picture.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn correct(&self, pictures: &mut [LoggedPicture]) -> Result<(), JobError> {
        if self.job.codec == CINEFORM {
            let all = pictures.iter_mut();
            all.for_each(|picture| picture.is_keyframe = true);
            return Ok(());
        }
        let slice = &self.job.slice;
        // The decoder of opacity calls each picture a keyframe.
        let hides = slice.video.colour.alpha.decoder().is_some();
        let is_doubted =
            |picture: &LoggedPicture| picture.is_keyframe && (picture.may_be_repeated || hides);
        let is_doubtful =
            |picture: &LoggedPicture| is_doubted(picture) || picture.is_after_passing_over;
        let zero = slice.zero();
        let doubtful = pictures.iter().filter(|picture| is_doubtful(picture));
        let first = doubtful.filter_map(|picture| picture.time).reduce(f64::min);
        let Some(first) = first else {
            return Ok(());
        };
        let range = first - zero - BEFORE_SECONDS..slice.slice.seconds();
        // With a timeline, packets do not have the times of the film, and nothing proves a keyframe.
        let packets = match self.job.timeline {
            None => self.within(Some(slice.video.index), range).await?,
            Some(_) => Vec::new(),
        };
        let keyframes = packets.iter().filter(|packet| packet.is_keyframe);
        let mut before: Option<f64> = None;
        for picture in pictures {
            let time = picture.time.map(|time| time - zero);
            if is_doubted(picture) {
                let is_of =
                    |packet: &PacketAt| time.is_some_and(|time| are_same(packet.time, time));
                picture.is_keyframe = keyframes.clone().any(is_of);
            }
            if let (true, Some(from), Some(to)) = (picture.is_after_passing_over, before, time) {
                let between = from + ROUNDING_SECONDS..to - ROUNDING_SECONDS;
                let mut packets = packets.iter();
                picture.is_after_refusal |= packets.any(|packet| between.contains(&packet.time));
            }
            before = time.or(before);
        }
        Ok(())
    }

    /// Marks the pictures behind those of `holes` in which packets of a transport stream are lost. If the counter of the
    /// packets agrees by chance, FFmpeg says nothing.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn mark_losses(
        &self,
        holes: &[Range<f64>],
        pictures: &mut [LoggedPicture],
    ) -> Result<(), JobError> {
        let slice = &self.job.slice;
        let (Some(first), Some(last)) = (holes.first(), holes.last()) else {
            return Ok(());
        };
        if let Some(timeline) = &self.job.timeline {
            if self.pieces_lose(timeline).await? {
                let all = pictures.iter_mut();
                all.for_each(|picture| picture.is_after_unreadable = true);
            }
            return Ok(());
        }
        let range = first.start - BEFORE_SECONDS..last.end;
        let packets = self.within(Some(slice.video.index), range).await?;
        let mut by_time: Vec<usize> = (0..packets.len()).collect();
        by_time.sort_by(|a, b| packets[*a].time.total_cmp(&packets[*b].time));
        let mut marked = 0;
        for hole in holes {
            let Some(range) = bytes_around(&packets, &by_time, hole) else {
                continue;
            };
            if !transport_stream_breaks(self.blocks, range).await? {
                continue;
            }
            let is_behind = |picture: &LoggedPicture| {
                let time = picture.time.map(|time| time - slice.zero());
                time.is_some_and(|time| are_same(time, hole.end))
            };
            if let Some(behind) = pictures[marked..].iter().position(is_behind) {
                marked += behind;
                pictures[marked].is_after_unreadable = true;
            }
        }
        Ok(())
    }
}

fn are_same(time: f64, other: f64) -> bool {
    (time - other).abs() < ROUNDING_SECONDS
}

/// The bytes from a packet before `hole`, or from the keyframe before it, to one behind it. `packets` are in the order of
/// decoding; `by_time` are their places in the order of presentation.
fn bytes_around(packets: &[PacketAt], by_time: &[usize], hole: &Range<f64>) -> Option<Range<u64>> {
    let place_of = |time: f64| {
        let is_before = |place: &usize| packets[*place].time <= time - ROUNDING_SECONDS;
        let place = *by_time.get(by_time.partition_point(is_before))?;
        are_same(packets[place].time, time).then_some(place)
    };
    let (before, behind) = (place_of(hole.start)?, place_of(hole.end)?);
    // What is lost before a keyframe does not matter behind it, and counters may start anew there.
    let keyframe = packets[..=before.min(behind)]
        .iter()
        .rposition(|packet| packet.is_keyframe);
    let first = before.min(behind).saturating_sub(REORDERED);
    let first = first.max(keyframe.unwrap_or(0));
    let last = (before.max(behind) + REORDERED).min(packets.len() - 1);
    // Of several packets in one of the container, only the first one may have an offset.
    let mut earlier = packets[..=first].iter().rev();
    let mut later = packets[last..].iter();
    let start = earlier.find_map(|packet| packet.offset)?;
    let range = start..later.find_map(|packet| packet.offset)?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_around_a_hole_hold_those_of_pictures_that_are_decoded_earlier() {
        let tenths = [0, 2, 1, 4, 3, 6, 5, 12, 11, 14, 13, 16, 15, 18, 17];
        let packet = |keyframe| {
            move |(n, tenth): (usize, &i32)| PacketAt {
                stream: 0,
                time: f64::from(*tenth) / 10.0,
                size: 100,
                offset: Some(n as u64 * 188),
                is_keyframe: n == keyframe,
            }
        };
        let packets: [Vec<PacketAt>; 2] =
            [0, 4].map(|keyframe| tenths.iter().enumerate().map(packet(keyframe)).collect());
        let mut by_time: Vec<usize> = (0..tenths.len()).collect();
        by_time.sort_by_key(|place| tenths[*place]);
        let bytes = |from, to| bytes_around(&packets[0], &by_time, &(from..to));
        assert_eq!(bytes(0.599, 1.099), Some(0..14 * 188));
        let behind_keyframe = bytes_around(&packets[1], &by_time, &(0.6..1.1));
        assert_eq!(behind_keyframe, Some(4 * 188..14 * 188));
        assert_eq!(bytes(0.0, 1.8), Some(0..14 * 188));
        assert_eq!(bytes(0.65, 1.1), None);
    }
}
