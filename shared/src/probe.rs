//! Looks at a source with ffprobe: which stream is the video, how it is shown, when it starts,
//! and where it really ends.

use std::{collections::HashMap, ffi::OsString, path::Path};

use serde::Deserialize;

use crate::{
    child::{self, ChildError, Ending, Keep, Program},
    deadline::Deadline,
    ffmpeg_input::{MAX_PIXELS, input_args, network_trouble},
    presigned_url::PresignedUrl,
    rejection::{Reason, Rejection},
    source::ETag,
    video_stream::{VideoStream, displayed_size},
};

/// What to probe, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// The program.
    pub ffprobe: &'a Path,
    /// The source.
    pub url: &'a PresignedUrl,
    /// The version of the source.
    pub etag: Option<&'a ETag>,
    /// When all probing must be over.
    pub deadline: Deadline,
}

/// What a container says of its video.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The stream to render.
    pub video: VideoStream,
    /// Name of the codec, as FFmpeg has it.
    pub codec: String,
    /// Name of the container, as FFmpeg has it.
    pub container: String,
    /// The length that the container claims, in seconds. Headers lie.
    pub claimed_seconds: Option<f64>,
    /// Timestamp of the first packet, in seconds: the clock that [`Probe::end`] answers by.
    first_packet: f64,
    /// Whether packets carry no presentation timestamps (AVI), so that the packets' clock runs
    /// ahead of the pictures'.
    decode_clock: bool,
}

/// Why a source could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The input's fault, and permanent.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// ffprobe could not be run. Transient.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// ffprobe could not read the source, or was ended. Transient.
    #[error("ffprobe failed to read the source: {reason}")]
    Interrupted {
        /// What ffprobe said, without the URL.
        reason: String,
    },
}

/// Most bytes of ffprobe's answer that are kept: a source with thousands of streams is cut off,
/// and its JSON then fails to parse.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Packets that are read and decoded to find the first picture. H.264 and HEVC reorder over at
/// most 16 pictures.
const HEAD_PACKETS: &str = "%+#24";

/// A time behind every end: FFmpeg then seeks to the last keyframe there is.
const FAR: &str = "999999%";

/// How much before the claimed end to look, in seconds, so that a keyframe is found there.
const NEAR_END_SECONDS: f64 = 5.0;

/// Most bytes of the packet list that are kept from its end. A line has some 70 bytes, so the
/// reordering of the last pictures is well inside.
const TAIL_BYTES: usize = 64 * 1024;

/// Containers in which FFmpeg seeks by guessing at byte positions and lands between keyframes.
/// Ten seconds is the longest distance between keyframes that HLS packagers use.
const BLIND_SEEK: [(&str, u32); 2] = [("mpegts", 10), ("mpeg", 10)];

/// Tallest picture that is taken, in multiples of its width: a still 3840 wide then still fits
/// into a JPG.
const TALLEST: u32 = 16;

/// What FFmpeg says of pictures above its limit; it then gives no size at all
/// (`av_image_check_size2` in libavutil).
const TOO_MANY_PIXELS: &str = "exceeds specified max pixel count";

// FFmpeg's error codes: `AVERROR(errno)` for what the system says, tags for its own
// (libavutil/error.h).
const INVALID_DATA: i64 = -1_094_995_529; // AVERROR_INVALIDDATA
const NOT_ON_WHITELIST: i64 = -22; // AVERROR(EINVAL), from check_whitelist() in libavformat
const PERMANENT_CODES: [i64; 7] = [
    -1_128_613_112, // AVERROR_DECODER_NOT_FOUND
    -1_296_385_272, // AVERROR_DEMUXER_NOT_FOUND
    -1_381_258_232, // AVERROR_STREAM_NOT_FOUND
    -1_163_346_256, // AVERROR_PATCHWELCOME
    -541_478_725,   // AVERROR_EOF: the file ends before its header does
    -558_323_010,   // AVERROR_BUG
    -34,            // AVERROR(ERANGE)
];

#[derive(Deserialize)]
struct Answer {
    error: Option<AnswerError>,
    format: Option<Format>,
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    packets_and_frames: Vec<HeadEntry>,
    /// What ffprobe wrote to standard error, without the URL.
    #[serde(skip)]
    said: String,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i64,
    string: String,
}

#[derive(Deserialize)]
struct Format {
    format_name: String,
    nb_streams: u32,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    codec_name: Option<String>,
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
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<i64>,
}

