//! Proves which picture a sample shows, with videos whose pictures carry their own number: twelve black
//! or white bars, read as bits.

use std::path::{Path, PathBuf};

use crate::support::{ffmpeg, names, pictures, run};
use image::{GrayImage, imageops::grayscale};

/// Length of the videos in seconds: two slices of 30 s and one of 5 s.
const SECONDS: u32 = 65;

/// A picture that starts up to this many seconds later counts as on screen (see `ffmpeg_args`).
const TOLERANCE: f64 = 0.001;

/// A video whose pictures carry their numbers.
struct Numbered {
    video: PathBuf,
    /// Numbers of the video's pictures, each with its start in seconds.
    starts: Vec<(u32, f64)>,
    folder: tempfile::TempDir,
}

/// Makes a numbered video at `rate` pictures a second, in the container of `extension`. Only the
/// pictures for which `keep` is true remain.
fn numbered(rate: (u32, u32), extension: &str, codec: &[&str], keep: fn(u32) -> bool) -> Numbered {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join(format!("numbered.{extension}"));
    let fps = f64::from(rate.0) / f64::from(rate.1);
    let total = (f64::from(SECONDS) * fps).ceil() as u32;
    let kept: Vec<u32> = (0..total).filter(|number| keep(*number)).collect();
    let select: Vec<String> = kept.iter().map(|n| format!("eq(n\\,{n})")).collect();
    let select = if kept.len() == total as usize {
        String::new()
    } else {
        format!(",select={}", select.join("+"))
    };
    let source = format!(
        "nullsrc=s=192x32:r={}/{}:d={SECONDS},\
         geq=lum='if(mod(floor(N/pow(2\\,floor(X/16)))\\,2)\\,235\\,16)':cb=128:cr=128{select}",
        rate.0, rate.1
    );
    let mut args: Vec<&str> = vec!["-f", "lavfi", "-i", &source, "-vsync", "passthrough"];
    args.extend(codec);
    args.extend(["-pix_fmt", "yuv420p", video.to_str().unwrap()]);
    ffmpeg(args);
    let starts = kept.iter().map(|n| (*n, f64::from(*n) / fps)).collect();
    Numbered {
        video,
        starts,
        folder,
    }
}

const H264: [&str; 9] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-bf",
    "3",
    "-g",
    "250",
    "-copyts",
];

impl Numbered {
    /// Numbers of the pictures that may be on screen at `seconds`. There are two if a picture starts at
    /// exactly that time: then the container's rounding decides.
    fn on_screen(&self, seconds: f64) -> Vec<u32> {
        let at = |time: f64| {
            let shown = self.starts.iter().rev().find(|(_, start)| *start <= time);
            shown.unwrap_or(&self.starts[0]).0
        };
        vec![at(seconds - TOLERANCE), at(seconds + 2.0 * TOLERANCE)]
    }

    fn check(&self) {
        let out = self.folder.path().join("out");
        let (code, summary, stderr) = run(std::slice::from_ref(&self.video), &out, &[]);
        assert_eq!(code, Some(0), "{stderr}");
        let length = summary["videos"][0]["length"].as_f64().unwrap();
        assert!((length - f64::from(SECONDS)).abs() < 0.1, "{length}");
        let out = out.join(self.video.file_name().unwrap());
        self.check_stills(&out.join("frames"), length);
        self.check_gifs(&out.join("gifs"), length);
    }

    fn check_stills(&self, folder: &Path, length: f64) {
        let wanted: Vec<String> = (0..length.ceil() as u32)
            .map(|s| format!("{s:06}.jpg"))
            .collect();
        assert_eq!(names(folder), wanted);
        for (second, name) in wanted.iter().enumerate() {
            let still = image::open(folder.join(name)).unwrap().into_luma8();
            let (number, wanted) = (number_of(&still), self.on_screen(second as f64));
            assert!(
                wanted.contains(&number),
                "second {second}: {number}, not {wanted:?}"
            );
        }
    }

    fn check_gifs(&self, folder: &Path, length: f64) {
        assert_eq!(names(folder), ["000000.gif", "000030.gif", "000060.gif"]);
        let mut sample = 0;
        for name in names(folder) {
            for (picture, delay) in pictures(&folder.join(name)) {
                assert_eq!(delay, 100);
                let at = f64::from(sample) / 10.0;
                let (number, wanted) = (number_of(&grayscale(&picture)), self.on_screen(at));
                assert!(wanted.contains(&number), "{at} s: {number}, not {wanted:?}");
                sample += 1;
            }
        }
        assert_eq!(sample, (length * 10.0 - 1e-6).ceil() as u32);
    }
}

fn number_of(picture: &GrayImage) -> u32 {
    let (width, height) = picture.dimensions();
    (0..12)
        .filter(|bit| {
            picture
                .get_pixel((bit * 16 + 8) * width / 192, height / 2)
                .0[0]
                > 125
        })
        .map(|bit| 1 << bit)
        .sum()
}

#[test]
fn every_sample_of_an_mp4_shows_the_picture_on_screen_and_seams_lose_none() {
    numbered((24, 1), "mp4", &H264, |_| true).check();
}

#[test]
fn ntsc_rates_that_never_meet_a_whole_second_are_sampled_right() {
    numbered((30_000, 1001), "mp4", &H264, |_| true).check();
}

#[test]
fn matroska_with_its_rounded_timestamps_is_sampled_right() {
    numbered((60, 1), "mkv", &H264, |_| true).check();
}

#[test]
fn a_transport_stream_is_sought_far_enough_back() {
    numbered((24, 1), "ts", &H264, |_| true).check();
}

#[test]
fn a_transport_stream_with_keyframes_far_apart_is_sought_further_back() {
    let codec = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "960",
        "-sc_threshold",
        "0",
    ];
    numbered((24, 1), "ts", &codec, |_| true).check();
}

#[test]
fn flash_video_without_an_index_is_sampled_right() {
    numbered((30_000, 1001), "flv", &H264, |_| true).check();
}

#[test]
fn avi_whose_packets_have_no_presentation_times_is_sampled_right() {
    numbered(
        (24, 1),
        "avi",
        &["-c:v", "mpeg4", "-bf", "2", "-q:v", "3"],
        |_| true,
    )
    .check();
}

#[test]
fn a_picture_that_stands_for_seconds_is_shown_in_each_of_them() {
    // Three pictures in every hundred, and one before the seam at 30 s (picture 720).
    let keep = |number| number % 100 < 3 || number == 1559;
    numbered((24, 1), "mp4", &H264, keep).check();
}
