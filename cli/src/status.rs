//! `gifgen status`: the progress of a run, read from S3 alone.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use gifgen_ledger::{JobFailure, LostTile, Manifest, Outcome, Receipts, Run, Wrong, manifest};
use gifgen_shared::{JobId, SourceState, job::JobKind};
use serde::Serialize;
use serde_json::json;

use crate::{
    options::StatusOptions,
    output::{Reader, print},
    printable::{in_line, printable},
    remote::{Remote, RemoteError},
};

/// Pause between two reads.
const PAUSE: Duration = Duration::from_secs(2);

/// Limit of slices without a receipt that the text lists.
const MOST_NAMED: usize = 10;

/// Progress of a run, for people (`Display`) and programs (`Serialize`).
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub key: String,
    /// Version of the video.
    pub etag: String,
    pub run: u32,
    pub status: Progress,
    /// Whether the completion was announced.
    pub announced: bool,
    pub slices: u32,
    /// Number of slices whose objects are uploaded.
    pub done: u32,
    /// Slices that failed permanently.
    pub failed: Vec<FailedSlice>,
    /// Starts of the slices without a receipt, in seconds.
    pub missing: Vec<u32>,
    /// How far the overview is; `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overview: Option<OverviewStatus>,
    /// Objects that are not as manifest and receipts say; `None` without `--verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Vec<Wrong>>,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Key of the manifest; `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// There is no manifest yet.
    Running,
    /// The video was replaced by another version, so there will be no manifest.
    Superseded,
    /// The manifest says that all slices are rendered.
    Complete,
    /// The manifest lists failed slices or sheets, or lost tiles.
    Partial,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FailedSlice {
    /// First second of the slice.
    pub start: u32,
    #[serde(flatten)]
    pub error: JobFailure,
}

/// Progress of an overview.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct OverviewStatus {
    pub sheets: u32,
    /// Number of sheets that are uploaded.
    pub done: u32,
    /// Whether it was announced that all are.
    pub announced: bool,
    /// Sheets that failed permanently.
    pub failed: Vec<FailedSheet>,
    /// Uploaded sheets that lack tiles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostTiles>,
    /// Numbers of the sheets without a receipt.
    pub missing: Vec<u32>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FailedSheet {
    /// Number of the sheet, from zero.
    pub index: u32,
    #[serde(flatten)]
    pub error: JobFailure,
}

/// What a sheet lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostTiles {
    /// Number of the sheet, from zero.
    pub index: u32,
    /// The tiles, at least one.
    pub tiles: Vec<LostTile>,
}

impl LostTiles {
    /// What the sheet numbered `index` lacks by its `outcome`; `None` if it lacks nothing.
    pub(crate) fn of(index: u32, outcome: &Outcome) -> Option<Self> {
        let tiles = outcome.lost().to_vec();
        (!tiles.is_empty()).then_some(Self { index, tiles })
    }
}

/// Prints the progress of a run and returns the exit code.
///
/// # Errors
/// If there is no such run, or S3 cannot be read.
pub async fn status(options: &StatusOptions) -> Result<u8, RemoteError> {
    let remote = Remote::connect(&options.run, None).await?;
    // Whole receipts stay whole, so they are not read again.
    let mut known = Receipts::new();
    let mut said = String::new();
    loop {
        let (run, _) = remote.run(&options.run.bucket).await?;
        let status = Status::of(&remote, &run, options.verify, &mut known).await?;
        let goes_on = options.watch && status.status == Progress::Running;
        let now = status.to_string();
        let mut reader = Reader::Reads;
        if options.run.json && !goes_on {
            reader = print(&json!(status).to_string())?;
        } else if !options.run.json && now != said {
            reader = print(&printable(&now))?;
        }
        // Nobody is left to watch for.
        if !goes_on || reader == Reader::Left {
            return Ok(status.exit_code());
        }
        said = now;
        tokio::time::sleep(PAUSE).await;
    }
}

impl Status {
    /// Reads the progress of `run`.
    ///
    /// # Errors
    /// If S3 cannot be read.
    pub async fn of(
        remote: &Remote,
        run: &Run,
        verify: bool,
        known: &mut Receipts,
    ) -> Result<Self, RemoteError> {
        let ledger = &remote.ledger;
        let manifest = ledger.manifest_of(run).await?;
        known.retain(|_, receipt| receipt.is_whole() && receipt.is_of(run));
        ledger.read_receipts(run, known).await?;
        let receipts = &*known;
        let wrong = if verify {
            let manifest = manifest.as_ref().map(|(manifest, _)| manifest);
            Some(ledger.verify(run, manifest, receipts.values()).await?)
        } else {
            None
        };
        let announced = manifest
            .as_ref()
            .is_some_and(|(_, version)| run.announced.as_ref() == Some(version));
        let manifest = manifest.map(|(manifest, _)| manifest);
        let mut status = Self::new(run, manifest.as_ref(), announced, receipts, wrong);
        // Callers who may not read the videos do not learn that one was replaced.
        if status.status == Progress::Running
            && let Ok(SourceState::Replaced) = run.source().state(&remote.s3).await
        {
            status.status = Progress::Superseded;
        }
        Ok(status)
    }

