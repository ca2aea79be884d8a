//! The command line's arguments.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr},
    num::NonZero,
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};
use gifgen_shared::{Settings, SettingsError, TrackFormat};
use serde::{
    Deserialize as _,
    de::{IntoDeserializer as _, value},
};

/// Turns long videos into scrub previews: overviews for seek bars, GIFs and stills.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 partly done."
)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn videos into overviews, GIFs and stills on this machine, without AWS
    #[command(
        after_help = "Example: gifgen run film.mp4 -o previews\n\nwrites previews/film.mp4/gifs/000000.gif, 000030.gif, … previews/film.mp4/frames/000000.jpg, … and\npreviews/film.mp4/overview.vtt over previews/film.mp4/overview/0000.jpg, …"
    )]
    Run(RunOptions),
    /// Hand a saved event to the function that it is meant for
    #[command(
        after_help = "Examples:\n  gifgen replay events/slice.json\n  gifgen replay events/object-created.json --video film.mp4\n  DESTINATION_BUCKET=previews gifgen replay events/object-created.json --aws"
    )]
    Replay(ReplayOptions),
    /// Tell how far a video's run is on AWS, and what failed
    #[command(
        after_help = "Examples:\n  gifgen status film.mp4 --bucket videos --destination-bucket previews\n  DESTINATION_BUCKET=previews gifgen status film.mp4 --bucket videos --watch\n\nExits with 0 if the run is complete (with --verify: and all its objects are there), with 3 if it is\nnot, with 1 if there is none."
    )]
    Status(StatusOptions),
    /// Send the slices and sheets of a run again that have no good receipt
    #[command(
        after_help = "Examples:\n  gifgen redrive film.mp4 --bucket videos --destination-bucket previews\n  gifgen redrive film.mp4 --bucket videos --destination-bucket previews --all"
    )]
    Redrive(RedriveOptions),
    /// Write tracks for other players over an overview that is rendered, without rendering
    #[command(
        after_help = "Examples:\n  gifgen export gifgen-out/film.mp4 --as bif,jellyfin\n  gifgen export film.mp4 --bucket videos --destination-bucket previews --as hls\n\nwrites gifgen-out/film.mp4/tracks/bif/overview.bif, … or the objects film.mp4/tracks/hls/overview.m3u8, …"
    )]
    Export(ExportOptions),
}

/// Which run on AWS, reached with the credentials of the environment.
#[derive(Debug, Args)]
pub struct RunOfVideo {
    /// Key of the video
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Bucket that the video was uploaded to
    #[arg(long, value_name = "B")]
    pub bucket: String,
    /// Bucket of the previews [default: DESTINATION_BUCKET, else that of the video]
    #[arg(long, value_name = "B")]
    pub destination_bucket: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gifgen status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// Which run
    #[command(flatten)]
    pub run: RunOfVideo,
    /// Wait until the run is complete, or as complete as it gets
    #[arg(long)]
    pub watch: bool,
    /// Look whether all objects are there that manifest and receipts name
    #[arg(long)]
    pub verify: bool,
}

/// Arguments of `gifgen redrive`.
#[derive(Debug, Args)]
pub struct RedriveOptions {
    /// Which run
    #[command(flatten)]
    pub run: RunOfVideo,
    /// Render everything again, in a new run
    #[arg(long)]
    pub all: bool,
    /// Name of the event bus [default: EVENT_BUS_NAME, else default]
    #[arg(long, value_name = "NAME")]
    pub event_bus_name: Option<String>,
}

/// Arguments of `gifgen export`.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// Folder of the video that `gifgen run` has written, or with --bucket the key of a video on AWS
    #[arg(value_name = "FOLDER|KEY")]
    pub of: String,
    /// Formats, separated by commas: vtt, json, hls, dash, bif, jellyfin
    #[arg(long = "as", value_name = "FORMATS", required = true, value_delimiter = ',', value_parser = track_format)]
    pub formats: Vec<TrackFormat>,
    /// Bucket that the video was uploaded to
    #[arg(long, value_name = "B")]
    pub bucket: Option<String>,
    /// Bucket of the previews [default: DESTINATION_BUCKET, else that of the video]
    #[arg(long, value_name = "B", requires = "bucket")]
    pub destination_bucket: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A format by the name that settings and JSON have for it.
fn track_format(name: &str) -> Result<TrackFormat, String> {
    TrackFormat::deserialize(name.into_deserializer())
        .map_err(|_: value::Error| "must be vtt, json, hls, dash, bif or jellyfin".to_owned())
}

