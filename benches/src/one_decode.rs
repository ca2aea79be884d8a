//! The sample's filters in one FFmpeg command that decodes once: what a rewrite saves without code
//! of our own.

use std::path::Path;

use anyhow::Result;

use crate::{
    clip::Clip,
    run::finish,
    sequential::{GIF_FILTERS, STILL_FILTERS, slice},
};

/// Writes the GIF and the JPEGs of the first slice of `clip` to `out`.
///
/// # Errors
/// FFmpeg fails.
pub fn render(clip: &Clip, out: &Path) -> Result<()> {
    let graph = format!("[0:v]split[a][b];[a]{GIF_FILTERS}[gif];[b]{STILL_FILTERS}[stills]");
    let mut command = slice(clip, 0);
    command.args(["-filter_complex", &graph]);
    command.args(["-map", "[gif]"]).arg(out.join("0.gif"));
    command.args(["-map", "[stills]"]).arg(out.join("0_%d.jpg"));
    finish(&mut command).map(drop)
}
