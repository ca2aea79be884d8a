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
    look::Look,
    output_keys::OutputKeys,
    probe::Header,
    slice::{Slice, plan},
    slice_event::SliceEvent,
    source::{ETag, Source},
    source_key::SourceKey,
    video_stream::VideoStream,
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    bucket::{Bucket, When},
    error::LedgerError,
    receipt::Receipt,
};

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
    pub settings: Look,
    /// Number of slices.
    pub slices: u32,
    /// How often it was gone on with, after its notification came again.
    #[serde(default)]
    pub resumed: u32,
    /// Version of the manifest whose completion was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<ETag>,
}

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
    /// What probing `source` in this version has told, and the stream to render.
    pub fn of(
        source: &Source,
        etag: &ETag,
        bytes: u64,
        header: Header,
        length: f64,
    ) -> (Self, VideoStream) {
        let facts = Self {
            bucket: source.bucket.clone(),
            key: source.key.clone(),
            etag: etag.clone(),
            bytes,
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
        settings: Look,
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
            announced: None,
        }
    }

    /// Whether both are the same run, whatever has been announced of it.
    pub fn is(&self, other: &Self) -> bool {
        (self.run, self.created_at) == (other.run, other.created_at)
    }

    /// Whether it is about `source` in this version, and makes previews that look like this.
    pub fn covers(&self, source: &Source, settings: &Look) -> bool {
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

    /// The event that has `slice` rendered, for the `attempt`th time that it is sent.
    pub fn event(&self, slice: &Slice, attempt: u32) -> SliceEvent {
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
            video: Some(self.video),
            attempt: Some(attempt),
        }
    }

    /// The run of `source` that is current, if there is one.
    ///
    /// # Errors
    /// If it cannot be read, or nobody of ours can have written it.
    pub async fn current(
        bucket: &Bucket,
        source: &SourceKey,
    ) -> Result<Option<Versioned<Self>>, LedgerError> {
        let key = OutputKeys::of(source).run();
        let read: Option<Versioned<Self>> = bucket.read(&key).await?;
        match read {
            Some((run, _)) if run.source.key != *source || !run.is_plausible() => {
                Err(bucket.unreadable(&key, "it names another source, or slices that cannot be"))
            }
            read => Ok(read),
        }
    }

    /// Whether its slices can be counted, and are so many.
    fn is_plausible(&self) -> bool {
        SLICE_SECONDS.contains(&self.settings.slice_seconds)
            && self.source.length > 0.0
            && self.source.length <= LONGEST_SECONDS
            && self.plan().len() == self.slices as usize
    }

    /// Whether it is still current.
    ///
    /// # Errors
    /// If that cannot be read.
    pub async fn is_current(&self, bucket: &Bucket) -> Result<bool, LedgerError> {
        let current = Self::current(bucket, &self.source.key).await?;
        Ok(current.is_some_and(|(current, _)| current.is(self)))
    }
}

/// The range of the setting.
const SLICE_SECONDS: std::ops::RangeInclusive<u32> = 1..=900;

/// Object names have six digits for the second.
const LONGEST_SECONDS: f64 = 1_000_000.0;

/// Ends that differ by less are the same: JSON carries them through other programs.
const SAME_END_SECONDS: f64 = 1e-6;

impl Ledger {
    /// Makes `run` the current one instead of that which was `read`, and takes back the manifest
    /// of that one. `false` if it has changed meanwhile: read again, look again at the source, and
    /// decide again.
    ///
    /// Between the reading and this, the caller must have seen that the source is in the version
    /// that `run` is about.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn begin(
        &self,
        run: &Run,
        read: Option<&Versioned<Run>>,
    ) -> Result<bool, LedgerError> {
        // The manifest goes before, in case that this process dies after; but only that of the run
        // which was read, since another may have begun, and ended, meanwhile. It goes after as
        // well, in case that the earlier run was just ending.
        if let Some((before, _)) = read
            && let Some((manifest, version)) = self.manifest(&run.source.key).await?
            && manifest.is_of(before)
        {
            self.bucket.delete(&run.keys().manifest(), &version).await?;
        }
        let when = When::unchanged(read.map(|(_, version)| version));
        let written = self.bucket.write(&run.keys().run(), run, &when).await?;
        // That the condition fails can also mean that an answer was lost, and the write not.
        let begun = written.is_some() || run.is_current(&self.bucket).await?;
        if begun {
            self.retract(&run.source.key).await?;
        }
        Ok(begun)
    }

    /// Marks that a run which has begun before goes on. `false` if `run.json` is not any more as it
    /// was `read`. Whoever was about to replace the run, because its source was in another version
    /// for a while, then has to look again.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn resume(&self, read: &Versioned<Run>) -> Result<bool, LedgerError> {
        let (run, version) = read;
        let resumed = Run {
            resumed: run.resumed + 1,
            ..run.clone()
        };
        let when = When::Is(version.clone());
        let written = self
            .bucket
            .write(&run.keys().run(), &resumed, &when)
            .await?;
        Ok(written.is_some())
    }

    /// Takes back what `run` says of `slices` that are about to be sent again: the manifest in the
    /// version that was `read` before they were found unfinished, and their receipts, unless they
    /// have turned out well since. So it runs until all of them have new ones, and then is
    /// announced again. A run that has just come to its end by itself is left alone.
    ///
    /// # Errors
    /// If that cannot be done. To do it again is harmless.
    pub async fn reopen(
        &self,
        run: &Run,
        read: Option<&ETag>,
        slices: &[(Slice, u32)],
    ) -> Result<(), LedgerError> {
        if let Some(version) = read {
            self.bucket.delete(&run.keys().manifest(), version).await?;
        }
        for (slice, _) in slices.iter().filter(|(_, attempt)| *attempt > 1) {
            let key = run.keys().receipt(run.run, slice.start);
            let Some((receipt, version)) = self.bucket.read::<Receipt>(&key).await? else {
                continue;
            };
            if !receipt.is_good() || !self.is_true(&receipt).await? {
                self.bucket.delete(&key, &version).await?;
            }
        }
        Ok(())
    }

    /// Takes back the manifest of `source` if it is not that of the run which is current now: its
    /// objects are about to be replaced, and whoever should have done so may have died.
    ///
    /// # Errors
    /// If that cannot be done.
    pub async fn retract(&self, source: &SourceKey) -> Result<(), LedgerError> {
        // First the manifest, then the run: so it is of an earlier one, or of none.
        let Some((manifest, version)) = self.manifest(source).await? else {
            return Ok(());
        };
        let current = Run::current(&self.bucket, source).await?;
        if !current.is_some_and(|(run, _)| manifest.is_of(&run)) {
            let key = OutputKeys::of(source).manifest();
            self.bucket.delete(&key, &version).await?;
        }
        Ok(())
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
        let settings = Look {
            slice_seconds,
            ..Look::default()
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
                let event = serde_json::to_value(run.event(&slice, 1)).unwrap();
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
                settings: Look {
                    slice_seconds: 0,
                    ..Look::default()
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
