//! The argument list of the one FFmpeg run that renders a slice: one decode, from which come the
//! GIF's pictures, raw on standard output, and the stills, as files.
//!
//! How the pictures are chosen. A sample at time *t* is the picture that is on screen at *t*:
//! the last one that starts at or before *t*. So the frame before a slice's start matters, and
//! FFmpeg's usual exact seek, which drops it, is of no use: the input starts with the keyframe
//! before the slice, or is sought to it (`-noaccurate_seek`), and keeps its timestamps (`-copyts`). They are moved so
//! that the slice starts at zero, and `fps=…:round=up:start_time=0` then takes for slot *n* the
//! last picture at or before *n / fps*. Where the stream ends early, `tpad` shows the last picture
//! on, as a player would, and `trim=end_frame` gives exactly the number of pictures that the
//! slice has. Before that the last picture is repeated, for `fps` to believe that it stands. An input
//! `-t` would count from the keyframe; `trim=end_pts` ends the reading
//! instead.

use std::{ffi::OsString, num::NonZero};

use gifgen_probe::{Input, LOG_LEVEL};
use gifgen_shared::{
    preview_settings::{Decode, Frames, PreviewSettings},
    slice::Slice,
    video_stream::VideoStream,
};

use crate::{
    decoded,
    scaling::{scale, scale_down},
    tiles::Tiles,
};

/// Name of the sprite sheet in the work directory.
pub const STORYBOARD_FILE: &str = "storyboard.jpg";

/// A picture that starts up to this much, in microseconds, after a sample's time is on screen
/// then: Matroska and FLV round their timestamps to milliseconds.
const ON_SCREEN_TOLERANCE_US: i64 = 1000;

/// Copies of the last picture of an input that are appended to it. `fps` drops that picture if FFmpeg
/// thinks it too short for a sample, and what FFmpeg thinks of it is a guess where a container gives
/// no length. It comes at the rate of the pictures: this does for two seconds at 1,000 a second.
const LAST_STANDS: u32 = 2000;

/// Lambda gives one CPU for each so many megabytes of memory.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const MEGABYTES_PER_CPU: i32 = 1769;

/// What to render, and how.
#[derive(Clone, Copy, Debug)]
pub struct Rendering<'a> {
    /// Where FFmpeg reads.
    pub input: Input<'a>,
    /// Index of the video stream there, as FFmpeg counts.
    pub stream: u32,
    /// The video stream in the source.
    pub video: VideoStream,
    /// The time range.
    pub slice: Slice,
    /// Sizes and rates.
    pub look: &'a PreviewSettings,
    /// Threads that decode.
    pub threads: NonZero<u32>,
    /// Seconds before the slice's start at which to seek; `None` where the input starts with the
    /// keyframe that the slice needs.
    pub seek_margin: Option<u32>,
}

/// How many threads decode in a function with `memory` megabytes: as many as it has CPUs, since
/// every further one costs CPU time and saves none.
pub fn threads_of_function(memory: i32) -> NonZero<u32> {
    let cpus = memory.saturating_add(MEGABYTES_PER_CPU / 2) / MEGABYTES_PER_CPU;
    u32::try_from(cpus)
        .ok()
        .and_then(NonZero::new)
        .unwrap_or(NonZero::<u32>::MIN)
}

