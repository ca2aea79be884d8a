//! ffprobe's JSON output, and its errors.

use gifgen_shared::{Reason, Rejection};
use serde::Deserialize;

use crate::{
    colour::{self, ColourData},
    error::ProbeError,
    ffmpeg_log::name_of_refused_format,
    format_words::format_rejection,
    stream::Stream,
};

/// What ffprobe and FFmpeg print before they exit because one of the file's decoders does not open.
const DECODER_NOT_OPENED: &str = "Could not open codec for input stream";

/// What ffprobe prints for a stream for which it has no decoder.
const NO_DECODER: &str = "Unsupported codec with id ";

// FFmpeg's error codes: `AVERROR(errno)` for system errors, tags for its own (libavutil/error.h).
const NOT_ON_WHITELIST: i64 = -22; // AVERROR(EINVAL), from check_whitelist() in libavformat
// AVERROR(ENOMEM). A machine that is short of memory kills; this error comes from the limits of the
// sandbox and of the number of streams.
const NO_MEMORY: i64 = -12;
/// Errors of the connection to our proxy, or of this machine. All other errors are the file's. A source
/// that cannot be read is known by its own error, which counts before ffprobe's.
const TRANSIENT_CODES: [i64; 11] = [
    -4,             // AVERROR(EINTR)
    -11,            // AVERROR(EAGAIN)
    -13,            // AVERROR(EACCES)
    -23,            // AVERROR(ENFILE)
    -24,            // AVERROR(EMFILE)
    -32,            // AVERROR(EPIPE)
    -104,           // AVERROR(ECONNRESET)
    -110,           // AVERROR(ETIMEDOUT)
    -111,           // AVERROR(ECONNREFUSED)
    -1_414_092_869, // AVERROR_EXIT
    -1_482_175_992, // AVERROR_HTTP_SERVER_ERROR
];

/// Output without an error.
#[derive(Deserialize)]
pub(crate) struct FfprobeOutput {
    error: Option<FfprobeError>,
    format: Option<Format>,
    #[serde(default)]
    pub streams: Vec<Stream>,
    /// Packets and frames, interleaved.
    #[serde(default)]
    pub packets_and_frames: Vec<HeadEntry>,
    /// ffprobe's warnings and errors.
    #[serde(skip)]
    pub stderr: String,
    /// Whether ffprobe's peak memory was near its limit.
    #[serde(skip)]
    pub near_memory_bound: bool,
}

