//! The head of a Matroska file: what stands before its clusters, and the cues behind them.

use std::ops::Range;

use gifgen_reader::BlockCache;
use gifgen_shared::{VideoStream, crop::ContainerCrop};

use crate::{
    decoder_restart::DecoderSetup,
    error::IndexError,
    matroska::{
        cues::{Cue, cues},
        ebml::{Header, MAX_HEADER_BYTES, child, elements, unsigned},
        ids,
        scan::MAX_TRACK,
    },
    numbers::big_endian,
    search::Clock,
};

/// What a file says of itself.
#[derive(Debug)]
pub(crate) struct Head {
    /// What stands before the clusters of an excerpt.
    pub(crate) header: Vec<u8>,
    /// Where the content of the segment starts.
    pub(crate) segment: u64,
    /// From the first cluster to the end of the last one, or of the file.
    pub(crate) clusters: Range<u64>,
    /// Where keyframes of the video are, if the file says so.
    pub(crate) cues: Vec<Cue>,
    pub(crate) track: Track,
    /// How the decoder is set up. `None` if keyframes cannot be prepared for it.
    pub(crate) decoder_setup: Option<DecoderSetup>,
    /// The length of a tick, in nanoseconds.
    timestamp_scale: u64,
}

/// The video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    /// The track number in its blocks.
    pub number: u64,
    /// Whether pictures may be stored in another order than they are shown.
    pub reorders: bool,
    /// From one picture to the next, in nanoseconds, if the file says so.
    pub frame_nanoseconds: Option<u64>,
    /// What it cuts off its pictures.
    pub crop: Option<ContainerCrop>,
}

/// Most elements before the first cluster.
const MAX_ELEMENTS: usize = 1_000;

/// Most bytes of an element that becomes part of each excerpt, and of the cues.
const MAX_BYTES: u64 = 256 * 1024;
const MAX_CUES_BYTES: u64 = 16 * 1024 * 1024;

/// Where each element at the top of the segment starts.
#[derive(Default)]
struct ElementOffsets {
    info: Option<u64>,
    tracks: Option<u64>,
    cues: Option<u64>,
}

impl Head {
    /// Reads the head of a file whose video FFmpeg counts as `stream`.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub(crate) async fn read(blocks: &BlockCache, stream: u32) -> Result<Self, IndexError> {
        let length = blocks.reader().len();
        let (start, ebml) = content(blocks, 0, ids::EBML, MAX_BYTES).await?;
        let mut raw = element(ids::EBML, &ebml);
        let segment = header(blocks, start.end).await?;
        if segment.id != ids::SEGMENT {
            return Err(IndexError::none("its segment is not where it should be"));
        }
        let data = start.end + segment.header;
        let end = segment
            .content(start.end)
            .map_or(length, |content| content.end.min(length));

        let mut offsets = ElementOffsets::default();
        let mut at = data;
        let mut first = None;
        for _ in 0..MAX_ELEMENTS {
            let header = header(blocks, at).await?;
            match header.id {
                ids::CLUSTER => {
                    first = Some(at);
                    break;
                }
                ids::INFO => offsets.info = Some(at),
                ids::TRACKS => offsets.tracks = Some(at),
                ids::CUES => offsets.cues = Some(at),
                ids::SEEK_HEAD => {
                    let (_, content) = content(blocks, at, ids::SEEK_HEAD, MAX_BYTES).await?;
                    offsets.add(&content, data);
                }
                _ => {}
            }
            let content = header.content(at).filter(|content| content.end < end);
            at = content
                .ok_or_else(|| IndexError::none("it has no clusters"))?
                .end;
        }
        let first = first.ok_or_else(|| IndexError::none("it has too much before its clusters"))?;
        let (Some(info), Some(tracks)) = (offsets.info, offsets.tracks) else {
            return Err(IndexError::none("it has no tracks"));
        };
        let (_, info) = content(blocks, info, ids::INFO, MAX_BYTES).await?;
        let (_, tracks) = content(blocks, tracks, ids::TRACKS, MAX_BYTES).await?;
        let track =
            track(&tracks, stream).ok_or_else(|| IndexError::none("its video is unusual"))?;

        let mut last = end;
        let mut found = Vec::new();
        if let Some(at) = offsets.cues.filter(|at| *at < end) {
            // What was cut off, or never filled in, is as good as none.
            match content(blocks, at, ids::CUES, MAX_CUES_BYTES).await {
                Ok((range, content)) if range.end <= end => {
                    found = cues(&content, track.number);
                    if at > first {
                        last = at;
                    }
                }
                Ok(_) | Err(IndexError::None(_)) => {}
                Err(error) => return Err(error),
            }
        }
        found.retain(|cue| {
            let at = data.checked_add(cue.cluster_offset);
            at.is_some_and(|at| (first..last).contains(&at))
        });

