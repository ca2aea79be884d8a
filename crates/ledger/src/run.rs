//! `run.json`: the work for one version of a source, written before its first slice is sent.
//!
//! Each source has one `run.json`, which names the *current* run. A new run replaces it only on the
//! precondition that it is unchanged since it was read, and only while the source still has the version
//! of the new run. So `run.json` is the fence. A writer that replaces an object that another run may
//! have written first reads the object, then checks `run.json`, and then replaces the object in exactly
//! that version. A late worker of an old run therefore cannot overwrite a new run's work: either the
//! object has changed, or the run has.

use chrono::{DateTime, SubsecRound, Utc};
use gifgen_shared::{
    ETag, ExcerptText, Header, Job, JobEvent, JobId, OtherStream, OutputKeys, Overview,
    PinnedSource, PreviewSettings, Slice, SliceEvent, Source, SourceKey, Timeline, Tracks,
    VideoStream, job::JobKind, job_event::JobName, overview, slice::plan,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Ledger, checksum::Sha256, error::LedgerError};

/// Content of `run.json`: enough to send any slice of the run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Number of the run among those of its source, from 1.
    pub run: u32,
    /// When the run began. Number and time together identify a run even if `run.json` was deleted in
    /// between.
    pub created_at: DateTime<Utc>,
    /// What is known about the source.
    pub source: SourceFacts,
    /// The stream that is rendered.
    pub video: VideoStream,
    /// The settings that determine the objects.
    pub settings: PreviewSettings,
    /// The latest runs of the same version before it, the last one first. It takes their objects over, as far as they are
    /// what its settings want.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierRun>,
    /// Number of slices.
    pub slices: u32,
    /// Number of sheets of the overview.
    #[serde(default)]
    pub sheets: u32,
    /// Number of times the run was resumed because its notification came again.
    #[serde(default)]
    pub resumed: u32,
    /// When the current sender began to send slices; `None` once it is done. See
    /// [`sending`](crate::sending).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<DateTime<Utc>>,
    /// Random name of the latest sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// When all its slices, or all unfinished ones, were on the bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<DateTime<Utc>>,
    /// Version of the manifest that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<ETag>,
    /// Version of the overview's receipt that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview_announced: Option<ETag>,
}

/// Identifies a run of the same source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlierRun {
    /// Its number.
    pub run: u32,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

/// Identifies a run in the metadata of its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMark(pub(crate) String);

/// What is known about a source in one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFacts {
    /// Bucket of the source.
    pub bucket: String,
    /// Key, as S3 stores it.
    pub key: SourceKey,
    /// Version of the object.
    pub etag: ETag,
    /// Size in bytes.
    pub bytes: u64,
    /// Length of the video stream, in seconds.
    pub length: f64,
    /// Displayed width in pixels.
    pub width: u32,
    /// Displayed height in pixels.
    pub height: u32,
    /// FFmpeg's name of the codec.
    pub codec: String,
    /// FFmpeg's name of the container.
    pub container: String,
    /// Its video streams that are not rendered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_chosen: Vec<OtherStream>,
    /// How the film's times follow from the file, if FFmpeg would find others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

impl SourceFacts {
    /// What probing `pinned` has told, and the stream to render.
    pub fn of(pinned: &PinnedSource, header: Header, length: f64) -> (Self, VideoStream) {
        let source = pinned.source();
        let facts = Self {
            bucket: source.bucket.clone(),
            key: source.key.clone(),
            etag: pinned.etag().clone(),
            bytes: pinned.bytes(),
            length,
            width: header.video.width,
            height: header.video.height,
            codec: header.codec,
            container: header.container,
            not_chosen: header.not_chosen,
            timeline: None,
        };
        (facts, header.video)
    }
}

/// A value with the version of the object that it was read from.
pub type Versioned<T> = (T, ETag);

impl Run {
    /// Creates a run over `source`. Its number follows that of `before`.
    pub fn new(
        source: SourceFacts,
        video: VideoStream,
        settings: PreviewSettings,
        before: Option<&Self>,
    ) -> Self {
        Self {
            schema_version: 1,
            run: before.map_or(1, |before| before.run.saturating_add(1)),
            earlier: earlier(&source, before),
            created_at: Utc::now().trunc_subsecs(3),
            slices: slices(source.length, &settings).len() as u32,
            sheets: settings.sheets(source.length).len() as u32,
            source,
            video,
            settings,
            resumed: 0,
            sending: None,
            sender: None,
            sent: None,
            announced: None,
            overview_announced: None,
        }
    }

    /// The mark for the metadata of the run's objects.
    pub fn mark(&self) -> RunMark {
        let began = self.created_at.timestamp_millis();
        RunMark(format!("{} of {began}", self.run))
    }

    /// Whether both are the same run, in whatever state.
    pub fn is(&self, other: &Self) -> bool {
        (self.run, self.created_at) == (other.run, other.created_at)
    }

