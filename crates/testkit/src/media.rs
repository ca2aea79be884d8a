//! The folder of test videos, and the measured properties of each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::workspace_root;

/// One file's row in the folder's `manifest.tsv`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Medium {
    /// File name in the folder.
    pub file: String,
    /// The expected result.
    pub expect: Expect,
    /// Acceptable number of slices of 30 seconds: minimum and maximum.
    pub slices_30s: (u32, u32),
    /// Duration of the video stream's pictures in seconds; `None` if there is no video stream.
    pub video_span_s: Option<f64>,
    /// Pts of the first picture in seconds.
    pub video_start_s: Option<f64>,
    /// Index of the stream to render among all streams of the file.
    pub video_stream_index: Option<u32>,
    /// Displayed width and height, in pixels.
    pub display: Option<(u32, u32)>,
    /// FFmpeg's name of the container.
    pub container: String,
    /// FFmpeg's name of the video codec.
    pub vcodec: String,
    /// What is special about the file.
    pub property: String,
}

/// The expected result of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Previews.
    Gif,
    /// A rejection, because the file is a still image.
    Still,
    /// A rejection or a failed slice, because no video can be rendered.
    Error,
}

/// The folder of test videos: `GIFGEN_MEDIA`, or `../shared/media` relative to the workspace.
pub fn folder() -> PathBuf {
    let folder = std::env::var_os("GIFGEN_MEDIA")
        .map_or_else(|| workspace_root().join("../shared/media"), PathBuf::from);
    assert!(
        folder.join("manifest.tsv").is_file(),
        "no test videos in {}: set GIFGEN_MEDIA to the folder that holds them and their manifest.tsv",
        folder.display()
    );
    folder
}

/// The path of a test video. `name` is its file name, or a prefix of it that ends before a `_`
/// (`d05` for `d05_hevc_8bit_bframes.mp4`).
pub fn video(name: &str) -> PathBuf {
    folder().join(medium(name).file)
}

/// The manifest's row of a test video, named as for [`video`].
pub fn medium(name: &str) -> Medium {
    let is_named = |row: &Medium| row.file == name || row.file.starts_with(&format!("{name}_"));
    manifest()
        .into_iter()
        .find(is_named)
        .unwrap_or_else(|| panic!("no test video is named {name}"))
}

/// All rows of the manifest, in its order.
pub fn manifest() -> Vec<Medium> {
    let text = fs::read_to_string(folder().join("manifest.tsv")).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Medium::from_cells(|name| {
                let column = names.iter().position(|n| *n == name);
                let column = column.unwrap_or_else(|| panic!("manifest.tsv has no column {name}"));
                cells.get(column).copied().unwrap_or_default()
            })
        })
        .collect()
}

impl Medium {
    fn from_cells<'a>(cell: impl Fn(&str) -> &'a str) -> Self {
        let number = |name| cell(name).parse::<f64>().ok();
        let whole = |name| cell(name).parse::<u32>().ok();
        let slices = cell("slices_30s_expected");
        let (least, most) = slices.split_once('-').unwrap_or((slices, slices));
        Self {
            file: cell("file").into(),
            expect: match cell("expect") {
                "gif" => Expect::Gif,
                "still" => Expect::Still,
                "error" => Expect::Error,
                other => panic!("manifest.tsv expects {other:?} of {}", cell("file")),
            },
            slices_30s: (least.parse().unwrap_or(0), most.parse().unwrap_or(0)),
            video_span_s: number("video_span_s"),
            video_start_s: number("video_start_s"),
            video_stream_index: whole("video_stream_index"),
            display: whole("display_w").zip(whole("display_h")),
            container: cell("container").into(),
            vcodec: cell("vcodec").into(),
            property: cell("property").into(),
        }
    }
}

/// Loops a test video `times` times into a new file in `folder`, without re-encoding.
pub fn looped(name: &str, times: u32, folder: &Path) -> PathBuf {
    assert!(times > 0);
    let target = folder.join(format!("{times}-times-{name}.mp4"));
    let mut ffmpeg = ffmpeg();
    ffmpeg
        .args(["-stream_loop", &(times - 1).to_string()])
        .arg("-i")
        .arg(video(name))
        .args(["-map", "0:v:0", "-c", "copy", "-movflags", "+faststart"]);
    made(ffmpeg, target)
}

/// Creates a video of this many seconds in `folder`, with few, small pictures, so that it is read
/// quickly.
pub fn tiny(seconds: u32, folder: &Path) -> PathBuf {
    let target = folder.join(format!("tiny-{seconds}.mp4"));
    let source = format!("testsrc2=size=32x18:rate=1:duration={seconds}");
    let mut ffmpeg = ffmpeg();
    ffmpeg
        .args(["-f", "lavfi", "-i", &source])
        .args(["-c:v", "libx264", "-g", "1", "-pix_fmt", "yuv420p"])
        .args(["-movflags", "+faststart"]);
    made(ffmpeg, target)
}

/// Creates a 10-bit HEVC video in `folder`, as phones and cameras do, of `size` (such as
/// "7680x4320") and this many pictures. It has an encoder's default number of reference pictures.
pub fn hevc(size: &str, pictures: u32, folder: &Path) -> PathBuf {
    let target = folder.join(format!("hevc-{size}.mp4"));
    let source = format!("testsrc2=size={size}:rate=24");
    let mut ffmpeg = ffmpeg();
    ffmpeg
        .args(["-f", "lavfi", "-i", &source])
        .args(["-frames:v", &pictures.to_string()])
        .args(["-pix_fmt", "yuv420p10le", "-c:v", "libx265"])
        .args(["-preset", "ultrafast"])
        .args(["-x265-params", "log-level=error:ref=4:bframes=4"]);
    made(ffmpeg, target)
}

fn ffmpeg() -> Command {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin"]);
    ffmpeg
}

/// Runs `ffmpeg`, which must create `target`.
fn made(mut ffmpeg: Command, target: PathBuf) -> PathBuf {
    let output = ffmpeg
        .arg(&target)
        .output()
        .unwrap_or_else(|error| panic!("failed to start ffmpeg ({error}): run `make setup`"));
    assert!(
        output.status.success(),
        "ffmpeg failed to make {}: {}",
        target.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    target
}
