//! Where the clock of a transport stream starts again: at joints of recordings, and at splices.
//!
//! A picture whose dts runs back starts a new clock, unless the following pictures return to the old one: then its
//! time is just wrong. A leap forwards may be a pause in which the last picture stands. The other streams tell: if their
//! times go on through the pause, it is one; if they leap as well, and no packet is lost, the clock is new.

use gifgen_shared::Piece;

use crate::{last_duration::usual_duration, mpegts::packet::MAX_BACK};

/// Ticks of a timestamp in a second.
const SECOND: i64 = 90_000;

/// A leap forwards by less is a pause, or a loss.
const MAX_PAUSE: i64 = 10 * SECOND;

/// The longest pause without another witness: longer ones are new clocks. Nobody films a picture that stands for
/// longer without a sound.
const MAX_SILENT_PAUSE: i64 = 600 * SECOND;

/// The last few pictures before a leap and the first ones behind it.
const NEAR: usize = 32;

/// A wrong timestamp is followed by right ones within so many pictures.
pub(super) const MAX_WRONG: usize = 8;

/// Fewer pictures are no recording.
const MIN_PICTURES: usize = 3;

/// A pts further from its dts than this is wrong.
const MAX_DELAY: i64 = 5 * SECOND;

/// The duration of a picture where nothing tells it: 1/25 s.
const USUAL_DURATION: i64 = SECOND / 25;

/// A picture that has a pts, and what the file holds between the one before and this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamped {
    pub(super) offset: u64,
    pub(super) pts: i64,
    pub(super) dts: i64,
    pub(super) pid: u16,
    /// How many pictures without a timestamp follow.
    pub(super) unstamped: u16,
    /// Whether a packet of the stream is lost before it.
    pub(super) is_behind_loss: bool,
    /// Whether a stream has announced a new clock.
    pub(super) is_announced: bool,
    /// How many timestamps of other streams there are, and the longest leap between two of one stream.
    pub(super) sounds: u16,
    pub(super) sound_leap: i64,
    /// The same of the program's clock.
    pub(super) clocks: u16,
    pub(super) clock_leap: i64,
}

/// The pieces of a stream, each with a clock of its own, and the pts at which the last picture ends on the clock of the
/// first piece. `None` if there are no pictures.
pub(super) fn pieces(pictures: &[Stamped]) -> Option<(Vec<Piece>, i64)> {
    let first = pictures.first()?;
    let mut pieces = vec![Piece {
        from: 0,
        stream: u32::from(first.pid),
        shift: 0,
    }];
    let frame = frame(pictures);
    // Where the piece starts, and the last picture whose time is right.
    let (mut start, mut last) = (0, 0);
    let mut index = 1;
    while let (Some(picture), Some(before)) = (pictures.get(index), pictures.get(last)) {
        let leap = picture.dts.saturating_sub(before.dts);
        let moved = picture.pid != before.pid;
        let leaps = !(-MAX_BACK..=MAX_PAUSE).contains(&leap) && !returns(pictures, last, index);
        // It is the first few pictures whose times are wrong.
        let is_first = leaps && !moved && pieces.len() == 1 && index < MIN_PICTURES;
        let is_new =
            leaps && !is_first && (leap < 0 || moved || is_new_clock(pictures, index, leap));
        if is_new || moved {
            let shift = pieces.last().map_or(0, |piece| piece.shift);
            let end = end(&pictures[start..=last], frame).saturating_add(shift);
            let follows = end.saturating_sub(earliest(&pictures[index..]));
            // In another stream the clock goes on, unless its first pictures would cover the last ones.
            let shift = if is_new || follows > shift {
                follows
            } else {
                shift
            };
            pieces.push(Piece {
                from: picture.offset,
                stream: u32::from(picture.pid),
                shift,
            });
            start = index;
        }
        let is_wrong = !is_new && !moved && leap.abs() > MAX_BACK && returns(pictures, last, index);
        if !is_wrong {
            last = index;
        }
        index += 1;
    }
    let shift = pieces.last()?.shift;
    let end = end(pictures.get(start..)?, frame).saturating_add(shift);
    Some((pieces, end))
}

/// Whether the pictures behind `index` return to the clock of the one at `last`, so that the time of this one is
/// wrong.
fn returns(pictures: &[Stamped], last: usize, index: usize) -> bool {
    let (old, new) = (pictures[last].dts, pictures[index].dts);
    let next = pictures.iter().skip(index + 1).take(MAX_WRONG);
    let mut next = next.map(|picture| picture.dts);
    next.any(|dts| (dts - old).abs() < (dts - new).abs() && (dts - old).abs() < MAX_PAUSE)
}

/// Whether a `leap` forwards, to the picture at `index`, starts a new clock.
fn is_new_clock(pictures: &[Stamped], index: usize, leap: i64) -> bool {
    let from = index.saturating_sub(NEAR);
    let near = &pictures[from..pictures.len().min(index + NEAR)];
    let sounds = near.iter().any(|picture| picture.sounds > 0);
    let sound_leaps = near.iter().any(|picture| picture.sound_leap > leap / 2);
    let clock_goes_on = pictures[index].clocks > 0 && pictures[index].clock_leap < leap / 2;
    if (sounds && !sound_leaps) || (!sounds && clock_goes_on) {
        return false;
    }
    let is_announced = near.iter().any(|picture| picture.is_announced);
    let is_lost = pictures[index].is_behind_loss;
    is_announced || leap > MAX_SILENT_PAUSE || (sounds && !is_lost)
}

