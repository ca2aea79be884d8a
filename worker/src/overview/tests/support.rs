//! Renders sheets of test videos, and compares each tile with a decode of the whole film.

use std::{collections::BTreeMap, fmt, num::NonZero, path::Path, process::Command, time::Duration};

use gifgen_probe::Input;
use gifgen_shared::{Deadline, PreviewSettings, Slice, SourceKey};
use gifgen_testkit::{
    events::object_created,
    test_env::{FILMS, TestEnv, settings},
};

use crate::{
    Worker,
    decoded::Decoded,
    error::JobError,
    ffmpeg_args::Rendering,
    job::SliceSpec,
    overview::{RenderedSheet, SheetJob},
    product::{Choice, Product, RawPictures},
    repairs::Repairs,
    tone_map::{LUT_FILE, ToneMap},
};

/// Least similarity of a tile to the picture that it shows, and of all in the mean.
const LEAST_EACH: f64 = 0.94;
const LEAST_MEAN: f64 = 0.97;

const MINUTES: Duration = Duration::from_secs(240);

/// A source, and a worker.
pub(crate) struct Film {
    env: TestEnv,
    pub(crate) worker: Worker,
    file: std::path::PathBuf,
    /// The first sheet.
    pub(crate) job: SheetJob,
}

/// What is compared.
pub(super) struct Compared {
    /// Time, whether it is exact, and place of each tile.
    pub tiles: Vec<(f64, bool, u32)>,
    /// Similarity of each tile to the picture of a full decode at its time.
    pub similarity: Vec<f64>,
    pub bytes: u64,
}

impl Film {
    /// Measures `file` as the splitter does. `variables` are settings.
    pub(crate) async fn open(file: &Path, variables: &[(&str, &str)]) -> Self {
        let env = TestEnv::start().await;
        let etag = env.adopt("film", file).await.etag;
        let created = object_created(FILMS, "film", &etag);
        let splitter = env.splitter(variables);
        splitter
            .handle(&created, Deadline::after(MINUTES))
            .await
            .unwrap();
        let (s3, bus) = (env.s3().clone(), env.bus().clone());
        let worker = Worker::start(
            s3,
            bus,
            settings(variables),
            NonZero::<u32>::MIN,
            env.temporary(),
        )
        .unwrap();
        let key = SourceKey::plain("film").unwrap();
        let run = worker.ledger.current_run(&key).await.unwrap();
        let (run, _) = run.unwrap_or_else(|| panic!("{} is rejected", file.display()));
        let previews: PreviewSettings = settings(variables).previews;
        let sheet = previews.sheets(run.source.length)[0];
        let job = SheetJob {
            reader: worker.sources.of_run(&run),
            container: run.source.container.clone(),
            codec: run.source.codec.clone(),
            plan: None,
            timeline: run.source.timeline.clone(),
            video: run.video,
            settings: previews,
            length: run.source.length,
            sheet,
        };
        Self {
            env,
            worker,
            file: file.to_owned(),
            job,
        }
    }

    pub(super) async fn render(&self) -> Result<RenderedSheet, JobError> {
        let deadline = Deadline::after(MINUTES);
        let rendered = self.worker.renderer.render_sheet(&self.job, deadline);
        Box::pin(rendered).await
    }

    /// Renders the sheet and compares each tile.
    pub(super) async fn compare(&self) -> Compared {
        let sheet = self.render().await.unwrap();
        let (pictures, times) = self.full_decode();
        let jpg = std::fs::read(sheet.jpg.as_ref().unwrap()).unwrap();
        if let Some(folder) = std::env::var_os("GIFGEN_SHEETS") {
            let name = self.file.with_extension("jpg");
            let to = Path::new(&folder).join(name.file_name().unwrap());
            std::fs::write(to, &jpg).unwrap();
        }
        let image = image::load_from_memory(&jpg).unwrap().to_rgb8();
        let (width, height) = (sheet.layout.width, sheet.layout.height);
        assert_eq!(image.dimensions(), sheet.layout.sheet_size());
        let mut similarity = Vec::new();
        for tile in &sheet.tiles {
            let shown = times.iter().rposition(|time| *time <= tile.at + 0.001);
            let wanted = luma_of_planes(&pictures[shown.unwrap_or(0)]);
            let (left, top) = sheet.layout.corner(tile.place);
            let view = image::imageops::crop_imm(&image, left, top, width, height).to_image();
            let rgb = view.pixels().map(|pixel| luma(pixel.0));
            let found: Vec<f64> = rgb.collect();
            similarity.push(ssim(&found, &wanted, width as usize));
        }
        let tiles = sheet.tiles.iter();
        let compared = Compared {
            tiles: tiles
                .map(|tile| (tile.at, tile.exact, tile.place))
                .collect(),
            similarity,
            bytes: jpg.len() as u64,
        };
        sheet.remove().unwrap();
        compared
    }

