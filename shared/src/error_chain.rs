//! Prints an error and its causes in one line.

use std::error::Error;

/// The message of `error` and those of its causes, without repetitions. The SDK's errors alone say only
/// "service error", and its own display of causes adds whole HTTP answers.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let message = error.to_string();
        if !messages.iter().any(|before| before.contains(&message)) {
            messages.push(message);
        }
        cause = error.source();
    }
    messages.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Failure {
        message: &'static str,
        source: Option<Box<Failure>>,
    }

    #[test]
    fn each_cause_is_named_once() {
        let failure = |message, source: Option<Failure>| Failure {
            message,
            source: source.map(Box::new),
        };
        let inner = failure("no bus", None);
        let error = failure(
            "service error",
            Some(failure("failed: no bus", Some(inner))),
        );
        assert_eq!(with_causes(&error), "service error: failed: no bus");
    }
}
