//! A video stream as ffprobe describes it, and its size on screen.

use std::collections::HashMap;

use gifgen_shared::{
    Colour, Reason, Rejection,
    colour::Alpha,
    crop::Coded,
    video_stream::{Turn, displayed_size},
};
use serde::Deserialize;

use crate::{
    codec_words::{codec_words, known},
    colour::{self, colour},
    components::VIDEO_CODECS,
    ffmpeg_dump::clock_seconds,
    ffmpeg_input::MAX_PIXELS,
    ffprobe_output::{SideData, damaged, seconds, unreadable},
    look::Beginning,
};

/// Largest accepted ratio of height to width: a still 3840 pixels wide then still fits into a JPEG.
const TALLEST: u32 = 16;

/// Longest side in pixels that a JPEG can have.
const LONGEST_SIDE: u32 = 65_535;

/// FFmpeg's messages for pictures above our limit, and above its own. In the second case the stream
/// has no size (`av_image_check_size2` in libavutil).
const TOO_MANY_PIXELS: &str = "exceeds specified max pixel count";
const NO_SIZE: (&str, &str) = ("Picture size ", " is invalid");

/// Sample entries of encrypted video in MP4: Common Encryption's, and FairPlay's.
const ENCRYPTED_TAGS: [&str; 2] = ["encv", "drmi"];

/// A stream of pictures.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Stream {
    pub index: u32,
    pub codec_name: Option<String>,
    pub codec_tag_string: Option<String>,
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
    pub sample_aspect_ratio: Option<String>,
    pub field_order: Option<String>,
    pub duration: Option<String>,
    pub nb_frames: Option<String>,
    #[serde(default)]
    pub disposition: HashMap<String, u8>,
    #[serde(default)]
    pub tags: StreamTags,
    #[serde(default)]
    pub side_data_list: Vec<SideData>,
    #[serde(flatten)]
    pub colour_tags: colour::Tags,
    /// Whether this FFmpeg has no decoder for it.
    #[serde(skip)]
    pub lacks_decoder: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct StreamTags {
    /// Id of the key of an encrypted Matroska track.
    enc_key_id: Option<String>,
    /// Length of a Matroska track, such as `00:00:40.000000000`, if its writer counted it.
    #[serde(rename = "DURATION", alias = "DURATION-eng")]
    duration: Option<String>,
    /// `1` if VP8 or VP9 pictures have others beside them, with their opacity.
    pub alpha_mode: Option<String>,
}

impl Stream {
    /// Whether it is cover art or a preview, and no film.
    pub fn is_cover(&self) -> bool {
        ["attached_pic", "timed_thumbnails"]
            .iter()
            .any(|mark| self.disposition.get(*mark) == Some(&1))
    }

    /// Whether the container calls it the default.
    pub fn is_default(&self) -> bool {
        self.disposition.get("default") == Some(&1)
    }