    fn new(
        run: &Run,
        manifest: Option<&Manifest>,
        announced: bool,
        receipts: &Receipts,
        wrong: Option<Vec<Wrong>>,
    ) -> Self {
        let failures: Vec<(JobId, JobFailure)> = match manifest {
            // The manifest may know more: objects that a receipt names can be missing.
            Some(manifest) => manifest
                .failed()
                .map(|(job, why)| (job, why.clone()))
                .collect(),
            None => (receipts.iter())
                .filter_map(|(job, receipt)| Some((*job, receipt.outcome.failure()?.clone())))
                .collect(),
        };
        let good = |kind: JobKind| {
            let good = receipts.values().filter(|receipt| receipt.is_good());
            good.filter(|receipt| receipt.kind == kind).count() as u32
        };
        let (mut failed, mut failed_sheets) = (Vec::new(), Vec::new());
        for (job, error) in failures {
            match job {
                JobId::Slice(start) => failed.push(FailedSlice { start, error }),
                JobId::Overview(index) => failed_sheets.push(FailedSheet { index, error }),
            }
        }
        let (mut missing, mut missing_sheets) = (Vec::new(), Vec::new());
        let jobs = run.jobs().into_iter().map(|job| job.id());
        for job in jobs.filter(|job| !receipts.contains_key(job)) {
            match job {
                JobId::Slice(start) => missing.push(start),
                JobId::Overview(index) => missing_sheets.push(index),
            }
        }
        let done = |jobs: u32, kind, failed: usize| match manifest {
            Some(_) => jobs - failed as u32,
            None => good(kind),
        };
        let lost = receipts.values();
        let lost = lost.filter_map(|receipt| LostTiles::of(receipt.index, &receipt.outcome));
        let overview = OverviewStatus {
            sheets: run.sheets,
            done: done(run.sheets, JobKind::Overview, failed_sheets.len()),
            announced: run.overview_announced.is_some(),
            failed: failed_sheets,
            lost: lost.collect(),
            missing: missing_sheets,
        };
        Self {
            key: run.source.key.to_string(),
            etag: run.source.etag.as_str().to_owned(),
            run: run.run,
            status: match manifest.map(|manifest| manifest.status) {
                None => Progress::Running,
                Some(manifest::Status::Complete) => Progress::Complete,
                Some(manifest::Status::Partial) => Progress::Partial,
            },
            announced,
            slices: run.slices,
            done: done(run.slices, JobKind::Slice, failed.len()),
            failed,
            missing,
            overview: (run.sheets > 0).then_some(overview),
            wrong,
            created_at: run.created_at,
            completed_at: manifest.map(|manifest| manifest.completed_at),
            manifest: manifest.map(|_| run.keys().manifest()),
        }
    }

    /// 0 if the run is complete and no object is wrong, else 3.
    pub fn exit_code(&self) -> u8 {
        if self.status == Progress::Complete && self.is_sound() {
            0
        } else {
            3
        }
    }

    fn is_sound(&self) -> bool {
        self.wrong.as_ref().is_none_or(Vec::is_empty)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            Progress::Running => "running",
            Progress::Superseded => "superseded, as the video was replaced",
            Progress::Complete if !self.is_sound() => "called complete, and is not",
            Progress::Complete => "complete",
            Progress::Partial => "partial",
        };
        let (key, run, done, slices) = (in_line(&self.key), self.run, self.done, self.slices);
        write!(
            f,
            "{key}: run {run} is {status}: {done} of {slices} slices done"
        )?;
        if let Some(OverviewStatus { sheets, done, .. }) = &self.overview {
            write!(f, ", {done} of {sheets} sheets of the overview")?;
        }
        let is_over = matches!(self.status, Progress::Complete | Progress::Partial);
        if is_over && !self.announced {
            write!(f, "; not announced yet")?;
        }
        if let Some(overview) = &self.overview {
            for FailedSheet { index, error } in &overview.failed {
                let (reason, message) = (&error.reason, &error.message);
                write!(
                    f,
                    "\n  sheet {index} of the overview failed: {reason}: {message}"
                )?;
            }
        }
        let overview = self.overview.iter();
        for LostTiles { index, tiles } in overview.flat_map(|overview| &overview.lost) {
            write!(
                f,
                "\n  sheet {index} of the overview lacks its {}",
                lacks(tiles)
            )?;
        }
        for FailedSlice { start, error } in &self.failed {
            let (reason, message) = (&error.reason, &error.message);
            write!(
                f,
                "\n  the slice at second {start} failed: {reason}: {message}"
            )?;
        }
        if !self.missing.is_empty() {
            let starts = self.missing.iter().take(MOST_NAMED).map(u32::to_string);
            let starts = starts.collect::<Vec<_>>().join(", ");
            write!(f, "\n  no receipt yet from second {starts}")?;
            let more = self.missing.len().saturating_sub(MOST_NAMED);
            if more > 0 {
                write!(f, " and {more} more")?;
            }
        }
        for Wrong { key, problem, .. } in self.wrong.iter().flatten() {
            write!(f, "\n  {} {problem}", in_line(key))?;
        }
        Ok(())
    }
}

/// Which tiles are lost, and why the first one is.
pub(crate) fn lacks(tiles: &[LostTile]) -> String {
    let seconds = tiles
        .iter()
        .take(MOST_NAMED)
        .map(|tile| tile.at.to_string());
    let seconds = seconds.collect::<Vec<_>>().join(", ");
    let more = match tiles.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let plural = if tiles.len() == 1 { "" } else { "s" };
    let why = tiles.first().map_or("", |tile| &tile.error.message);
    format!("tile{plural} at second {seconds}{more}: {why}")
}
