//! What is right for a file in trouble, and the verdict on what became of it.

use crate::{
    film::{self, Film},
    rendered::{Previews, Rendered},
};

/// What is right. An output that is called good shows, at each sample, the right picture or one at most a
/// second old; else its slice is not called good. What is whole is never refused.
pub struct Right {
    /// The film. More than one where nobody can decide (see the places that make them).
    pub films: Vec<Film>,
    /// The second from which on the film may be left out, if the run is then not called complete.
    pub may_end_at: Option<f64>,
    /// Whether the file may be rejected.
    pub may_be_rejected: bool,
    /// Tolerance of the length, in seconds.
    pub tolerance: f64,
}

/// What became of a file in trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is right.
    Good,
    /// Something is called good and is not.
    Lie(String),
    /// Something is whole and is refused.
    FalseAlarm(String),
    /// The platform would try again, though the file stays as it is.
    Retried(String),
}

impl Right {
    /// This film, and nothing else.
    pub fn film(film: Film) -> Self {
        Self {
            films: vec![film],
            may_end_at: None,
            may_be_rejected: false,
            tolerance: film::LENGTH_TOLERANCE,
        }
    }

    /// The film up to `end` at least. What follows must not be left out without a word.
    pub fn at_least_to(self, end: f64) -> Self {
        Self {
            may_end_at: Some(end),
            may_be_rejected: true,
            ..self
        }
    }

    /// The verdict.
    pub fn verdict(&self, rendered: &Rendered) -> Verdict {
        let previews = match rendered {
            Rendered::Unanswered(why) => return Verdict::Retried(why.clone()),
            Rendered::Rejected { .. } if self.may_be_rejected => return Verdict::Good,
            Rendered::Rejected { reason, message } => {
                return Verdict::FalseAlarm(format!("{reason}: {message}"));
            }
            Rendered::Run(previews) => previews,
        };
        let mut verdicts = self.films.iter().map(|film| match self.may_end_at {
            Some(end) if previews.status != "complete" => {
                first_fault(&film.clone().hit(end, f64::INFINITY), previews)
            }
            _ => self.verdict_by(film, previews),
        });
        let first = verdicts.next().unwrap();
        if first == Verdict::Good || verdicts.any(|verdict| verdict == Verdict::Good) {
            return Verdict::Good;
        }
        first
    }

    fn verdict_by(&self, film: &Film, previews: &Previews) -> Verdict {
        if (previews.length - film.length).abs() > self.tolerance {
            let (measured, right) = (previews.length, film.length);
            return Verdict::Lie(format!(
                "{} and {measured} s long, not {right} s",
                previews.status
            ));
        }
        let is_whole = film.pictures.iter().all(|picture| !picture.is_hit);
        match first_fault(film, previews) {
            Verdict::Good if is_whole && previews.status != "complete" => {
                Verdict::FalseAlarm(format!("{}, though whole", previews.status))
            }
            verdict => verdict,
        }
    }
}

/// The first fault of the slices; lies come first.
fn first_fault(film: &Film, previews: &Previews) -> Verdict {
    let faults = film.judge_slices(previews);
    let lie = faults
        .iter()
        .find(|fault| matches!(fault, film::Fault::Lie(_)));
    match lie.or(faults.first()) {
        None => Verdict::Good,
        Some(film::Fault::Lie(what)) => Verdict::Lie(what.clone()),
        Some(film::Fault::FalseAlarm(what)) => Verdict::FalseAlarm(what.clone()),
    }
}
