//! Tells silence from stillness: whether the source holds, or has lost, pictures where none was decoded
//! for more than a second.
//!
//! A picture may stand for minutes. That the demuxer gives no packet meanwhile does not prove it: a
//! demuxer passes over what it does not understand. So a second witness is heard: the continuity counters
//! of a transport stream, the index of an AVI, the structure of Ogg, ASF and program streams, and in other files the
//! bytes between two packets. Recorded television has no such gaps.

use std::ops::Range;

use gifgen_index::losses::{
    asf_loses, avi_loss, ogg_loses, program_stream_gaps, transport_stream_loses,
};
use gifgen_probe::PacketAt;
use gifgen_shared::Decode;

use crate::{
    decoded::{Decoded, gap_with_a_packet},
    error::JobError,
    source_packets::SourcePackets,
};

/// Two packets this far apart, in seconds, are examined.
const LONGEST_SILENCE_SECONDS: f64 = 1.0;

/// How far before and behind the gaps packets are searched, in seconds.
const SEARCHED_BEFORE_SECONDS: f64 = 1.0;
const SEARCHED_BEHIND_SECONDS: f64 = 120.0;

/// Bytes between two packets that may belong to no packet: headers of clusters, and elements without
/// pictures.
const UNACCOUNTED_BYTES: u64 = 1024;

/// Part of the bytes between two packets that may belong to no packet: headers of small packets.
const UNACCOUNTED_PART: u64 = 4;

/// What is needed to examine the source of a slice.
pub(crate) struct Silence<'a> {
    pub source: SourcePackets<'a>,
}

/// The second witness of a container.
enum Witness {
    /// Its tables name every packet, so the first witness suffices.
    NotNeeded,
    /// Counters in its packets.
    Counters,
    /// Pages with checksums.
    Pages,
    /// Data packets of a fixed size.
    DataPackets,
    /// The chain of its packets.
    Chain,
    /// The bytes between packets must belong to packets.
    Bytes,
    /// Recorded television has a picture in each second. Its packets are not listed: behind damage FFmpeg
    /// may seek to the end of the file instead.
    Steadiness,
    /// None is known. FFmpeg's errors have to do.
    None,
}

impl Silence<'_> {
    /// A range without pictures in which there must be some, in seconds from the slice's start.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn missing_pictures(
        &self,
        decoded: &Decoded,
        complained: bool,
    ) -> Result<Option<Range<f64>>, JobError> {
        let SourcePackets { job, blocks, .. } = self.source;
        let (video, slice) = (job.slice.video, job.slice.slice);
        if job.container == "avi" {
            // Its demuxer counts the pictures that it finds, so a hole leaves no gap.
            let range = f64::from(slice.start)..slice.end;
            if let Some(lost) = avi_loss(blocks, video.index, range, video.margin()).await? {
                let zero = f64::from(slice.start);
                return Ok(Some(lost.start - zero..lost.end - zero));
            }
        }
        let witness = self.witness();
        let gaps = decoded.gaps(&slice);
        // FFmpeg seeks to the last keyframe there. What is lost since then, the slice's first pictures refer to.
        let mut all_gaps = match witness {
            Witness::Pages | Witness::DataPackets => decoded.gaps_before(&slice),
            _ => Vec::new(),
        };
        all_gaps.extend(gaps.iter().cloned());
        let (Some(first), Some(last)) = (all_gaps.first(), all_gaps.last()) else {
            return Ok(None);
        };
        if let Witness::Steadiness = witness {
            // Fast decoding leaves pictures out.
            let is_whole = job.slice.settings.decode == Decode::Fast && !complained;
            return Ok(Some(first.clone()).filter(|_| !is_whole));
        }
        if let Some(timeline) = &job.timeline {
            // FFmpeg does not find the film's times in the source. What is lost, the excerpt has told, and
            // the counters of a transport stream tell.
            let is_lost = complained || self.source.pieces_lose(timeline).await?;
            return Ok(Some(first.clone()).filter(|_| is_lost));
        }
        let range = first.start..last.end;
        let packets = self.source.within(Some(video.index), range.clone()).await?;
        // Fast decoding leaves pictures out.
        if job.slice.settings.decode != Decode::Fast
            && let Some(gap) = gap_with_a_packet(&gaps, &packets)
        {
            return Ok(Some(gap));
        }
        match witness {
            Witness::NotNeeded => return Ok(None),
            Witness::None => return Ok(gaps.first().filter(|_| complained).cloned()),
            _ => {}
        }
        // The packets around the gaps are needed, too.
        let margin = video.margin().min(slice.start);
        let before = f64::from(margin) + SEARCHED_BEFORE_SECONDS;
        let range = range.start - before..range.end + SEARCHED_BEHIND_SECONDS;
        let all = self.source.within(None, range).await?;
        let of_video = all.iter().filter(|packet| packet.stream == video.index);
        let packets: Vec<PacketAt> = of_video.copied().collect();
        for (silence, bytes) in silences(&packets, &all_gaps) {
            let is_lost = self.is_lost(&witness, &all, bytes).await?;
            if is_lost && silence.end <= 0.0 {
                return Ok(Some(0.0..slice.seconds()));
            }
            if is_lost {
                return Ok(Some(silence));
            }
        }
        Ok(None)
    }

    /// Whether the witness says that something is lost between two packets.
    async fn is_lost(
        &self,
        witness: &Witness,
        packets: &[PacketAt],
        bytes: Between,
    ) -> Result<bool, JobError> {
        let blocks = self.source.blocks;
        let end = bytes.end.unwrap_or(blocks.reader().len());
        let range = match witness {
            // The first packet behind damage may seem to be a late one before it, or where the damage begins.
            Witness::Pages | Witness::DataPackets => {
                bytes.before.unwrap_or(bytes.start)..bytes.behind.unwrap_or(end)
            }
            _ => bytes.start..end,
        };
        Ok(match witness {
            Witness::Counters => transport_stream_loses(blocks, bytes.start, bytes.end).await?,
            Witness::Pages => ogg_loses(blocks, range).await?,
            Witness::DataPackets => asf_loses(blocks, range).await?,
            Witness::Chain => {
                let unknown = program_stream_gaps(blocks, range.clone()).await?;
                is_too_much(unknown, range.end.saturating_sub(range.start))
            }
            Witness::Bytes => {
                are_unaccounted(packets, bytes.start..bytes.end.unwrap_or(bytes.start))
            }
            Witness::NotNeeded | Witness::Steadiness | Witness::None => false,
        })
    }

    fn witness(&self) -> Witness {
        if self.source.job.slice.video.colour.alpha.decoder().is_some() {
            // ffprobe does not count the bytes of the opacity.
            return Witness::None;
        }
        match self.source.job.container.as_str() {
            "mpegts" => Witness::Counters,
            "matroska,webm" | "flv" | "nut" | "mxf" => Witness::Bytes,
            "wtv" => Witness::Steadiness,
            "ogg" => Witness::Pages,
            "asf" => Witness::DataPackets,
            "mpeg" => Witness::Chain,
            "avi" => Witness::NotNeeded,
            name if name.split(',').any(|name| name == "mov") => Witness::NotNeeded,
            _ => Witness::None,
        }
    }
}

