//! ffprobe's JSON output, and what it says about the source.

use std::collections::HashMap;

use gifgen_shared::{Colour, Reason, Rejection, crop::Coded, video_stream::displayed_size};
use serde::Deserialize;

use crate::{
    colour::{ColourData, Tags, colour},
    error::ProbeError,
    ffmpeg_input::MAX_PIXELS,
    file_signature::not_a_video,
};

/// Largest accepted ratio of height to width: a still 3840 pixels wide then still fits into a JPEG.
const TALLEST: u32 = 16;

/// FFmpeg's messages for pictures above our limit, and above its own. In the second case the stream
/// has no size (`av_image_check_size2` in libavutil).
const TOO_MANY_PIXELS: &str = "exceeds specified max pixel count";
const NO_SIZE: (&str, &str) = ("Picture size ", " is invalid");

// FFmpeg's error codes: `AVERROR(errno)` for system errors, tags for its own (libavutil/error.h).
const INVALID_DATA: i64 = -1_094_995_529; // AVERROR_INVALIDDATA
const NOT_ON_WHITELIST: i64 = -22; // AVERROR(EINVAL), from check_whitelist() in libavformat
// AVERROR(ENOMEM). A machine that is short of memory kills; this error comes from the limits of the
// sandbox and of the number of streams.
const NO_MEMORY: i64 = -12;
const PERMANENT_CODES: [i64; 7] = [
    -1_128_613_112, // AVERROR_DECODER_NOT_FOUND
    -1_296_385_272, // AVERROR_DEMUXER_NOT_FOUND
    -1_381_258_232, // AVERROR_STREAM_NOT_FOUND
    -1_163_346_256, // AVERROR_PATCHWELCOME
    -541_478_725,   // AVERROR_EOF: the file ends before its header does
    -558_323_010,   // AVERROR_BUG
    -34,            // AVERROR(ERANGE)
];

/// Output without an error.
#[derive(Deserialize)]
pub(super) struct FfprobeOutput {
    error: Option<FfprobeError>,
    format: Option<Format>,
    #[serde(default)]
    streams: Vec<Stream>,
    /// Packets and frames, interleaved.
    #[serde(default)]
    pub packets_and_frames: Vec<HeadEntry>,
    /// ffprobe's standard error, without the URL.
    #[serde(skip)]
    stderr: String,
    /// Whether ffprobe's peak memory was near its limit.
    #[serde(skip)]
    pub near_memory_bound: bool,
}

#[derive(Deserialize)]
struct FfprobeError {
    code: i64,
    string: String,
}

#[derive(Deserialize)]
pub(super) struct Format {
    pub format_name: String,
    nb_streams: u32,
    duration: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Stream {
    pub index: u32,
    pub codec_name: Option<String>,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    sample_aspect_ratio: Option<String>,
    field_order: Option<String>,
    #[serde(default)]
    disposition: HashMap<String, u8>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(flatten)]
    tags: Tags,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<i64>,
    #[serde(flatten)]
    colour: ColourData,
}

/// A packet or frame near the start of a stream.
#[derive(Deserialize)]
pub(super) struct HeadEntry {
    #[serde(rename = "type")]
    pub kind: String,
    pub best_effort_timestamp_time: Option<String>,
    pub pts_time: Option<String>,
    pub dts_time: Option<String>,
    #[serde(default)]
    pub flags: String,
    #[serde(flatten)]
    pub tags: Tags,
    #[serde(default)]
    pub side_data_list: Vec<ColourData>,
}

impl FfprobeOutput {
    /// Parses ffprobe's standard output; `stderr` is its standard error.
    pub fn parse(stdout: &[u8], stderr: String) -> Result<Self, ProbeError> {
        if stdout.is_empty() {
            // ffprobe always prints at least `{`. This one failed before that, for example because
            // a library is missing.
            return Err(ProbeError::Interrupted {
                reason: format!("does not run: {stderr}"),
            });
        }
        let output: Self = serde_json::from_slice(stdout).map_err(|error| {
            // FFmpeg 5.1 may print just `{` and exit with 1.
            unreadable(&format!(
                "ffprobe gives no usable answer ({error}): {stderr}"
            ))
        })?;
        match &output.error {
            None => Ok(Self { stderr, ..output }),
            Some(error) => Err(classify(error)),
        }
    }

