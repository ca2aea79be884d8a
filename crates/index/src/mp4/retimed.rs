//! The excerpts of a film whose edit list FFmpeg does not follow.

use gifgen_shared::Slice;

use super::{
    clock::Clock,
    cut::Cutter,
    cuts::{finer, samples_of},
    edits::CutList,
    sample::Sample,
    samples::Samples,
    track::Track,
    write::{Written, write},
};

/// How much later than a slice's end a picture may be that counts as shown there, in seconds.
const TOLERANCE_SECONDS: f64 = 0.001;

/// Writes excerpts with the times of the film.
#[derive(Debug)]
pub(super) struct Retimed<'a> {
    pub(super) ftyp: &'a [u8],
    pub(super) track: &'a Track,
    pub(super) list: &'a CutList,
    pub(super) samples: &'a Samples,
    /// Size of the file, in bytes.
    pub(super) bytes: u64,
}

impl Retimed<'_> {
    /// The excerpt of `slice`. `None` if it cannot be cut out.
    pub(super) fn write(&self, slice: &Slice, cutter: &Cutter<'_>) -> Option<Written> {
        let timescale = f64::from(self.track.timescale);
        let start = f64::from(slice.start) * timescale;
        let end = (slice.end + TOLERANCE_SECONDS) * timescale;
        let film = start.floor() as i64..end.ceil() as i64;
        let finer = finer(self.track.timescale);
        let needed = |pts| cutter.decoding(pts);
        let timed = samples_of(&self.list.cuts, film, self.samples, finer, needed)?;
        let at = |(sample, pts): (Sample, i64)| Sample {
            dts: pts,
            composition_offset: 0,
            ..sample
        };
        let samples: Vec<Sample> = timed.into_iter().map(at).collect();
        let last = samples.last()?.dts;
        let next = ((end * finer as f64) as i64).max(last.saturating_add(1));
        let track = self.track.with_finer_ticks(finer)?;
        let clock = Clock::of_the_film(track.timescale);
        write(self.ftyp, &track, &clock, &samples, next, self.bytes)
    }
}
