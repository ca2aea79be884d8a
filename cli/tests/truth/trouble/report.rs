//! The report: container × codec × fault, as a table in Markdown.

use std::{collections::BTreeMap, fmt};

use super::{faults::Fault, kinds::Kind, oracle::Verdict};

/// Counts of verdicts.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    files: u32,
    lies: u32,
    false_alarms: u32,
    retried: u32,
}

/// Verdicts by kind and fault.
#[derive(Debug, Default)]
pub struct Report {
    counts: BTreeMap<(&'static str, &'static str), BTreeMap<Fault, Count>>,
}

impl Report {
    /// Counts a verdict.
    pub fn add(&mut self, kind: Kind, fault: Fault, verdict: &Verdict) {
        let row = self.counts.entry((kind.container, kind.codec)).or_default();
        let count = row.entry(fault).or_default();
        count.files += 1;
        match verdict {
            Verdict::Good => {}
            Verdict::Lie(_) => count.lies += 1,
            Verdict::FalseAlarm(_) => count.false_alarms += 1,
            Verdict::Retried(_) => count.retried += 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| container | codec |")?;
        for fault in Fault::ALL {
            write!(f, " {fault:?} |")?;
        }
        write!(f, "\n| --- | --- |{}", " --- |".repeat(Fault::ALL.len()))?;
        for ((container, codec), row) in &self.counts {
            write!(f, "\n| {container} | {codec} |")?;
            for fault in Fault::ALL {
                match row.get(&fault) {
                    None => write!(f, " |")?,
                    Some(count) => write!(f, " {count} |")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = self.lies + self.false_alarms + self.retried;
        write!(f, "{}/{}", self.files - bad, self.files)?;
        for (count, what) in [
            (self.lies, "lie"),
            (self.false_alarms, "alarm"),
            (self.retried, "retry"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
