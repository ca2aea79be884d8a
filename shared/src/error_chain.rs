//! An error in one line, with what caused it.

use std::error::Error;

/// What an error says, and each of its causes. Ours say one thing each: whatever writes one into a log, an
/// answer or an object writes it by this. The SDK's errors alone say no more than "service error", and its own
/// display of causes adds whole HTTP answers; some of other crates' repeat their cause, so what was said
/// before is left out.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !said.iter().any(|before| before.contains(&words)) {
            said.push(words);
        }
        cause = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Told {
        words: &'static str,
        source: Option<Box<Told>>,
    }

    #[test]
    fn each_cause_is_named_once() {
        let told = |words, source: Option<Told>| Told {
            words,
            source: source.map(Box::new),
        };
        let inner = told("no bus", None);
        let error = told("service error", Some(told("failed: no bus", Some(inner))));
        assert_eq!(with_causes(&error), "service error: failed: no bus");
    }
}
