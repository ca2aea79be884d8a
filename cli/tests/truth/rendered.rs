//! Renders a file whole, in process: the real splitter, and the real worker for each of its slices and sheets.

use std::{fs, path::Path, time::Duration};

use gifgen_shared::Deadline;
use gifgen_splitter::Status;
use gifgen_testkit::{
    events::object_created,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
};
use gifgen_worker::Answer;
use image::{AnimationDecoder, RgbImage, codecs::gif::GifDecoder};
use serde_json::Value;

/// Nothing here tests deadlines, and the machine may be slow.
const PATIENCE: Duration = Duration::from_secs(600);

/// The key of the file in its bucket. It has an ending, because keys mostly have one.
const KEY: &str = "film.bin";

/// How a file is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Length of a slice, in seconds.
    pub slice_seconds: u32,
    /// Whether the workers read excerpts, or FFmpeg seeks for itself.
    pub with_excerpts: bool,
    /// `each` or `storyboard`.
    pub frames: &'static str,
}

impl Way {
    /// Slices of this many seconds, with excerpts and stills.
    pub const fn slices_of(slice_seconds: u32) -> Self {
        Self {
            slice_seconds,
            with_excerpts: true,
            frames: "each",
        }
    }

    /// Pictures of the overview, and seconds between two of them.
    fn overview(self) -> (&'static str, &'static str) {
        if self.slice_seconds == 5 {
            ("exact", "2")
        } else {
            ("keyframes", "auto")
        }
    }

