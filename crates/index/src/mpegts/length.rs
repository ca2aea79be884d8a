//! The length of the video of a transport stream.

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::{Piece, VideoStream, slice::plan};

use crate::{
    error::IndexError,
    mpegts::{
        clocks::{Stamped, pieces},
        collector::Collector,
        excerpts::{FURTHER_BYTES, searched},
        packet::{MAX_BACK, TIMESCALE, WRAP_PTS, step, timestamps},
        stream::Stream,
    },
    search::{self, Dial, Reading},
};

/// How much of the end is read at first, in bytes. ffprobe has read it already.
const FIRST_BYTES: u64 = 192 * 1024;

/// How much of the start is compared with the end, in bytes. It has been read for the tables.
const HEAD_BYTES: u64 = 64 * 1024;

/// In how many bytes a picture is looked for, further and further. The last one only at the file's ends.
const PICTURE_BYTES: [u64; 4] = [HEAD_BYTES, FIRST_BYTES, FURTHER_BYTES[0], FURTHER_BYTES[1]];

/// A file up to this size, in bytes, is looked through, because its few pictures prove nothing about its bit rate.
const SMALL_BYTES: u64 = 2 * 1024 * 1024;

/// The largest file that is looked through, in bytes.
const MAX_SCANNED_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// How much of a stream is read for two timestamps if only keyframes have some, in bytes.
const MAX_SPARSE_BYTES: u64 = 4 * 1024 * 1024;

/// If a file has so many times the bytes of what its times cover at the bit rate of its start and of its end, it may
/// hold more than one clock covers. If it has so many times fewer, its clock leaps.
const MAX_MORE: f64 = 1.1;
const MAX_FEWER: f64 = 500.0;

/// Two pictures that are found further apart than this, in 1/90,000 s, and not more than so many bytes, may have a leap
/// of the clock between them.
const LEAP: i64 = 10 * 90_000;
const MAX_LEAP_BYTES: u64 = 512 * 1024;

/// Most pieces with a clock of their own: a day of segments of 90 seconds.
const MAX_PIECES: usize = 1000;

/// The length of the stream `video` in seconds. `None` if its pictures do not tell. Finds the pieces of `stream`, if
/// its clock starts again.
///
/// # Errors
/// If the source cannot be read, or not all of it can be shown.
pub(crate) async fn length(
    blocks: &BlockCache,
    stream: &mut Stream,
    video: &VideoStream,
) -> Result<Option<f64>, IndexError> {
    let clock = stream.clock(video);
    let doubt = doubt(blocks, stream).await?;
    let is_suspect = match doubt {
        Doubt::Sure => true,
        Doubt::Some { seconds } => is_joined(blocks, stream, video, seconds).await?,
        Doubt::More { seconds, is_large } => {
            // The search for slices shows no restart in a single slice, and none where it sees few pictures.
            let is_unseen = is_large || plan(seconds, stream.slice_seconds).len() == 1;
            is_joined(blocks, stream, video, seconds).await?
                || is_unseen && starts_again(blocks, stream).await?
        }
    };
    if is_suspect && let Some(end) = look_through(blocks, stream, video).await? {
        return Ok(Some(clock.seconds(end)).filter(|seconds| *seconds > 0.0));
    }
    // Each of two fields may be a picture of its own.
    if video.interlaced {
        return Ok(None);
    }
    let told = by_the_end(blocks, stream, video).await?;
    // Then FFmpeg's length is that of a wrong pts.
    stream.is_counted = told.is_some() && has_wrong_pts(blocks, stream).await?;
    let is_sparse = |tail: &Collector| tail.pictures().iter().any(|picture| picture.unstamped > 0);
    if told.is_some() || !is_sparse(&tail(blocks, stream, FIRST_BYTES).await?) {
        return Ok(told);
    }
    let tail = tail(blocks, stream, MAX_SPARSE_BYTES).await?;
    let stamped = tail.pictures();
    let is_clear = stamped.iter().all(|picture| picture.pts < WRAP_PTS);
    let end =
        pieces(stamped).filter(|(pieces, _)| pieces.len() == 1 && stamped.len() > 1 && is_clear);
    stream.is_counted = end.is_some();
    Ok(end.map(|(_, end)| clock.seconds(end)))
}

