//! Rounds. Every variant runs once per round, so that a slow phase of the machine affects all of
//! them.

use std::{env, error::Error, num::NonZero, str::FromStr, thread::available_parallelism};

use anyhow::{Context, Result};

/// Default starts of the measured slices, in seconds, if `GIFGEN_BENCH_STARTS` is not set.
const STARTS: [u32; 2] = [0, 30];

/// Number of rounds: `GIFGEN_BENCH_ROUNDS`, or `default`.
///
/// # Errors
/// `GIFGEN_BENCH_ROUNDS` is not a positive number.
pub fn rounds(default: NonZero<u32>) -> Result<NonZero<u32>> {
    Ok(numbers("GIFGEN_BENCH_ROUNDS")?
        .first()
        .copied()
        .unwrap_or(default))
}

/// Starts of the measured slices, in seconds.
///
/// # Errors
/// `GIFGEN_BENCH_STARTS` is not a comma-separated list of whole numbers.
pub fn starts() -> Result<Vec<u32>> {
    let starts = numbers("GIFGEN_BENCH_STARTS")?;
    Ok(if starts.is_empty() {
        STARTS.into()
    } else {
        starts
    })
}

/// Worker counts to measure: those in `GIFGEN_BENCH_WORKERS`, or one, two and the number of cores.
///
/// # Errors
/// `GIFGEN_BENCH_WORKERS` is not a comma-separated list of positive numbers.
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

/// Number of CPU cores.
pub fn cores() -> u32 {
    available_parallelism()
        .ok()
        .and_then(|cores| u32::try_from(cores.get()).ok())
        .unwrap_or(1)
}

/// Indices of `variants` in their order in `round`. Each round starts with another one.
pub fn order(variants: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..variants).map(move |place| (place + round) % variants)
}

/// The median; 0 for no values.
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