        raw.extend_from_slice(&ids::SEGMENT.to_be_bytes());
        raw.extend_from_slice(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        raw.extend(element(ids::INFO, &info));
        raw.extend(element(ids::TRACKS, &tracks));
        Ok(Self {
            header: raw,
            segment: data,
            clusters: first..last,
            cues: found,
            track,
            decoder_setup: decoder_setup(&tracks, stream),
            timestamp_scale: unsigned(&info, ids::TIMESTAMP_SCALE)
                .unwrap_or(1_000_000)
                .clamp(1, 1_000_000_000),
        })
    }
    /// The pts of `video`, the video of this file.
    pub(crate) fn clock(&self, video: &VideoStream) -> Clock {
        Clock::new(video, 1e9, self.timestamp_scale as f64)
    }

    /// The last cue up to `pts`.
    pub(super) fn cue_before(&self, pts: i64) -> Option<&Cue> {
        let end = self.cues.partition_point(|cue| cue.pts <= pts);
        self.cues.get(end.checked_sub(1)?)
    }
}

impl ElementOffsets {
    /// Adds what a seek head says, but for what is known already. Its positions count from `data`.
    fn add(&mut self, seek_head: &[u8], data: u64) {
        for (_, _, entry) in elements(seek_head).filter(|(_, header, _)| header.id == ids::SEEK) {
            let id = child(entry, ids::SEEK_ID).map(big_endian);
            let at = unsigned(entry, ids::SEEK_POSITION).and_then(|at| at.checked_add(data));
            let offset = match id.and_then(|id| u32::try_from(id).ok()) {
                Some(ids::INFO) => &mut self.info,
                Some(ids::TRACKS) => &mut self.tracks,
                Some(ids::CUES) => &mut self.cues,
                _ => continue,
            };
            *offset = offset.or(at);
        }
    }
}

async fn header(blocks: &BlockCache, at: u64) -> Result<Header, IndexError> {
    let bytes = blocks.read(at..at.saturating_add(MAX_HEADER_BYTES)).await?;
    Header::read(&bytes).ok_or_else(|| IndexError::none("it breaks off, or is damaged"))
}

/// The content of the element `id` at `at`, and where it is.
async fn content(
    blocks: &BlockCache,
    at: u64,
    id: u32,
    longest: u64,
) -> Result<(Range<u64>, Vec<u8>), IndexError> {
    let none = || IndexError::none(format!("its element {id:x} is missing or too long"));
    let header = header(blocks, at).await?;
    let content = header
        .content(at)
        .filter(|_| header.id == id)
        .ok_or_else(none)?;
    if header.size.is_none_or(|size| size > longest) {
        return Err(none());
    }
    let bytes = blocks.read(content.clone()).await?;
    if bytes.len() as u64 != content.end - content.start {
        return Err(none());
    }
    Ok((content, bytes.to_vec()))
}

/// Writes an element.
fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let size = content.len() as u64 | 1 << 56;
    [&id.to_be_bytes()[..], &size.to_be_bytes(), content].concat()
}

/// What a track's element `Video` cuts off. `None` is nothing.
fn crop(video: &[u8]) -> Option<ContainerCrop> {
    let number = |id| unsigned(video, id).and_then(|number| u32::try_from(number).ok());
    let [left, top, right, bottom] = [
        ids::CROP_LEFT,
        ids::CROP_TOP,
        ids::CROP_RIGHT,
        ids::CROP_BOTTOM,
    ]
    .map(|id| number(id).unwrap_or(0));
    // Whatever the unit is, the ratio is that of what is shown. Without the two, pixels are square.
    let rest = |id, one, other| number(id)?.checked_sub(one)?.checked_sub(other);
    let width = number(ids::DISPLAY_WIDTH).or(rest(ids::PIXEL_WIDTH, left, right))?;
    let height = number(ids::DISPLAY_HEIGHT).or(rest(ids::PIXEL_HEIGHT, top, bottom))?;
    ([left, top, right, bottom] != [0; 4]).then_some(ContainerCrop {
        left,
        top,
        right,
        bottom,
        display: Some((width, height)),
    })
}

