//! The samples of fragments.

use std::ops::Range;

use mp4_atom::{Tfdt, Tfhd, Trex, Trun};

use super::{
    boxes::{children, content, none, number, one, only},
    sample::{MAX_SAMPLE_BYTES, MAX_SAMPLES, Sample},
    samples::Samples,
};
use crate::error::IndexError;

/// Flags of a sample at which decoding cannot start: `sample_is_non_sync_sample`, and
/// `sample_depends_on` = 1.
const NO_SYNC: u32 = 0x0101_0000;

/// Flags of a `trun` that has flags both for the first sample and for each.
const BOTH_FLAGS: u32 = 0x404;

/// Most losses that are noted.
const MAX_LOST: usize = 900;

/// The samples of a track, collected fragment by fragment.
#[derive(Debug)]
pub(super) struct FragmentSamples {
    track: u32,
    defaults: Trex,
    /// The dts at which the next fragment starts if it does not say so itself.
    pub(super) end: Option<i64>,
    pub(super) samples: Samples,
    /// The ticks in a second.
    timescale: u32,
    /// What is added to the dts of fragments: a recording that was appended starts its own clock.
    shift: i64,
    /// The number of the last fragment.
    sequence: Option<u32>,
    /// From each dts to each at which the samples of lost fragments are missing.
    pub(super) lost: Vec<Range<i64>>,
    /// Whether fragments run back in time, so that FFmpeg would show them over others, or were moved.
    pub(super) is_retimed: bool,
    /// Whether fragments that say where their offsets count from mean their own start. `None` if none has said so.
    count_from_themselves: Option<bool>,
}

/// Where the next run of a track fragment starts.
struct RunStart {
    /// Its offset counts from this.
    base: u64,
    dts: i64,
}

impl FragmentSamples {
    /// No samples. `start` is the dts at which the first fragment starts if it does not say so itself.
    pub(super) fn new(start: Option<i64>, defaults: Trex, timescale: u32) -> Self {
        Self {
            track: defaults.track_id,
            defaults,
            end: start,
            samples: Samples::default(),
            timescale,
            shift: 0,
            sequence: None,
            lost: Vec::new(),
            is_retimed: false,
            count_from_themselves: None,
        }
    }

    /// Another recording follows, whose track has these defaults.
    pub(super) fn restart(&mut self, defaults: Option<Trex>) {
        if let Some(defaults) = defaults {
            self.track = defaults.track_id;
            self.defaults = defaults;
        }
        self.sequence = None;
    }

    /// Adds the samples of the `moof` at `at` with this content. Bytes before it may belong to no box.
    pub(super) fn add(
        &mut self,
        at: u64,
        moof: &[u8],
        is_behind_hole: bool,
    ) -> Result<(), IndexError> {
        let sequence = only(moof, b"mfhd")?.and_then(|mfhd| number(mfhd.body, 4));
        let before = std::mem::replace(&mut self.sequence, sequence);
        let skips = |(before, now): (u32, u32)| now > before.saturating_add(1);
        let is_behind_loss = is_behind_hole || before.zip(sequence).is_some_and(skips);
        // Without a base of its own, a track fragment goes on where the one before ended.
        let mut implicit = at;
        let mut dts = None;
        for traf in children(moof).filter(|child| child.kind == *b"traf") {
            let tfhd: Tfhd = content(one(traf.body, b"tfhd")?.body)?;
            let base = match tfhd.base_data_offset {
                Some(base) => self.base(base, at),
                None if tfhd.default_base_is_moof => at,
                None => implicit,
            };
            implicit = if tfhd.track_id == self.track {
                let mut start = RunStart {
                    base,
                    dts: match dts {
                        Some(dts) => dts,
                        None => {
                            let start = self.start(traf.body)?;
                            self.follow(start, is_behind_loss)
                        }
                    },
                };
                let end = self.add_runs(&tfhd, traf.body, &mut start)?;
                dts = Some(start.dts);
                self.end = dts;
                end.unwrap_or(implicit)
            } else {
                runs_end(&tfhd, traf.body, base)?.unwrap_or(implicit)
            };
        }
        Ok(())
    }

    /// Where the offsets of the fragment at `at` count from if it says `base`. If the first fragment counts from
    /// itself, the others do, too: what says otherwise was moved by bytes that are lost, or was appended.
    fn base(&mut self, base: u64, at: u64) -> u64 {
        let count_from_themselves = *self.count_from_themselves.get_or_insert(base == at);
        if count_from_themselves && base != at {
            // FFmpeg believes it.
            self.is_retimed = true;
            return at;
        }
        base
    }