    /// The same without excerpts.
    pub const fn without_excerpts(self) -> Self {
        Self {
            with_excerpts: false,
            ..self
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let excerpts = if self.with_excerpts {
            ""
        } else {
            ", no excerpts"
        };
        write!(f, "slices of {} s{excerpts}", self.slice_seconds)
    }
}

/// What became of a file.
#[derive(Debug)]
pub enum Rendered {
    /// The splitter refused it for good.
    Rejected {
        /// The class.
        reason: String,
        /// The sentence for people.
        message: String,
    },
    /// A function failed in a way that the platform retries.
    Unanswered(String),
    /// It has a run.
    Run(Previews),
}

/// The result of a run.
#[derive(Debug)]
pub struct Previews {
    /// Length of the video in seconds, as the splitter measured it.
    pub length: f64,
    /// `complete` or `partial`, as the manifest says.
    pub status: String,
    /// The slices, in order.
    pub slices: Vec<SlicePreviews>,
    /// The sheets of the overview, in order.
    pub sheets: Vec<SheetPreviews>,
}

/// One sheet of an overview.
#[derive(Debug)]
pub struct SheetPreviews {
    /// First second, inclusive.
    pub start: u32,
    /// End in seconds, exclusive.
    pub end: f64,
    /// Why it failed for good: class and sentence.
    pub failure: Option<(String, String)>,
    /// Its tiles, each with the second from which on its picture is on screen.
    pub tiles: Vec<(f64, RgbImage)>,
    /// Seconds whose tiles are lost.
    pub lost: Vec<u32>,
}

/// One slice of a run.
#[derive(Debug)]
pub struct SlicePreviews {
    /// First second, inclusive.
    pub start: u32,
    /// End in seconds, exclusive.
    pub end: f64,
    /// Why it failed for good: class and sentence.
    pub failure: Option<(String, String)>,
    /// Its stills, by their seconds.
    pub stills: Vec<(u32, RgbImage)>,
    /// What its GIF shows in each tenth of a second, with the second of the video.
    pub gif: Vec<(f64, RgbImage)>,
    /// The tiles of its sheet, in frames mode `storyboard`; those behind the last picture too.
    pub tiles: Vec<RgbImage>,
}

impl Rendered {
    /// The sentences that people read of it: those of rejections and failures.
    pub fn sentences(&self) -> Vec<String> {
        match self {
            Self::Rejected { reason, message } => vec![format!("{reason}: {message}")],
            Self::Unanswered(message) => vec![format!("(to be tried again) {message}")],
            Self::Run(previews) => {
                let failures = previews.slices.iter().filter_map(|slice| {
                    let (reason, message) = slice.failure.as_ref()?;
                    Some(format!("second {}: {reason}: {message}", slice.start))
                });
                let sheets = previews.sheets.iter().filter_map(|sheet| {
                    let (reason, message) = sheet.failure.as_ref()?;
                    Some(format!(
                        "sheet at second {}: {reason}: {message}",
                        sheet.start
                    ))
                });
                failures.chain(sheets).collect()
            }
        }
    }
}

/// Renders `file` in this way. GIFs are 160 pixels wide, so that each column of a number has ten. JPGs have the
/// best quality, so that the small bars of a tile keep their colours.
pub async fn render(file: &Path, way: Way) -> Rendered {
    let seconds = way.slice_seconds.to_string();
    let (overview, interval) = way.overview();
    let settings = [
        ("SLICE_SECONDS", seconds.as_str()),
        ("GIF_WIDTH", "160"),
        ("FRAMES", way.frames),
        ("FRAME_QUALITY", "2"),
        ("OVERVIEW", overview),
        ("OVERVIEW_INTERVAL", interval),
    ];
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let etag = env.adopt(KEY, file).await.etag;
    let created = object_created(FILMS, KEY, &etag);
    let splitter = env.splitter(&settings);
    let summary = match splitter.handle(&created, Deadline::after(PATIENCE)).await {
        Ok(summary) => summary,
        Err(error) => return Rendered::Unanswered(gifgen_shared::with_causes(&error)),
    };
    let length = match &summary.sources[0].status {
        Status::Split { length, .. } => *length,
        Status::Rejected(rejection) => {
            return Rendered::Rejected {
                reason: rejection.reason.to_string(),
                message: rejection.message.clone(),
            };
        }
        other => return Rendered::Unanswered(format!("{other:?}")),
    };
    let worker = env.worker(&settings);
    while let Ok(mut event) = events.try_recv() {
        if !["newVideoCreated", "videoJobCreated"]
            .map(Value::from)
            .contains(&event["detail-type"])
        {
            continue;
        }
        if !way.with_excerpts {
            let detail = event["detail"].as_object_mut().unwrap();
            detail.remove("excerpt");
            detail.remove("keyframes");
        }
        match worker.handle(&event, &invocation(PATIENCE)).await {
            Ok(Answer::Done(_) | Answer::Failed(_)) => {}
            Ok(other) => return Rendered::Unanswered(format!("{other:?}")),
            Err(error) => return Rendered::Unanswered(gifgen_shared::with_causes(&error)),
        }
    }
    Rendered::Run(previews(&env, length).await)
}

/// Reads the manifest and the objects that it names.
async fn previews(env: &TestEnv, length: f64) -> Previews {
    let objects = env.stack().store().list(PREVIEWS, KEY).await.unwrap();
    let body = |key: &str| {
        let key = format!("{KEY}/{key}");
        let object = objects.iter().find(|object| object.key == key);
        fs::read(&object.unwrap_or_else(|| panic!("no object {key}")).body).unwrap()
    };
    let manifest: Value = serde_json::from_slice(&body("manifest.json")).unwrap();
    let slices = manifest["slices"].as_array().unwrap().iter().map(|slice| {
        let start = slice["start"].as_u64().unwrap() as u32;
        let (mut stills, mut gif, mut tiles) = (Vec::new(), Vec::new(), Vec::new());
        if slice["gif"].is_object() {
            let pictures = pictures(&body(&format!("gifs/{start:06}.gif")));
            // A picture that stands is one for each tenth of a second, as samples are.
            for (picture, tenths) in pictures {
                for _ in 0..tenths {
                    let time = f64::from(start) + gif.len() as f64 / 10.0;
                    gif.push((time, picture.clone()));
                }
            }
        }
        if let Some(frames) = slice["frames"].as_object() {
            let first = frames["first"].as_u64().unwrap() as u32;
            let count = frames["count"].as_u64().unwrap() as u32;
            for second in first..first + count {
                let still = body(&format!("frames/{second:06}.jpg"));
                stills.push((second, jpg(&still)));
            }
        }
        if let Some(board) = slice["storyboard"].as_object() {
            let of = |field: &str| board[field].as_u64().unwrap() as u32;
            let sheet = jpg(&body(&format!("storyboards/{start:06}.jpg")));
            let places = 0..of("rows") * of("columns");
            tiles.extend(places.map(|place| tile(&sheet, &slice["storyboard"], place)));
        }
        SlicePreviews {
            start,
            end: slice["end"].as_f64().unwrap(),
            failure: failure(slice),
            stills,
            gif,
            tiles,
        }
    });
    let sheets = manifest["overview"]["sheets"].as_array().unwrap();
    let sheets = sheets.iter().map(|sheet| {
        let index = sheet["index"].as_u64().unwrap();
        let tiles = sheet["tiles"].as_array().map_or(&[][..], Vec::as_slice);
        let jpg = (!tiles.is_empty()).then(|| jpg(&body(&format!("overview/{index:04}.jpg"))));
        let tiles = tiles.iter().map(|entry| {
            let place = entry["place"].as_u64().unwrap() as u32;
            let picture = tile(jpg.as_ref().unwrap(), &sheet["sheet"], place);
            (entry["at"].as_f64().unwrap(), picture)
        });
        let lost = sheet["lost"].as_array().map_or(&[][..], Vec::as_slice);
        let lost = lost.iter().map(|tile| tile["at"].as_u64().unwrap() as u32);
        SheetPreviews {
            start: sheet["start"].as_u64().unwrap() as u32,
            end: sheet["end"].as_f64().unwrap(),
            failure: failure(sheet),
            tiles: tiles.collect(),
            lost: lost.collect(),
        }
    });
    Previews {
        length,
        status: manifest["status"].as_str().unwrap().to_owned(),
        slices: slices.collect(),
        sheets: sheets.collect(),
    }
}

/// The tile at this place of a sheet with this `layout`, row by row.
fn tile(sheet: &RgbImage, layout: &Value, place: u32) -> RgbImage {
    let of = |field: &str| layout[field].as_u64().unwrap() as u32;
    let (width, height, columns) = (of("tileWidth"), of("tileHeight"), of("columns"));
    let (x, y) = (place % columns * width, place / columns * height);
    image::imageops::crop_imm(sheet, x, y, width, height).to_image()
}

/// Why a slice or a sheet failed for good, if it did.
fn failure(job: &Value) -> Option<(String, String)> {
    job["error"].as_object().map(|error| {
        let text = |field: &str| error[field].as_str().unwrap().to_owned();
        (text("reason"), text("message"))
    })
}

fn jpg(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().into_rgb8()
}

/// The full pictures of a GIF as a viewer shows them, each with its duration in tenths of a second.
fn pictures(gif: &[u8]) -> Vec<(RgbImage, u32)> {
    let decoder = GifDecoder::new(std::io::Cursor::new(gif)).unwrap();
    let pictures = decoder.into_frames().map(|frame| {
        let frame = frame.unwrap();
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let picture = image::DynamicImage::ImageRgba8(frame.into_buffer());
        (picture.into_rgb8(), numerator / denominator / 100)
    });
    pictures.collect()
}
