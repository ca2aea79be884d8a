use std::{cmp::Reverse, collections::BinaryHeap};

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn bounds_double_up_to_the_longest() {
    let bounds: Vec<u128> = (1..8)
        .filter_map(|failures| Backoff::USUAL.pause(failures, None, 1.0))
        .map(|pause| pause.as_millis())
        .collect();
    assert_eq!(bounds, [200, 400, 800, 1600, 3200, 5000, 5000]);
    assert_eq!(bounds.iter().sum::<u128>(), 16_200);
}

#[test]
fn the_attempts_are_counted() {
    for rule in [
        Backoff::USUAL,
        Backoff::PERSISTENT,
        Backoff::UNTIL_THE_DEADLINE,
    ] {
        assert!(rule.pause(rule.attempts - 1, None, 0.5).is_some());
        assert_eq!(rule.pause(rule.attempts, None, 0.5), None);
    }
}

#[test]
fn a_pause_takes_half_of_the_rest_at_most() {
    let pause = |left| Backoff::USUAL.pause(7, Some(left), 1.0);
    assert_eq!(pause(60 * SECOND), Some(5 * SECOND));
    assert_eq!(pause(4 * SECOND), Some(2 * SECOND));
    assert_eq!(pause(2 * SECOND), None);
    assert_eq!(pause(Duration::ZERO), None);
}

#[test]
fn an_unanswered_attempt_leaves_time_for_another_two() {
    assert_eq!(attempt_timeout(None, 0), LONGEST_ATTEMPT);
    assert_eq!(attempt_timeout(Some(60 * SECOND), 0), LONGEST_ATTEMPT);
    assert_eq!(attempt_timeout(Some(9 * SECOND), 0), 3 * SECOND);
    assert_eq!(attempt_timeout(Some(Duration::ZERO), 0), SHORTEST_ATTEMPT);
}

#[test]
fn a_large_upload_gets_the_time_that_it_needs() {
    let gif = 100 * 1024 * 1024;
    assert_eq!(attempt_timeout(None, gif), LONGEST_ATTEMPT + 100 * SECOND);
}

#[test]
fn an_upload_that_could_outlast_the_deadline_ends_before_it() {
    let gif = 100 * 1024 * 1024;
    let timeout = attempt_timeout(Some(20 * SECOND), gif);
    assert_eq!(timeout, 20 * SECOND - TIME_TO_TELL);
}

proptest! {
    #[test]
    fn a_pause_is_within_its_bound_and_before_the_deadline(
        failures in 1_u32..40,
        left in 0_u64..10_000,
        random in 0.0_f64..1.0,
        bytes in 0_u64..1 << 40,
    ) {
        let left = Duration::from_millis(left);
        let rule = Backoff::PERSISTENT;
        match rule.pause(failures, Some(left), random) {
            Some(pause) => {
                prop_assert!(pause <= rule.longest && failures < rule.attempts);
                prop_assert!(pause + attempt_timeout(Some(left - pause), bytes) < left);
            }
            None => prop_assert!(failures >= rule.attempts || left < LEAST_FOR_ANOTHER),
        }
    }
}

/// Simulates 360 slices that end within 2 s and returns how many of them give up an upload. Each slice
/// has 32 uploads, 16 at once. The prefix takes 3,500 uploads a second and answers 503 to the others.
fn slices_lost(rule: Backoff, seed: u64) -> usize {
    const PER_SECOND: f64 = 3500.0;
    let mut dice = Rng::with_seed(seed);
    let mut waiting = [16_u32; 360];
    let mut lost = [false; 360];
    // Pending requests: time in microseconds, slice, failures so far.
    let mut requests = BinaryHeap::new();
    for slice in 0..360 {
        let ends = dice.u64(..2_000_000);
        requests.extend((0..16).map(|_| Reverse((ends, slice, 0))));
    }
    let (mut allowed, mut before) = (0.0_f64, 0);
    while let Some(Reverse((now, slice, failures))) = requests.pop() {
        if lost[slice] {
            continue;
        }
        allowed += (now - before) as f64 / 1e6 * PER_SECOND;
        allowed = allowed.min(PER_SECOND / 10.0);
        before = now;
        if allowed >= 1.0 {
            allowed -= 1.0;
            if waiting[slice] > 0 {
                waiting[slice] -= 1;
                requests.push(Reverse((now + 30_000, slice, 0)));
            }
        } else if let Some(pause) = rule.pause(failures + 1, None, dice.f64()) {
            let then = now + 10_000 + pause.as_micros() as u64;
            requests.push(Reverse((then, slice, failures + 1)));
        } else {
            lost[slice] = true;
        }
    }
    lost.iter().filter(|lost| **lost).count()
}

#[test]
fn a_film_that_ends_all_at_once_loses_no_slice_to_throttling() {
    let three = Backoff {
        attempts: 3,
        first: SECOND,
        longest: 20 * SECOND,
    };
    for seed in 0..3 {
        assert_eq!(slices_lost(Backoff::PERSISTENT, seed), 0);
        assert!(slices_lost(Backoff::USUAL, seed) < 10);
        // The SDK's default.
        assert!(slices_lost(three, seed) > 100);
    }
}
