//! Edit lists that FFmpeg does not follow: which picture of the media the film shows when.
//!
//! FFmpeg obeys a list of one piece at normal speed. With several it loses its place at a seek, an empty edit in the
//! middle shows the beginning again, and it ignores speeds. So samples are given the times of the film here, and the
//! excerpts have no edit list. Samples that are only decoded get times just before the seam to which they belong, so that
//! none of them is on screen at a sample of the film: those before a piece that does not start with a keyframe, and those
//! behind its end that pictures before it refer to. Only if nothing follows for a while, one of the latter stands there
//! instead of the last picture, which is a few pictures older.

use std::ops::Range;

use super::{sample::Sample, samples::Samples};

/// Ticks of the excerpts in a second, or more: hidden samples are so close together that no sample of the film falls
/// between them.
const FINE: u32 = 500_000;

/// How many of these ticks before the end of a piece the last sample is that is only decoded: more than the samples
/// before the next piece take.
const MARGIN: i64 = 512;

/// How many ticks of an excerpt are one tick of a media with this timescale.
pub(super) fn finer(timescale: u32) -> i64 {
    i64::from((FINE / timescale.max(1)).max(1))
}

/// Most samples of one excerpt, with those that are decoded more than once.
const MAX_EXCERPT_SAMPLES: usize = 250_000;

/// Times are below this, so that they can be added up.
const MAX_TIME: i64 = i64::MAX / 4;

/// A piece of the film. Its times are in ticks of the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// When it is shown. If it ends at `i64::MAX`, it lasts until the media ends.
    pub(super) film: (i64, i64),
    /// What it shows first.
    pub(super) media: i64,
    /// The speed, in 1/65,536. 0 shows one picture all the time.
    pub(super) rate: i64,
}

/// Normal speed.
pub(super) const NORMAL: i64 = 1 << 16;

/// A sample of an excerpt, and its pts in finer ticks of the film.
pub(super) type Timed = (Sample, i64);

impl Cut {
    /// When the film shows the media's `pts`, in ticks that are `finer`.
    pub(super) fn film_time(&self, pts: i64, finer: i64) -> i64 {
        let media = i128::from(pts.saturating_sub(self.media)) * i128::from(finer);
        let film = media * i128::from(NORMAL) / i128::from(self.rate.max(1));
        let film = film + i128::from(self.film.0) * i128::from(finer);
        i64::try_from(film)
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4)
    }

    /// What is shown at `film`, in ticks of the media.
    fn media_time(&self, film: i64) -> i64 {
        let shown = i128::from(film.saturating_sub(self.film.0)) * i128::from(self.rate);
        let shown = shown / i128::from(NORMAL) + i128::from(self.media);
        i64::try_from(shown)
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4)
    }

    /// From the first pts of the media that is shown to the first that is not.
    fn visible(&self) -> Range<i64> {
        let end = match (self.rate, self.film.1) {
            (0, _) => self.media.saturating_add(1),
            (_, i64::MAX) => i64::MAX,
            (_, end) => self.media_time(end),
        };
        self.media..end.max(self.media.saturating_add(1))
    }
}

/// The samples that show the `film`'s range, in decoding order, and when each is shown, in ticks that are `finer`.
/// `needed` gives the samples that decode a range of the media's pts. `None` if a piece cannot be decoded.
pub(super) fn samples_of(
    cuts: &[Cut],
    film: Range<i64>,
    samples: &Samples,
    finer: i64,
    needed: impl Fn(Range<i64>) -> Option<Range<usize>>,
) -> Option<Vec<Timed>> {
    let mut timed: Vec<Timed> = Vec::new();
    // The last cut that starts before the range may stand into it.
    let before = cuts.iter().rposition(|cut| cut.film.0 <= film.start);
    let cuts = cuts.get(before.unwrap_or(0)..)?;
    for cut in cuts.iter().take_while(|cut| cut.film.0 < film.end) {
        let visible = cut.visible();
        let from = film.start.min(cut.film.1.saturating_sub(1)).max(cut.film.0);
        let start = cut.media_time(from).clamp(visible.start, visible.end - 1);
        let end = cut.media_time(film.end.min(cut.film.1));
        let range = needed(start..end.clamp(start + 1, visible.end))?;
        if timed.len() + range.len() > MAX_EXCERPT_SAMPLES {
            return None;
        }
        timed.extend(times(cut, samples.range(range), finer));
    }
    (!timed.is_empty()).then_some(timed)
}

