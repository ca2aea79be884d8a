//! Whether a file holds more than the video that was measured: another recording behind it, less than its header
//! claims, or pictures that were lost.
//!
//! A file is refused as truncated only if two witnesses agree: it breaks off within something that says how long it
//! is, and its header claims more pictures than there are. Headers alone are often wrong. MXF needs its footer, and
//! the pictures of Y4M have one size: there one witness is enough.

mod asf;
mod avi;
mod flv;
mod gif;
mod ivf;
mod matroska;
mod mxf;
mod nut;
mod ogg;
mod program_stream;
mod real_media;
mod transport_stream;
mod window;
mod wtv;

use gifgen_reader::BlockCache;

use crate::error::IndexError;

/// A file up to this size, in bytes, is looked through.
const SMALL_BYTES: u64 = 2 * 1024 * 1024;

/// How much is read at once, in bytes.
const STEP: u64 = 1024 * 1024;

/// A claimed length that is longer by up to this, in seconds, is met: containers round times, and some do not say
/// how long the last picture stands.
const ROUNDING_SECONDS: f64 = 0.15;

/// What was measured of a video.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The format of the source, by FFmpeg's name.
    pub container: &'a str,
    /// The index of the video among the streams.
    pub stream: u32,
    /// The length that the header claims, in seconds.
    pub claimed: Option<f64>,
    /// The length from the first picture to the end of the last, in seconds.
    pub length: f64,
    /// Whether it was measured by an index, which follows clocks that start again.
    pub has_index: bool,
}

impl Measured<'_> {
    /// Whether the header claims that the video goes on.
    fn is_short(&self) -> bool {
        self.is_shorter_than(self.claimed.unwrap_or_default())
    }

    fn is_shorter_than(&self, seconds: f64) -> bool {
        seconds > self.length + ROUNDING_SECONDS
    }

    /// The error for a file of so many `bytes` that claims to have `claimed`.
    fn truncated(&self, bytes: u64, claimed: u64) -> IndexError {
        let why = format!("it is truncated, for it claims {claimed} bytes; upload it again");
        IndexError::not_whole(bytes, self.length, why)
    }

    /// The error for a file of so many `bytes`, of which the video takes only a part.
    fn ends_early(&self, bytes: u64) -> IndexError {
        let part = self.length / self.claimed.unwrap_or(self.length);
        self.ends_at((bytes as f64 * part) as u64)
    }

    /// The error for a file that nobody can read from `offset` on.
    fn ends_at(&self, offset: u64) -> IndexError {
        let why = "what follows is damaged, or a second recording: split the file";
        IndexError::not_whole(offset, self.length, why)
    }

    /// The error for another recording that starts at `offset`.
    fn second_recording(&self, offset: u64) -> IndexError {
        second_recording(offset, self.length)
    }
}

/// Accounts for a file to its last byte. Returns the length of the video in seconds, with what is lost of it.
///
/// # Errors
/// If another recording starts in it, or it breaks off before the claimed end; and if it cannot be read.
pub async fn account_for(blocks: &BlockCache, video: Measured<'_>) -> Result<f64, IndexError> {
    match video.container {
        "avi" => return avi::length(blocks, video).await,
        "asf" => asf::account_for(blocks, video).await?,
        "flv" => flv::account_for(blocks).await?,
        "gif" => gif::account_for(blocks, video).await?,
        "ivf" => ivf::account_for(blocks, video).await?,
        "matroska,webm" => matroska::account_for(blocks, video).await?,
        "mpegts" if !video.has_index => transport_stream::account_for(blocks, video).await?,
        "mpeg" => program_stream::account_for(blocks, video).await?,
        "mxf" => mxf::account_for(blocks, video).await?,
        "nut" => nut::account_for(blocks, video).await?,
        "ogg" => ogg::account_for(blocks, video).await?,
        "rm" => real_media::account_for(blocks, video).await?,
        "wtv" => wtv::account_for(blocks, video).await?,
        // Its pictures have one size, so FFmpeg claims what the bytes suffice for.
        "yuv4mpegpipe" if video.is_short() => return Err(video.ends_early(blocks.reader().len())),
        _ => {}
    }
    Ok(video.length)
}

fn second_recording(offset: u64, second: f64) -> IndexError {
    IndexError::not_whole(
        offset,
        second,
        "a second recording starts there: split the file",
    )
}
