//! Plain FFmpeg, which seeks in the source over its presigned URL.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use gifgen_shared::{PresignedUrl, Slice};
use tokio::process::Command;

/// Reads only `slice`, as the first version of gifgen did.
///
/// # Errors
/// FFmpeg fails.
pub async fn copy(url: &PresignedUrl, slice: &Slice) -> Result<()> {
    let output = ["-an", "-sn", "-dn", "-c", "copy", "-f", "null", "-"];
    run(url, slice, &["-t", &slice.seconds().to_string()], &output).await
}

/// Decodes the first picture of `slice`, from the keyframe before it, with one thread as the worker
/// does.
///
/// # Errors
/// FFmpeg fails.
pub async fn first_frame(url: &PresignedUrl, slice: &Slice) -> Result<()> {
    let output = ["-an", "-sn", "-dn", "-frames:v", "1", "-f", "null", "-"];
    let input = ["-threads", "1", "-noaccurate_seek"];
    run(url, slice, &input, &output).await
}

async fn run(
    url: &PresignedUrl,
    slice: &Slice,
    input_args: &[&str],
    output_args: &[&str],
) -> Result<()> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(["-ss", &slice.start.to_string()])
        .args(input_args)
        .args(["-i", url.expose()])
        .args(output_args)
        .stdin(Stdio::null())
        .output()
        .await
        .context("failed to start ffmpeg; is it installed?")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "ffmpeg failed: {}",
        url.redact(&said)
    );
    Ok(())
}