    /// Whether the container says that it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        let tag = self.codec_tag_string.as_deref().unwrap_or_default();
        self.tags.enc_key_id.is_some() || ENCRYPTED_TAGS.contains(&tag)
    }

    /// Whether there is a decoder for it that uploads may use.
    pub fn is_supported(&self) -> bool {
        let name = known(self.codec_name.as_deref());
        !self.lacks_decoder && name.is_some_and(|name| VIDEO_CODECS.contains(name))
    }

    /// Whether its size is known.
    pub fn has_size(&self) -> bool {
        self.width > 0 && self.height > 0
    }

    /// Coded pixels of a picture.
    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Number of its pictures, if the container has a table of them.
    pub fn pictures(&self) -> Option<u64> {
        self.nb_frames.as_ref()?.parse().ok()
    }

    /// Its length in seconds, if the container has a table of its pictures, or its writer counted it.
    /// Else FFmpeg guesses.
    pub fn counted_seconds(&self) -> Option<f64> {
        match self.pictures() {
            Some(_) => seconds(&self.duration),
            None => clock_seconds(self.tags.duration.as_ref()?),
        }
    }

    /// FFmpeg's name of the codec, or else the container's.
    pub fn codec(&self) -> String {
        let name = known(self.codec_name.as_deref()).map(str::to_owned);
        let name = name.or_else(|| self.codec_words());
        name.unwrap_or_else(|| "unknown".to_owned())
    }

    fn codec_words(&self) -> Option<String> {
        codec_words(self.codec_name.as_deref(), self.codec_tag_string.as_deref())
    }

    /// Whether its frames consist of two fields.
    pub fn is_interlaced(&self) -> bool {
        matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt"))
    }

    /// Rejects a video in this codec, or a file that is too damaged to name one.
    pub fn unsupported(&self) -> Rejection {
        match self.codec_words() {
            Some(words) => Rejection::new(
                Reason::UnsupportedCodec,
                format!("the codec {words} is not supported"),
            ),
            None => damaged(),
        }
    }

    /// How its colours are coded, by what its first pictures say, or else the container.
    ///
    /// # Errors
    /// If the colours cannot be converted.
    pub fn colour(&self, beginning: &Beginning) -> Result<Colour, Rejection> {
        let codec = self.codec_name.as_deref().unwrap_or_default();
        let own = self.side_data_list.iter().map(|data| &data.colour);
        let data = beginning.colour_data.iter().chain(own);
        let size = (self.width, self.height);
        let colour = colour(&self.colour_tags, &beginning.colour_tags, codec, size, data)?;
        let alpha = match (self.tags.alpha_mode.as_deref(), codec) {
            (Some("1"), "vp8") => Alpha::BesideVp8,
            (Some("1"), "vp9") => Alpha::BesideVp9,
            _ => colour.alpha,
        };
        Ok(Colour { alpha, ..colour })
    }

    /// How its pictures are turned, if only the first one says so.
    pub fn turn_by_picture(&self, beginning: &Beginning) -> Option<Turn> {
        let is_stated = self
            .side_data_list
            .iter()
            .any(|data| data.rotation.is_some());
        beginning.rotation.filter(|_| !is_stated).and_then(Turn::of)
    }

    /// Its pictures as they are coded. `rotation` is that of its first picture, in degrees.
    pub fn coded(&self, rotation: Option<i64>) -> Coded {
        let sar = self.sample_aspect_ratio.as_deref().and_then(ratio);
        let stated = self.side_data_list.iter().find_map(|data| data.rotation);
        Coded {
            size: (self.width, self.height),
            sar: sar.unwrap_or((1, 1)),
            rotation: rotation.or(stated).unwrap_or(0),
        }
    }

    /// Displayed width and height in pixels. `rotation` is that of its first picture, in degrees;
    /// `stderr` is what ffprobe said about it.
    pub fn displayed_size(
        &self,
        rotation: Option<i64>,
        stderr: &str,
    ) -> Result<(u32, u32), Rejection> {
        let (width, height) = (self.width, self.height);
        if !self.has_size() {
            return Err(if reports_too_many_pixels(stderr) {
                too_large("its pictures have")
            } else {
                unreadable("the video stream has no picture size")
            });
        }
        let Coded { sar, rotation, .. } = self.coded(rotation);
        let shown = displayed_size(width, height, sar, rotation);
        let pixels = |(width, height)| u64::from(width) * u64::from(height);
        if pixels((width, height)) > MAX_PIXELS {
            return Err(too_large(&format!("{width}x{height} is")));
        }
        let is_possible = pixels(shown) <= 4 * MAX_PIXELS
            && shown.1 <= TALLEST.saturating_mul(shown.0)
            && shown.0.max(shown.1) <= LONGEST_SIDE;
        if !is_possible {
            return Err(Rejection::new(
                Reason::TooLarge,
                format!(
                    "its pictures of {width}x{height} are to be shown as {}x{}, with pixels of {}:{}: no shape taller than {TALLEST}:1 or longer than {LONGEST_SIDE} pixels is accepted",
                    shown.0, shown.1, sar.0, sar.1
                ),
            ));
        }
        Ok(shown)
    }
}

fn too_large(what: &str) -> Rejection {
    Rejection::new(
        Reason::TooLarge,
        format!("{what} too many pixels: at most {MAX_PIXELS} in a picture are accepted"),
    )
}