/// Arguments of `gifgen run`.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Videos to turn into previews
    #[arg(required = true, value_name = "VIDEO")]
    pub videos: Vec<PathBuf>,
    /// Folder that the previews are written to
    #[arg(short, long, value_name = "DIR", default_value = "gifgen-out")]
    pub out: PathBuf,
    /// Slices that are rendered at once [default: the number of cores]
    #[arg(short = 'j', long, value_name = "N")]
    pub concurrency: Option<NonZero<u32>>,
    /// Make the overview only, for a seek bar: as --gifs none --frames none
    #[arg(long, conflicts_with_all = ["gifs", "frames"])]
    pub seekbar_only: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the functions
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// Arguments of `gifgen replay`.
#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// File with the event
    #[arg(value_name = "EVENT.json")]
    pub event: PathBuf,
    /// Video that stands in for the event's source, on this machine [default: a test picture]
    #[arg(long, value_name = "VIDEO", conflicts_with = "aws")]
    pub video: Option<PathBuf>,
    /// Program that invokes the function, in the place of this process; see events/README.md
    #[arg(long, value_name = "PROGRAM", conflicts_with = "aws")]
    pub invoke: Option<PathBuf>,
    /// Address of this machine that the embedded servers listen on, for a function in a container
    #[arg(long, value_name = "ADDRESS", requires = "invoke", default_value_t = Ipv4Addr::LOCALHOST.into())]
    pub listen: IpAddr,
    /// Replay against real AWS, with the credentials and settings of the environment
    #[arg(long)]
    pub aws: bool,
    /// Folder that the previews are written to, without --aws
    #[arg(short, long, value_name = "DIR", default_value = "gifgen-out")]
    pub out: PathBuf,
    /// Print the answer in one line
    #[arg(long)]
    pub json: bool,
    /// Settings of the functions
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// The settings of the functions as flags; each takes the environment's variable of the same
/// name where it is not given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings (also environment variables: GIF_WIDTH for --gif-width)")]
pub struct SettingFlags {
    /// Length of a slice in seconds, 1 to 900 [default: 30]
    #[arg(long, value_name = "S")]
    pub slice_seconds: Option<OsString>,
    /// Stills: each (one a second), storyboard (one sheet a slice), both or none [default: both]
    #[arg(long, value_name = "MODE")]
    pub frames: Option<OsString>,
    /// GIFs: each (one a slice) or none [default: each]
    #[arg(long, value_name = "MODE")]
    pub gifs: Option<OsString>,
    /// Pictures of the overview, the whole film's storyboard: keyframes, exact or none [default: keyframes]
    #[arg(long, value_name = "MODE")]
    pub overview: Option<OsString>,
    /// Seconds between two pictures of the overview, 1 to 3600, or auto [default: auto, at most 1,080 pictures]
    #[arg(long, value_name = "S")]
    pub overview_interval: Option<OsString>,
    /// Width of the overview's pictures in pixels, 16 to 320 [default: 160]
    #[arg(long, value_name = "PX")]
    pub overview_width: Option<OsString>,
    /// Tracks, separated by commas: vtt, json, hls, dash, bif, jellyfin; or none [default: vtt,json]
    #[arg(long, value_name = "FORMATS")]
    pub tracks: Option<OsString>,
    /// Leave what an earlier run of the same video has made, and this one does not make
    #[arg(long)]
    pub keep_old: bool,
    /// Width of GIFs in pixels, 16 to 1280 [default: 240]
    #[arg(long, value_name = "PX")]
    pub gif_width: Option<OsString>,
    /// Pictures a second in GIFs, 1 to 30 [default: 10]
    #[arg(long, value_name = "N")]
    pub gif_fps: Option<OsString>,
    /// Dithering of GIFs: none, ordered or diffusion [default: ordered]
    #[arg(long, value_name = "HOW")]
    pub gif_dither: Option<OsString>,
    /// Pictures to decode: exact (all) or fast (those that others refer to) [default: exact]
    #[arg(long, value_name = "HOW")]
    pub decode: Option<OsString>,
    /// Width of stills in pixels, 16 to 3840 [default: the video's]
    #[arg(long, value_name = "PX")]
    pub frame_width: Option<OsString>,
    /// Quality of stills, 2 (best) to 31 [default: 5]
    #[arg(long, value_name = "Q")]
    pub frame_quality: Option<OsString>,
    /// Longest video that is taken, in hours [default: 12]
    #[arg(long, value_name = "H")]
    pub max_video_hours: Option<OsString>,
    /// The program ffmpeg [default: from /opt/bin or PATH]
    #[arg(long, value_name = "PATH")]
    pub ffmpeg: Option<OsString>,
    /// The program ffprobe [default: from /opt/bin or PATH]
    #[arg(long, value_name = "PATH")]
    pub ffprobe: Option<OsString>,
}

impl RunOptions {
    /// The settings, as the other flags change them.
    pub fn setting_flags(&self) -> SettingFlags {
        let mut flags = self.settings.clone();
        if self.seekbar_only {
            flags.gifs = Some("none".into());
            flags.frames = Some("none".into());
        }
        flags
    }
}

impl SettingFlags {
    /// Reads the settings: `fixed` wins over flags, flags over the environment, the environment over
    /// defaults.
    ///
    /// # Errors
    /// At the first value that is out of its range.
    pub fn settings(&self, fixed: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            fixed
                .iter()
                .find(|(fixed_name, _)| *fixed_name == name)
                .map(|(_, value)| OsString::from(value))
                .or_else(|| {
                    let mut flags = self.given();
                    flags.find_map(|(flag, value)| (flag == name).then_some(value))
                })
                .or_else(|| std::env::var_os(name))
        })
    }

    /// The flags that were given, by the names of their environment variables.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, OsString)> {
        let keep_old = self.keep_old.then(|| OsString::from("true"));
        let flags = [
            ("SLICE_SECONDS", &self.slice_seconds),
            ("FRAMES", &self.frames),
            ("GIFS", &self.gifs),
            ("OVERVIEW", &self.overview),
            ("OVERVIEW_INTERVAL", &self.overview_interval),
            ("OVERVIEW_WIDTH", &self.overview_width),
            ("TRACKS", &self.tracks),
            ("KEEP_OLD", &keep_old),
            ("GIF_WIDTH", &self.gif_width),
            ("GIF_FPS", &self.gif_fps),
            ("GIF_DITHER", &self.gif_dither),
            ("DECODE", &self.decode),
            ("FRAME_QUALITY", &self.frame_quality),
            ("FRAME_WIDTH", &self.frame_width),
            ("MAX_VIDEO_HOURS", &self.max_video_hours),
            ("FFMPEG", &self.ffmpeg),
            ("FFPROBE", &self.ffprobe),
        ];
        let given = flags.map(|(name, value)| Some((name, value.clone()?)));
        given.into_iter().flatten()
    }
}