/// When `cut` shows each of the samples `part`.
fn times(cut: &Cut, part: Vec<Sample>, finer: i64) -> Vec<Timed> {
    let visible = cut.visible();
    let pts = |place: usize, order: &[usize]| part[order[place]].pts();
    let mut order: Vec<usize> = (0..part.len()).collect();
    order.sort_by_key(|index| part[*index].pts());
    // Of those up to the start, the last one is on screen; then come those that are shown.
    let up_to_start = order.partition_point(|index| part[*index].pts() <= visible.start);
    let first = up_to_start.saturating_sub(1);
    let after = order.partition_point(|index| part[*index].pts() < visible.end);
    let last = after.saturating_sub(1).max(first);
    let start = cut.film.0.saturating_mul(finer).min(MAX_TIME);
    let mut times = vec![0; part.len()];
    for (place, index) in order.iter().enumerate() {
        let shown = |place| cut.film_time(pts(place, &order), finer).max(start);
        times[*index] = if place < first {
            start - (first - place) as i64
        } else if place <= last {
            shown(place)
        } else {
            let end = cut.film.1.saturating_mul(finer).min(MAX_TIME) - MARGIN;
            let hidden = end - (order.len() - place) as i64;
            hidden.max(shown(last) + (place - last) as i64)
        };
    }
    part.into_iter().zip(times).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINER: i64 = 100;

    /// A picture each ten ticks, and a keyframe each hundred.
    fn samples() -> Samples {
        let sample = |index: i64| Sample {
            offset: index as u64,
            dts: index * 10,
            size: 1,
            composition_offset: 0,
            is_sync: index % 10 == 0,
        };
        let mut samples = Samples::default();
        (0..100).for_each(|index| samples.push(sample(index)));
        samples
    }

    fn needed(range: Range<i64>) -> Option<Range<usize>> {
        let first = (range.start / 10) as usize;
        Some(first / 10 * 10..(((range.end + 9) / 10) as usize).min(100))
    }

    /// The sample that is on screen at each tick of `film`.
    fn shown(cuts: &[Cut], film: Range<i64>) -> Vec<usize> {
        let timed = samples_of(cuts, film.clone(), &samples(), FINER, needed).unwrap();
        let on_screen = |tick: i64| {
            let before = timed
                .iter()
                .filter(|(_, pts)| *pts <= tick * FINER + FINER / 2);
            before.max_by_key(|(_, pts)| *pts).unwrap().0.offset as usize
        };
        film.map(on_screen).collect()
    }

    fn cut(film: (i64, i64), media: i64, rate: i64) -> Cut {
        Cut { film, media, rate }
    }

    /// What is on screen by the definition.
    fn expected(cuts: &[Cut], film: Range<i64>) -> Vec<usize> {
        let at = |tick: i64| {
            let cut = cuts.iter().rfind(|cut| cut.film.0 <= tick).unwrap();
            let tick = tick.min(cut.film.1 - 1);
            (cut.media_time(tick) / 10) as usize
        };
        film.map(at).collect()
    }

    #[test]
    fn pieces_show_what_the_list_says_and_nothing_hidden() {
        let lists = [
            vec![cut((0, 100), 0, NORMAL), cut((100, 400), 255, NORMAL)],
            vec![cut((0, 205), 5, NORMAL), cut((250, 400), 210, NORMAL)],
            vec![cut((0, 200), 0, 2 * NORMAL)],
            vec![cut((0, 100), 300, 0), cut((100, 200), 305, NORMAL / 2)],
            vec![cut((0, 100), 500, NORMAL), cut((100, 200), 0, NORMAL)],
            vec![cut((0, 33), 7, NORMAL), cut((33, 66), 7, NORMAL)],
        ];
        for list in &lists {
            let end = list.last().unwrap().film.1;
            for range in [0..end, 20..end, 90..150, 30..40] {
                let (found, wanted) = (shown(list, range.clone()), expected(list, range.clone()));
                assert_eq!(found, wanted, "{list:?} {range:?}");
            }
        }
    }
}
