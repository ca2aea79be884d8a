//! The films that trouble is made of: one for each container and codec that FFmpeg can make here.

use std::{
    collections::HashMap,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Mutex,
};

use tempfile::TempDir;

/// Length of the first recording, in seconds.
pub const SECONDS: u32 = 12;

/// Length of a second recording, in seconds.
pub const SECOND_SECONDS: u32 = 6;

/// The first number of a second recording, so that it is not taken for the first one.
pub const SECOND_NUMBER: u32 = 1000;

/// A container with a codec. Finer quantizers than 5 break numbers in the codecs that are near to H.263: they
/// clip coefficients.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The container: the file's ending, except for `fmp4`.
    pub container: &'static str,
    /// The codec, by FFmpeg's name of the decoder.
    pub codec: &'static str,
    /// Pictures a second.
    pub rate: u32,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Arguments of the encoder and the muxer. Keyframes are 2 s apart in codecs that have others.
    arguments: &'static str,
}

const X264: &str = "libx264 -preset ultrafast -bf 2 -g 20 -sc_threshold 0 -pix_fmt yuv420p";
const X265: &str = "libx265 -preset ultrafast -pix_fmt yuv420p \
                    -x265-params log-level=error:open-gop=0:keyint=20:scenecut=0";
const VP8: &str = "libvpx -deadline realtime -cpu-used 8 -g 20 -b:v 600k -auto-alt-ref 0";
const VP9: &str = "libvpx-vp9 -deadline realtime -cpu-used 8 -g 20 -b:v 600k";
const AV1: &str = "libsvtav1 -preset 12 -g 20";
const MPEG4: &str = "mpeg4 -g 20 -q:v 3 -sc_threshold 1000000000";
const MPEG2: &str = "mpeg2video -g 50 -q:v 3 -bf 2 -flags +cgop -sc_threshold 1000000000";
const MJPEG: &str = "mjpeg -q:v 3";
const THEORA: &str = "libtheora -q:v 7 -g 20";
const FFV1: &str = "ffv1 -level 3 -g 1 -slicecrc 1";
const MSMPEG4: &str = "msmpeg4 -g 20 -q:v 5 -sc_threshold 1000000000";

/// A size for a codec that notices random data in one of some 30 blocks only: then a picture of 60 is often taken for
/// a good one.
const MANY_BLOCKS: (u32, u32) = (160, 288);

const fn at(
    rate: u32,
    container: &'static str,
    codec: &'static str,
    arguments: &'static str,
) -> Kind {
    Kind {
        container,
        codec,
        rate,
        size: (160, 96),
        arguments,
    }
}

const fn ten(container: &'static str, codec: &'static str, arguments: &'static str) -> Kind {
    at(10, container, codec, arguments)
}

