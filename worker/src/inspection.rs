//! Decodes the pictures of a slice once more, to list them with the marks of their decoder.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
};

use gifgen_child::{Ending, run_reading_log};
use gifgen_function::TransientError;
use gifgen_probe::{LogMark, LoggedPicture, read_picture_log};
use gifgen_shared::blocking::blocking;

use crate::{
    error::{JobError, PermanentError},
    ffmpeg_run::killed,
    launch::Launch,
};

/// The list ends after this many pictures in a row that are more than [`BEHIND_SECONDS`] behind the slice. Fewer may
/// have wrong times.
const BEHIND: usize = 32;
const BEHIND_SECONDS: f64 = 1.0;

/// Most pictures that are listed: 900 s at 240 a second, and those since the keyframe. Where FFmpeg must decode from
/// the film's beginning, a slice behind so many is refused if FFmpeg complains.
const MAX_PICTURES: usize = 400_000;

/// Lists the pictures of a slice. They are decoded in one thread, perhaps by a `strict` decoder.
///
/// # Errors
/// If not all pictures up to the slice's end could be listed.
pub(crate) async fn inspect(
    launch: Launch<'_>,
    strict: bool,
) -> Result<Vec<LoggedPicture>, JobError> {
    let spec = launch.rendering.spec;
    let mark = write_mark(launch.directory).await?;
    let directory = launch.directory;
    let args = launch.rendering.inspection_args(strict, &mark);
    let program = launch.program(args);
    let mark_heard = mark.clone();
    let end = spec.zero() + spec.slice.seconds();
    let finished = run_reading_log(program, move |log| {
        list(BufReader::new(log), &mark_heard, end, MAX_PICTURES)
    })
    .await
    .map_err(TransientError::FfmpegNotStarted)?;
    remove_mark(directory, &mark).await?;
    if finished.ending == Ending::DeadlinePassed {
        return Err(TransientError::DeadlinePassed { doing: "decoding" }.into());
    }
    let (pictures, until) = finished.stdout.map_err(work_dir("read"))?;
    match (until, finished.ending) {
        (Until::TooMany, _) => Err(PermanentError::all_damaged(spec.slice).into()),
        // The list would end early, and what it lacks would count as right.
        (Until::LogEnd, Ending::Killed { signal }) => {
            Err(killed(signal, "when it listed the pictures"))
        }
        // FFmpeg is killed when nobody reads its log any more.
        (Until::SliceEnd | Until::LogEnd, _) => Ok(pictures),
    }
}

/// Writes the file of a new mark to FFmpeg's `directory`.
///
/// # Errors
/// If that fails.
pub(crate) async fn write_mark(directory: &Path) -> Result<LogMark, TransientError> {
    let mark = LogMark::unguessable();
    let file = directory.join(mark.name());
    let written = blocking(move || fs::write(file, LogMark::FILE)).await;
    written.map_err(work_dir("write to"))?;
    Ok(mark)
}

/// Removes it again.
///
/// # Errors
/// If that fails.
pub(crate) async fn remove_mark(directory: &Path, mark: &LogMark) -> Result<(), TransientError> {
    let file = directory.join(mark.name());
    match blocking(move || fs::remove_file(file)).await {
        // An FFmpeg that a video has taken over may have removed it.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(work_dir("clean")(error)),
        _ => Ok(()),
    }
}

fn work_dir(action: &'static str) -> impl Fn(io::Error) -> TransientError {
    move |source| TransientError::WorkDir { action, source }
}

/// How far a list goes.
#[derive(Debug, PartialEq)]
enum Until {
    SliceEnd,
    LogEnd,
    TooMany,
}

/// The pictures in `log` up to the slice's `end`, in seconds on the container's clock, and at most so many.
fn list(
    log: impl BufRead,
    mark: &LogMark,
    end: f64,
    most: usize,
) -> io::Result<(Vec<LoggedPicture>, Until)> {
    let is_behind =
        |picture: &LoggedPicture| picture.time.is_some_and(|time| time > end + BEHIND_SECONDS);
    let has_all = |read: &[LoggedPicture]| {
        let last = read.len().checked_sub(BEHIND);
        last.is_some_and(|last| read[last..].iter().all(is_behind))
    };
    let pictures = read_picture_log(log, mark, |read| has_all(read) || read.len() >= most)?;
    let until = if has_all(&pictures) {
        Until::SliceEnd
    } else if pictures.len() >= most {
        Until::TooMany
    } else {
        Until::LogEnd
    };
    Ok((pictures, until))
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// The list of a film of so many pictures, one a second, for a slice that ends at second 10.
    fn listed(pictures: usize, most: usize) -> (usize, Until) {
        let line = |n: usize| {
            format!("[info] decoder -> frame_pts:{n} keyframe:1 frame_type:1 time_base:1/1\n")
        };
        let mark = LogMark::unguessable();
        let start = format!("[info] Input #1, yuv4mpegpipe, from '{}':\n", mark.name());
        let log: String = iter::once(start).chain((0..pictures).map(line)).collect();
        let (listed, until) = list(log.as_bytes(), &mark, 10.0, most).unwrap();
        (listed.len(), until)
    }

    #[test]
    fn a_list_ends_behind_the_slice_and_says_so_if_it_does_not() {
        assert_eq!(listed(100, 400), (12 + BEHIND, Until::SliceEnd));
        assert_eq!(listed(20, 400), (20, Until::LogEnd));
        assert_eq!(listed(100, 30), (30, Until::TooMany));
    }
}