/// Whether ffprobe said that a picture has more pixels than it may have.
pub(crate) fn reports_too_many_pixels(stderr: &str) -> bool {
    // FFmpeg prints the same for pictures without width or height.
    let is_beyond_ffmpeg = |line: &str| {
        let (_, rest) = line.split_once(NO_SIZE.0)?;
        let (width, height) = rest.split_once(NO_SIZE.1)?.0.split_once('x')?;
        Some(width.parse::<u32>().ok()? > 0 && height.parse::<u32>().ok()? > 0)
    };
    stderr
        .lines()
        .any(|line| line.contains(TOO_MANY_PIXELS) || is_beyond_ffmpeg(line) == Some(true))
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once(':')?;
    Some((numerator.parse().ok()?, denominator.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stream(changes: Value) -> Stream {
        let mut stream = json!({"index": 0, "codec_name": "h264", "width": 1280, "height": 1080,
            "sample_aspect_ratio": "3:2"});
        for (name, value) in changes.as_object().unwrap() {
            stream[name] = value.clone();
        }
        serde_json::from_value(stream).unwrap()
    }

    fn size(changes: Value) -> Result<(u32, u32), Rejection> {
        stream(changes).displayed_size(None, "")
    }

    #[test]
    fn a_nonsensical_rotation_is_no_rotation() {
        let odd = json!({"side_data_list": [{"rotation": i64::MIN}]});
        assert_eq!(size(odd).unwrap(), (1920, 1080));
    }

    #[test]
    fn the_first_picture_says_better_than_the_container_how_it_is_turned() {
        let upright = stream(json!({}));
        assert_eq!(upright.displayed_size(Some(90), ""), Ok((1080, 1920)));
        let turned = stream(json!({"side_data_list": [{"rotation": -90}]}));
        assert_eq!(turned.displayed_size(Some(0), ""), Ok((1920, 1080)));
    }

    #[test]
    fn huge_and_towering_pictures_are_too_large() {
        for (width, height) in [(30_000, 30_000), (2, 8_000)] {
            let rejection = size(json!({"width": width, "height": height})).unwrap_err();
            assert_eq!(rejection.reason, Reason::TooLarge);
        }
    }

    #[test]
    fn a_shape_that_no_jpg_can_have_is_named() {
        for (sar, shape) in [("1:1000", "1x1080"), ("1000:1", "1280000x1080")] {
            let rejection = size(json!({"sample_aspect_ratio": sar})).unwrap_err();
            assert!(rejection.message.contains(shape), "{rejection}");
            assert!(!rejection.message.contains("too large"), "{rejection}");
        }
    }

    #[test]
    fn encryption_is_seen_where_the_container_says_it() {
        assert!(stream(json!({"tags": {"enc_key_id": "LNsO1hGY"}})).is_encrypted());
        assert!(stream(json!({"codec_tag_string": "drmi"})).is_encrypted());
        assert!(!stream(json!({"codec_tag_string": "avc1", "tags": {}})).is_encrypted());
    }

    #[test]
    fn a_codec_is_supported_if_one_of_the_decoders_is_for_it() {
        let is_supported = |name| stream(json!({"codec_name": name})).is_supported();
        for name in ["h264", "av1", "msmpeg4v3", "flv1", "png"] {
            assert!(is_supported(name), "{name}");
        }
        for name in ["unknown", "none", "tiff", "libdav1d"] {
            assert!(!is_supported(name), "{name}");
        }
    }

    #[test]
    fn pictures_that_ffmpeg_cannot_address_are_too_large_and_those_without_a_size_are_not() {
        let speaks = |size| reports_too_many_pixels(&format!("[IMGUTILS @ 0x7f] {size}"));
        assert!(speaks("Picture size 30000x30000 is invalid"));
        assert!(speaks(
            "Picture size 9000x4400 exceeds specified max pixel count 35651584"
        ));
        assert!(!speaks("Picture size 0x0 is invalid"));
        assert!(!speaks("error reading header"));
    }
}
