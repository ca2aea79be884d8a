//! The table at the end.

use std::fmt;

use crate::{
    rounds::{cores, median},
    run::Run,
};

/// A way to make previews, with its runs: one a round.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// What it is called.
    pub name: String,
    /// Its runs, in the order of the rounds.
    pub runs: Vec<Run>,
}

/// The variants; the first is what the others are compared with.
#[derive(Clone, Debug)]
pub struct Table<'a>(pub &'a [Variant]);

impl Variant {
    fn median(&self, value: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(value).collect())
    }

    /// The median of the rounds' ratios: within a round the machine changes least.
    fn ratio_to(&self, other: &Self, value: impl Fn(&Run) -> f64) -> f64 {
        let pairs = self.runs.iter().zip(&other.runs);
        median(
            pairs
                .map(|(one, other)| value(one) / value(other))
                .collect(),
        )
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| variant | wall s | CPU s | wall ratio | CPU ratio | wall × cores ÷ CPU | GIFs | MB | JPGs | MB |"
        )?;
        writeln!(
            f,
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        let Some(base) = self.0.first() else {
            return Ok(());
        };
        let cores = f64::from(cores());
        for variant in self.0 {
            let made = variant.runs.last().copied().unwrap_or_default().made;
            writeln!(
                f,
                "| {} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {} | {:.1} | {} | {:.1} |",
                variant.name,
                variant.median(wall),
                variant.median(cpu),
                variant.ratio_to(base, wall),
                variant.ratio_to(base, cpu),
                variant.median(|run| wall(run) * cores / cpu(run)),
                made.gifs,
                made.gif_bytes as f64 / 1e6,
                made.jpgs,
                made.jpg_bytes as f64 / 1e6,
            )?;
        }
        Ok(())
    }
}

fn wall(run: &Run) -> f64 {
    run.wall.as_secs_f64()
}

fn cpu(run: &Run) -> f64 {
    run.cpu.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn variant(name: &str, cpu: [u64; 3]) -> Variant {
        let run = |cpu| Run {
            wall: Duration::from_secs(1),
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
        let variants = [variant("one", [40, 80, 20]), variant("two", [20, 40, 10])];
        let table = Table(&variants).to_string();
        assert!(
            table.contains("| two | 1.0 | 20.0 | 1.00 | 0.50 |"),
            "{table}"
        );
    }
}
