//! The pts of the pictures that FFmpeg decoded: the evidence that none is missing.
//!
//! FFmpeg exits with 0 even if a third of the packets do not decode, or if a seek lands too late. Its
//! filters then repeat other pictures. So a filter writes the pts of every decoded picture to a file,
//! and missing pictures show as a gap.

use std::{fs, io, ops::Range, path::Path};

use gifgen_probe::PacketAt;
use gifgen_shared::Slice;

/// Name of the list in the work directory.
pub const DECODED_FILE: &str = "decoded.txt";

/// Shorter gaps, in seconds, are not checked: a still then shows a picture that is at most this old.
pub(crate) const LONGEST_GAP_SECONDS: f64 = 1.0;

/// A distance of more than this many usual ones between two pictures shows that one may be missing. In film at 30
/// pictures a second every second distance is 1.5 of the others (3:2 pulldown).
const MISSING_FROM: f64 = 1.6;

/// A packet this close to the edge of a gap, in seconds, belongs to the picture at the edge:
/// containers without pts are a picture or two off.
const EDGE_SECONDS: f64 = 0.25;

/// Packets up to this size, in bytes, mean "as before" if they give no picture: null frames of AVI and
/// Theora have no bytes, and MPEG-4 pictures that are not coded have a header only.
const AS_BEFORE_BYTES: u64 = 24;

/// The filters that write the list.
pub(crate) fn filters() -> String {
    format!("metadata=mode=add:key=t:value=1,metadata=mode=print:file={DECODED_FILE}")
}

/// The times of the decoded pictures, in seconds from the slice's start, in the order of presentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded(pub(crate) Vec<f64>);

impl Decoded {
    /// Reads the list that FFmpeg wrote; if it wrote none, nothing was decoded.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(directory: &Path) -> io::Result<Self> {
        match fs::read_to_string(directory.join(DECODED_FILE)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(Vec::new())),
            Err(error) => Err(error),
        }
    }

    /// Lines are `frame:0 pts:1000 pts_time:0.001`, each followed by one with the metadata. A pts is in microseconds; the
    /// seconds are rounded to six digits.
    fn parse(text: &str) -> Self {
        let time = |line: &str| {
            let pts = line.split_once(" pts:")?.1.split_whitespace().next()?;
            Some(pts.parse::<i64>().ok()? as f64 / 1e6)
        };
        Self(text.lines().filter_map(time).collect())
    }

    /// Whether no picture was decoded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether no time of a slice of `seconds` goes back. `fps` drops pictures whose time does.
    pub fn is_in_order(&self, seconds: f64) -> bool {
        self.0.iter().map(|time| time.min(seconds)).is_sorted()
    }

    /// The same up to the picture that ends the slice. Behind it a decoder may give what it has kept back.
    pub fn is_in_order_within(&self, seconds: f64) -> bool {
        let times = self.0.iter();
        times.take_while(|time| **time < seconds).is_sorted()
    }

    /// Whether a picture ended the slice. If its time is wrong, the rest of the slice was not read.
    pub fn reaches(&self, seconds: f64) -> bool {
        self.0.last().is_some_and(|last| *last >= seconds)
    }

    /// Whether the picture that ended the slice came after a long pause. Its time may be wrong.
    pub fn ends_with_a_leap(&self) -> bool {
        matches!(self.0[..], [.., before, last] if last - before > LONGEST_GAP_SECONDS)
    }

    /// The holes up to second `until`, whether long or short: from picture to picture, in seconds from the slice's start.
    pub fn holes(&self, until: f64) -> Vec<Range<f64>> {
        let usual = usual_distance(&self.0);
        let pairs = self.0.windows(2).map(|pair| pair[0]..pair[1]);
        pairs
            .filter(|hole| is_hole(hole.end - hole.start, usual) && hole.start < until)
            .collect()
    }

    /// Whether two pictures up to second `until` are farther from each other than from a neighbour.
    pub fn is_uneven(&self, until: f64) -> bool {
        let holes = (1..self.0.len()).filter(|n| self.0[*n - 1] < until);
        holes.into_iter().any(|n| is_local_hole(&self.0, n))
    }

    /// The gap at the end of `slice` to which no picture puts an end, in seconds from the slice's start.
    pub fn open_gap(&self, slice: &Slice) -> Option<Range<f64>> {
        let seconds = slice.seconds();
        let last = self.all_gaps(slice).pop();
        last.filter(|gap| gap.end >= seconds && !self.reaches(seconds))
    }

    /// Whether the picture on screen at the slice's start is missing.
    pub fn starts_late(&self) -> bool {
        self.0.iter().all(|time| *time > 0.0)
    }

    /// The gaps in `slice` to check, in seconds from its start, without their edges. If the video has
    /// no packet in a gap, the picture before it is simply on screen that long.
    pub fn gaps(&self, slice: &Slice) -> Vec<Range<f64>> {
        let mut gaps = self.all_gaps(slice);
        gaps.retain(|gap| gap.end > 0.0);
        without_edges(gaps)
    }

    /// The gaps among the pictures before the slice, since the keyframe from which it was decoded.
    pub fn gaps_before(&self, slice: &Slice) -> Vec<Range<f64>> {
        let mut gaps = self.all_gaps(slice);
        gaps.retain(|gap| gap.end <= 0.0);
        without_edges(gaps)
    }

    fn all_gaps(&self, slice: &Slice) -> Vec<Range<f64>> {
        let seconds = slice.seconds();
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        let first = times.first().copied().unwrap_or(0.0);
        let starts = std::iter::once(first.min(0.0)).chain(times.iter().copied());
        let ends = times.iter().copied().chain([seconds]);
        starts
            .zip(ends)
            .filter(|(start, _)| *start < seconds)
            .map(|(start, end)| start..end.min(seconds))
            .filter(|gap| gap.end - gap.start > LONGEST_GAP_SECONDS)
            .collect()
    }
}

