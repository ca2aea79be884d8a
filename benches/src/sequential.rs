//! The AWS sample's server: slice after slice, two FFmpeg commands each.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    clip::{Clip, SLICE_SECONDS},
    run::finish,
};

/// The sample's filters for GIFs, verbatim.
pub(crate) const GIF_FILTERS: &str = "fps=10,scale=240:-1:flags=lanczos,split[s0][s1];\
                           [s0]palettegen[p];[s1][p]paletteuse";

/// The sample's filter for JPEGs.
pub(crate) const STILL_FILTERS: &str = "fps=1";

/// Writes the GIFs and JPEGs of `clip` to `out`.
///
/// # Errors
/// FFmpeg fails.
pub fn render(clip: &Clip, out: &Path) -> Result<()> {
    for start in starts(clip.seconds) {
        let gif = out.join(format!("{start}.gif"));
        finish(
            slice(clip, start)
                .args(["-filter_complex", GIF_FILTERS])
                .arg(gif),
        )?;
        let jpgs = out.join(format!("{start}_%d.jpg"));
        finish(slice(clip, start).args(["-vf", STILL_FILTERS]).arg(jpgs))?;
    }
    Ok(())
}

/// Starts a command that reads the slice of `clip` at `start`.
pub(crate) fn slice(clip: &Clip, start: u32) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-ss", &start.to_string()])
        .args(["-t", &SLICE_SECONDS.to_string(), "-i"])
        .arg(&clip.path);
    command
}

/// Starts of the slices, in seconds. Omits a rest shorter than a second: `gifgen` makes no GIF of
/// it either, and FFmpeg may fail on it.
fn starts(seconds: f64) -> impl Iterator<Item = u32> {
    (0..)
        .step_by(SLICE_SECONDS as usize)
        .take_while(move |start| *start == 0 || f64::from(*start) + 1.0 <= seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_starts_every_thirty_seconds() {
        for (seconds, expected) in [
            (0.5, vec![0]),
            (30.0, vec![0]),
            (30.9, vec![0]),
            (31.0, vec![0, 30]),
            (90.0, vec![0, 30, 60]),
        ] {
            assert_eq!(starts(seconds).collect::<Vec<_>>(), expected, "{seconds}");
        }
    }
}
