//! The functions' settings, read once at start from the environment and validated.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{
    Deserialize as _,
    de::{DeserializeOwned, IntoDeserializer, value},
};

use crate::{
    preview_settings::{Overview, PreviewSettings},
    tracks::{TrackFormat, Tracks},
};

/// All settings of the functions. `docs/operations.md` explains each.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bucket that the outputs are written to.
    pub destination_bucket: String,
    /// Bucket of sources whose event names no bucket.
    pub source_bucket: Option<String>,
    /// Event bus that all our events go to.
    pub event_bus_name: String,
    /// The settings that determine a run's objects.
    pub previews: PreviewSettings,
    /// Lifetime of presigned URLs, 60 to 43,200 seconds, both inclusive.
    pub url_expiry: Duration,
    /// Longest accepted video, 1 to 277 hours, both inclusive.
    pub max_video_hours: u32,
    /// Path of `ffmpeg`.
    pub ffmpeg: PathBuf,
    /// Path of `ffprobe`.
    pub ffprobe: PathBuf,
}

/// An invalid setting, which stops the function at start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// A required variable is not set.
    #[error("{name} is not set: {remedy}")]
    Missing {
        /// Name of the variable.
        name: &'static str,
        /// What the operator should do.
        remedy: &'static str,
    },
    /// A value is outside of its range.
    #[error("{name} is {value:?}, and must be {range}")]
    OutOfRange {
        /// Name of the variable.
        name: &'static str,
        /// The rejected value.
        value: String,
        /// The range in words.
        range: String,
    },
    /// Neither `/opt/bin` nor PATH has the program.
    #[error(
        "{program} was not found in /opt/bin or on PATH: install FFmpeg, add its layer, or set {name} to its path"
    )]
    NoProgram {
        /// Variable that can hold its path.
        name: &'static str,
        /// Name of the program.
        program: &'static str,
    },
}

impl Settings {
    /// Reads the settings through `variable`, which is `std::env::var_os` in production. An empty value
    /// counts as unset, because templates leave optional parameters empty.
    ///
    /// # Errors
    /// At the first variable that is missing or out of its range.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingsError> {
        let environment = Environment(variable);
        Ok(Self {
            destination_bucket: environment.text("DESTINATION_BUCKET")?.ok_or(
                SettingsError::Missing {
                    name: "DESTINATION_BUCKET",
                    remedy: "name the bucket that GIFs and frames are written to",
                },
            )?,
            source_bucket: environment.text("SOURCE_BUCKET")?,
            event_bus_name: environment
                .text("EVENT_BUS_NAME")?
                .unwrap_or_else(|| "default".into()),
            previews: environment.preview_settings()?,
            url_expiry: Duration::from_secs(u64::from(
                environment
                    .number("URL_EXPIRY_SECONDS", 60..=43_200)?
                    .unwrap_or(900),
            )),
            max_video_hours: environment
                .number("MAX_VIDEO_HOURS", 1..=MAX_HOURS)?
                .unwrap_or(12),
            ffmpeg: environment.program("FFMPEG", "ffmpeg")?,
            ffprobe: environment.program("FFPROBE", "ffprobe")?,
        })
    }
}

/// Object names have six digits for the second, so a video must end before second 1,000,000.
const MAX_HOURS: u32 = 999_999 / 3600;

/// Where Lambda puts a layer's programs.
const LAYER_PROGRAMS: &str = "/opt/bin";