#[derive(Deserialize)]
struct HeadEntry {
    #[serde(rename = "type")]
    kind: String,
    best_effort_timestamp_time: Option<String>,
    pts_time: Option<String>,
    dts_time: Option<String>,
    #[serde(default)]
    flags: String,
}

/// The first packets and pictures of a stream.
struct Head {
    first_packet: f64,
    first_picture: f64,
    packets: usize,
    decode_clock: bool,
}

impl Probe<'_> {
    /// Reads the container's header and the first pictures, and chooses the stream to render:
    /// the default video stream, else the first; cover art is none.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if the source is no video that can be rendered; the other kinds
    /// are transient.
    pub async fn header(&self) -> Result<Header, ProbeError> {
        let answer = self
            .ask(&[
                "-select_streams",
                "V",
                "-show_entries",
                "format=format_name,nb_streams,duration:\
                 stream=index,codec_name,width,height,sample_aspect_ratio,field_order:\
                 stream_disposition=default:stream_side_data=rotation",
            ])
            .await?;
        let format = answer
            .format
            .as_ref()
            .ok_or_else(|| unreadable("ffprobe finds no container"))?;
        let stream = choose(&answer.streams).ok_or_else(|| no_video(format))?;
        if stream.width == 0 && answer.said.contains(TOO_MANY_PIXELS) {
            return Err(too_large("its pictures").into());
        }
        let (width, height) = size_of(stream)?;
        let head = self.head(stream.index).await?;
        if format.format_name == "gif" && head.packets == 1 {
            return Err(Rejection::new(
                Reason::NotAVideo,
                "a GIF of one picture is a still image; upload a video",
            )
            .into());
        }
        Ok(Header {
            video: VideoStream {
                index: stream.index,
                start_time: head.first_picture,
                width,
                height,
                interlaced: matches!(
                    stream.field_order.as_deref(),
                    Some("tt" | "bb" | "tb" | "bt")
                ),
                seek_margin: BLIND_SEEK
                    .iter()
                    .find(|(name, _)| *name == format.format_name)
                    .map_or(0, |(_, margin)| *margin),
            },
            codec: stream.codec_name.clone().unwrap_or_default(),
            container: format.format_name.clone(),
            claimed_seconds: seconds(&format.duration),
            first_packet: head.first_packet,
            decode_clock: head.decode_clock,
        })
    }

    /// The length of the video stream in seconds, rounded to milliseconds: from its first
    /// picture to the end of its last, by the timestamps of the packets near the end of the
    /// file. What the header claims decides only where to look first.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if there are no packets; the other kinds are transient.
    pub async fn length(&self, header: &Header) -> Result<f64, ProbeError> {
        let near_claimed = header
            .claimed_seconds
            .map(|claimed| header.first_packet + claimed - NEAR_END_SECONDS)
            .filter(|from| *from > header.first_packet)
            .map(|from| format!("{from:.3}%"));
        let everything = "%".to_owned();
        for from in near_claimed.into_iter().chain([FAR.to_owned(), everything]) {
            if let Some(end) = self.end(header.video.index, &from).await? {
                let ahead = if header.decode_clock {
                    header.video.start_time - header.first_packet
                } else {
                    0.0
                };
                let length = end + ahead - header.video.start_time;
                let rounded = (length * 1000.0).round() / 1000.0;
                if rounded > 0.0 {
                    return Ok(rounded);
                }
            }
        }
        Err(Rejection::new(Reason::EmptyVideo, "the video stream holds no pictures").into())
    }

    /// The first packets and pictures of stream `index`.
    async fn head(&self, index: u32) -> Result<Head, ProbeError> {
        let entries = self
            .ask(&[
                "-threads",
                "1",
                "-select_streams",
                &index.to_string(),
                "-read_intervals",
                HEAD_PACKETS,
                "-show_entries",
                "packet=pts_time,dts_time,flags:frame=best_effort_timestamp_time",
            ])
            .await?
            .packets_and_frames;
        let (mut first_packet, mut first_picture) = (f64::INFINITY, f64::INFINITY);
        let (mut packets, mut decode_clock) = (0, false);
        for entry in &entries {
            if entry.kind == "frame" {
                let at = seconds(&entry.best_effort_timestamp_time);
                first_picture = first_picture.min(at.unwrap_or(f64::INFINITY));
            } else if !entry.flags.contains('D') {
                // Packets flagged D lie before an edit list's start and are never shown.
                packets += 1;
                decode_clock |= entry.pts_time.is_none();
                let at = seconds(&entry.pts_time).or(seconds(&entry.dts_time));
                first_packet = first_packet.min(at.unwrap_or(f64::INFINITY));
            }
        }
        if first_packet.is_infinite() {
            return Err(Rejection::new(
                Reason::EmptyVideo,
                "the video stream holds no packets with a time",
            )
            .into());
        }
        if first_picture.is_infinite() {
            // Nothing decodes at the start; what comes later may. The worker sees.
            first_picture = first_packet;
        }
        Ok(Head {
            first_packet,
            first_picture,
            packets,
            decode_clock,
        })
    }

    /// The end of the last packet of stream `index`, in seconds, looking from `from` on; `None`
    /// if there are no packets behind it.
    async fn end(&self, index: u32, from: &str) -> Result<Option<f64>, ProbeError> {
        let mut args: Vec<OsString> = [
            "-v",
            "error",
            "-select_streams",
            &index.to_string(),
            "-read_intervals",
            from,
            "-show_entries",
            "packet=pts_time,dts_time,duration_time,flags",
            "-of",
            "compact=print_section=0",
        ]
        .map(OsString::from)
        .into();
        args.extend(input_args(self.url, self.etag));
        let finished = self.run(args, Keep::Last(TAIL_BYTES)).await?;
        let lines = String::from_utf8_lossy(&finished.stdout);
        Ok(lines.lines().filter_map(packet_end).reduce(f64::max))
    }

    async fn ask(&self, questions: &[&str]) -> Result<Answer, ProbeError> {
        let mut args: Vec<OsString> = ["-v", "error", "-show_error", "-of", "json=compact=1"]
            .iter()
            .chain(questions)
            .map(OsString::from)
            .collect();
        args.extend(input_args(self.url, self.etag));
        let finished = self.run(args, Keep::First(ANSWER_BYTES)).await?;
        let said = self.url.redact(finished.stderr.trim());
        let mut answer: Answer = serde_json::from_slice(&finished.stdout).map_err(|error| {
            // FFmpeg 5.1 can print just `{` and exit with 1.
            unreadable(&format!("ffprobe gives no usable answer ({error}): {said}"))
        })?;
        answer.said = said;
        match &answer.error {
            None => Ok(answer),
            Some(error) => Err(judge(error)),
        }
    }

    async fn run(&self, args: Vec<OsString>, stdout: Keep) -> Result<child::Finished, ProbeError> {
        let finished = child::run(Program {
            path: self.ffprobe,
            args,
            directory: Path::new("/"),
            deadline: self.deadline,
            stdout,
        })
        .await?;
        match finished.ending {
            Ending::Exited(_) if network_trouble(&finished.stderr, self.url) => {
                Err(ProbeError::Interrupted {
                    reason: self.url.redact(finished.stderr.trim()),
                })
            }
            Ending::Exited(_) => Ok(finished),
            Ending::DeadlinePassed => Err(ProbeError::Interrupted {
                reason: "it took until the deadline".into(),
            }),
            Ending::Killed { signal } => Err(ProbeError::Interrupted {
                reason: format!("it was killed by signal {signal}"),
            }),
        }
    }
}