    pub fn format(&self) -> Result<&Format, Rejection> {
        let missing = || unreadable("ffprobe finds no container");
        self.format.as_ref().ok_or_else(missing)
    }

    /// The default video stream, or else the first.
    pub fn video_stream(&self) -> Result<&Stream, Rejection> {
        let is_default = |stream: &&Stream| stream.disposition.get("default") == Some(&1);
        let mut streams = self.streams.iter();
        if let Some(stream) = streams.find(is_default).or(self.streams.first()) {
            return Ok(stream);
        }
        if self.format()?.nb_streams == 0 {
            return Err(unreadable("the file holds no streams"));
        }
        Err(Rejection::new(
            Reason::NoVideoStream,
            "the file has no video stream (cover art is none); upload a video",
        ))
    }

    /// Displayed width and height in pixels.
    pub fn displayed_size(&self, stream: &Stream) -> Result<(u32, u32), Rejection> {
        let (width, height) = (stream.width, stream.height);
        if width == 0 || height == 0 {
            return Err(if reports_too_many_pixels(&self.stderr) {
                too_large("its pictures")
            } else {
                unreadable("the video stream has no picture size")
            });
        }
        let Coded { sar, rotation, .. } = stream.coded();
        let shown = displayed_size(width, height, sar, rotation);
        let pixels = |(width, height)| u64::from(width) * u64::from(height);
        if pixels((width, height)) > MAX_PIXELS
            || pixels(shown) > 4 * MAX_PIXELS
            || shown.1 > TALLEST.saturating_mul(shown.0)
        {
            let what = format!("{width}x{height}, shown as {}x{},", shown.0, shown.1);
            return Err(too_large(&what));
        }
        Ok(shown)
    }
}

impl Format {
    /// The duration that the container claims, in seconds.
    pub fn claimed_seconds(&self) -> Option<f64> {
        seconds(&self.duration)
    }
}

impl Stream {
    /// Its pictures as they are coded.
    pub fn coded(&self) -> Coded {
        let sar = self.sample_aspect_ratio.as_deref().and_then(ratio);
        let rotation = self.side_data_list.iter().find_map(|data| data.rotation);
        Coded {
            size: (self.width, self.height),
            sar: sar.unwrap_or((1, 1)),
            rotation: rotation.unwrap_or(0),
        }
    }

    /// How its colours are coded; `tags` and `data` are those of its first picture.
    pub fn colour(&self, tags: &Tags, data: &[ColourData]) -> Result<Colour, Rejection> {
        let codec = self.codec_name.as_deref().unwrap_or_default();
        let own = self.side_data_list.iter().map(|data| &data.colour);
        let size = (self.width, self.height);
        colour(&self.tags, tags, codec, size, data.iter().chain(own))
    }

    /// Whether its frames consist of two fields.
    pub fn is_interlaced(&self) -> bool {
        matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt"))
    }
}

/// Parses ffprobe's seconds; `None` for `N/A` and other text.
pub(super) fn seconds(text: &Option<String>) -> Option<f64> {
    text.as_ref()?.parse().ok().filter(|s: &f64| s.is_finite())
}

fn unreadable(message: &str) -> Rejection {
    Rejection::new(Reason::Unreadable, message)
}

fn too_large(what: &str) -> Rejection {
    Rejection::new(
        Reason::TooLarge,
        format!(
            "{what} are too large: at most {MAX_PIXELS} pixels are taken, and {TALLEST} times as high as wide"
        ),
    )
}

/// Maps ffprobe's error code to an error of the source, or a transient one.
fn classify(error: &FfprobeError) -> ProbeError {
    match error.code {
        NOT_ON_WHITELIST => not_a_video().into(),
        INVALID_DATA => {
            unreadable("the file is truncated, damaged, or of no known video format").into()
        }
        NO_MEMORY => Rejection::new(
            Reason::TooLarge,
            "it holds more streams, or takes more memory, than FFmpeg may have",
        )
        .into(),
        code if PERMANENT_CODES.contains(&code) => {
            unreadable(&format!("FFmpeg cannot open the file: {}", error.string)).into()
        }
        _ => ProbeError::Interrupted {
            reason: error.string.clone(),
        },
    }
}