/// All kinds.
pub const KINDS: &[Kind] = &[
    ten("mp4", "h264", X264),
    ten("mp4", "hevc", X265),
    ten("mp4", "av1", AV1),
    ten("mp4", "vp9", VP9),
    ten("mp4", "mpeg4", MPEG4),
    ten("fmp4", "h264", X264),
    ten("mov", "h264", X264),
    ten("mov", "mjpeg", MJPEG),
    ten("mov", "prores", "prores_ks -profile:v 0"),
    ten("mov", "svq1", "svq1 -g 20"),
    ten("mov", "qtrle", "qtrle -g 20"),
    ten("mov", "smc", "smc -g 20"),
    ten("mov", "png", "png"),
    ten("mov", "jpeg2000", "jpeg2000"),
    ten("mov", "cfhd", "cfhd"),
    Kind {
        size: (256, 128),
        ..ten("mov", "dnxhd", "dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p")
    },
    Kind {
        size: (128, 96),
        ..ten("3gp", "h263", "h263 -g 20 -q:v 5 -sc_threshold 1000000000")
    },
    ten("mkv", "h264", X264),
    ten("mkv", "hevc", X265),
    ten("mkv", "av1", AV1),
    ten("mkv", "mpeg4", MPEG4),
    at(25, "mkv", "mpeg2video", MPEG2),
    ten("mkv", "mjpeg", MJPEG),
    ten("mkv", "ffv1", FFV1),
    ten("mkv", "theora", THEORA),
    ten("webm", "vp8", VP8),
    ten("webm", "vp9", VP9),
    ten("avi", "mpeg4", MPEG4),
    ten("avi", "mjpeg", MJPEG),
    ten(
        "avi",
        "msmpeg4v2",
        "msmpeg4v2 -g 20 -q:v 5 -sc_threshold 1000000000",
    ),
    Kind {
        size: MANY_BLOCKS,
        ..ten("avi", "msmpeg4v3", MSMPEG4)
    },
    ten("avi", "huffyuv", "huffyuv"),
    ten("avi", "ffvhuff", "ffvhuff"),
    ten("avi", "utvideo", "utvideo"),
    ten("avi", "rawvideo", "rawvideo -pix_fmt yuv420p"),
    ten("avi", "cinepak", "cinepak -g 20"),
    ten("avi", "msvideo1", "msvideo1 -g 20"),
    ten("avi", "zmbv", "zmbv -g 20"),
    ten("avi", "magicyuv", "magicyuv"),
    ten("flv", "h264", X264),
    ten("flv", "flashsv", "flashsv -g 20"),
    ten("flv", "flv1", "flv -g 20 -q:v 3 -sc_threshold 1000000000"),
    ten("ts", "h264", X264),
    ten("ts", "hevc", X265),
    at(25, "ts", "mpeg2video", MPEG2),
    ten("ts", "mpeg4", MPEG4),
    ten("m2ts", "h264", X264),
    at(
        25,
        "mpg",
        "mpeg1video",
        "mpeg1video -g 50 -q:v 3 -sc_threshold 1000000000",
    ),
    at(
        25,
        "vob",
        "mpeg2video",
        "mpeg2video -g 50 -q:v 3 -sc_threshold 1000000000",
    ),
    ten("ogv", "theora", THEORA),
    ten("wmv", "wmv1", "wmv1 -g 20 -q:v 5 -sc_threshold 1000000000"),
    ten("wmv", "wmv2", "wmv2 -g 20 -q:v 5 -sc_threshold 1000000000"),
    Kind {
        size: MANY_BLOCKS,
        ..ten("asf", "msmpeg4v3", MSMPEG4)
    },
    ten("gif", "gif", "gif"),
    at(
        25,
        "mxf",
        "mpeg2video",
        "mpeg2video -g 50 -q:v 3 -sc_threshold 1000000000",
    ),
    ten("nut", "h264", X264),
    ten("ivf", "vp8", VP8),
    ten("ivf", "av1", AV1),
    ten("y4m", "rawvideo", "wrapped_avframe -pix_fmt yuv420p"),
    at(25, "wtv", "mpeg2video", MPEG2),
    ten("rm", "rv10", "rv10 -g 20 -q:v 5 -sc_threshold 1000000000"),
    ten("rm", "rv20", "rv20 -g 20 -q:v 5 -sc_threshold 1000000000"),
];

impl Kind {
    /// Whether its packets are those of a transport stream.
    pub fn is_ts(&self) -> bool {
        matches!(self.container, "ts" | "m2ts")
    }

    /// Name of a file of this kind.
    pub fn file_name(&self, name: &str) -> String {
        let extension = if self.container == "fmp4" {
            "mp4"
        } else {
            self.container
        };
        format!("{name}.{extension}")
    }

    fn muxer(&self) -> &'static str {
        match self.container {
            "fmp4" => "-movflags +frag_keyframe+empty_moov",
            // The tables in front, as most MP4s have them that are made for the web.
            "mp4" => "-movflags +faststart",
            // Several clusters, as in a film of common length.
            "mkv" | "webm" => "-cluster_time_limit 2000",
            // A list of keyframes, by which an overview finds them.
            "flv" => "-flvflags add_keyframe_index",
            _ => "",
        }
    }
}