impl Rendering<'_> {
    /// Width and height of the GIF, in pixels.
    pub fn gif_size(&self) -> (u32, u32) {
        self.look.gif_size(&self.video)
    }

    /// Width and height of the stills, in pixels.
    pub fn still_size(&self) -> (u32, u32) {
        match self.look.frame_width {
            Some(width) => (width, self.video.height_at(width)),
            None => (self.video.width, self.video.height),
        }
    }

    /// Layout of the sprite sheet.
    pub fn tiles(&self) -> Tiles {
        Tiles::of(self.slice.still_count(), &self.video, self.look.frame_width)
    }

    /// The arguments, for a working directory that is empty.
    pub fn args(&self) -> Vec<OsString> {
        let mut args = strings(&["-nostdin", "-hide_banner", "-nostats", "-y", "-copyts"]);
        args.extend(strings(&["-v", LOG_LEVEL]));
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
            &self.threads.to_string(),
            "-an",
            "-sn",
            "-dn",
        ]));
        if self.look.decode == Decode::Fast {
            args.extend(strings(&["-skip_frame", "noref"]));
        }
        // A graph that is built again in mid-stream, for pictures of another size, would start
        // counting again; its scalers take any size.
        args.extend(strings(&["-reinit_filter", "0"]));
        args.extend(self.input.args());
        args.extend(strings(&["-filter_complex", &self.filter_graph()]));
        args.extend(strings(&["-map", "[gif]", "-threads", "1"]));
        args.extend(strings(&["-f", "rawvideo", "pipe:1"]));
        let quality = self.look.frame_quality.to_string();
        let jpg = [
            "-f", "image2", "-c:v", "mjpeg", "-threads", "1", "-q:v", &quality,
        ];
        match self.look.frames {
            Frames::None => {}
            Frames::Each => {
                let start = self.slice.start.to_string();
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

    /// Whether an input that starts further back can be had, if this one starts too late.
    pub fn could_start_earlier(&self) -> bool {
        self.seek_margin.unwrap_or(0) < self.slice.start
    }

    /// Where to seek to, on the container's clock; `None` is the beginning.
    fn seek(&self) -> Option<String> {
        let second = self.slice.start.saturating_sub(self.seek_margin?);
        (second > 0).then(|| format!("{:.6}", self.video.start_time + f64::from(second)))
    }

    fn filter_graph(&self) -> String {
        let start = self.video.start_time + f64::from(self.slice.start);
        let zero_us = (start * 1e6).round() as i64 + ON_SCREEN_TOLERANCE_US;
        let end_us = (self.slice.seconds() * 1e6).round() as i64;
        let deinterlace = if self.video.interlaced {
            "yadif=mode=send_frame:deint=interlaced,"
        } else {
            ""
        };
        let input = format!(
            "[0:{}]{deinterlace}settb=1/1000000,setpts=PTS-({zero_us}),{},\
             tpad=stop={LAST_STANDS}:stop_mode=clone,trim=end_pts={end_us}",
            self.stream,
            decoded::filters(),
        );
        let gif = self.gif_chain();
        match self.stills_chain() {
            None => format!("{input},{gif}"),
            Some(stills) => format!("{input},split[a][b];[a]{gif};[b]{stills}"),
        }
    }

    fn gif_chain(&self) -> String {
        let frames = self.slice.gif_frames(self.look.gif_fps);
        let scale = scale_down(self.video.width, self.gif_size());
        format!(
            "{},format=gbrp[gif]",
            sampled(self.look.gif_fps, frames, &scale)
        )
    }

    fn stills_chain(&self) -> Option<String> {
        let count = self.slice.still_count();
        match self.look.frames {
            Frames::None => None,
            Frames::Each => Some(format!(
                "{},format=yuvj420p[stills]",
                sampled(1, count, &scale(self.still_size(), "bicubic"))
            )),
            Frames::Storyboard => {
                let tiles = self.tiles();
                Some(format!(
                    "{},format=yuvj420p,tile={}x{}[stills]",
                    sampled(
                        1,
                        count,
                        &scale_down(self.video.width, (tiles.width, tiles.height))
                    ),
                    tiles.columns,
                    tiles.rows
                ))
            }
        }
    }
}

/// Exactly `count` pictures at `fps` a second, scaled by the filters `scale`.
fn sampled(fps: u32, count: u32, scale: &str) -> String {
    format!(
        "fps={fps}:start_time=0:round=up,{scale},setsar=1,\
         tpad=stop=-1:stop_mode=clone,trim=end_frame={count}"
    )
}

fn strings(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn a_function_decodes_with_as_many_threads_as_it_has_cpus() {
        for (memory, threads) in [
            (0, 1),
            (512, 1),
            (1769, 1),
            (3008, 2),
            (3538, 2),
            (10_240, 6),
        ] {
            assert_eq!(threads_of_function(memory).get(), threads, "{memory}");
        }
    }

    fn look(frames: &str) -> PreviewSettings {
        PreviewSettings {
            frames: frames.parse().unwrap(),
            ..PreviewSettings::default()
        }
    }

    pub(crate) fn with_rendering<T>(
        frames: &str,
        slice: Slice,
        check: impl Fn(Rendering<'_>) -> T,
    ) -> T {
        check(Rendering {
            input: Input::Pipe { demuxer: "mov" },
            stream: 2,
            video: VideoStream {
                index: 2,
                start_time: 1.525,
                width: 1920,
                height: 1080,
                interlaced: false,
                seek_margin: 10,
            },
            slice,
            look: &look(frames),
            threads: NonZero::<u32>::MIN,
            seek_margin: Some(10),
        })
    }

    pub(crate) const SLICE: Slice = Slice {
        index: 1,
        start: 30,
        end: 60.0,
    };

    #[test]
    fn the_source_is_sought_before_it_is_opened_and_decoded_once() {
        with_rendering("each", SLICE, |rendering| {
            let args = rendering.args();
            let place = |name: &str| args.iter().position(|arg| arg == name).unwrap();
            assert_eq!(args[place("-ss") + 1], "21.525000");
            assert!(place("-ss") < place("-i"));
            assert!(place("-an") < place("-i"));
            assert_eq!(args.iter().filter(|arg| *arg == "-i").count(), 1);
            let graph = args[place("-filter_complex") + 1].to_str().unwrap();
            assert!(graph.starts_with("[0:2]settb=1/1000000,setpts=PTS-(31526000),"));
        });
    }

    #[test]
    fn the_first_slice_is_read_from_the_beginning() {
        let first = Slice {
            index: 0,
            start: 0,
            end: 30.0,
        };
        with_rendering("each", first, |rendering| {
            assert!(!rendering.args().contains(&"-ss".into()));
        });
    }

    #[test]
    fn an_excerpt_is_not_sought() {
        with_rendering("each", SLICE, |rendering| {
            let rendering = Rendering {
                seek_margin: None,
                ..rendering
            };
            assert!(!rendering.args().contains(&"-ss".into()));
        });
    }

    #[test]
    fn only_fast_decoding_leaves_pictures_out() {
        with_rendering("each", SLICE, |rendering| {
            assert!(!rendering.args().contains(&"-skip_frame".into()));
            let look = PreviewSettings {
                decode: Decode::Fast,
                ..*rendering.look
            };
            let rendering = Rendering {
                look: &look,
                ..rendering
            };
            assert!(rendering.args().contains(&"-skip_frame".into()));
        });
    }
}
