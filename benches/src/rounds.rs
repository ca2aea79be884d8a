//! Rounds: every variant runs once in each, so that what slows the machine down for a while
//! slows all of them.

use std::{env, error::Error, num::NonZero, str::FromStr, thread::available_parallelism};

use anyhow::{Context, Result};

/// Starts of the slices that are measured, in seconds, unless `GIFGEN_BENCH_STARTS` says otherwise.
const STARTS: [u32; 2] = [0, 30];

/// How many rounds there are: `default`, unless `GIFGEN_BENCH_ROUNDS` says otherwise.
///
/// # Errors
/// If `GIFGEN_BENCH_ROUNDS` is no number above zero.
pub fn rounds(default: NonZero<u32>) -> Result<NonZero<u32>> {
    Ok(numbers("GIFGEN_BENCH_ROUNDS")?
        .first()
        .copied()
        .unwrap_or(default))
}

/// Starts of the slices to measure, in seconds.
///
/// # Errors
/// If `GIFGEN_BENCH_STARTS` has anything but whole numbers, separated by commas.
pub fn starts() -> Result<Vec<u32>> {
    let starts = numbers("GIFGEN_BENCH_STARTS")?;
    Ok(if starts.is_empty() {
        STARTS.into()
    } else {
        starts
    })
}

/// The numbers of workers to measure: those of `GIFGEN_BENCH_WORKERS`, or one, two and one for
/// each core.
///
/// # Errors
/// If `GIFGEN_BENCH_WORKERS` has anything but numbers above zero, separated by commas.
pub fn workers() -> Result<Vec<NonZero<u32>>> {
    let mut workers = numbers("GIFGEN_BENCH_WORKERS")?;
    if workers.is_empty() {
        workers = [1, 2, cores()]
            .into_iter()
            .filter_map(NonZero::new)
            .collect();
    }
    workers.sort_unstable();
    workers.dedup();
    Ok(workers)
}

/// Number of cores.
pub fn cores() -> u32 {
    available_parallelism()
        .ok()
        .and_then(|cores| u32::try_from(cores.get()).ok())
        .unwrap_or(1)
}

/// The places of `variants` in their order in `round`: each time another one goes first.
pub fn order(variants: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..variants).map(move |place| (place + round) % variants)
}

/// The middle one, or the mean of the two in the middle; zero of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

fn numbers<N>(variable: &str) -> Result<Vec<N>>
where
    N: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text = env::var(variable).unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|number| !number.is_empty())
        .map(|number| {
            number.parse().with_context(|| {
                format!("{variable} has {number:?}; give whole numbers, separated by commas")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median(vec![3.0, 9.0, 1.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), 3.0);
        assert_eq!(median(vec![]), 0.0);
    }

    #[test]
    fn another_variant_goes_first_in_each_round() {
        let order = |round| order(3, round).collect::<Vec<_>>();
        assert_eq!(order(0), [0, 1, 2]);
        assert_eq!(order(1), [1, 2, 0]);
        assert_eq!(order(3), [0, 1, 2]);
    }
}
