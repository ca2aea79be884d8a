//! RealMedia: chunks with sizes, of which one holds the packets.

use std::ops::Range;

use gifgen_reader::BlockCache;

use super::{Measured, ROUNDING_SECONDS};
use crate::{error::IndexError, numbers::big_endian};

/// The header of a file.
const FILE: &[u8] = b".RMF";

/// Most chunks that are followed.
const MAX_CHUNKS: usize = 256;

/// Bytes of a chunk's name and size.
const CHUNK: u64 = 8;

/// FFmpeg writes a size of the packets that is wrong by 10 bytes.
const WRONG_BYTES: u64 = 64;

/// Bytes of the header of the chunk with the packets.
const DATA: u64 = 18;

/// Bytes of the header of a packet: a version, which is 0 or 1, the size with the header, the number of the stream, the
/// time in milliseconds, and more.
const PACKET: u64 = 12;

/// Most bytes of packets that are followed.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Where the description of a stream has the stream's number.
const STREAM_NUMBER: usize = 10;

/// Most bytes of a description that are read.
const DESCRIPTION: u64 = 4 * 1024;

/// A file that breaks off within its packets is truncated. One whose header claims more than was found is damaged if its
/// packets cannot be followed, or if some of the video come behind the last picture. A second header starts another
/// recording.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let mut at = 0;
    let mut videos = Vec::new();
    for _ in 0..MAX_CHUNKS {
        let chunk = blocks.read(at..at + CHUNK).await?;
        let [name @ .., _, _, _, _] = &*chunk else {
            break;
        };
        if name == FILE && at > 0 {
            return Err(video.second_recording(at));
        }
        let size = big_endian(&chunk[4..]);
        // In a live recording the size is not known.
        if size < CHUNK {
            break;
        }
        if name == b"MDPR" {
            let description = blocks.read(at..at + size.min(DESCRIPTION)).await?;
            videos.extend(video_number(&description));
        }
        at += size;
        if name != b"DATA" {
            continue;
        }
        if at > bytes + WRONG_BYTES && video.is_short() {
            return Err(video.truncated(bytes, at));
        }
        let packets = at - size + DATA..at.min(bytes);
        // Of several, the packets do not tell which one FFmpeg shows.
        let number = match videos[..] {
            [number] => Some(number),
            _ => None,
        };
        if video.is_short()
            && let Some(offset) = unread_packet(blocks, packets, number, video.length).await?
        {
            return Err(video.ends_at(offset));
        }
        let near = at.saturating_sub(WRONG_BYTES);
        let content = blocks.read(near..at + WRONG_BYTES).await?;
        if let Some(found) = content.windows(FILE.len()).position(|four| four == FILE) {
            return Err(video.second_recording(near + found as u64));
        }
    }
    Ok(())
}

/// The number of the stream that this describes, if it is a video. Numbers are no indices: FFmpeg makes several streams of
/// one that has several rates.
fn video_number(description: &[u8]) -> Option<u64> {
    let is_video = description.windows(4).any(|four| four == b"VIDO");
    let number = description.get(STREAM_NUMBER..STREAM_NUMBER + 2)?;
    is_video.then(|| big_endian(number))
}

/// The first of the packets in `range` that FFmpeg cannot have read: it cannot be followed, or it has a picture of the
/// video with this `number` behind its `length` in seconds.
async fn unread_packet(
    blocks: &BlockCache,
    range: Range<u64>,
    number: Option<u64>,
    length: f64,
) -> Result<Option<u64>, IndexError> {
    let end = range.end.min(range.start + MAX_BYTES);
    // One request: each packet says only where the next one is.
    let mut packets = blocks.reader().stream(range.start..end);
    let (mut at, mut first) = (range.start, None);
    while at + PACKET + WRONG_BYTES < end {
        let header = packets.take(PACKET).await?;
        let [0, 0 | 1, packet @ ..] = &header[..] else {
            return Ok(Some(at));
        };
        let size = big_endian(&packet[..2]);
        if size < PACKET {
            return Ok(Some(at));
        }
        if number == Some(big_endian(&packet[2..4])) {
            let time = big_endian(&packet[4..8]) as f64 / 1e3;
            if time - *first.get_or_insert(time) > length + ROUNDING_SECONDS {
                return Ok(Some(at));
            }
        }
        packets.take(size - PACKET).await?;
        at += size;
    }
    Ok(None)
}