fn choose(streams: &[Stream]) -> Option<&Stream> {
    let is_default = |stream: &&Stream| stream.disposition.get("default") == Some(&1);
    streams.iter().find(is_default).or(streams.first())
}

fn no_video(format: &Format) -> Rejection {
    if format.nb_streams == 0 {
        return unreadable("the file holds no streams");
    }
    Rejection::new(
        Reason::NoVideoStream,
        "the file has no video stream (cover art is none); upload a video",
    )
}

fn unreadable(message: &str) -> Rejection {
    Rejection::new(Reason::Unreadable, message)
}

fn size_of(stream: &Stream) -> Result<(u32, u32), Rejection> {
    let (width, height) = (stream.width, stream.height);
    if width == 0 || height == 0 {
        return Err(unreadable("the video stream has no picture size"));
    }
    let sar = stream.sample_aspect_ratio.as_deref().and_then(ratio);
    let rotation = stream.side_data_list.iter().find_map(|data| data.rotation);
    let shown = displayed_size(width, height, sar.unwrap_or((1, 1)), rotation.unwrap_or(0));
    if u64::from(width) * u64::from(height) > MAX_PIXELS
        || u64::from(shown.0) * u64::from(shown.1) > 4 * MAX_PIXELS
        || shown.1 > TALLEST.saturating_mul(shown.0)
    {
        let shown = format!("{width}x{height}, shown as {}x{},", shown.0, shown.1);
        return Err(too_large(&shown));
    }
    Ok(shown)
}

