//! Prints an error and its causes in one line.

use std::error::Error;

/// The message of `error` and those of its causes, without repetitions. The SDK's errors alone say only
/// "service error", and its own display of causes adds whole HTTP answers.
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