/// The pts at which the last of `pictures`, which have one clock, ends.
fn end(pictures: &[Stamped], frame: i64) -> i64 {
    let near = pictures.iter().rev().take(NEAR);
    let ends = near
        .filter(|picture| has_right_pts(picture))
        .map(|picture| {
            let count = i64::from(picture.unstamped) + 1;
            picture.pts.saturating_add(count.saturating_mul(frame))
        });
    let last = pictures.last().map_or(0, |picture| picture.dts);
    ends.max().unwrap_or(last.saturating_add(frame))
}

/// The earliest pts of the first of `pictures`.
fn earliest(pictures: &[Stamped]) -> i64 {
    let near = pictures.iter().take(NEAR);
    let first = pictures.first().map_or(0, |picture| picture.dts);
    let is_near =
        |picture: &&Stamped| has_right_pts(picture) && (picture.dts - first).abs() < MAX_DELAY;
    let pts = near.filter(is_near).map(|picture| picture.pts);
    pts.min().unwrap_or(first)
}

fn has_right_pts(picture: &Stamped) -> bool {
    (picture.pts - picture.dts).abs() < MAX_DELAY
}

/// The usual duration of a picture.
fn frame(pictures: &[Stamped]) -> i64 {
    if pictures.iter().any(|picture| picture.unstamped > 0) {
        let mut durations: Vec<i64> = pictures
            .windows(2)
            .map(|pair| (pair[1].dts - pair[0].dts) / (i64::from(pair[0].unstamped) + 1))
            .filter(|duration| (1..SECOND).contains(duration))
            .collect();
        let middle = durations.len() / 2;
        if durations.is_empty() {
            return USUAL_DURATION;
        }
        return *durations.select_nth_unstable(middle).1;
    }
    let dts = pictures.iter().map(|picture| picture.dts);
    usual_duration(dts, SECOND).unwrap_or(USUAL_DURATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten pictures a second, with these dts in tenths of a second.
    fn pictures(dts: impl IntoIterator<Item = i64>) -> Vec<Stamped> {
        let dts = dts.into_iter().enumerate();
        dts.map(|(index, tenths)| Stamped {
            offset: index as u64 * 188,
            pts: tenths * 9000,
            dts: tenths * 9000,
            pid: 256,
            ..Stamped::default()
        })
        .collect()
    }

    /// Where the pieces start, in pictures, and how long all of it is, in tenths of a second.
    fn told(pictures: &[Stamped]) -> (Vec<u64>, i64) {
        let (pieces, end) = pieces(pictures).unwrap();
        let starts = pieces.iter().map(|piece| piece.from / 188);
        (starts.collect(), (end - pictures[0].pts) / 9000)
    }

    #[test]
    fn a_clock_that_starts_again_goes_on() {
        let joined = pictures((14..64).chain(14..64).chain(14..64));
        assert_eq!(told(&joined), (vec![0, 50, 100], 150));
    }

    #[test]
    fn a_wrong_time_is_no_new_clock() {
        let mut wild = pictures(0..200);
        wild[50].dts = 200 * 9000;
        wild[50].pts = 200 * 9000;
        wild[150].dts = 90;
        wild[150].pts = 90;
        assert_eq!(told(&wild), (vec![0], 200));
    }

    #[test]
    fn a_wrong_time_at_the_start_is_no_clock() {
        let mut wild = pictures(0..200);
        wild[0].dts = 900 * 9000;
        let (pieces, end) = pieces(&wild).unwrap();
        assert_eq!((pieces.len(), end), (1, 200 * 9000));
    }

    #[test]
    fn a_long_leap_is_a_new_clock_and_a_pause_of_five_minutes_is_none() {
        let leap = pictures((0..200).chain(720_200..720_400));
        assert_eq!(told(&leap), (vec![0, 200], 400));
        let pause = pictures((0..200).chain(3200..3400));
        assert_eq!(told(&pause), (vec![0], 3400));
    }

    #[test]
    fn the_sound_tells_a_new_clock_from_a_pause() {
        let mut joined = pictures((0..200).chain(3200..3400));
        joined.iter_mut().for_each(|picture| picture.sounds = 2);
        joined[198].sound_leap = 3000 * 9000;
        assert_eq!(told(&joined), (vec![0, 200], 400));
        joined[198].sound_leap = 9000;
        assert_eq!(told(&joined).1, 3400);
        let mut long = pictures((0..200).chain(10_200..10_400));
        long[200].clocks = 9000;
        long[200].clock_leap = 9000;
        assert_eq!(told(&long).1, 10_400);
    }

    #[test]
    fn lost_packets_are_no_new_clock() {
        let mut lost = pictures((0..200).chain(500..700));
        lost.iter_mut().for_each(|picture| picture.sounds = 2);
        lost[200].sound_leap = 300 * 9000;
        assert_eq!(told(&lost).0, [0, 200]);
        lost[200].is_behind_loss = true;
        assert_eq!(told(&lost), (vec![0], 700));
    }

    #[test]
    fn a_stream_that_moves_to_another_pid_keeps_its_clock() {
        let mut moved = pictures(0..400);
        moved[200..]
            .iter_mut()
            .for_each(|picture| picture.pid = 300);
        let (pieces, end) = pieces(&moved).unwrap();
        assert_eq!((pieces[1].stream, pieces[1].shift), (300, 0));
        assert_eq!(end, 400 * 9000);
    }

    #[test]
    fn pictures_without_times_are_counted() {
        let mut sparse = pictures((0..400).step_by(100));
        sparse.iter_mut().for_each(|picture| picture.unstamped = 99);
        assert_eq!(told(&sparse), (vec![0], 400));
    }
}
