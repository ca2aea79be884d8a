//! Only decodes: the minimum for every exact method.

use std::process::Command;

use anyhow::Result;

use crate::{
    clip::{Clip, SLICE_SECONDS},
    run::finish,
};

/// Decodes the first slice of `clip` with one thread, because more threads cost more CPU time.
///
/// # Errors
/// FFmpeg fails.
pub fn run(clip: &Clip) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-threads", "1"]);
    command.args(["-t", &SLICE_SECONDS.to_string(), "-i"]);
    command.arg(&clip.path);
    finish(command.args(["-map", "0:v:0", "-an", "-f", "null", "-"])).map(drop)
}
