//! The environment that Lambda gives every function.

use std::process::Command;

/// Lambda's variables, unless a test sets others.
const FUNCTION: [(&str, &str); 4] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
    ("AWS_LAMBDA_FUNCTION_TIMEOUT", "300"),
];

/// Variables that select the FFmpeg to be tested, instead of the one on `PATH`.
pub(crate) const TESTED: [&str; 2] = ["FFMPEG", "FFPROBE"];

/// Reduces the environment of `command` to `PATH`, the FFmpeg to be tested, Lambda's variables and
/// `variables`.
pub(crate) fn set_environment<N: AsRef<str>, V: AsRef<str>>(
    command: &mut Command,
    variables: &[(N, V)],
) {
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(
            TESTED
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .envs(FUNCTION)
        .envs(
            variables
                .iter()
                .map(|(name, value)| (name.as_ref(), value.as_ref())),
        );
}
