//! Accepts the event patterns that EventBridge and `quamina` read the same way.
//!
//! `quamina` ignores what it does not know in some places (a second operator in one object, odd
//! values in a list), and has operators that EventBridge lacks. A rule that never matches is hard
//! to debug, so all of that is refused here. `quamina` lacks prefixes and suffixes that ignore
//! case; these are expanded to other operators.

use serde_json::{Value, json};

/// An event pattern was refused. `path` is the field's dotted path in the pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is not a JSON object, or an empty one.
    #[error("an event pattern is a JSON object with at least one field")]
    NotAnObject,
    /// A field's value is neither an object nor a non-empty list.
    #[error("`{path}` in the event pattern is neither an object nor a list with a value in it")]
    NotAList {
        /// Dotted path of the field.
        path: String,
    },
    /// The operator is unknown, or not supported here although EventBridge may have it.
    #[error("the operator `{operator}` at `{path}` in the event pattern is not supported")]
    UnsupportedOperator {
        /// Dotted path of the field.
        path: String,
        /// Name of the operator.
        operator: String,
    },
    /// The operator does not accept this operand.
    #[error("the operator `{operator}` at `{path}` in the event pattern does not take {operand}")]
    UnsupportedOperand {
        /// Dotted path of the field.
        path: String,
        /// Name of the operator.
        operator: String,
        /// The operand, as JSON.
        operand: String,
    },
    /// A list item is neither a value nor an object with exactly one operator.
    #[error("{value} at `{path}` in the event pattern is neither a value nor a single operator")]
    NotAMatcher {
        /// Dotted path of the field.
        path: String,
        /// The item, as JSON.
        value: String,
    },
}

/// Most letters of a prefix or suffix that ignores case. Each letter doubles the number of
/// spellings.
const MOST_LETTERS: usize = 8;

/// Checks `pattern` and translates it for `quamina`.
pub(crate) fn checked(mut pattern: Value) -> Result<Value, PatternError> {
    match pattern.as_object() {
        Some(fields) if !fields.is_empty() => check_object(&pattern, "")?,
        _ => return Err(PatternError::NotAnObject),
    }
    spell_out(&mut pattern);
    Ok(pattern)
}

fn check_object(value: &Value, parent: &str) -> Result<(), PatternError> {
    let fields = value.as_object().into_iter().flatten();
    for (name, value) in fields {
        let path = match parent {
            "" => name.clone(),
            parent => format!("{parent}.{name}"),
        };
        match value {
            // `$or` is the only operator in the position of a field.
            _ if name == "$or" => {
                return Err(PatternError::UnsupportedOperator {
                    path,
                    operator: name.clone(),
                });
            }
            Value::Object(nested) if !nested.is_empty() => check_object(value, &path)?,
            Value::Array(matchers) if !matchers.is_empty() => matchers
                .iter()
                .try_for_each(|matcher| check_matcher(matcher, &path))?,
            _ => return Err(PatternError::NotAList { path }),
        }
    }
    Ok(())
}

fn check_matcher(matcher: &Value, path: &str) -> Result<(), PatternError> {
    let not_a_matcher = || PatternError::NotAMatcher {
        path: path.into(),
        value: matcher.to_string(),
    };
    match matcher {
        Value::Object(operators) if operators.len() == 1 => operators
            .iter()
            .try_for_each(|(operator, operand)| check_operator(operator, operand, path)),
        Value::Object(_) | Value::Array(_) => Err(not_a_matcher()),
        _ => Ok(()),
    }
}

fn check_operator(operator: &str, operand: &Value, path: &str) -> Result<(), PatternError> {
    let taken = match operator {
        "prefix" | "suffix" => operand.is_string() || ignoring_case(operand).is_some(),
        "equals-ignore-case" | "wildcard" | "cidr" => operand.is_string(),
        "exists" => operand.is_boolean(),
        "numeric" => is_comparison(operand),
        "anything-but" => match operand {
            Value::Array(values) => {
                !values.is_empty()
                    && (values.iter().all(Value::is_string) || values.iter().all(Value::is_number))
            }
            other => other.is_string() || other.is_number(),
        },
        _ => {
            return Err(PatternError::UnsupportedOperator {
                path: path.into(),
                operator: operator.into(),
            });
        }
    };
    if taken {
        Ok(())
    } else {
        Err(PatternError::UnsupportedOperand {
            path: path.into(),
            operator: operator.into(),
            operand: operand.to_string(),
        })
    }
}