    /// Whether the run is about `source` in this version and has the same settings.
    pub fn covers(&self, source: &Source, settings: &PreviewSettings) -> bool {
        self.source() == *source && self.settings == *settings
    }

    /// All slices in order; none if they would have no outputs.
    pub fn plan(&self) -> Vec<Slice> {
        slices(self.source.length, &self.settings)
    }

    /// Seconds between two tiles of its overview.
    pub fn interval(&self) -> u32 {
        overview::interval(self.source.length, self.settings.overview_interval)
    }

    /// All jobs: the overview's sheets first, since players wait for them.
    pub fn jobs(&self) -> Vec<Job> {
        let sheets = self.settings.sheets(self.source.length);
        let sheets = sheets.into_iter().map(Job::Overview);
        sheets
            .chain(self.plan().into_iter().map(Job::Slice))
            .collect()
    }

    /// One of its jobs.
    pub fn job(&self, id: JobId) -> Option<Job> {
        let job = match id {
            JobId::Overview(index) => {
                let sheets = self.settings.sheets(self.source.length);
                Job::Overview(*sheets.get(index as usize)?)
            }
            JobId::Slice(start) => {
                let index = start / self.settings.slice_seconds;
                Job::Slice(*self.plan().get(index as usize)?)
            }
        };
        (job.id() == id).then_some(job)
    }

    /// Hash of what determines the objects of its jobs of this `kind`: the source's version, what was measured of it,
    /// and their own settings.
    pub fn hash(&self, kind: JobKind) -> String {
        let settings = self.settings;
        let own = match kind {
            JobKind::Slice => PreviewSettings {
                overview: Overview::None,
                overview_interval: None,
                overview_width: 0,
                tracks: Tracks::NONE,
                keep_old: false,
                ..settings
            },
            JobKind::Overview => PreviewSettings {
                overview: settings.overview,
                overview_interval: settings.overview_interval,
                overview_width: settings.overview_width,
                tracks: Tracks::NONE,
                keep_old: false,
                ..PreviewSettings::default()
            },
        };
        let all = json!([FORMAT_OF_OBJECTS, kind, self.source, self.video, own]);
        Sha256::of(all.to_string().as_bytes()).short()
    }

    /// The slice of this run that starts and ends as `slice` does.
    pub fn slice(&self, slice: &Slice) -> Option<Slice> {
        match self.job(JobId::Slice(slice.start))? {
            Job::Slice(own) if (own.end - slice.end).abs() < SAME_END_SECONDS => Some(own),
            _ => None,
        }
    }

    /// Names the run's objects.
    pub fn keys(&self) -> OutputKeys<'_> {
        OutputKeys::of(&self.source.key)
    }

    /// The source in the run's version.
    pub fn source(&self) -> Source {
        Source {
            bucket: self.source.bucket.clone(),
            key: self.source.key.clone(),
            etag: Some(self.source.etag.clone()),
        }
    }

    /// The same with its size.
    pub fn pinned_source(&self) -> PinnedSource {
        PinnedSource::new(self.source(), self.source.etag.clone(), self.source.bytes)
    }

    /// Creates the event that has `slice` rendered. `attempt` counts the times it is sent, from 1.
    /// `excerpt` is `None` if it is unknown.
    pub fn event(&self, slice: &Slice, attempt: u32, excerpt: Option<ExcerptText>) -> SliceEvent {
        SliceEvent {
            bucket: Some(self.source.bucket.clone()),
            key: self.source.key.clone(),
            etag: Some(self.source.etag.clone()),
            run: Some(self.run),
            index: Some(slice.index),
            count: Some(self.slices),
            start: slice.start,
            end: slice.end,
            length: Some(self.source.length),
            ts_created: Some(Utc::now().timestamp_millis()),
            excerpt,
            attempt: Some(attempt),
        }
    }

    /// Creates the event that has a sheet of the overview rendered, as [`Self::event`] does for slices. `keyframes` is
    /// `None` if it is unknown where they are.
    pub fn job_event(&self, job: &Job, attempt: u32, keyframes: Option<ExcerptText>) -> JobEvent {
        JobEvent {
            bucket: self.source.bucket.clone(),
            key: self.source.key.clone(),
            etag: Some(self.source.etag.clone()),
            run: Some(self.run),
            job: JobName {
                kind: job.id().kind(),
                index: job.index(),
            },
            ts_created: Some(Utc::now().timestamp_millis()),
            keyframes,
            attempt: Some(attempt),
        }
    }

    /// Whether the jobs can be counted and their numbers are right.
    pub fn is_plausible(&self) -> bool {
        OVERVIEW_INTERVAL.contains(&self.settings.overview_interval.unwrap_or(1))
            && SLICE_SECONDS.contains(&self.settings.slice_seconds)
            && self.source.length > 0.0
            && self.source.length <= LONGEST_SECONDS
            && self.plan().len() == self.slices as usize
            && self.settings.sheets(self.source.length).len() == self.sheets as usize
    }
}

/// Most runs that a run takes objects over from.
const MOST_EARLIER: usize = 4;