/// A range of bytes between two packets. `end` is `None` if no packet follows.
struct Between {
    /// Where a packet is before those at `start`, if one is known.
    before: Option<u64>,
    start: u64,
    end: Option<u64>,
    /// Where a packet is behind those at `end`, if one is known.
    behind: Option<u64>,
}

/// The times within `gaps` without `packets`, and the bytes between the packets around them.
fn silences(packets: &[PacketAt], gaps: &[Range<f64>]) -> Vec<(Range<f64>, Between)> {
    let mut silences = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let next = packets.get(n + 1);
        let until = next.map_or(f64::INFINITY, |next| next.time);
        let in_gap = |gap: &&Range<f64>| packet.time < gap.end && until > gap.start;
        let Some(gap) = gaps.iter().find(in_gap) else {
            continue;
        };
        // Of several packets in one of the container, only the first one may have an offset.
        let mut earlier = packets[..=n]
            .iter()
            .rev()
            .filter_map(|packet| packet.offset);
        let Some(start) = earlier.next() else {
            continue;
        };
        if until - packet.time > LONGEST_SILENCE_SECONDS {
            let silence = gap.start.max(packet.time)..gap.end.min(until);
            let before = earlier.find(|offset| *offset < start);
            let mut later = packets[n + 1..].iter().filter_map(|packet| packet.offset);
            let end = later.next();
            let behind = later.find(|offset| end.is_some_and(|end| *offset > end));
            let bytes = Between {
                before,
                start,
                end,
                behind,
            };
            silences.push((silence, bytes));
        }
    }
    silences
}

/// Whether too many of the bytes in `range`, which starts with a packet and ends before one, belong to no
/// packet.
fn are_unaccounted(packets: &[PacketAt], range: Range<u64>) -> bool {
    let within = packets
        .iter()
        .filter(|packet| packet.offset.is_some_and(|offset| range.contains(&offset)));
    let accounted: u64 = within.map(|packet| packet.size).sum();
    let span = range.end.saturating_sub(range.start);
    is_too_much(span.saturating_sub(accounted), span)
}

/// Whether so many bytes of `span` are too many to belong to no packet.
fn is_too_much(bytes: u64, span: u64) -> bool {
    bytes > UNACCOUNTED_BYTES + span / UNACCOUNTED_PART
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(time: f64, offset: u64, size: u64) -> PacketAt {
        PacketAt {
            stream: 0,
            time,
            size,
            offset: Some(offset),
            is_keyframe: false,
        }
    }

    #[test]
    fn only_packets_far_apart_around_a_gap_are_examined() {
        let packets = [
            packet(-0.1, 100, 90),
            packet(0.0, 200, 90),
            packet(3.0, 5000, 90),
            packet(3.1, 5100, 90),
            packet(9.0, 9000, 90),
        ];
        let found = silences(&packets, &[0.25..2.75]);
        assert_eq!(found.len(), 1);
        let (silence, bytes) = &found[0];
        assert_eq!(*silence, 0.25..2.75);
        assert_eq!((bytes.start, bytes.end), (200, Some(5000)));
        assert_eq!((bytes.before, bytes.behind), (Some(100), Some(5100)));
    }

    #[test]
    fn bytes_of_no_packet_between_two_packets_are_a_loss() {
        let video = [packet(0.0, 0, 1000), packet(6.0, 20_000, 1000)];
        assert!(are_unaccounted(&video, 0..20_000));
        let sound = (1_u32..19).map(|n| packet(f64::from(n) / 3.0, u64::from(n) * 1000, 960));
        let all: Vec<_> = video.into_iter().chain(sound).collect();
        assert!(!are_unaccounted(&all, 0..20_000));
        assert!(!are_unaccounted(&[packet(0.0, 0, 900)], 0..1000));
    }
}
