//! The argument list of the one FFmpeg run that renders a slice: one decode, from which come the
//! GIF's pictures, raw on standard output, and the stills and the sheet, as files. Tiles of an overview are raw
//! pictures, too.
//!
//! How the pictures are chosen:
//! - The picture at time *t* is the one on screen at *t*: the last one whose pts is at or before *t*.
//!   So the picture before a slice's start matters. FFmpeg's usual exact seek drops it.
//! - So the input starts with the keyframe before the slice, or FFmpeg seeks to it
//!   (`-noaccurate_seek`), and the timestamps are kept (`-copyts`).
//! - `setpts` moves them so that the slice starts at zero. Then `fps=…:round=up:start_time=0` takes,
//!   for picture *n*, the last one at or before *n / fps*.
//! - `fps` drops the last picture of the input if its duration is unknown, so a first `tpad` repeats
//!   that picture.
//! - If the stream ends before the slice does, a second `tpad` repeats the last picture, as a player
//!   would. `trim=end_frame` then gives exactly the number of pictures that the slice has.
//! - An input option `-t` would count from the keyframe. `trim=end_pts` ends the reading instead.

mod graph;

use std::{ffi::OsString, num::NonZero};

use gifgen_probe::{DETAILED_LOG_LEVEL, Input, LOG_LEVEL, LogMark, PICTURE_LOG, STRICT};
use gifgen_shared::Decode;

use self::graph::OutputKind;
use crate::{
    colour::JPG_ENCODER,
    job::SliceSpec,
    product::{Choice, Product, RawPictures},
    repairs::Repairs,
};

/// Name of the sprite sheet in the work directory.
pub(crate) const STORYBOARD_FILE: &str = "storyboard.jpg";

/// Copies of the last picture that are appended, so that `fps` does not drop it: where a container
/// gives no duration, FFmpeg guesses one, which may be too short. The copies come at the rate of the
/// pictures, so this is enough for two seconds at 1,000 pictures a second.
const LAST_PICTURE_COPIES: u32 = 2000;

/// Logs the aspect ratio with which the pictures are shown: FFmpeg says when it changes in mid-stream, but not if it
/// is another one from the slice's first picture on. Level 24 is a warning.
const SAY_SHAPE: &str = "crop=w='iw+0*print(dar,24)':exact=1,";

/// The codec whose decoder hints at lost pictures in a detailed log.
pub(crate) const H264: &str = "h264";

/// Earliest end of what is copied, in seconds on the container's clock.
const LEAST_END_SECONDS: f64 = 1.0;

/// Number of a picture that no video has.
const NO_PICTURE: u64 = 1_000_000_000_000;

/// Lambda gives one CPU for each so many megabytes of memory.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const MEGABYTES_PER_CPU: i32 = 1769;

/// One run of FFmpeg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rendering<'a> {
    /// Where FFmpeg reads.
    pub input: Input<'a>,
    /// Index of the video stream in the input, as FFmpeg counts.
    pub stream: u32,
    /// Seconds before the slice's start at which to seek; `None` if the input starts with the
    /// keyframe that the slice needs.
    pub seek_margin: Option<u32>,
    /// Threads that decode.
    pub threads: NonZero<u32>,
    /// FFmpeg's name of the codec.
    pub codec: &'a str,
    /// The slice, and how its pictures look.
    pub spec: &'a SliceSpec,
    /// What to make.
    pub product: Product,
    /// What an earlier run has shown to be necessary.
    pub repairs: &'a Repairs,
}

/// Threads that decode in a function with `memory` megabytes: one for each CPU that it has. More would
/// cost CPU time and save none.
pub fn threads_of_function(memory: i32) -> NonZero<u32> {
    let cpus = memory.saturating_add(MEGABYTES_PER_CPU / 2) / MEGABYTES_PER_CPU;
    u32::try_from(cpus)
        .ok()
        .and_then(NonZero::new)
        .unwrap_or(NonZero::<u32>::MIN)
}