/// The run `before` and those before it, if they are about the same version of `source`.
fn earlier(source: &SourceFacts, before: Option<&Run>) -> Vec<EarlierRun> {
    let is_same =
        |run: &&Run| (&run.source.bucket, &run.source.etag) == (&source.bucket, &source.etag);
    let Some(before) = before.filter(is_same) else {
        return Vec::new();
    };
    let last = EarlierRun {
        run: before.run,
        created_at: before.created_at,
    };
    let all = [last].into_iter().chain(before.earlier.iter().copied());
    all.take(MOST_EARLIER).collect()
}

/// The slices of a video of `length` seconds.
fn slices(length: f64, settings: &PreviewSettings) -> Vec<Slice> {
    if settings.wants_slices() {
        plan(length, settings.slice_seconds)
    } else {
        Vec::new()
    }
}

/// Changes whenever the same settings make other objects than before.
const FORMAT_OF_OBJECTS: u32 = 1;

/// Range of the setting, both ends inclusive.
const OVERVIEW_INTERVAL: std::ops::RangeInclusive<u32> = 1..=3600;

/// Range of the setting, both ends inclusive.
const SLICE_SECONDS: std::ops::RangeInclusive<u32> = 1..=900;

/// Object names have six digits for the second.
const LONGEST_SECONDS: f64 = 1_000_000.0;

/// Slice ends that differ by less are equal, because other programs may round them in JSON.
pub(crate) const SAME_END_SECONDS: f64 = 1e-6;

impl Ledger {
    /// The current run of `source`.
    ///
    /// # Errors
    /// If S3 does not return it, or gifgen cannot have written it.
    pub async fn current_run(
        &self,
        source: &SourceKey,
    ) -> Result<Option<Versioned<Run>>, LedgerError> {
        let key = OutputKeys::of(source).run();
        let read: Option<Versioned<Run>> = self.bucket.read(&key).await?;
        match read {
            Some((run, _)) if run.source.key != *source || !run.is_plausible() => {
                let reason = "it names another source, or slices that cannot be";
                Err(self.bucket.unreadable(&key, reason))
            }
            read => Ok(read),
        }
    }

    /// Whether `run` is still the current run of its source.
    ///
    /// # Errors
    /// As [`Ledger::current_run`].
    pub async fn is_current(&self, run: &Run) -> Result<bool, LedgerError> {
        let current = self.current_run(&run.source.key).await?;
        Ok(current.is_some_and(|(current, _)| current.is(run)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(length: f64, slice_seconds: u32) -> Run {
        let source = SourceFacts {
            bucket: "films".into(),
            key: SourceKey::plain("a.mp4").unwrap(),
            etag: ETag::new("9b2c").unwrap(),
            bytes: 1,
            length,
            width: 1920,
            height: 1080,
            codec: "h264".into(),
            container: "mov".into(),
            not_chosen: Vec::new(),
            timeline: None,
        };
        let video = VideoStream {
            index: 0,
            start_time: 0.0,
            width: 1920,
            height: 1080,
            interlaced: false,
            seek_margin: 0,
            colour: gifgen_shared::Colour::default(),
            crop: None,
            turn: None,
            hidden_keyframes: false,
        };
        let settings = PreviewSettings {
            slice_seconds,
            ..PreviewSettings::default()
        };
        Run::new(source, video, settings, None)
    }

    proptest! {
        #[test]
        fn every_slice_of_a_run_is_known_again_from_its_event(ms in 100u32..20_000_000, slice_seconds in 1u32..=900) {
            let run = run(f64::from(ms) / 1000.0, slice_seconds);
            prop_assert!(run.is_plausible());
            let text = serde_json::to_string(&run).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Run>(&text).unwrap(), &run);
            for slice in run.plan() {
                let event = serde_json::to_value(run.event(&slice, 1, None)).unwrap();
                let event = SliceEvent::parse(&event).unwrap();
                prop_assert_eq!(run.slice(&event.slice()), Some(slice));
            }
        }

        #[test]
        fn a_range_that_is_no_slice_is_none(start in 0u32..200, seconds in 1u32..60) {
            let run = run(100.0, 30);
            let slice = Slice { index: 0, start, end: f64::from(start + seconds) };
            let is_one = run.plan().iter().any(|own| own.start == start && own.end == slice.end);
            prop_assert_eq!(run.slice(&slice).is_some(), is_one);
        }
    }

    #[test]
    fn runs_that_cannot_be_are_refused() {
        for broken in [
            Run {
                slices: 3,
                ..run(100.0, 30)
            },
            Run {
                settings: PreviewSettings {
                    slice_seconds: 0,
                    ..PreviewSettings::default()
                },
                ..run(100.0, 30)
            },
            Run {
                source: SourceFacts {
                    length: 1e12,
                    ..run(1.0, 30).source
                },
                ..run(1.0, 30)
            },
        ] {
            assert!(!broken.is_plausible(), "{broken:?}");
        }
    }
}