/// The median distance of two pictures, in seconds.
pub(crate) fn usual_distance(times: &[f64]) -> f64 {
    let mut distances: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(0.0)
}

/// Whether a distance of two pictures, in seconds, shows that one is missing.
pub(crate) fn is_hole(distance: f64, usual: f64) -> bool {
    distance > usual * MISSING_FROM
}

/// Whether the distance before picture `n` is a hole beside that before or behind it. Where the rate changes, such a hole
/// may be short beside the usual distance.
pub(crate) fn is_local_hole(times: &[f64], n: usize) -> bool {
    let distance = |n: usize| Some(times.get(n)? - times.get(n.checked_sub(1)?)?);
    let neighbours = [n.checked_sub(1).and_then(distance), distance(n + 1)];
    let shortest = neighbours.into_iter().flatten().reduce(f64::min);
    let hole = distance(n).zip(shortest);
    hole.is_some_and(|(hole, shortest)| is_hole(hole, shortest))
}

fn without_edges(gaps: Vec<Range<f64>>) -> Vec<Range<f64>> {
    let gaps = gaps.into_iter();
    gaps.map(|gap| gap.start + EDGE_SECONDS..gap.end - EDGE_SECONDS)
        .collect()
}

/// The first of `gaps` that holds one of `packets` whose picture is missing. Gaps and packets count from
/// the same time.
pub(crate) fn gap_with_a_packet(gaps: &[Range<f64>], packets: &[PacketAt]) -> Option<Range<f64>> {
    let holds = |gap: &Range<f64>| {
        packets.iter().any(|packet| {
            let is_within = packet.time > gap.start && packet.time < gap.end;
            is_within && packet.size > AS_BEFORE_BYTES
        })
    };
    gaps.iter().find(|gap| holds(gap)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Slice = Slice {
        index: 1,
        start: 30,
        end: 60.0,
    };

    #[test]
    fn the_list_is_read_as_ffmpeg_writes_it() {
        let text = "frame:0    pts:-79000   pts_time:-0.079\nt=1\nframe:1    pts:-20001234567  pts_time:-20001.2\nt=1\n";
        assert_eq!(Decoded::parse(text), Decoded(vec![-0.079, -20_001.234_567]));
    }

    #[test]
    fn a_seek_that_lands_behind_the_start_is_late() {
        assert!(Decoded(vec![0.5, 1.0]).starts_late());
        assert!(Decoded(Vec::new()).starts_late());
        assert!(!Decoded(vec![-0.01, 0.5]).starts_late());
    }

    #[test]
    fn gaps_are_found_at_the_start_in_the_middle_and_at_the_end() {
        let steady = |from: i32, to: i32| (from..to).map(|n| f64::from(n) / 10.0);
        let whole = Decoded(steady(-5, 305).collect());
        assert!(whole.gaps(&SLICE).is_empty());
        let holed = Decoded(steady(20, 100).chain(steady(180, 280)).collect());
        assert_eq!(holed.gaps(&SLICE), [0.25..1.75, 10.15..17.75, 28.15..29.75]);
        assert_eq!(Decoded(Vec::new()).gaps(&SLICE), vec![0.25..29.75]);
        let holed_before = Decoded(steady(-40, -30).chain(steady(-10, 305)).collect());
        assert!(holed_before.gaps(&SLICE).is_empty());
        assert_eq!(holed_before.gaps_before(&SLICE).len(), 1);
    }

    #[test]
    fn a_gap_at_the_end_is_open_until_a_picture_ends_it() {
        let steady = |to: i32| (0..to).map(|n| f64::from(n) / 10.0);
        assert_eq!(
            Decoded(steady(281).collect()).open_gap(&SLICE),
            Some(28.0..30.0)
        );
        assert_eq!(Decoded(vec![-5.0]).open_gap(&SLICE), Some(-5.0..30.0));
        assert_eq!(Decoded(steady(295).collect()).open_gap(&SLICE), None);
        let ended = steady(281).chain([33.0]);
        assert_eq!(Decoded(ended.collect()).open_gap(&SLICE), None);
        let holed_before = [0.0, 5.0].into_iter().chain(steady(300).skip(100));
        assert_eq!(Decoded(holed_before.collect()).open_gap(&SLICE), None);
    }

    #[test]
    fn gaps_before_the_slice_do_not_matter() {
        let times = [-20.0, -0.1]
            .into_iter()
            .chain((1..=300).map(|n| f64::from(n) / 10.0));
        assert!(Decoded(times.collect()).gaps(&SLICE).is_empty());
    }

    #[test]
    fn a_picture_without_a_time_of_its_own_or_before_its_turn_is_noticed() {
        assert!(Decoded(vec![-0.1, 0.0, 0.0, 0.1]).is_in_order(30.0));
        assert!(!Decoded(vec![-0.1, 20.0, 0.1, 0.2]).is_in_order(30.0));
        assert!(!Decoded(vec![-0.1, 45.0, 0.1, 0.2]).is_in_order(30.0));
        assert!(Decoded(vec![29.9, 32.0, 31.0]).is_in_order(30.0));
        assert!(Decoded(vec![29.8, 32.0, 29.9]).is_in_order_within(30.0));
        assert!(!Decoded(vec![29.8, 29.7, 32.0]).is_in_order_within(30.0));
        assert!(Decoded(vec![0.0, 45.0]).reaches(30.0));
        assert!(Decoded(vec![29.5, 45.0]).ends_with_a_leap());
        assert!(
            !Decoded(vec![29.5, 30.0]).ends_with_a_leap()
                && !Decoded(vec![30.0]).ends_with_a_leap()
        );
    }

    fn packets(times: &[f64], size: u64) -> Vec<PacketAt> {
        let at = |time: &f64| PacketAt {
            stream: 0,
            time: *time,
            size,
            offset: None,
            is_keyframe: false,
        };
        times.iter().map(at).collect()
    }

    #[test]
    fn a_gap_is_damage_only_where_a_packet_lies_within_it() {
        let gaps = [1.0..3.0, 5.0..7.0];
        let gap_with = |times: &[f64]| gap_with_a_packet(&gaps, &packets(times, 700));
        assert_eq!(gap_with(&[]), None);
        assert_eq!(gap_with(&[0.5, 1.0, 3.0, 4.0, 9.0]), None);
        // In the order of decoding, as containers have them.
        assert_eq!(gap_with(&[8.0, 6.0, 4.0]), Some(5.0..7.0));
        assert_eq!(gap_with(&[8.0, 6.0, 2.0]), Some(1.0..3.0));
    }

    #[test]
    fn packets_that_mean_as_before_are_no_missing_pictures() {
        let gaps = [1.0..3.0];
        assert_eq!(gap_with_a_packet(&gaps, &packets(&[1.5, 2.5], 0)), None);
        assert_eq!(gap_with_a_packet(&gaps, &packets(&[1.5, 2.5], 7)), None);
    }
}
