//! `run.json`: all the work for one version of a source, written before its first slice is sent.
//!
//! There is one for each source, and it names the run that is *current*. A new run replaces it on
//! condition that it is still the one that was read, and only while the source is still the version
//! that the new run is about. So it is the fence: whoever writes an object that another run may have
//! written looks here, after it saw the object and before it replaces it in just that version. Then
//! a late worker of an old run cannot overwrite a new one's work: the object has changed, or the run
//! has.

use chrono::{DateTime, SubsecRound, Utc};
use gifgen_shared::{
    header::Header,
    output_keys::OutputKeys,
    preview_settings::PreviewSettings,
    slice::{Slice, plan},
    slice_event::{ExcerptText, SliceEvent},
    source::{ETag, PinnedSource, Source},
    source_key::SourceKey,
    video_stream::VideoStream,
};
use serde::{Deserialize, Serialize};

use crate::{Ledger, error::LedgerError};

/// What a run is about: enough to send any of its slices again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Number of the run among those of its source, from 1 on.
    pub run: u32,
    /// When it began. With the number, this tells runs apart even where `run.json` was deleted.
    pub created_at: DateTime<Utc>,
    /// The source.
    pub source: SourceFacts,
    /// The stream that is rendered.
    pub video: VideoStream,
    /// What previews look like.
    pub settings: PreviewSettings,
    /// Number of slices.
    pub slices: u32,
    /// How often it was gone on with, after its notification came again.
    #[serde(default)]
    pub resumed: u32,
    /// When somebody began to send its slices who has not sent all of them yet; see
    /// [`sending`](crate::sending).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<DateTime<Utc>>,
    /// Random name of whoever began last to send its slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// When all its slices, or all that it lacked, were on the bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<DateTime<Utc>>,
    /// Version of the manifest whose completion was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<ETag>,
}

/// Tells a run from all others, in the metadata of its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMark(pub(crate) String);

/// What is known of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFacts {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: SourceKey,
    /// The version.
    pub etag: ETag,
    /// Size in bytes.
    pub bytes: u64,
    /// Length of the video stream, in seconds.
    pub length: f64,
    /// Width as displayed, in pixels.
    pub width: u32,
    /// Height as displayed, in pixels.
    pub height: u32,
    /// Name of the codec, as FFmpeg has it.
    pub codec: String,
    /// Name of the container, as FFmpeg has it.
    pub container: String,
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
        };
        (facts, header.video)
    }
}

/// What was read, with its version.
pub type Versioned<T> = (T, ETag);

impl Run {
    /// A run over `source`, to follow the run `before`.
    pub fn new(
        source: SourceFacts,
        video: VideoStream,
        settings: PreviewSettings,
        before: Option<&Self>,
    ) -> Self {
        Self {
            schema_version: 1,
            run: before.map_or(1, |before| before.run + 1),
            created_at: Utc::now().trunc_subsecs(3),
            slices: plan(source.length, settings.slice_seconds).len() as u32,
            source,
            video,
            settings,
            resumed: 0,
            sending: None,
            sender: None,
            sent: None,
            announced: None,
        }
    }

    /// What the metadata of its objects names it by.
    pub fn mark(&self) -> RunMark {
        let began = self.created_at.timestamp_millis();
        RunMark(format!("{} of {began}", self.run))
    }

    /// Whether both are the same run, whatever has been announced of it.
    pub fn is(&self, other: &Self) -> bool {
        (self.run, self.created_at) == (other.run, other.created_at)
    }

    /// Whether it is about `source` in this version, and makes previews that look like this.
    pub fn covers(&self, source: &Source, settings: &PreviewSettings) -> bool {
        self.source() == *source && self.settings == *settings
    }

    /// Its slices, in order.
    pub fn plan(&self) -> Vec<Slice> {
        plan(self.source.length, self.settings.slice_seconds)
    }

    /// The slice of this run that starts and ends as `slice` does.
    pub fn slice(&self, slice: &Slice) -> Option<Slice> {
        let index = slice.start / self.settings.slice_seconds;
        let own = self.plan().into_iter().nth(index as usize)?;
        (own.start == slice.start && (own.end - slice.end).abs() < SAME_END_SECONDS).then_some(own)
    }

    /// The names of its objects.
    pub fn keys(&self) -> OutputKeys<'_> {
        OutputKeys::of(&self.source.key)
    }

    /// Its source, in the version that it is about.
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

    /// The event that has `slice` rendered, for the `attempt`th time that it is sent.
    /// `excerpt` says which part of the source that takes, if it is known.
    pub fn event(&self, slice: &Slice, attempt: u32, excerpt: Option<ExcerptText>) -> SliceEvent {
        SliceEvent {
            bucket: Some(self.source.bucket.clone()),
            key: self.source.key.clone(),
            etag: Some(self.source.etag.clone()),
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

    /// Whether its slices can be counted, and are so many.
    fn is_plausible(&self) -> bool {
        SLICE_SECONDS.contains(&self.settings.slice_seconds)
            && self.source.length > 0.0
            && self.source.length <= LONGEST_SECONDS
            && self.plan().len() == self.slices as usize
    }
}

/// The range of the setting.
const SLICE_SECONDS: std::ops::RangeInclusive<u32> = 1..=900;

/// Object names have six digits for the second.
const LONGEST_SECONDS: f64 = 1_000_000.0;

/// Ends that differ by less are the same: JSON carries them through other programs.
const SAME_END_SECONDS: f64 = 1e-6;

impl Ledger {
    /// The run of `source` that is current, if there is one.
    ///
    /// # Errors
    /// If it cannot be read, or nobody of ours can have written it.
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

    /// Whether `run` is still current.
    ///
    /// # Errors
    /// If that cannot be read.
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
        };
        let video = VideoStream {
            index: 0,
            start_time: 0.0,
            width: 1920,
            height: 1080,
            interlaced: false,
            seek_margin: 0,
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
