//! GIF: its blocks chain up to a trailer.

use gifgen_reader::BlockCache;

use super::{Measured, STEP, window::Window};
use crate::error::IndexError;

/// Most bytes that are followed.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Most bytes behind the last block in which more pictures are looked for.
const BEHIND_BYTES: u64 = STEP;

/// The headers of a file.
const HEADERS: [&[u8]; 2] = [b"GIF87a", b"GIF89a"];

/// Bytes of the header with the description of the screen.
const HEADER_BYTES: u64 = 13;

/// Bytes of an image's description, with its introducer.
const IMAGE_BYTES: u64 = 10;

const IMAGE: u8 = 0x2c;
const EXTENSION: u8 = 0x21;
const TRAILER: u8 = 0x3b;

/// Label of the extension with the delay of a picture.
const CONTROL: u8 = 0xf9;

/// Follows the blocks. Where the chain breaks and pictures follow, these build upon what is damaged.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let mut walk = Walk {
        window: Window::new(blocks),
        at: 0,
        seconds: 0.0,
    };
    let not_whole = |at, seconds, why: &str| Err(IndexError::not_whole(at, seconds, why));
    match walk.read_to_end().await? {
        End::Trailer => {
            let behind = walk.window.bytes(walk.at..walk.at + 6).await?;
            if HEADERS.contains(&&behind[..]) {
                return Err(super::second_recording(walk.at, video.length));
            }
            Ok(())
        }
        End::BreaksOff => not_whole(bytes, walk.seconds, "it is truncated; upload it again"),
        End::NoBlock => {
            let rest = walk.window.bytes(walk.at..walk.at + BEHIND_BYTES).await?;
            if rest.windows(10).any(starts_picture) {
                return not_whole(walk.at, walk.seconds, "it is damaged; upload it again");
            }
            Ok(())
        }
        End::NotSought => Ok(()),
    }
}

/// Whether a picture with a delay starts here.
fn starts_picture(bytes: &[u8]) -> bool {
    matches!(bytes, [EXTENSION, CONTROL, 4, _, _, _, _, 0, IMAGE, ..])
}

/// How the chain of blocks ends.
enum End {
    Trailer,
    /// The file ends within a block.
    BreaksOff,
    /// What follows is none, or there is nothing.
    NoBlock,
    /// The file is too long, or no GIF.
    NotSought,
}

struct Walk<'a> {
    window: Window<'a>,
    at: u64,
    /// The sum of the delays.
    seconds: f64,
}

impl Walk<'_> {
    async fn read_to_end(&mut self) -> Result<End, IndexError> {
        let head = self.window.bytes(0..HEADER_BYTES).await?;
        let Some(flags) = head.get(10).filter(|_| {
            let is_header = |header: &&[u8]| head.starts_with(header);
            HEADERS.iter().any(is_header)
        }) else {
            return Ok(End::NotSought);
        };
        self.at = HEADER_BYTES + colours(*flags);
        while self.at < MAX_BYTES {
            let block = self.window.bytes(self.at..self.at + IMAGE_BYTES).await?;
            let start = match *block {
                [TRAILER, ..] => {
                    self.at += 1;
                    return Ok(End::Trailer);
                }
                [EXTENSION, CONTROL, 4, _, low, high, ..] => {
                    let hundredths = u16::from_le_bytes([low, high]);
                    // As players do: shorter ones are no delays.
                    let shown = if hundredths < 2 { 10 } else { hundredths };
                    self.seconds += f64::from(shown) / 100.0;
                    self.at + 2
                }
                [EXTENSION, _, ..] => self.at + 2,
                [IMAGE, _, _, _, _, _, _, _, _, flags] => {
                    self.at + IMAGE_BYTES + colours(flags) + 1
                }
                [EXTENSION] | [IMAGE, ..] => return Ok(End::BreaksOff),
                _ => return Ok(End::NoBlock),
            };
            let Some(end) = self.data_end(start).await? else {
                return Ok(End::BreaksOff);
            };
            self.at = end;
        }
        Ok(End::NotSought)
    }

    /// Where the pieces of data that start at `at` end. `None` if the file ends before.
    async fn data_end(&mut self, mut at: u64) -> Result<Option<u64>, IndexError> {
        loop {
            let size = self.window.bytes(at..at + 1).await?;
            match size.first() {
                None => return Ok(None),
                Some(0) => return Ok(Some(at + 1)),
                Some(size) => at += 1 + u64::from(*size),
            }
        }
    }
}

/// Bytes of the colours that these flags announce.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << (1 + (flags & 7))
    }
}