/// Which recording of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recording {
    /// The film itself.
    First,
    /// Another one, with other numbers.
    Second,
    /// The film's continuation: numbers and clock go on, but pictures are half as wide and high.
    SmallRest,
}

/// Makes each recording once.
pub struct Studio {
    folder: TempDir,
    recordings: Mutex<HashMap<(&'static str, &'static str, Recording), PathBuf>>,
}

impl Studio {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            recordings: Mutex::default(),
        }
    }

    /// The bytes of a recording.
    pub fn recording(&self, kind: Kind, recording: Recording) -> Vec<u8> {
        let mut recordings = self.recordings.lock().unwrap();
        let key = (kind.container, kind.codec, recording);
        let file = recordings.entry(key).or_insert_with(|| {
            let name = format!("{}-{}-{recording:?}", kind.container, kind.codec);
            let file = self.folder.path().join(kind.file_name(&name));
            record(kind, recording, &file);
            file
        });
        std::fs::read(file).unwrap()
    }

    /// A recording whose packets went through a bitstream `filter` before they were written.
    pub fn filtered(&self, kind: Kind, recording: &[u8], filter: &str) -> Vec<u8> {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let [whole, filtered] =
            ["whole", "filtered"].map(|name| folder.path().join(kind.file_name(name)));
        std::fs::write(&whole, recording).unwrap();
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-i"])
            .arg(&whole)
            .args(["-c", "copy", "-bsf:v", filter])
            .args(kind.muxer().split_whitespace())
            .arg(&filtered)
            .status()
            .unwrap();
        assert!(status.success(), "{kind:?} {filter}");
        std::fs::read(filtered).unwrap()
    }

    /// Path of a new file of this kind.
    pub fn file(&self, kind: Kind, seed: u64) -> PathBuf {
        self.folder
            .path()
            .join(kind.file_name(&format!("trouble-{seed}")))
    }
}

/// Encodes a recording.
fn record(kind: Kind, recording: Recording, file: &std::path::Path) {
    let (first, seconds, start, scale) = match recording {
        Recording::First => (0, SECONDS, 0, 1),
        Recording::Second => (SECOND_NUMBER, SECOND_SECONDS, 0, 1),
        Recording::SmallRest => (SECONDS * kind.rate, SECOND_SECONDS, SECONDS, 2),
    };
    // FFmpeg joins other files than transport streams, and gives them their times. The muxer of transport
    // streams shifts those that begin with a negative dts, and no others.
    let start = if kind.is_ts() { start + 1 } else { 0 };
    let (width, height) = (kind.size.0 / scale, kind.size.1 / scale);
    let (size, rate) = (format!("{width}x{height}"), kind.rate.to_string());
    let mut ffmpeg = Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "gray",
        ])
        .args([
            "-s", &size, "-r", &rate, "-i", "pipe:0", "-threads", "1", "-c:v",
        ])
        .args(kind.arguments.split_whitespace())
        .args(kind.muxer().split_whitespace())
        .args(["-output_ts_offset", &start.to_string()])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = ffmpeg.stdin.take().unwrap();
    for number in first..first + seconds * kind.rate {
        pipe.write_all(&draw(number, width, height)).unwrap();
    }
    drop(pipe);
    let status = ffmpeg.wait().unwrap();
    assert!(status.success(), "{kind:?} {recording:?}");
}

/// A gray picture that carries a number in its upper half. The lower half moves.
fn draw(number: u32, width: u32, height: u32) -> Vec<u8> {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let shade = |(x, y): (u32, u32)| match (y < height / 2, number >> (x * 16 / width) & 1) {
        (true, 1) => 235,
        (true, _) => 16,
        (false, _) => 64 + (2 * x + 3 * y + 5 * number) as u8 % 128,
    };
    pixels.map(shade).collect()
}
