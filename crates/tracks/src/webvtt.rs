//! WebVTT thumbnails, with the place of each tile as a media fragment.
//! <https://www.w3.org/TR/webvtt1/>, <https://www.w3.org/TR/media-frags/#naming-space>

use std::fmt::Write as _;

use crate::storyboard::Tile;

/// The track over `tiles` of `width` × `height` pixels.
pub fn webvtt<'a>(
    (width, height): (u32, u32),
    tiles: impl IntoIterator<Item = Tile<'a>>,
) -> String {
    let mut text = String::from("WEBVTT\n");
    for tile in tiles {
        let (start, end) = (milliseconds(tile.start), milliseconds(tile.end));
        // A cue must not be empty.
        if start >= end {
            continue;
        }
        let (start, end) = (Time(start), Time(end));
        let (url, (x, y)) = (&tile.sheet.url, tile.corner((width, height)));
        // Writing to a string cannot fail.
        write!(
            text,
            "\n{start} --> {end}\n{url}#xywh={x},{y},{width},{height}\n"
        )
        .ok();
    }
    text
}

/// Rounded up, so that a cue never starts before its picture is on screen. What is only the error of a calculation is
/// rounded away before.
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    const ERROR: f64 = 1e-6;
    (seconds * 1e3 - ERROR).ceil().max(0.0) as u64
}

/// A time in milliseconds, with at least two digits for the hours.
struct Time(u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(ms) = self;
        let (s, m, h) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
        write!(f, "{h:02}:{m:02}:{s:02}.{:03}", ms % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyboard::tests::storyboard;

    #[test]
    fn a_cue_names_the_place_of_its_tile_and_starts_when_that_is_on_screen() {
        let storyboard = storyboard();
        let text = webvtt(storyboard.tile_size(), storyboard.tiles());
        let third = "\n00:00:04.001 --> 00:00:06.000\noverview/0000.jpg#xywh=0,90,160,90\n";
        assert!(text.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n"));
        assert!(text.contains(third), "{text}");
        assert!(
            text.ends_with("00:00:10.000 --> 00:00:12.500\noverview/0001.jpg#xywh=0,0,160,90\n")
        );
    }

    #[test]
    fn times_have_hours_minutes_seconds_and_milliseconds() {
        assert_eq!(Time(milliseconds(36_061.5)).to_string(), "10:01:01.500");
        assert_eq!(milliseconds(0.1 + 0.2), 300);
        assert_eq!(milliseconds(0.3001), 301);
    }
}