/// Whether more than one clock shows when the bounds of slices are searched. The search is needed anyway, and what it
/// finds is kept.
async fn is_joined(
    blocks: &BlockCache,
    stream: &mut Stream,
    video: &VideoStream,
    covered: f64,
) -> Result<bool, IndexError> {
    let slices = plan(covered, stream.slice_seconds);
    if slices.len() == 1 {
        return Ok(false);
    }
    let found = searched(blocks, stream, video, &slices).await;
    let points = match found {
        Ok(found) => found.map.points().to_vec(),
        Err(IndexError::Backwards) => return Ok(true),
        // It has no excerpts then.
        Err(IndexError::None(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    for pair in points.windows(2) {
        let (first, next) = (pair[0], pair[1]);
        let bytes = next.offset - first.offset;
        if next.pts - first.pts > LEAP && bytes <= MAX_LEAP_BYTES {
            let mut between = stream.collector(first.offset);
            let end = next.offset + HEAD_BYTES;
            between.push(&blocks.read(first.offset..end).await?);
            if pieces(between.pictures()).is_some_and(|(pieces, _)| pieces.len() > 1) {
                return Ok(true);
            }
        }
    }
    stream.points = points;
    Ok(false)
}

/// Whether the clock runs back, by few readings.
async fn starts_again(blocks: &BlockCache, stream: &Stream) -> Result<bool, ReadError> {
    let clock = async |at| {
        let at = stream.layout.align(at + stream.layout.size - 1);
        let found = first_pictures(blocks, stream, at, &PICTURE_BYTES[..3]).await?;
        Ok(found.pictures().first().map(|picture| Reading {
            offset: picture.offset,
            ticks: picture.dts,
        }))
    };
    let dial = Dial {
        reach: FIRST_BYTES,
        tolerance: MAX_BACK,
    };
    let look = async |_| Ok(None);
    let found = search::restart(blocks.reader().len(), dial, clock, look).await?;
    Ok(found.is_some())
}

/// Looks at all packets. The pts at which the film ends, if its end cannot be told by its last pictures alone: since
/// its clock starts again, or not all pictures have a timestamp.
async fn look_through(
    blocks: &BlockCache,
    stream: &mut Stream,
    video: &VideoStream,
) -> Result<Option<i64>, IndexError> {
    let clock = stream.clock(video);
    let collector = scan(blocks, stream).await?;
    let pictures = collector.pictures();
    let Some((pieces, end)) = pieces(pictures) else {
        return Ok(None);
    };
    // Those times may turn over, which FFmpeg follows.
    if pictures.iter().any(|picture| picture.pts >= WRAP_PTS) {
        return Ok(None);
    }
    let second = |from: u64| {
        let shift = Piece::at(&pieces, from).map_or(0, |piece| piece.shift);
        let first = pictures.iter().find(|picture| picture.offset >= from);
        first.map_or(0.0, |picture| clock.seconds(picture.pts + shift))
    };
    if let Some((offset, why)) = collector.barrier {
        return Err(IndexError::not_whole(offset, clock.seconds(end), why));
    }
    if let Some(piece) = pieces.iter().find(|piece| !stream.is_aligned(piece.from)) {
        let why = "packets of another layout start there";
        return Err(IndexError::not_whole(piece.from, second(piece.from), why));
    }
    if let Some(piece) = pieces.get(MAX_PIECES) {
        let why = "its clock starts again too often";
        return Err(IndexError::not_whole(piece.from, second(piece.from), why));
    }
    let is_sparse = pictures.iter().any(|picture| picture.unstamped > 0);
    if pieces.len() > 1 {
        stream.pieces = pieces;
    } else if !is_sparse || video.interlaced {
        return Ok(None);
    }
    stream.is_counted = true;
    Ok(Some(end))
}

/// By the pictures near the end, if each of them has a pts.
async fn by_the_end(
    blocks: &BlockCache,
    stream: &Stream,
    video: &VideoStream,
) -> Result<Option<f64>, ReadError> {
    let pts_in = |offset, bytes: &[u8]| {
        let pictures = stream.pictures(bytes, offset);
        let pts: Vec<i64> = pictures.iter().map(|point| point.pts).collect();
        // Where not every picture has a pts, the last one may have none.
        let mut starts = stream.starts(bytes);
        let is_timed = starts.all(|packet| timestamps(packet.payload).is_some());
        (is_timed && pts.iter().all(|pts| *pts < WRAP_PTS)).then_some(pts)
    };
    let (clock, layout) = (stream.clock(video), stream.layout);
    let range = layout.first..blocks.reader().len();
    search::length(blocks, &clock, range, layout.size, FIRST_BYTES, pts_in).await
}

/// Whether a picture near the end has a pts, and a wrong one.
async fn has_wrong_pts(blocks: &BlockCache, stream: &Stream) -> Result<bool, ReadError> {
    let length = blocks.reader().len();
    let start = stream.layout.align(length.saturating_sub(FIRST_BYTES));
    let bytes = blocks.read(start..length).await?;
    let right = stream.pictures(&bytes, start).len();
    Ok(right < stream.starts(&bytes).count())
}

/// The first pictures at `start` or behind, in `reaches` bytes.
async fn first_pictures(
    blocks: &BlockCache,
    stream: &Stream,
    start: u64,
    reaches: &[u64],
) -> Result<Collector, ReadError> {
    let mut found = stream.collector(start);
    let mut at = start;
    for bytes in reaches {
        found.push(&blocks.read(at..start + bytes).await?);
        at = start + bytes;
        if !found.pictures().is_empty() {
            break;
        }
    }
    Ok(found)
}

/// The pictures in the last `bytes` bytes.
async fn tail(blocks: &BlockCache, stream: &Stream, bytes: u64) -> Result<Collector, ReadError> {
    let length = blocks.reader().len();
    let start = stream.layout.align(length.saturating_sub(bytes));
    let mut collector = stream.collector(start);
    collector.push(&blocks.read(start..length).await?);
    Ok(collector)
}

/// Whether the times of a file's start and end cover all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Doubt {
    /// They seem to cover it, and so many `seconds`.
    Some { seconds: f64 },
    /// It has more bytes than so many `seconds` take at its start and at its end. `is_large`: few of its pictures
    /// start in what is read at once.
    More { seconds: f64, is_large: bool },
    /// They do not, or the file is too small to tell, or its ends have no picture.
    Sure,
}

async fn doubt(blocks: &BlockCache, stream: &Stream) -> Result<Doubt, ReadError> {
    let length = blocks.reader().len();
    if length <= SMALL_BYTES {
        return Ok(Doubt::Sure);
    }
    let first = stream.layout.first;
    let head = first_pictures(blocks, stream, first, &PICTURE_BYTES).await?;
    let mut tail = tail(blocks, stream, FIRST_BYTES).await?;
    let is_large = byte_rate(tail.pictures()).is_none();
    for bytes in FURTHER_BYTES {
        if tail.pictures().is_empty() {
            tail = self::tail(blocks, stream, bytes).await?;
        }
    }
    // The video may end before the sound, but not in another stream.
    if tail.has_moved(stream.pid) || tail.barrier.is_some() {
        return Ok(Doubt::Sure);
    }
    let (Some(start), Some(end)) = (head.pictures().first(), tail.pictures().last()) else {
        return Ok(Doubt::Sure);
    };
    let seconds = step(start.dts, end.dts) as f64 / TIMESCALE;
    if seconds <= 0.0 {
        return Ok(Doubt::Sure);
    }
    let rate = (end.offset - start.offset) as f64 / seconds;
    let rates = [byte_rate(head.pictures()), byte_rate(tail.pictures())];
    let rates: Vec<f64> = rates.into_iter().flatten().collect();
    let fastest = rates.iter().copied().fold(f64::NAN, f64::max);
    let slowest = rates.iter().copied().fold(f64::NAN, f64::min);
    Ok(if rate * MAX_FEWER < slowest {
        Doubt::Sure
    } else if rate <= fastest * MAX_MORE {
        Doubt::Some { seconds }
    } else {
        Doubt::More { seconds, is_large }
    })
}

/// Bytes in a second, by these pictures. `None` if they are too few.
fn byte_rate(pictures: &[Stamped]) -> Option<f64> {
    let (first, last) = (pictures.first()?, pictures.last()?);
    let seconds = (last.dts - first.dts) as f64 / TIMESCALE;
    // Less than that may be one large picture.
    (seconds >= 0.25).then(|| (last.offset - first.offset) as f64 / seconds)
}

/// All pictures of the file.
async fn scan(blocks: &BlockCache, stream: &Stream) -> Result<Collector, IndexError> {
    let (reader, first) = (blocks.reader(), stream.layout.first);
    let length = reader.len();
    if length > MAX_SCANNED_BYTES {
        let tail = tail(blocks, stream, FIRST_BYTES).await?;
        let is_joined = tail.has_moved(stream.pid) || starts_again(blocks, stream).await?;
        let why = "its clock starts again, and it is too long to look through";
        return Err(if is_joined {
            IndexError::not_whole(first, 0.0, format!("{why}: split the file"))
        } else {
            IndexError::none(why)
        });
    }
    let mut collector = stream.collector(first);
    if length <= SMALL_BYTES {
        collector.push(&blocks.read(first..length).await?);
        return Ok(collector);
    }
    let mut bytes = reader.stream(first..length);
    while let Some(piece) = bytes.next().await? {
        collector.push(&piece);
    }
    Ok(collector)
}
