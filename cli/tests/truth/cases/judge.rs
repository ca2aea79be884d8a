//! Compares what became of a case with what it wants.

use super::{
    folder,
    want::{Case, Look, Refusal, Truth, Want},
};
use crate::{
    decoded::{self, decode_turned},
    film::{Fault, LENGTH_TOLERANCE},
    likeness::{Likenesses, SIDE},
    rendered::{Previews, Rendered},
};

/// What is wrong; empty if nothing is.
pub fn problems(case: &Case, rendered: &Rendered) -> Vec<String> {
    let mut problems = match (&case.want, rendered) {
        (_, Rendered::Unanswered(why)) => vec![format!("would be tried again: {why}")],
        (Want::Film(truth) | Want::FilmOrRefused(truth, _), Rendered::Run(previews)) => {
            in_words(truth.faults(case.file, previews))
        }
        (Want::FilmOrIncomplete(truth), Rendered::Run(previews)) => {
            if previews.status == "complete" {
                in_words(truth.faults(case.file, previews))
            } else {
                in_words(truth.faults_of_slices(previews))
            }
        }
        (Want::FilmOrIncomplete(_), Rendered::Rejected { .. }) => Vec::new(),
        (Want::Refused(_), Rendered::Run(previews)) => {
            vec![format!("{}, not rejected", previews.status)]
        }
        (
            Want::Refused(refusal) | Want::FilmOrRefused(_, refusal),
            Rendered::Rejected { reason, message },
        ) => refusal.problem(reason, message).into_iter().collect(),
        (Want::Film(_), Rendered::Rejected { reason, message }) => {
            vec![format!("rejected: {reason}: {message}")]
        }
    };
    if let Some(look) = case.look {
        problems.extend(looked_at(rendered, look));
    }
    problems
}

/// What the look finds in previews.
pub fn looked_at(rendered: &Rendered, look: Look) -> Vec<String> {
    match rendered {
        Rendered::Run(previews) => look(previews),
        _ => vec!["no previews to look at".into()],
    }
}

fn in_words(faults: Vec<Fault>) -> Vec<String> {
    faults.iter().map(Fault::to_string).collect()
}

impl Truth {
    /// What is wrong with the previews of a whole film.
    fn faults(&self, file: &str, previews: &Previews) -> Vec<Fault> {
        match self {
            Self::Numbers(film) => film.judge(previews),
            Self::Decoded(length) => {
                decoded::film(&folder().join(file), "0:v:0", *length).judge(previews)
            }
            Self::Pictures(pictures) => {
                let decoded =
                    decode_turned(&pictures.of, pictures.stream, (SIDE, SIDE), pictures.turn);
                Likenesses::of(
                    &decoded[pictures.odd..],
                    pictures.length,
                    pictures.damaged.clone(),
                )
                .judge(previews)
            }
            Self::Length(length) => {
                let mut faults = Vec::new();
                if (previews.length - length).abs() > LENGTH_TOLERANCE {
                    let measured = previews.length;
                    faults.push(Fault::Lie(format!("{measured} s long, not {length} s")));
                }
                if previews.status != "complete" {
                    faults.push(Fault::FalseAlarm(previews.status.clone()));
                }
                faults
            }
        }
    }

    /// What is wrong with the slices of a run that is not called complete.
    fn faults_of_slices(&self, previews: &Previews) -> Vec<Fault> {
        match self {
            Self::Numbers(film) => film.judge_slices(previews),
            _ => panic!("only a film of numbers tells what the slices show"),
        }
    }
}

impl Refusal {
    /// What is wrong with a rejection.
    fn problem(&self, reason: &str, message: &str) -> Option<String> {
        let text = message.to_lowercase();
        let is_right = self.reason.is_none_or(|right| right == reason);
        let is_named = self
            .names
            .iter()
            .any(|name| text.contains(&name.to_lowercase()));
        if is_right && (is_named || self.names.is_empty()) {
            return None;
        }
        let (right, names) = (self.reason.unwrap_or("any reason"), self.names.join(" or "));
        Some(format!("{reason}: {message}; not {right} with {names:?}"))
    }
}
