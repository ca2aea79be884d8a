//! What a full decode by plain FFmpeg gives, from the first picture to the last: the truth about a file
//! that is whole.

use std::{path::Path, process::Command};

use image::RgbImage;

use crate::{
    film::{Film, Picture},
    number::{Area, number},
};

/// A decoded picture.
#[derive(Debug)]
pub struct Decoded {
    /// Its start in seconds from the first picture.
    pub start: f64,
    /// The picture, scaled.
    pub picture: RgbImage,
}

/// Decodes a video stream of `file` (FFmpeg's name: `0:v:0`), and scales the pictures to `size`. They are
/// in the order of their starts.
pub fn decode(file: &Path, stream: &str, size: (u32, u32)) -> Vec<Decoded> {
    decode_turned(file, stream, size, None)
}

/// As [`decode`], with this filter in place of FFmpeg's own turning.
pub fn decode_turned(
    file: &Path,
    stream: &str,
    (width, height): (u32, u32),
    turn: Option<&str>,
) -> Vec<Decoded> {
    let scale = format!("scale={width}:{height}:flags=area,format=rgb24,showinfo=checksum=0");
    let graph: Vec<&str> = turn.into_iter().chain([scale.as_str()]).collect();
    let graph = graph.join(",");
    let autorotation = if turn.is_some() { "0" } else { "1" };
    let output = Command::new("ffmpeg")
        // Several threads mix their lines in the log.
        .args(["-v", "info", "-nostdin", "-threads", "1"])
        .args(["-autorotate", autorotation, "-i"])
        .arg(file)
        .args(["-map", stream, "-vsync", "passthrough", "-vf", &graph])
        .args(["-f", "rawvideo", "-"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let mut times = log
        .lines()
        .filter(|line| line.contains("Parsed_showinfo"))
        .filter_map(|line| line.split("pts_time:").nth(1)?.split_whitespace().next())
        .map(|time| time.parse::<f64>().unwrap());
    let bytes = width as usize * height as usize * 3;
    let mut pictures: Vec<Decoded> = output
        .stdout
        .chunks_exact(bytes)
        .map(|pixels| Decoded {
            start: times.next().unwrap(),
            picture: RgbImage::from_raw(width, height, pixels.to_vec()).unwrap(),
        })
        .collect();
    assert!(!pictures.is_empty(), "{}: {log}", file.display());
    let first = pictures[0].start;
    for picture in &mut pictures {
        picture.start -= first;
    }
    pictures.sort_by(|a, b| a.start.total_cmp(&b.start));
    pictures
}

/// The film of numbers that a plain decode of `file` shows.
pub fn film(file: &Path, stream: &str, length: f64) -> Film {
    let decoded = decode(file, stream, (160, 96));
    let pictures = decoded.into_iter().map(|decoded| Picture {
        start: decoded.start,
        // A picture that is no number must not be shown where another one is right.
        number: number(&decoded.picture, Area::WHOLE).unwrap_or(u32::MAX),
        is_hit: false,
    });
    Film::of(pictures.collect(), length)
}