impl Rendering<'_> {
    /// The arguments. The working directory must be empty.
    pub(crate) fn args(&self) -> Vec<OsString> {
        // Others have nothing to say there, and the metadata of files, which can contain anything, may look like errors.
        let level = if self.codec == H264 {
            DETAILED_LOG_LEVEL
        } else {
            LOG_LEVEL
        };
        let mut args = strings(&["-v", level]);
        args.extend(self.input_args(self.threads));
        args.extend(self.output_args());
        args
    }

    /// The arguments of a run that makes its product and logs each picture. One thread decodes, or else the marks of
    /// damaged pictures come too late.
    pub(crate) fn listing_args(&self, mark: &LogMark) -> Vec<OsString> {
        let mut args = strings(&PICTURE_LOG);
        args.extend(self.input_args(NonZero::<u32>::MIN));
        args.extend(strings(&mark.input_args()));
        args.extend(self.output_args());
        args
    }

    fn output_args(&self) -> Vec<OsString> {
        let outputs = self.outputs();
        let mut args = strings(&["-filter_complex", &self.filter_graph(&outputs)]);
        let quality = self.spec.settings.frame_quality.to_string();
        let format = ["-f", "image2", "-c:v", "mjpeg"];
        let encoder = ["-threads", "1", "-q:v", &quality];
        let jpg = [&format[..], &JPG_ENCODER, &encoder].concat();
        for output in &outputs {
            args.extend(strings(&["-map", &format!("[{}]", output.name)]));
            match output.kind {
                OutputKind::Raw => {
                    if self.product != Product::Previews {
                        // The log must not repeat the file's words. And none of the pictures is to be repeated.
                        args.extend(strings(&["-map_metadata", "-1", "-map_chapters", "-1"]));
                        args.extend(strings(&["-fps_mode", "passthrough"]));
                    }
                    args.extend(strings(&["-threads", "1", "-f", "rawvideo", "pipe:1"]));
                }
                OutputKind::Stills => {
                    let start = self.spec.slice.start.to_string();
                    args.extend(strings(&jpg));
                    args.extend(strings(&["-start_number", &start, "%06d.jpg"]));
                }
                OutputKind::Sheet => {
                    args.extend(strings(&jpg));
                    args.extend(strings(&["-frames:v", "1", "-update", "1"]));
                    args.extend(strings(&[STORYBOARD_FILE]));
                }
            }
        }
        args
    }

    /// The arguments of a run that only decodes, and logs each picture. One thread decodes, or else the
    /// marks of damaged pictures come too late. If it is `strict`, its decoder does not ignore what may be damage.
    pub(crate) fn inspection_args(&self, strict: bool, mark: &LogMark) -> Vec<OsString> {
        let mut args = strings(&PICTURE_LOG);
        if strict {
            args.extend(strings(&STRICT));
        }
        args.extend(self.input_args(NonZero::<u32>::MIN));
        args.extend(strings(&mark.input_args()));
        // FFmpeg needs an output. It gets no picture, nor what the log would repeat.
        let graph = format!(
            "[{}]trim=start_frame={NO_PICTURE}[none]",
            self.input_stream()
        );
        args.extend(strings(&["-filter_complex", &graph, "-map", "[none]"]));
        args.extend(strings(&["-map_metadata", "-1", "-map_chapters", "-1"]));
        args.extend(strings(&["-f", "rawvideo", "pipe:1"]));
        args
    }

    /// The arguments of a run that decodes nothing, and gives the bytes of an H.264 stream: all of an excerpt, or else
    /// those up to `until`, in seconds from the slice's start.
    pub(crate) fn byte_stream_args(&self, until: f64) -> Vec<OsString> {
        let mut args = strings(&["-v", LOG_LEVEL]);
        args.extend(self.input_args(NonZero::<u32>::MIN));
        args.extend(strings(&["-map", &self.input_stream(), "-c", "copy"]));
        // Without the second filter, the parameters would come with IDR pictures only.
        args.extend(strings(&["-bsf:v", "h264_mp4toannexb,dump_extra=freq=k"]));
        if self.seek_margin.is_some() {
            // FFmpeg refuses an end before zero, as of a transport stream shortly before its clock starts again.
            let end = (self.spec.zero() + until).max(LEAST_END_SECONDS);
            args.extend(strings(&["-to", &format!("{end:.6}")]));
        }
        args.extend(strings(&["-f", "rawvideo", "pipe:1"]));
        args
    }

    /// The arguments up to the input.
    fn input_args(&self, threads: NonZero<u32>) -> Vec<OsString> {
        let mut args = strings(&["-nostdin", "-hide_banner", "-nostats", "-y", "-copyts"]);
        args.extend(strings(&["-filter_complex_threads", "1"]));
        if let Some(seek) = self.seek() {
            args.extend(strings(&[
                "-noaccurate_seek",
                "-seek_timestamp",
                "1",
                "-ss",
                &seek,
            ]));
        }
        args.extend(strings(&[
            "-threads",
            &threads.to_string(),
            "-an",
            "-sn",
            "-dn",
        ]));
        if let Some(skipped) = self.skipped() {
            args.extend(strings(&["-skip_frame", skipped]));
        }
        if self.spec.video.turn.is_some() {
            args.extend(strings(&["-noautorotate"]));
        }
        if let Some(decoder) = self.spec.video.colour.alpha.decoder() {
            args.extend(strings(&[&format!("-c:{}", self.stream), decoder]));
        }
        // If the size of the pictures changes, FFmpeg would build the graph again, and the new one
        // would count from zero. The scalers take any size.
        args.extend(strings(&["-reinit_filter", "0"]));
        args.extend(self.input.args());
        args
    }

    /// The video stream, as filter graphs name it.
    fn input_stream(&self) -> String {
        format!("0:{}", self.stream)
    }

    /// The timestamp to seek to, in seconds; `None` is the beginning.
    fn seek(&self) -> Option<String> {
        let second = self.spec.slice.start.saturating_sub(self.seek_margin?);
        (second > 0).then(|| format!("{:.6}", self.spec.video.start_time + f64::from(second)))
    }

    /// Pictures that are not decoded, by FFmpeg's name.
    fn skipped(&self) -> Option<&'static str> {
        match self.product {
            Product::Raw(RawPictures {
                choice: Choice::EachOfKeyframes { .. },
                ..
            }) => Some("nokey"),
            _ => (self.spec.settings.decode == Decode::Fast).then_some("noref"),
        }
    }
}

fn strings(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

#[cfg(test)]
pub(crate) mod tests;