fn too_large(what: &str) -> Rejection {
    Rejection::new(
        Reason::TooLarge,
        format!(
            "{what} are too large: at most {MAX_PIXELS} pixels are taken, and {TALLEST} times as high as wide"
        ),
    )
}

/// What an error code of ffprobe says about the source.
fn judge(error: &AnswerError) -> ProbeError {
    match error.code {
        NOT_ON_WHITELIST => Rejection::new(
            Reason::NotAVideo,
            "this is no video file: still images, playlists and texts are not taken",
        )
        .into(),
        INVALID_DATA => {
            unreadable("the file is truncated, damaged, or of no known video format").into()
        }
        code if PERMANENT_CODES.contains(&code) => {
            unreadable(&format!("FFmpeg cannot open the file: {}", error.string)).into()
        }
        _ => ProbeError::Interrupted {
            reason: error.string.clone(),
        },
    }
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once(':')?;
    Some((numerator.parse().ok()?, denominator.parse().ok()?))
}

fn seconds(text: &Option<String>) -> Option<f64> {
    text.as_ref()?.parse().ok().filter(|s: &f64| s.is_finite())
}

/// The end in seconds of the packet that one line of ffprobe's `compact` list describes.
fn packet_end(line: &str) -> Option<f64> {
    let fields: HashMap<&str, &str> = line.split('|').filter_map(|f| f.split_once('=')).collect();
    let number = |name| -> Option<f64> { fields.get(name)?.parse().ok() };
    if fields.get("flags")?.contains('D') {
        return None;
    }
    let at = number("pts_time").or(number("dts_time"))?;
    Some(at + number("duration_time").unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(index: u32, default: u8) -> Stream {
        serde_json::from_value(
            serde_json::json!({"index": index, "width": 1280, "height": 1080,
            "sample_aspect_ratio": "3:2", "disposition": {"default": default}}),
        )
        .unwrap()
    }

    #[test]
    fn the_default_stream_is_chosen_else_the_first() {
        assert_eq!(
            choose(&[stream(0, 0), stream(3, 1), stream(4, 1)])
                .unwrap()
                .index,
            3
        );
        assert_eq!(choose(&[stream(2, 0), stream(5, 0)]).unwrap().index, 2);
        assert!(choose(&[]).is_none());
    }

    #[test]
    fn a_nonsensical_rotation_is_no_rotation() {
        let mut stream = stream(0, 1);
        stream.side_data_list = vec![SideData {
            rotation: Some(i64::MIN),
        }];
        assert_eq!(size_of(&stream).unwrap(), (1920, 1080));
    }

    #[test]
    fn huge_and_towering_pictures_are_too_large() {
        for (width, height) in [(30_000, 30_000), (2, 8_000)] {
            let stream = Stream {
                width,
                height,
                ..stream(0, 1)
            };
            assert_eq!(size_of(&stream).unwrap_err().reason, Reason::TooLarge);
        }
    }

    #[test]
    fn a_packet_ends_after_its_duration_and_a_discarded_one_not_at_all() {
        let line = "pts_time=1.5|dts_time=1.4|duration_time=0.04|flags=K_";
        assert_eq!(packet_end(line), Some(1.54));
        let line = "pts_time=N/A|dts_time=1.4|duration_time=N/A|flags=__";
        assert_eq!(packet_end(line), Some(1.4));
        assert_eq!(packet_end("pts_time=1.5|duration_time=0.04|flags=KD"), None);
        assert_eq!(packet_end("1.4|duration_ti"), None);
    }

    #[test]
    fn codes_of_the_network_are_transient_and_codes_of_the_content_are_not() {
        let judged = |code| {
            judge(&AnswerError {
                code,
                string: "x".into(),
            })
        };
        assert!(matches!(judged(-5), ProbeError::Interrupted { .. }));
        assert!(matches!(
            judged(-1_482_175_992),
            ProbeError::Interrupted { .. }
        )); // 5XX
        assert!(matches!(judged(INVALID_DATA), ProbeError::Rejected(_)));
        assert!(matches!(judged(NOT_ON_WHITELIST), ProbeError::Rejected(_)));
    }
}
