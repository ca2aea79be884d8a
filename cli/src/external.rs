//! Invokes a function through another program, as `sam local invoke` does. The program gets a file with
//! the event and the function's environment variables, and prints the function's answer.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use gifgen_stack::Stack;
use serde_json::Value;
use tokio::process::Command;

use crate::{
    local::{REGION, SETTINGS},
    options::SettingFlags,
    printable::in_line,
    saved_event::{Request, SavedEvent},
};

/// Variables that must not reach the function: those of the caller's own AWS account, and the paths of
/// FFmpeg on this machine.
const REMOVED_VARIABLES: [&str; 6] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "FFMPEG",
    "FFPROBE",
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// The event cannot be written.
    #[error("failed to write {}", file.display())]
    Event {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program does not start.
    #[error("failed to start {}: {reason}; --invoke names a program that invokes the function", in_line(&program.to_string_lossy()))]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The program failed.
    #[error("{} failed ({status}): see what it says above", in_line(&program.to_string_lossy()))]
    Failed {
        program: PathBuf,
        status: ExitStatus,
    },
    /// The program's last line is not an answer.
    #[error(
        "the function gave no answer, but {said:?}: it was killed, or ran into its timeout; see its log above"
    )]
    NoAnswer {
        /// The last line that it printed.
        said: String,
    },
    /// The function answered with an error, which Lambda would retry.
    #[error(
        "the function failed, and would be tried again: {kind}: {}",
        in_line(message)
    )]
    Function {
        /// `errorType` of the answer.
        kind: String,
        /// `errorMessage` of the answer.
        message: String,
    },
}

/// Has `program` invoke the function that `event` is for, and returns the function's answer. The program
/// gets two arguments: `splitter` or `worker`, and the path of a file in `folder` that holds the event.
///
/// # Errors
/// If the program or the function fails.
pub async fn invoke(
    program: &Path,
    event: &SavedEvent,
    stack: &Stack,
    flags: &SettingFlags,
    folder: &Path,
) -> Result<Value, ExternalError> {
    let file = folder.join("event.json");
    tokio::fs::write(&file, event.json.to_string())
        .await
        .map_err(|source| ExternalError::Event {
            file: file.clone(),
            source,
        })?;
    let function = match event.request {
        Request::Split(_) => "splitter",
        Request::Render(_) | Request::RenderSheet { .. } | Request::Record(_) => "worker",
    };
    let mut command = Command::new(program);
    command
        .arg(function)
        .arg(&file)
        .envs(environment(stack, flags))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    for name in REMOVED_VARIABLES {
        command.env_remove(name);
    }
    let start_failed = |reason| ExternalError::Start {
        program: program.to_owned(),
        reason,
    };
    let running = command.spawn().map_err(start_failed)?;
    let output = running.wait_with_output().await.map_err(start_failed)?;
    if !output.status.success() {
        return Err(ExternalError::Failed {
            program: program.to_owned(),
            status: output.status,
        });
    }
    answer(&String::from_utf8_lossy(&output.stdout))
}

/// The function's environment: the embedded servers instead of AWS, and the settings given as flags.
fn environment(stack: &Stack, flags: &SettingFlags) -> Vec<(&'static str, OsString)> {
    let credentials = stack.credentials();
    let aws = [
        ("AWS_ENDPOINT_URL_S3", stack.s3_endpoint()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", stack.eventbridge_endpoint()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY",
            credentials.secret_access_key.clone(),
        ),
        ("AWS_REGION", REGION.into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
    ];
    let fixed = SETTINGS.map(|(name, value)| (name, OsString::from(value)));
    let given = flags
        .given()
        .filter(|(name, _)| !REMOVED_VARIABLES.contains(name));
    given
        .chain(fixed)
        .chain(aws.map(|(name, value)| (name, value.into())))
        .collect()
}

/// Parses the last line that the program printed.
fn answer(printed: &str) -> Result<Value, ExternalError> {
    let said = printed.trim_end().lines().next_back().unwrap_or_default();
    let no_answer = || ExternalError::NoAnswer {
        said: said.to_owned(),
    };
    let answer: Value = serde_json::from_str(said).map_err(|_| no_answer())?;
    if !answer.is_object() {
        return Err(no_answer());
    }
    match answer["errorType"].as_str() {
        None => Ok(answer),
        Some(kind) => Err(ExternalError::Function {
            kind: kind.to_owned(),
            message: answer["errorMessage"].as_str().unwrap_or_default().into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer() {
        let printed = "START\n{\"status\": \"done\"}\n";
        assert_eq!(answer(printed).unwrap()["status"], "done");
    }

    #[test]
    fn an_error_of_the_function_is_no_answer() {
        let printed = r#"{"errorType": "FfmpegNotStarted", "errorMessage": "not permitted"}"#;
        let error = answer(printed).unwrap_err().to_string();
        assert!(
            error.ends_with("FfmpegNotStarted: not permitted"),
            "{error}"
        );
    }

    #[test]
    fn a_function_that_was_killed_gives_no_answer() {
        for printed in ["", "\n", "Task timed out after 600.00 seconds", "null", "3"] {
            let error = answer(printed).unwrap_err();
            assert!(matches!(error, ExternalError::NoAnswer { .. }), "{printed}");
        }
    }
}
