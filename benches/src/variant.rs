//! Variants to compare, with the measurements of their runs.

use crate::{rounds::median, run::Run};

/// A method, with one run per round.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// Name in the table.
    pub name: String,
    /// Runs in the order of the rounds.
    pub runs: Vec<Run>,
}

impl Variant {
    /// A variant without runs.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            runs: vec![],
        }
    }

    /// Adds a run and prints it.
    pub fn add(&mut self, run: Run) {
        self.runs.push(run);
        eprintln!(
            "round {}: {}: {:.1} s wall, {:.1} s CPU",
            self.runs.len(),
            self.name,
            run.wall_seconds(),
            run.cpu_seconds()
        );
    }

    /// The last run. All runs write the same previews.
    pub fn last(&self) -> Run {
        self.runs.last().copied().unwrap_or_default()
    }

    /// The median over the rounds.
    pub fn median(&self, value: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(value).collect())
    }

    /// The median of the rounds' ratios, because within a round the machine changes least.
    pub fn ratio_to(&self, other: &Self, value: impl Fn(&Run) -> f64) -> f64 {
        let pairs = self.runs.iter().zip(&other.runs);
        median(
            pairs
                .map(|(one, other)| value(one) / value(other))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn variant(name: &str, cpu: [u64; 3]) -> Variant {
        let run = |cpu| Run {
            cpu: Duration::from_secs(cpu),
            ..Run::default()
        };
        Variant {
            name: name.into(),
            runs: cpu.map(run).into(),
        }
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        // Everything takes twice as long in the second round, and half as long in the third.
        let (one, two) = (variant("one", [40, 80, 20]), variant("two", [20, 40, 10]));
        assert_eq!(two.median(Run::cpu_seconds), 20.0);
        assert_eq!(two.ratio_to(&one, Run::cpu_seconds), 0.5);
    }
}