    /// The dts at which a track fragment starts.
    fn start(&self, traf: &[u8]) -> Result<i64, IndexError> {
        let mut before_runs = children(traf).take_while(|child| child.kind != *b"trun");
        let Some(tfdt) = before_runs.find(|child| child.kind == *b"tfdt") else {
            let end = self.end.map(|end| end.saturating_sub(self.shift));
            return end.ok_or_else(|| none("a fragment has no time"));
        };
        let time = content::<Tfdt>(tfdt.body)?.base_media_decode_time;
        // Far below the end of 64 bits, so that times can be added up.
        i64::try_from(time)
            .ok()
            .filter(|time| *time < i64::MAX / 4)
            .ok_or_else(|| none("a fragment is too late"))
    }

    /// The dts on the film's clock of a fragment that says `start`. Notes what is lost before it.
    fn follow(&mut self, start: i64, is_behind_loss: bool) -> i64 {
        let second = i64::from(self.timescale);
        let mut dts = start.saturating_add(self.shift);
        let Some(last) = self.end.filter(|_| !self.samples.is_empty()) else {
            return dts;
        };
        if dts < last.saturating_sub(second) {
            self.shift = last.saturating_sub(start);
            self.is_retimed = true;
            dts = last;
        }
        // Without a loss the last picture stands: a slide show's fragments may end early.
        if is_behind_loss && dts > last.saturating_add(second) && self.lost.len() < MAX_LOST {
            self.lost.push(last..dts);
        }
        dts
    }

    /// Adds the samples of all runs. Gives the offset at which the last one ends, if there is one.
    fn add_runs(
        &mut self,
        tfhd: &Tfhd,
        traf: &[u8],
        start: &mut RunStart,
    ) -> Result<Option<u64>, IndexError> {
        let defaults = &self.defaults;
        let description = tfhd.sample_description_index;
        if description.unwrap_or(defaults.default_sample_description_index) != 1 {
            return Err(none("a fragment is of another description"));
        }
        let duration = tfhd
            .default_sample_duration
            .unwrap_or(defaults.default_sample_duration);
        let size = tfhd
            .default_sample_size
            .unwrap_or(defaults.default_sample_size);
        let flags = tfhd
            .default_sample_flags
            .unwrap_or(defaults.default_sample_flags);
        let mut end = None;
        for run in children(traf).filter(|child| child.kind == *b"trun") {
            if number(run.body, 0).unwrap_or(0) & BOTH_FLAGS == BOTH_FLAGS {
                return Err(none("a run has two kinds of flags"));
            }
            let run: Trun = content(run.body)?;
            if run.samples.len() > MAX_SAMPLES - self.samples.len().min(MAX_SAMPLES) {
                return Err(none("there are too many samples"));
            }
            let mut offset = run_start(&run, start.base)?;
            for entry in run.samples.iter() {
                let size = entry.size.unwrap_or(size);
                let dts = start.dts;
                // FFmpeg hides a sample whose dts does not grow, and stops at an empty one.
                let is_again = self.samples.last().is_some_and(|last| dts <= last.dts);
                if size == 0 || size > MAX_SAMPLE_BYTES || is_again {
                    return Err(none(
                        "samples of fragments overlap, or are too long, or empty",
                    ));
                }
                self.samples.push(Sample {
                    offset,
                    dts,
                    size,
                    // FFmpeg takes it as signed in both versions.
                    composition_offset: entry.cts.unwrap_or(0) as i32,
                    is_sync: entry.flags.unwrap_or(flags) & NO_SYNC == 0,
                });
                offset = offset.saturating_add(u64::from(size));
                let duration = entry.duration.unwrap_or(duration);
                start.dts = dts.saturating_add(i64::from(duration));
            }
            end = Some(offset);
        }
        Ok(end)
    }
}

/// The offset at which the last run of another track ends, if there is one.
fn runs_end(tfhd: &Tfhd, traf: &[u8], base: u64) -> Result<Option<u64>, IndexError> {
    let runs = children(traf).filter(|child| child.kind == *b"trun");
    let Some(last) = runs.last() else {
        return Ok(None);
    };
    let run: Trun = content(last.body)?;
    let default = u64::from(tfhd.default_sample_size.unwrap_or(0));
    let length = match &run.samples {
        mp4_atom::TrunSamples::Inherited { count, .. } => u64::from(*count) * default,
        mp4_atom::TrunSamples::Explicit(entries) => {
            let sizes = entries
                .iter()
                .map(|entry| entry.size.map_or(default, u64::from));
            sizes.sum()
        }
    };
    Ok(Some(run_start(&run, base)?.saturating_add(length)))
}

fn run_start(run: &Trun, base: u64) -> Result<u64, IndexError> {
    let offset = i64::from(run.data_offset.unwrap_or(0));
    let start = base.checked_add_signed(offset);
    start.ok_or_else(|| none("a run starts before the source"))
}