/// The text of `{"equals-ignore-case": TEXT}` as operand of `prefix` or `suffix`. Only ASCII: other
/// letters may have more than two spellings.
fn ignoring_case(operand: &Value) -> Option<&str> {
    let operators = operand.as_object()?;
    let text = operators.get("equals-ignore-case")?.as_str()?;
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    (operators.len() == 1 && text.is_ascii() && letters <= MOST_LETTERS).then_some(text)
}

/// Expands each prefix and suffix that ignores case to all its spellings.
fn spell_out(pattern: &mut Value) {
    match pattern {
        Value::Object(fields) => fields.values_mut().for_each(spell_out),
        Value::Array(matchers) => {
            *matchers = (matchers.drain(..))
                .flat_map(|matcher| spelled_out(&matcher).unwrap_or_else(|| vec![matcher]))
                .collect();
        }
        _ => {}
    }
}

fn spelled_out(matcher: &Value) -> Option<Vec<Value>> {
    let (operator, operand) = matcher.as_object()?.iter().next()?;
    let text = ignoring_case(operand)?;
    let of = |text: String| json!({ operator.as_str(): text });
    Some(spellings(text).into_iter().map(of).collect())
}

/// All combinations of small and capital letters.
fn spellings(text: &str) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for letter in text.chars() {
        let capital = letter.to_ascii_uppercase();
        let small = letter.to_ascii_lowercase();
        let with = |last: char| move |start: &String| format!("{start}{last}");
        let mut longer: Vec<String> = spellings.iter().map(with(small)).collect();
        if capital != small {
            longer.extend(spellings.iter().map(with(capital)));
        }
        spellings = longer;
    }
    spellings
}

/// `[operator, number]`, or a lower and an upper bound.
fn is_comparison(operand: &Value) -> bool {
    let parts: Vec<_> = operand.as_array().into_iter().flatten().collect();
    match parts.as_slice() {
        [operator, bound] => {
            matches!(operator.as_str(), Some("=" | "<" | "<=" | ">" | ">=")) && bound.is_number()
        }
        [lower, low, upper, high] => {
            matches!(lower.as_str(), Some(">" | ">="))
                && matches!(upper.as_str(), Some("<" | "<="))
                && low.is_number()
                && high.is_number()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &Value) -> Result<(), PatternError> {
        checked(pattern.clone()).map(drop)
    }

    #[test]
    fn the_operators_of_both_worlds_are_taken() {
        for matcher in [
            json!("plain"),
            json!(7),
            json!(null),
            json!({"prefix": "a"}),
            json!({"suffix": ".mp4"}),
            json!({"suffix": {"equals-ignore-case": ".mp4"}}),
            json!({"prefix": {"equals-ignore-case": "in/"}}),
            json!({"equals-ignore-case": "A"}),
            json!({"wildcard": "a/*.mp4"}),
            json!({"exists": false}),
            json!({"numeric": [">", 0, "<=", 5]}),
            json!({"cidr": "10.0.0.0/8"}),
            json!({"anything-but": "a"}),
            json!({"anything-but": ["a", "b"]}),
            json!({"anything-but": [1, 2]}),
        ] {
            assert_eq!(check(&json!({"detail": {"key": [matcher]}})), Ok(()));
        }
    }

    #[test]
    fn what_would_be_passed_over_in_silence_is_refused() {
        for matcher in [
            json!({"regexp": "a.*"}),
            json!({"shellstyle": "a*"}),
            json!({"anything-but": {"prefix": "a"}}),
            json!({"anything-but": ["a", 1]}),
            json!({"anything-but": ["a", null]}),
            json!({"prefix": {"equals-ignore-case": "é"}}),
            json!({"suffix": {"equals-ignore-case": "ninechars"}}),
            json!({"suffix": {"equals-ignore-case": 4}}),
            json!({"suffix": {"equals-ignore-case": "a", "exists": true}}),
            json!({"suffix": {"wildcard": "a*"}}),
            json!({"wildcard": {"equals-ignore-case": "a"}}),
            json!({"prefix": "a", "suffix": "b"}),
            json!({"numeric": []}),
            json!({"numeric": ["~", 5]}),
            json!({"numeric": ["<", 5, "<", 7]}),
            json!({"cidr": 5}),
            json!({}),
            json!([]),
        ] {
            let refused = check(&json!({"detail": {"key": [matcher]}}));
            assert!(refused.is_err(), "{matcher} was taken");
        }
        let or = json!({"$or": [{"source": ["a"]}, {"source": ["b"]}]});
        assert!(check(&or).is_err());
        assert!(check(&json!({"source": "bare"})).is_err());
        assert!(check(&json!({"source": []})).is_err());
        assert!(check(&json!({})).is_err());
    }
}