struct Environment<F>(F);

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    fn raw(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        self.raw(name)
            .map(|value| {
                value
                    .into_string()
                    .map_err(|value| out_of_range(name, value.to_string_lossy(), "valid UTF-8"))
            })
            .transpose()
    }

    /// One of the `names` that the type also has in JSON.
    fn choice<T: DeserializeOwned>(
        &self,
        name: &'static str,
        names: &str,
        default: T,
    ) -> Result<T, SettingsError> {
        let Some(value) = self.text(name)? else {
            return Ok(default);
        };
        T::deserialize(value.as_str().into_deserializer())
            .map_err(|_: value::Error| out_of_range(name, &value, names))
    }

    fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, SettingsError> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(value) = self.text(name)? else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            Ok(number) => Err(out_of_range(name, number, &wanted)),
            Err(_) => Err(out_of_range(name, value, &wanted)),
        }
    }

    fn preview_settings(&self) -> Result<PreviewSettings, SettingsError> {
        let settings = self.all_preview_settings()?;
        if !settings.wants_slices() && settings.overview == Overview::None {
            let range = "keyframes or exact if GIFS and FRAMES are none, or nothing would be made";
            return Err(out_of_range("OVERVIEW", "none", range));
        }
        Ok(settings)
    }

    fn all_preview_settings(&self) -> Result<PreviewSettings, SettingsError> {
        let default = PreviewSettings::default();
        let number = |name, range, default| Ok(self.number(name, range)?.unwrap_or(default));
        Ok(PreviewSettings {
            slice_seconds: number("SLICE_SECONDS", 1..=900, default.slice_seconds)?,
            frames: self.choice("FRAMES", "each, storyboard, both or none", default.frames)?,
            gifs: self.choice("GIFS", "each or none", default.gifs)?,
            gif_width: number("GIF_WIDTH", 16..=1280, default.gif_width)?,
            gif_fps: number("GIF_FPS", 1..=30, default.gif_fps)?,
            gif_dither: self.choice(
                "GIF_DITHER",
                "none, ordered or diffusion",
                default.gif_dither,
            )?,
            decode: self.choice("DECODE", "exact or fast", default.decode)?,
            frame_width: self.number("FRAME_WIDTH", 16..=3840)?,
            frame_quality: number("FRAME_QUALITY", 2..=31, default.frame_quality)?,
            overview: self.choice("OVERVIEW", "keyframes, exact or none", default.overview)?,
            overview_interval: self.overview_interval()?,
            overview_width: number("OVERVIEW_WIDTH", 16..=320, default.overview_width)?,
            tracks: self.tracks()?.unwrap_or(default.tracks),
            keep_old: self.flag("KEEP_OLD")?,
        })
    }

    fn flag(&self, name: &'static str) -> Result<bool, SettingsError> {
        match self.text(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(out_of_range(name, value, "true or false")),
        }
    }

    /// Seconds between two tiles of the overview; `None` if that follows from the length.
    fn overview_interval(&self) -> Result<Option<u32>, SettingsError> {
        const NAME: &str = "OVERVIEW_INTERVAL";
        match self.text(NAME)?.as_deref() {
            None | Some("auto") => Ok(None),
            Some(value) => match value.parse() {
                Ok(seconds @ 1..=3600) => Ok(Some(seconds)),
                _ => Err(out_of_range(
                    NAME,
                    value,
                    "auto, or a whole number from 1 to 3600",
                )),
            },
        }
    }

    fn tracks(&self) -> Result<Option<Tracks>, SettingsError> {
        const NAME: &str = "TRACKS";
        let Some(value) = self.text(NAME)? else {
            return Ok(None);
        };
        if value == "none" {
            return Ok(Some(Tracks::NONE));
        }
        let format = |name: &str| TrackFormat::deserialize(name.trim().into_deserializer());
        let formats: Result<Tracks, value::Error> = value.split(',').map(format).collect();
        let range = "some of vtt, json, hls, dash, bif and jellyfin, or none";
        formats
            .map(Some)
            .map_err(|_| out_of_range(NAME, &value, range))
    }

    fn program(&self, name: &'static str, program: &'static str) -> Result<PathBuf, SettingsError> {
        if let Some(path) = self.raw(name).map(PathBuf::from) {
            return if path.is_file() {
                Ok(path)
            } else {
                Err(out_of_range(name, path.display(), "the path of a program"))
            };
        }
        let search = self.raw("PATH").unwrap_or_default();
        std::iter::once(PathBuf::from(LAYER_PROGRAMS))
            .chain(std::env::split_paths(&search))
            .filter(|folder| folder.is_absolute())
            .map(|folder: PathBuf| Path::new(&folder).join(program))
            .find(|path| path.is_file())
            .ok_or(SettingsError::NoProgram { name, program })
    }
}

fn out_of_range(name: &'static str, value: impl fmt::Display, range: &str) -> SettingsError {
    SettingsError::OutOfRange {
        name,
        value: value.to_string(),
        range: range.to_owned(),
    }
}