    /// The tiles at whole seconds, in luma.
    pub(super) async fn at_whole_seconds(&self) -> BTreeMap<u32, Vec<f64>> {
        let sheet = self.render().await.unwrap();
        let image = image::open(sheet.jpg.as_ref().unwrap()).unwrap().to_rgb8();
        let (width, height) = (sheet.layout.width, sheet.layout.height);
        let whole = |at: f64| (at - at.round()).abs() < 0.002;
        let tiles = sheet.tiles.iter().filter(|tile| whole(tile.at));
        let lumas = tiles.map(|tile| {
            let (left, top) = sheet.layout.corner(tile.place);
            let view = image::imageops::crop_imm(&image, left, top, width, height).to_image();
            let pixels = view.pixels().map(|pixel| luma(pixel.0)).collect();
            (tile.at.round() as u32, pixels)
        });
        let lumas = lumas.collect();
        sheet.remove().unwrap();
        lumas
    }

    /// All pictures of the film in the size of tiles, and their times in seconds.
    fn full_decode(&self) -> (Vec<Vec<u8>>, Vec<f64>) {
        let directory = tempfile::tempdir_in(self.env.directory()).unwrap();
        let job = &self.job;
        let video = job.video;
        let whole = Slice {
            index: 0,
            start: 0,
            end: job.length,
        };
        let spec = SliceSpec {
            slice: whole,
            video,
            settings: job.settings,
        };
        let tiles = job.tiles(1);
        let raw = RawPictures {
            size: (tiles.width, tiles.height),
            choice: Choice::All { most: u32::MAX },
        };
        let rendering = Rendering {
            input: Input::Pipe { demuxer: "mov" },
            stream: video.index,
            seek_margin: None,
            threads: NonZero::<u32>::MIN,
            codec: "",
            spec: &spec,
            product: Product::Raw(raw),
            repairs: &Repairs::default(),
        };
        if let Some(tone_map) = ToneMap::of(&video.colour) {
            std::fs::write(directory.path().join(LUT_FILE), tone_map.cube()).unwrap();
        }
        let args = rendering.args();
        let place = |name: &str| args.iter().position(|arg| arg == name).unwrap();
        let mut ffmpeg = Command::new(&self.worker.renderer.ffmpeg);
        ffmpeg.current_dir(directory.path());
        ffmpeg.args(["-v", "fatal", "-nostdin", "-copyts"]);
        if video.turn.is_some() {
            ffmpeg.arg("-noautorotate");
        }
        if let Some(decoder) = video.colour.alpha.decoder() {
            ffmpeg.args([&format!("-c:{}", video.index), decoder]);
        }
        ffmpeg.args(["-reinit_filter", "0", "-i"]).arg(&self.file);
        let output = ffmpeg
            .args(&args[place("-filter_complex")..])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let pictures = output.stdout.chunks_exact(raw.picture_bytes());
        let pictures: Vec<Vec<u8>> = pictures.map(<[u8]>::to_vec).collect();
        let times = Decoded::read(directory.path()).unwrap().0;
        assert_eq!(times.len(), pictures.len(), "{}", self.file.display());
        (pictures, times)
    }
}

impl Compared {
    pub(super) fn exact(&self) -> usize {
        self.tiles.iter().filter(|(_, exact, _)| *exact).count()
    }

    pub(super) fn times(&self) -> Vec<f64> {
        self.tiles.iter().map(|(at, ..)| *at).collect()
    }

    pub(super) fn mean(&self) -> f64 {
        self.similarity.iter().sum::<f64>() / self.similarity.len() as f64
    }

    pub(super) fn least(&self) -> f64 {
        self.similarity.iter().copied().fold(1.0, f64::min)
    }

    /// Whether each tile shows what a full decode shows at its time.
    pub(super) fn is_true(&self) -> bool {
        self.mean() >= LEAST_MEAN && self.least() >= LEAST_EACH
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tiles, {} exact, {} bytes, mean {:.4}, least {:.4}, at {:.2?}",
            self.tiles.len(),
            self.exact(),
            self.bytes,
            self.mean(),
            self.least(),
            &self.times()[..self.tiles.len().min(12)],
        )
    }
}

fn luma([red, green, blue]: [u8; 3]) -> f64 {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
}

fn luma_of_planes(picture: &[u8]) -> Vec<f64> {
    let plane = picture.len() / 3;
    let pixel = |n: usize| luma([picture[2 * plane + n], picture[n], picture[plane + n]]);
    (0..plane).map(pixel).collect()
}

/// Mean structural similarity in windows of 8 by 8 pixels, four apart, as FFmpeg's filter has them.
pub(super) fn ssim(one: &[f64], other: &[f64], width: usize) -> f64 {
    const WINDOW: usize = 8;
    let height = one.len() / width;
    let (c1, c2) = ((0.01 * 255.0f64).powi(2), (0.03 * 255.0f64).powi(2));
    let window = WINDOW.min(width).min(height);
    let mut sum = 0.0;
    let mut count = 0.0;
    for top in (0..=height - window).step_by(4) {
        for left in (0..=width - window).step_by(4) {
            let (mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for y in top..top + window {
                for x in left..left + window {
                    let (p, q) = (one[y * width + x], other[y * width + x]);
                    a += p;
                    b += q;
                    aa += p * p;
                    bb += q * q;
                    ab += p * q;
                }
            }
            let n = (window * window) as f64;
            let (a, b) = (a / n, b / n);
            let (va, vb, cov) = (aa / n - a * a, bb / n - b * b, ab / n - a * b);
            sum += (2.0 * a * b + c1) * (2.0 * cov + c2) / ((a * a + b * b + c1) * (va + vb + c2));
            count += 1.0;
        }
    }
    sum / count
}
