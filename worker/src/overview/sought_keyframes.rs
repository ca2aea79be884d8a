//! Tiles of keyframes that FFmpeg finds in the source.

use std::sync::Arc;

use gifgen_function::TransientError;
use gifgen_probe::LoggedPicture;
use gifgen_reader::LoopbackProxy;
use gifgen_shared::overview::{Sheet, tiles};

use super::{
    logged_keyframes::{are_the_same, is_right},
    sheet_job::{FoundTile, Rendition},
};
use crate::{
    error::JobError,
    ffmpeg_args::Rendering,
    ffmpeg_run::{Ran, run_ffmpeg_listing},
    job::ON_SCREEN_TOLERANCE,
    launch::Launch,
    product::{Choice, Product},
    repairs::Repairs,
};

/// How far behind the sheet the next keyframe is sought, in seconds: if it is farther, the tiles between are exact.
const BEHIND_SECONDS: f64 = 31.0;

/// Containers in which each packet has a pts. In others, FFmpeg counts pictures (AVI, GXF, MXF). It counts wrongly behind
/// what is damaged or left out, and if it decodes keyframes only of a film with B-frames.
const WITH_PTS: [&str; 3] = ["flv", "nut", "matroska,webm"];

/// Codecs of Windows Media files whose pictures are presented in the order of decoding. There, packets have one time.
const IN_ORDER: [&str; 5] = ["msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2"];

impl Rendition<'_> {
    /// Whether FFmpeg finds the times of keyframes without decoding the pictures between them.
    fn has_sure_times(&self) -> bool {
        let (container, codec) = (self.job.container.as_str(), self.job.codec.as_str());
        let is_mov = container.split(',').any(|name| name == "mov");
        let is_asf = container == "asf" && IN_ORDER.contains(&codec);
        // FFmpeg would find other times than those of a timeline.
        self.job.timeline.is_none() && (is_mov || is_asf || WITH_PTS.contains(&container))
    }

    /// The sheet's tiles, by an FFmpeg that decodes keyframes only. All are exact if there is any doubt.
    pub(super) async fn sought_tiles(&self) -> Result<Vec<FoundTile>, JobError> {
        let job = self.job;
        if !self.has_sure_times() {
            return Ok(job.all_exact());
        }
        let spec = job.slice(job.sheet.start, job.sheet.end + BEHIND_SECONDS);
        let proxy = LoopbackProxy::start(Arc::clone(&self.blocks)).await;
        let proxy = proxy.map_err(TransientError::LoopbackProxy)?;
        let directory = self.run_directory()?;
        let launch = Launch {
            rendering: Rendering {
                input: proxy.input(Some(&job.container)),
                stream: job.video.index,
                seek_margin: Some(job.video.margin()),
                threads: Self::ONE_THREAD,
                codec: &job.codec,
                spec: &spec,
                product: Product::Raw(job.raw(Choice::EachOfKeyframes {
                    interval: job.sheet.interval,
                    count: job.sheet.times().count() as u32,
                })),
                repairs: &Repairs::default(),
            },
            stdin: None,
            ffmpeg: &self.renderer.ffmpeg,
            directory: directory.path(),
            deadline: self.deadline,
        };
        let result = run_ffmpeg_listing(launch).await;
        if let Some(error) = proxy.failure() {
            return Err(error.into());
        }
        let found = match result {
            Ok((ran, logged)) => self.judged(ran, &logged, spec.zero()),
            Err(JobError::Permanent(error)) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        Ok(found.unwrap_or_else(|doubt| {
            self.log_doubt(&doubt);
            job.all_exact()
        }))
    }

    /// The tiles, or what is doubtful.
    fn judged(
        &self,
        ran: Ran,
        logged: &[LoggedPicture],
        zero: f64,
    ) -> Result<Vec<FoundTile>, String> {
        let sheet = &self.job.sheet;
        let times = &ran.decoded.0;
        let on_clock: Vec<f64> = times.iter().map(|time| time + zero).collect();
        let starts_late = ran.decoded.starts_late() && sheet.start > 0;
        let files = ran.outcome.map_err(|error| error.to_string())?;
        if ran.complained || ran.changes || starts_late || !times.is_sorted() {
            return Err("FFmpeg does not find good keyframes".into());
        }
        if !are_the_same(logged, &on_clock) || !logged[..times.len()].iter().all(is_right) {
            return Err("FFmpeg finds pictures that are no keyframes".into());
        }
        Ok(tiles_of(sheet, self.job.length, times, files.raw))
    }
}

/// The tiles of `sheet` from keyframes at `times`, in seconds from the sheet's start, and from `raw`, the last keyframe
/// at or before each multiple of the interval.
fn tiles_of(sheet: &Sheet, length: f64, times: &[f64], raw: Vec<Vec<u8>>) -> Vec<FoundTile> {
    let start = f64::from(sheet.start);
    let keyframes = times.iter().map(|time| (start + time, ()));
    let all = tiles(length, sheet.interval, keyframes);
    let mut raw: Vec<Option<Vec<u8>>> = raw.into_iter().map(Some).collect();
    let of_sheet = all.into_iter().filter_map(|tile| {
        let place = tile.slot.checked_sub(sheet.start)? / sheet.interval;
        let picture = raw.get_mut(place as usize)?;
        let keyframe = tile.keyframe.and(picture.take());
        Some(FoundTile {
            slot: tile.slot,
            keyframe: keyframe.map(|picture| {
                // The times count from a little later than the pts do.
                let at = tile.at + ON_SCREEN_TOLERANCE;
                (at.clamp(0.0, tile.slot.into()), picture)
            }),
        })
    });
    of_sheet.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sheet_has_the_tiles_that_the_whole_film_has_there(
            tenths in prop::collection::btree_set(0u32..6_000, 0..80),
            length in 1u32..6_000, interval in 1u32..9, sheet in 0usize..8)
        {
            let length = f64::from(length) / 10.0;
            let first = [0.0].into_iter();
            let later = tenths.into_iter().filter(|tenth| *tenth > 0).map(|tenth| f64::from(tenth) / 10.0);
            let keyframes: Vec<f64> = first.chain(later).filter(|at| *at < length).collect();
            let sheets = gifgen_shared::overview::sheets(length, interval);
            let sheet = sheets[sheet % sheets.len()];
            let whole = tiles(length, interval, keyframes.iter().map(|at| (*at, ())));
            let start = f64::from(sheet.start);
            // What FFmpeg gives that starts with the keyframe before, and ends behind the sheet.
            let from = keyframes.iter().rposition(|at| *at <= start).unwrap();
            let until = sheet.end + BEHIND_SECONDS;
            let seen: Vec<f64> = keyframes[from..].iter().copied().filter(|at| *at < until).collect();
            let last = |slot: u32| seen.iter().rposition(|at| *at <= f64::from(slot)).unwrap();
            let raw = sheet.times().map(|slot| vec![last(slot) as u8]).collect();
            let times: Vec<f64> = seen.iter().map(|at| at - start).collect();
            let found = tiles_of(&sheet, length, &times, raw);
            let wanted: Vec<_> = whole.into_iter().filter(|tile| sheet.times().any(|slot| slot == tile.slot)).collect();
            prop_assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(&wanted) {
                prop_assert_eq!(found.slot, wanted.slot);
                prop_assert_eq!(found.keyframe.is_some(), wanted.keyframe.is_some());
                if let Some((at, picture)) = &found.keyframe {
                    prop_assert!((at - wanted.at).abs() < 2.0 * ON_SCREEN_TOLERANCE);
                    prop_assert_eq!(seen[picture[0] as usize], wanted.at);
                }
            }
        }
    }
}