/// Prints `error` as a sentence and ends the process. Returned from `main`, it would be printed in
/// Rust's debug format.
pub fn refuse(error: &dyn std::error::Error) -> ! {
    eprintln!("{error}");
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preview_settings::{Decode, Frames, GifDither};

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let base = [
            ("DESTINATION_BUCKET", "previews"),
            ("FFMPEG", "/bin/sh"),
            ("FFPROBE", "/bin/sh"),
        ];
        Settings::read(|name| {
            variables
                .iter()
                .chain(&base)
                .find(|(n, _)| *n == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.previews.slice_seconds, 30);
        assert_eq!(settings.previews.frames, Frames::Both);
        assert_eq!(settings.previews.overview, Overview::Keyframes);
        assert_eq!(settings.previews.overview_width, 160);
        assert_eq!(
            (settings.previews.gif_width, settings.previews.gif_fps),
            (240, 10)
        );
        assert_eq!(settings.previews.gif_dither, GifDither::Ordered);
        assert_eq!(settings.previews.decode, Decode::Exact);
        assert_eq!(settings.previews.frame_width, None);
        assert_eq!(settings.previews.frame_quality, 5);
        assert_eq!(settings.url_expiry, Duration::from_secs(900));
        assert_eq!(settings.max_video_hours, 12);
        assert_eq!(settings.event_bus_name, "default");
    }

    #[test]
    fn a_value_out_of_range_names_variable_value_and_range() {
        for (name, value, range) in [
            ("SLICE_SECONDS", "0", "a whole number from 1 to 900"),
            ("SLICE_SECONDS", "901", "a whole number from 1 to 900"),
            ("GIF_WIDTH", "15", "a whole number from 16 to 1280"),
            ("GIF_FPS", "ten", "a whole number from 1 to 30"),
            ("FRAME_WIDTH", "4000", "a whole number from 16 to 3840"),
            (
                "URL_EXPIRY_SECONDS",
                "59",
                "a whole number from 60 to 43200",
            ),
            ("GIF_DITHER", "bayer", "none, ordered or diffusion"),
            ("DECODE", "some", "exact or fast"),
            ("FRAME_QUALITY", "1", "a whole number from 2 to 31"),
            ("FRAMES", "all", "each, storyboard, both or none"),
            ("GIFS", "both", "each or none"),
            ("OVERVIEW", "all", "keyframes, exact or none"),
            (
                "OVERVIEW_INTERVAL",
                "0",
                "auto, or a whole number from 1 to 3600",
            ),
            ("KEEP_OLD", "yes", "true or false"),
            ("OVERVIEW_WIDTH", "321", "a whole number from 16 to 320"),
            (
                "TRACKS",
                "vtt,srt",
                "some of vtt, json, hls, dash, bif and jellyfin, or none",
            ),
        ] {
            let message = read(&[(name, value)]).unwrap_err().to_string();
            assert_eq!(message, format!("{name} is {value:?}, and must be {range}"));
        }
    }

    #[test]
    fn settings_that_make_nothing_are_refused() {
        let nothing = [("GIFS", "none"), ("FRAMES", "none"), ("OVERVIEW", "none")];
        let message = read(&nothing).unwrap_err().to_string();
        assert!(message.starts_with("OVERVIEW is \"none\""), "{message}");
        assert!(read(&nothing[..2]).is_ok());
    }

    #[test]
    fn a_missing_destination_says_what_to_do() {
        let error = read(&[("DESTINATION_BUCKET", "")]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("DESTINATION_BUCKET is not set: name the bucket")
        );
    }

    #[test]
    fn a_program_is_found_on_path_and_missed_by_name() {
        let settings = read(&[("FFMPEG", "")]);
        assert_eq!(
            settings.unwrap_err(),
            SettingsError::NoProgram {
                name: "FFMPEG",
                program: "ffmpeg"
            }
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ffmpeg"), "").unwrap();
        let path = folder.path().to_str().unwrap();
        let settings = read(&[("FFMPEG", ""), ("PATH", path)]).unwrap();
        assert_eq!(settings.ffmpeg, folder.path().join("ffmpeg"));
    }
}