/// The track that FFmpeg counts as `stream`. `None` if it is no video, or an unusual one.
pub fn track(tracks: &[u8], stream: u32) -> Option<Track> {
    const VIDEO: u64 = 1;
    const ONE: [u64; 2] = [0x3f80_0000, 0x3ff0_0000_0000_0000];
    let track = counted(tracks, stream)?;
    let scale = child(track, ids::TRACK_TIMESTAMP_SCALE).map(big_endian);
    let plain = unsigned(track, ids::TRACK_TYPE) == Some(VIDEO)
        && unsigned(track, ids::CODEC_DELAY).unwrap_or(0) == 0
        && scale.is_none_or(|scale| ONE.contains(&scale));
    if !plain {
        return None;
    }
    let codec = child(track, ids::CODEC)?;
    let in_order = [&b"V_VP8"[..], b"V_VP9", b"V_AV1", b"V_MJPEG"];
    Some(Track {
        number: unsigned(track, ids::TRACK_NUMBER).filter(|number| *number <= MAX_TRACK)?,
        reorders: !in_order.iter().any(|name| codec.starts_with(name)),
        frame_nanoseconds: unsigned(track, ids::DEFAULT_DURATION),
        crop: child(track, ids::VIDEO).and_then(crop),
    })
}

/// What the track says that FFmpeg counts as `stream`.
fn counted(tracks: &[u8], stream: u32) -> Option<&[u8]> {
    // FFmpeg counts video, sound, subtitles and data, of a codec that is named.
    const COUNTED: [u64; 4] = [1, 2, 17, 33];
    let counted = elements(tracks).filter(|(_, header, track)| {
        let kind = unsigned(track, ids::TRACK_TYPE);
        header.id == ids::TRACK
            && kind.is_some_and(|kind| COUNTED.contains(&kind))
            && child(track, ids::CODEC).is_some()
    });
    let (_, _, track) = counted.into_iter().nth(usize::try_from(stream).ok()?)?;
    Some(track)
}

/// How the decoder of the track is set up. `None` if keyframes cannot be prepared for it: its blocks are packed, or it may
/// be any codec.
fn decoder_setup(tracks: &[u8], stream: u32) -> Option<DecoderSetup> {
    let track = counted(tracks, stream)?;
    let codec = child(track, ids::CODEC)?;
    if codec.starts_with(b"V_MS/VFW") {
        return None;
    }
    let is_packed = child(track, ids::CONTENT_ENCODINGS).is_some();
    let setup = || {
        let setup = child(track, ids::CODEC_PRIVATE).filter(|_| !is_packed)?;
        Some(setup.to_vec())
    };
    if codec.starts_with(b"V_MPEG4/ISO/AVC") {
        return setup().map(DecoderSetup::H264);
    }
    if codec.starts_with(b"V_MPEGH") {
        return setup().map(DecoderSetup::Hevc);
    }
    match codec {
        // Packed blocks cannot be looked into.
        b"V_AV1" | b"V_VP9" if is_packed => None,
        b"V_AV1" => Some(DecoderSetup::Av1),
        b"V_VP9" => Some(DecoderSetup::Vp9),
        _ => Some(DecoderSetup::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crop of a track whose element `Video` holds these numbers.
    fn found(numbers: &[(u32, u16)]) -> Option<ContainerCrop> {
        let element = |id: u32, content: &[u8]| {
            let id: Vec<u8> = id
                .to_be_bytes()
                .into_iter()
                .skip_while(|b| *b == 0)
                .collect();
            [&id[..], &[0x80 | content.len() as u8], content].concat()
        };
        let number = |(id, value): &(u32, u16)| element(*id, &value.to_be_bytes());
        let video: Vec<u8> = numbers.iter().flat_map(number).collect();
        let parts = [
            element(ids::TRACK_NUMBER, &[1]),
            element(ids::TRACK_TYPE, &[1]),
            element(ids::CODEC, b"V_VP9"),
            element(ids::VIDEO, &video),
        ];
        track(&element(ids::TRACK, &parts.concat()), 0)
            .unwrap()
            .crop
    }

    #[test]
    fn what_a_track_cuts_off_is_read_and_the_ratio_is_that_of_what_is_left() {
        let size = [(ids::PIXEL_WIDTH, 160), (ids::PIXEL_HEIGHT, 96)];
        assert_eq!(found(&size), None);
        let cut = [
            (ids::CROP_LEFT, 30),
            (ids::CROP_RIGHT, 30),
            (ids::CROP_TOP, 18),
        ];
        let crop = found(&[&size[..], &cut].concat()).unwrap();
        assert_eq!(
            [crop.left, crop.right, crop.top, crop.bottom],
            [30, 30, 18, 0]
        );
        assert_eq!(crop.display, Some((100, 78)));
        let display = [(ids::DISPLAY_WIDTH, 200), (ids::DISPLAY_HEIGHT, 78)];
        let crop = found(&[&size[..], &cut, &display].concat()).unwrap();
        assert_eq!(crop.display, Some((200, 78)));
    }
}
