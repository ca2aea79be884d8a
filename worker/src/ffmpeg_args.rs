//! The argument list of the one FFmpeg run that renders a slice: one decode, from which come the
//! GIF's pictures, raw on standard output, and the stills, as files.
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

use std::{ffi::OsString, num::NonZero};

use gifgen_probe::{DETAILED_LOG_LEVEL, Input, LOG_LEVEL, LogMark, PICTURE_LOG, STRICT};
use gifgen_shared::{Decode, Frames, crop::Crop, video_stream::Turn};

use crate::{
    colour::{Conversion, JPG_ENCODER},
    decoded,
    job::SliceSpec,
    repairs::Repairs,
    scaling::{By, Scaling},
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
    /// What to make.
    pub spec: &'a SliceSpec,
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
        args.extend(strings(&["-filter_complex", &self.filter_graph()]));
        args.extend(strings(&["-map", "[gif]", "-threads", "1"]));
        args.extend(strings(&["-f", "rawvideo", "pipe:1"]));
        let quality = self.spec.settings.frame_quality.to_string();
        let format = ["-f", "image2", "-c:v", "mjpeg"];
        let encoder = ["-threads", "1", "-q:v", &quality];
        let jpg = [&format[..], &JPG_ENCODER, &encoder].concat();
        match self.spec.settings.frames {
            Frames::None => {}
            Frames::Each | Frames::Both => {
                let start = self.spec.slice.start.to_string();
                args.extend(strings(&["-map", "[stills]"]));
                args.extend(strings(&jpg));
                args.extend(strings(&["-start_number", &start, "%06d.jpg"]));
            }
            Frames::Storyboard => {
                args.extend(strings(&["-map", "[stills]"]));
                args.extend(strings(&jpg));
                args.extend(strings(&[
                    "-frames:v",
                    "1",
                    "-update",
                    "1",
                    STORYBOARD_FILE,
                ]));
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
        if self.spec.settings.decode == Decode::Fast {
            args.extend(strings(&["-skip_frame", "noref"]));
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

    fn filter_graph(&self) -> String {
        let zero_us = (self.spec.zero() * 1e6).round() as i64;
        let end_us = (self.spec.slice.seconds() * 1e6).round() as i64;
        let deinterlace = if self.spec.video.interlaced {
            "yadif=mode=send_frame:deint=interlaced,"
        } else {
            ""
        };
        let turn = match self.spec.video.turn {
            None => "",
            Some(Turn::Clockwise) => "transpose=clock,",
            Some(Turn::Counterclockwise) => "transpose=cclock,",
            Some(Turn::Half) => "hflip,vflip,",
        };
        let input = format!(
            "[{}]{turn}{}{deinterlace}settb=1/1000000,{},{},\
             tpad=stop={LAST_PICTURE_COPIES}:stop_mode=clone,trim=end_pts={end_us}",
            self.input_stream(),
            self.repairs.fit(&self.spec.video),
            self.repairs.setpts(zero_us, end_us),
            decoded::filters(),
        );
        let gif = self.gif_chain();
        match self.stills_chain() {
            None => format!("{input},{gif}"),
            Some(stills) => format!("{input},split[a][b];[a]{gif};[b]{stills}"),
        }
    }

    fn gif_chain(&self) -> String {
        let frames = self.spec.gif_frames();
        let scaling = self.scaling(self.spec.gif_size(), By::AreaAndLanczos);
        let converted = Conversion::of(&self.spec.video).to_rgb(scaling);
        let converted = format!("{}{SAY_SHAPE}{converted}", self.crop());
        let fps = self.spec.settings.gif_fps;
        format!("{}[gif]", sampled(fps, frames, &converted))
    }

    fn stills_chain(&self) -> Option<String> {
        let count = self.spec.slice.still_count();
        let conversion = Conversion::of(&self.spec.video);
        let crop = self.crop();
        let stills = |scaling| {
            let converted = format!("{crop}{}", conversion.to_jpg(scaling));
            sampled(1, count, &converted)
        };
        match self.spec.settings.frames {
            Frames::None => None,
            Frames::Each | Frames::Both => {
                let scaling = self.scaling(self.spec.still_size(), By::Bicubic);
                Some(format!("{}[stills]", stills(scaling)))
            }
            Frames::Storyboard => {
                let tiles = self.spec.tiles();
                let (columns, rows) = (tiles.columns, tiles.rows);
                let scaling = self.scaling((tiles.width, tiles.height), By::AreaAndLanczos);
                Some(format!("{},tile={columns}x{rows}[stills]", stills(scaling)))
            }
        }
    }

    /// The filters that cut off what the container says.
    fn crop(&self) -> String {
        let Some(crop) = self.spec.video.crop else {
            return String::new();
        };
        let Crop {
            left,
            top,
            width,
            height,
        } = crop;
        // Newer FFmpegs crop by themselves: then nothing is left to cut. `crop` reads outside of
        // pictures that become smaller in mid-stream, so `scale` keeps their size.
        format!(
            "scale,crop=w='min(iw,{width})':h='min(ih,{height})':\
             x='if(gt(iw,{width}),{left},0)':y='if(gt(ih,{height}),{top},0)',"
        )
    }

    fn scaling(&self, to: (u32, u32), by: By) -> Scaling {
        let from = self.spec.video.width;
        Scaling { from, to, by }
    }
}

/// Exactly `count` pictures at `fps` a second, scaled and converted by the filters `converted`.
fn sampled(fps: u32, count: u32, converted: &str) -> String {
    format!(
        "fps={fps}:start_time=0:round=up,{converted},setsar=1,\
         tpad=stop=-1:stop_mode=clone,trim=end_frame={count}"
    )
}

fn strings(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

#[cfg(test)]
pub(crate) mod tests;
