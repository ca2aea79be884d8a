//! Corrects the times of pictures that contradict the order of presentation.

use std::ops::Range;

/// Most pictures in a row whose times are wrong one by one. More are a clock that was set anew.
const MAX_WILD: usize = 8;

/// The times with as few of them changed as possible, so that none goes back. Changed times lie evenly
/// between those of their neighbours, and at the ends as far apart as those.
pub(crate) fn in_order(times: &[f64]) -> Vec<f64> {
    let kept = longest_rising(times);
    let mut corrected = times.to_vec();
    let (Some(first), Some(last)) = (kept.first(), kept.last()) else {
        return corrected;
    };
    let step = (times[*last] - times[*first]) / (kept.len() - 1).max(1) as f64;
    for (n, time) in corrected[..*first].iter_mut().enumerate() {
        *time = times[*first] - step * (first - n) as f64;
    }
    for (n, time) in corrected[last + 1..].iter_mut().enumerate() {
        *time = times[*last] + step * (n + 1) as f64;
    }
    for pair in kept.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let step = (times[to] - times[from]) / (to - from) as f64;
        for (n, time) in corrected[from + 1..to].iter_mut().enumerate() {
            *time = times[from] + step * (n + 1) as f64;
        }
    }
    corrected
}

/// The runs of corrected times that are too long for wrong times of single pictures.
pub(crate) fn disordered_runs(claimed: &[f64], corrected: &[f64]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for n in 0..=claimed.len() {
        if n == claimed.len() || claimed[n] == corrected[n] {
            if n - start > MAX_WILD {
                runs.push(start..n);
            }
            start = n + 1;
        }
    }
    runs
}

/// The places of a longest subsequence in which no time goes back.
fn longest_rising(times: &[f64]) -> Vec<usize> {
    if times.is_sorted() {
        return (0..times.len()).collect();
    }
    // `ends[k]` is the place at which the best subsequence of `k + 1` times ends: the earliest time.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(times.len());
    for (n, time) in times.iter().enumerate() {
        let length = ends.partition_point(|end| times[*end] <= *time);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(n);
        } else {
            ends[length] = n;
        }
    }
    let mut kept = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(n) = next {
        kept.push(n);
        next = before[n];
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_time_is_corrected_and_no_other() {
        let times = [0.0, 1.0, 20.0, 3.0, 4.0, 4.0, -9.0, 6.0];
        assert_eq!(in_order(&times), [0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn wild_times_at_the_ends_are_as_far_apart_as_the_others() {
        assert_eq!(in_order(&[50.0, 1.0, 2.0, 3.0]), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(in_order(&[1.0, 2.0, 3.0, 0.5]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(in_order(&[]), [0.0; 0]);
    }

    #[test]
    fn a_clock_that_starts_again_is_no_wild_time() {
        let times: Vec<f64> = (0..20).chain(0..12).map(f64::from).collect();
        let runs = disordered_runs(&times, &in_order(&times));
        assert_eq!(runs.first(), Some(&(20..32)));
        let twice = times.iter().map(|time| time + 40.0);
        let twice: Vec<f64> = times.iter().copied().chain(twice).collect();
        let runs = disordered_runs(&twice, &in_order(&twice));
        assert_eq!(runs, [20..32, 52..64]);
        let few: Vec<f64> = (0..20).chain(0..8).map(f64::from).collect();
        assert_eq!(disordered_runs(&few, &in_order(&few)).len(), 0);
    }

    #[test]
    fn corrected_times_never_go_back_and_times_in_order_are_kept() {
        let mut seed: u64 = 14;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize
        };
        for _ in 0..500 {
            let count = random() % 40;
            let mut times: Vec<f64> = (0..count).map(|_| (random() % 20) as f64).collect();
            let corrected = in_order(&times);
            assert!(corrected.is_sorted(), "{times:?}: {corrected:?}");
            assert_eq!(corrected.len(), times.len());
            times.sort_by(f64::total_cmp);
            assert_eq!(in_order(&times), times);
        }
    }
}
