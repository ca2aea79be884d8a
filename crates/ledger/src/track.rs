//! The WebVTT track over the stills or sheets, which players show while a viewer scrubs.
//! <https://www.w3.org/TR/webvtt1/>

use std::{collections::BTreeMap, fmt::Write};

use crate::{
    outcome::{Outcome, SliceOutputs},
    receipt::Receipt,
};

/// Content type of a WebVTT track.
pub const TRACK_TYPE: &str = "text/vtt";

/// Builds the track over the outputs in `receipts`: one cue for each second that has a picture. A cue
/// ends at the next second or the end of its slice. `None` if there are no pictures. URLs are relative
/// to the track.
pub fn track(receipts: &BTreeMap<u32, Receipt>) -> Option<String> {
    let mut text = String::from("WEBVTT\n");
    let mut pictures = 0;
    for receipt in receipts.values() {
        let Outcome::Done(outputs) = &receipt.outcome else {
            continue;
        };
        for (second, address) in addresses(outputs, receipt) {
            let end = f64::from(second + 1).min(receipt.end);
            let (start, end) = (time(f64::from(second)), time(end));
            // Writing to a string cannot fail.
            write!(text, "\n{start} --> {end}\n{address}\n").ok()?;
            pictures += 1;
        }
    }
    (pictures > 0).then_some(text)
}

/// The seconds of a slice that have a picture, with the pictures' URLs.
fn addresses(outputs: &SliceOutputs, receipt: &Receipt) -> Vec<(u32, String)> {
    let start = receipt.start;
    if let Some(frames) = &outputs.frames {
        return (frames.first..frames.first + frames.count)
            .map(|second| (second, format!("frames/{second:06}.jpg")))
            .collect();
    }
    let Some(sheet) = &outputs.storyboard else {
        return Vec::new();
    };
    let (width, height) = (sheet.tile_width, sheet.tile_height);
    let tiles = (receipt.end - f64::from(start)).ceil() as u32;
    (0..tiles)
        .map(|tile| {
            let (x, y) = (tile % sheet.columns * width, tile / sheet.columns * height);
            let address = format!("storyboards/{start:06}.jpg#xywh={x},{y},{width},{height}");
            (start + tile, address)
        })
        .collect()
}

/// Formats a WebVTT time, with at least two digits for the hours.
fn time(seconds: f64) -> String {
    let ms = (seconds * 1000.0).round() as u64;
    let (s, m, h) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    format!("{h:02}:{m:02}:{s:02}.{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_hours_minutes_seconds_and_milliseconds() {
        assert_eq!(time(0.0), "00:00:00.000");
        assert_eq!(time(39.855), "00:00:39.855");
        assert_eq!(time(36_061.5), "10:01:01.500");
    }
}