#[derive(Deserialize)]
struct FfprobeError {
    code: i64,
    string: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Format {
    pub format_name: String,
    pub nb_streams: u32,
    pub start_time: Option<String>,
    pub duration: Option<String>,
    #[serde(default)]
    pub tags: FormatTags,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct FormatTags {
    /// Brand of a file of the MOV family.
    #[serde(default)]
    pub major_brand: String,
}

/// A packet or frame near the start of a stream.
#[derive(Deserialize)]
pub(crate) struct HeadEntry {
    #[serde(rename = "type")]
    pub kind: String,
    pub stream_index: u32,
    pub best_effort_timestamp_time: Option<String>,
    pub pts_time: Option<String>,
    pub dts_time: Option<String>,
    #[serde(default)]
    pub flags: String,
    #[serde(default)]
    pub side_data_list: Vec<SideData>,
    #[serde(flatten)]
    pub colour_tags: colour::Tags,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct SideData {
    pub side_data_type: Option<String>,
    pub rotation: Option<i64>,
    #[serde(flatten)]
    pub colour: ColourData,
}

/// Why ffprobe gave no output.
pub(crate) enum Unanswered {
    /// A decoder does not open: perhaps that of another stream than the video.
    DecoderNotOpened,
    Probe(ProbeError),
}

impl<E: Into<ProbeError>> From<E> for Unanswered {
    fn from(error: E) -> Self {
        Self::Probe(error.into())
    }
}

impl FfprobeOutput {
    /// Parses ffprobe's standard output; `stderr` is its standard error.
    pub fn parse(stdout: &[u8], stderr: &str) -> Result<Self, Unanswered> {
        if stdout.is_empty() {
            // ffprobe always prints at least `{`. This one failed before that, for example because
            // a library is missing.
            return Err(Unanswered::Probe(ProbeError::Interrupted {
                reason: format!("does not run: {}", stderr.trim()),
            }));
        }
        let parsed: Result<Self, _> = serde_json::from_slice(stdout);
        match parsed {
            // FFmpeg may print just `{` and exit with 1.
            Err(_) if was_not_opened(stderr) => Err(Unanswered::DecoderNotOpened),
            Err(_) => Err(damaged().into()),
            Ok(mut output) => match &output.error {
                None => {
                    let lacking = streams_without_decoder(stderr);
                    for stream in &mut output.streams {
                        stream.lacks_decoder = lacking.contains(&stream.index);
                    }
                    output.stderr = stderr.to_owned();
                    Ok(output)
                }
                Some(error) => Err(classify(error, stderr).into()),
            },
        }
    }

    pub fn format(&self) -> Result<&Format, Rejection> {
        self.format.as_ref().ok_or_else(damaged)
    }
}

impl Format {
    /// The duration that the container claims, in seconds.
    pub fn claimed_seconds(&self) -> Option<f64> {
        seconds(&self.duration)
    }

    /// The duration that the container claims from `time` on, in seconds. Its streams may start later than the
    /// container does.
    pub fn claimed_after(&self, time: f64) -> Option<f64> {
        let before = seconds(&self.start_time).map_or(0.0, |start| (time - start).max(0.0));
        let rest = self.claimed_seconds()? - before;
        (rest > 0.0).then_some(rest)
    }

    /// Whether it is of the MOV family.
    pub fn is_mov(&self) -> bool {
        self.format_name.split(',').any(|name| name == "mov")
    }
}

/// The streams for which this FFmpeg has no decoder.
fn streams_without_decoder(stderr: &str) -> Vec<u32> {
    let lines = stderr.lines().filter(|line| line.contains(NO_DECODER));
    let index = |line: &str| line.rsplit_once("input stream ")?.1.trim().parse().ok();
    lines.filter_map(index).collect()
}

/// Whether ffprobe ended because a decoder does not open.
pub(crate) fn was_not_opened(stderr: &str) -> bool {
    stderr.contains(DECODER_NOT_OPENED)
}

/// Parses ffprobe's seconds; `None` for `N/A` and other text.
pub(crate) fn seconds(text: &Option<String>) -> Option<f64> {
    text.as_ref()?.parse().ok().filter(|s: &f64| s.is_finite())
}

/// Rejects a file that FFmpeg cannot open.
pub(crate) fn damaged() -> Rejection {
    unreadable("the file is truncated, damaged, or of no known video format")
}

pub(crate) fn unreadable(message: &str) -> Rejection {
    Rejection::new(Reason::Unreadable, message)
}

/// Maps ffprobe's error code to an error of the source, or a transient one.
fn classify(error: &FfprobeError, stderr: &str) -> ProbeError {
    match error.code {
        NOT_ON_WHITELIST => match name_of_refused_format(stderr) {
            Some(name) => format_rejection(name).into(),
            None => damaged().into(),
        },
        NO_MEMORY => Rejection::new(
            Reason::TooLarge,
            "it holds more streams, or takes more memory, than FFmpeg may have",
        )
        .into(),
        code if TRANSIENT_CODES.contains(&code) => ProbeError::Interrupted {
            reason: error.string.clone(),
        },
        _ => damaged().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: i64, stderr: &str) -> ProbeError {
        let string = "x".into();
        classify(&FfprobeError { code, string }, stderr)
    }

    #[test]
    fn codes_of_the_network_are_transient_and_codes_of_the_content_are_not() {
        for code in [-111, -104, -1_482_175_992] {
            let error = judged(code, "");
            assert!(matches!(error, ProbeError::Interrupted { .. }), "{code}");
        }
        // Input/output error is what FFmpeg makes of a file that is cut where it must not be.
        for code in [-5, -22, -12, -1_094_995_529, -541_478_725] {
            let error = judged(code, "");
            assert!(matches!(error, ProbeError::Rejected(_)), "{code}");
        }
    }

    #[test]
    fn a_format_that_is_not_allowed_is_named() {
        let said = "[pva @ 0x5610b2924400] [error] Format not on whitelist 'mov,mp4'\n\
                    [error] the source: Invalid argument\n";
        let error = judged(NOT_ON_WHITELIST, said).to_string();
        assert!(error.contains("the container PVA"), "{error}");
    }

    #[test]
    fn a_program_that_says_nothing_is_to_blame_and_not_the_source() {
        let error = FfprobeOutput::parse(b"", "libavcodec.so not found").err();
        let transient = |error| matches!(error, Unanswered::Probe(ProbeError::Interrupted { .. }));
        assert!(error.is_some_and(transient));
        let error = FfprobeOutput::parse(b"{", "").err();
        let final_one = |error| matches!(error, Unanswered::Probe(ProbeError::Rejected(_)));
        assert!(error.is_some_and(final_one));
    }

    #[test]
    fn a_stream_without_a_decoder_is_marked() {
        let said = "[warning] Unsupported codec with id 81 for input stream 1\n";
        let json = br#"{"streams": [{"index": 0, "codec_name": "zmbv"},
                                    {"index": 1, "codec_name": "zmbv"}]}"#;
        let parsed = FfprobeOutput::parse(json, said).unwrap_or_else(|_| panic!("no output"));
        let supported: Vec<bool> = parsed.streams.iter().map(Stream::is_supported).collect();
        assert_eq!(supported, [true, false]);
    }

    #[test]
    fn a_decoder_that_does_not_open_is_told_from_a_damaged_file() {
        let said = "[warning] Could not open codec for input stream 1\n";
        let error = FfprobeOutput::parse(b"{\n", said).err();
        assert!(matches!(error, Some(Unanswered::DecoderNotOpened)));
    }
}