fn reports_too_many_pixels(stderr: &str) -> bool {
    // FFmpeg prints the same for pictures without width or height.
    let is_beyond_ffmpeg = |line: &str| {
        let (_, rest) = line.split_once(NO_SIZE.0)?;
        let (width, height) = rest.split_once(NO_SIZE.1)?.0.split_once('x')?;
        Some(width.parse::<u32>().ok()? > 0 && height.parse::<u32>().ok()? > 0)
    };
    stderr
        .lines()
        .any(|line| line.contains(TOO_MANY_PIXELS) || is_beyond_ffmpeg(line) == Some(true))
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once(':')?;
    Some((numerator.parse().ok()?, denominator.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn output(streams: Value) -> FfprobeOutput {
        let json = json!({"format": {"format_name": "x", "nb_streams": 3}, "streams": streams});
        FfprobeOutput::parse(json.to_string().as_bytes(), String::new()).unwrap()
    }

    fn stream(index: u32, default: u8) -> Value {
        json!({"index": index, "width": 1280, "height": 1080, "sample_aspect_ratio": "3:2",
               "disposition": {"default": default}})
    }

    fn size(stream: Value) -> Result<(u32, u32), Rejection> {
        let output = output(json!([stream]));
        output.displayed_size(output.video_stream()?)
    }

    #[test]
    fn the_default_stream_is_chosen_else_the_first() {
        let streams = output(json!([stream(0, 0), stream(3, 1), stream(4, 1)]));
        assert_eq!(streams.video_stream().unwrap().index, 3);
        let streams = output(json!([stream(2, 0), stream(5, 0)]));
        assert_eq!(streams.video_stream().unwrap().index, 2);
        let error = output(json!([])).video_stream().err().unwrap();
        assert_eq!(error.reason, Reason::NoVideoStream);
    }

    #[test]
    fn a_nonsensical_rotation_is_no_rotation() {
        let mut stream = stream(0, 1);
        stream["side_data_list"] = json!([{"rotation": i64::MIN}]);
        assert_eq!(size(stream).unwrap(), (1920, 1080));
    }

    #[test]
    fn huge_and_towering_pictures_are_too_large() {
        for (width, height) in [(30_000, 30_000), (2, 8_000)] {
            let mut stream = stream(0, 1);
            stream["width"] = width.into();
            stream["height"] = height.into();
            assert_eq!(size(stream).unwrap_err().reason, Reason::TooLarge);
        }
    }

    #[test]
    fn pictures_that_ffmpeg_cannot_address_are_too_large_and_those_without_a_size_are_not() {
        let speaks = |size| reports_too_many_pixels(&format!("[IMGUTILS @ 0x7f] {size}"));
        assert!(speaks("Picture size 30000x30000 is invalid"));
        assert!(speaks(
            "Picture size 9000x4400 exceeds specified max pixel count 35651584"
        ));
        assert!(!speaks("Picture size 0x0 is invalid"));
        assert!(!speaks("error reading header"));
    }

    #[test]
    fn codes_of_the_network_are_transient_and_codes_of_the_content_are_not() {
        let judged = |code| {
            let string = "x".into();
            classify(&FfprobeError { code, string })
        };
        assert!(matches!(judged(-5), ProbeError::Interrupted { .. }));
        assert!(matches!(
            judged(-1_482_175_992),
            ProbeError::Interrupted { .. }
        )); // 5XX
        assert!(matches!(judged(INVALID_DATA), ProbeError::Rejected(_)));
        assert!(matches!(judged(NOT_ON_WHITELIST), ProbeError::Rejected(_)));
        assert!(matches!(judged(NO_MEMORY), ProbeError::Rejected(_)));
    }

    #[test]
    fn a_program_that_says_nothing_is_to_blame_and_not_the_source() {
        let error = FfprobeOutput::parse(b"", "libavcodec.so not found".into()).err();
        assert!(matches!(error, Some(ProbeError::Interrupted { .. })));
        let error = FfprobeOutput::parse(b"{", String::new()).err();
        assert!(matches!(error, Some(ProbeError::Rejected(_))));
    }
}
