//! Similarity of a GIF to its source, by FFmpeg's `ssim` and `psnr`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    clip::{Clip, SLICE_SECONDS},
    run::finish,
};

/// Pictures per second in the GIFs.
const FPS: u32 = 10;

/// Number of pictures by which two methods may differ at the end of a slice.
const PICTURES_TOLERANCE: f64 = 3.0;

/// Which picture of the source a sample shows. Each GIF is compared by its own method's rule: by
/// the other rule, every motion would count as an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// The nearest picture, as FFmpeg's `fps` does.
    Nearest,
    /// The picture on screen, as `gifgen` does.
    OnScreen,
}

impl Sampling {
    /// As in `worker/src/ffmpeg_args.rs`, with its tolerance for rounded timestamps.
    fn filters(self) -> String {
        match self {
            Self::Nearest => format!("fps={FPS}"),
            Self::OnScreen => {
                format!("settb=1/1000000,setpts=PTS-STARTPTS-1000,fps={FPS}:start_time=0:round=up")
            }
        }
    }
}

/// Similarity over all pictures and the three colour channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Structural similarity, at most 1.
    pub ssim: f64,
    /// Peak signal-to-noise ratio, in dB.
    pub psnr: f64,
    /// SSIM after a slight blur of both sides, which imitates the eye at a distance from dithering.
    pub blurred_ssim: f64,
    /// PSNR after that blur, in dB.
    pub blurred_psnr: f64,
}

impl Quality {
    /// Compares `gif` with the beginning of its source `clip`.
    ///
    /// # Errors
    /// FFmpeg fails, or the GIF has too few pictures.
    pub fn of(gif: &Path, clip: &Clip, sampling: Sampling) -> Result<Self> {
        let start = fs::read(gif).with_context(|| format!("failed to read {}", gif.display()))?;
        let size = size(&start).with_context(|| format!("{} is no GIF", gif.display()))?;
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-v", "info", "-stats"]);
        command.args(["-t", &SLICE_SECONDS.to_string(), "-an", "-i"]);
        command.arg(&clip.path).arg("-i").arg(gif);
        command.args(["-filter_complex", &graph(sampling, size)]);
        for output in ["[ssim]", "[psnr]", "[blurred_ssim]", "[blurred_psnr]"] {
            command.args(["-map", output]);
        }
        let output = finish(command.args(["-f", "null", "-"]))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let seconds = clip.seconds.min(f64::from(SLICE_SECONDS));
        let compared = last_number(&said, "frame=").context("ffmpeg counts no pictures")?;
        ensure!(
            compared + PICTURES_TOLERANCE >= seconds * f64::from(FPS),
            "{} has only {compared} pictures of {seconds:.1} s",
            gif.display()
        );
        Self::read(&said).context("ffmpeg tells no SSIM or PSNR")
    }

    /// Parses the filters' summary.
    fn read(said: &str) -> Option<Self> {
        let value = |filter: &str, name: &str| {
            let filter = format!("[{filter} @");
            let line = said.lines().rfind(|line| line.contains(&filter))?;
            last_number(line, name)
        };
        Some(Self {
            ssim: value("ssim@plain", " All:")?,
            psnr: value("psnr@plain", " average:")?,
            blurred_ssim: value("ssim@blurred", " All:")?,
            blurred_psnr: value("psnr@blurred", " average:")?,
        })
    }
}

/// Converts both sides to RGB at ten pictures per second, numbered from zero, because a GIF may
/// show one picture longer instead of writing it twice. Planar RGB, because FFmpeg's scaler halves
/// the chroma resolution on the way to packed RGB.
fn graph(sampling: Sampling, (width, height): (u32, u32)) -> String {
    let numbered = format!("setpts=N/({FPS}*TB)");
    let source = format!(
        "{},{numbered},scale={width}:{height}:flags=lanczos",
        sampling.filters()
    );
    let gif = format!("fps={FPS},{numbered}");
    let sides = [("0:v:0", source, "a"), ("1:v:0", gif, "b")].map(|(input, filters, side)| {
        format!(
            "[{input}]{filters},format=gbrp,split=3[{side}1][{side}2][{side}];\
             [{side}]gblur=sigma=1,split[{side}3][{side}4];"
        )
    });
    let measures = "[b1][a1]ssim@plain=shortest=1[ssim];[b2][a2]psnr@plain=shortest=1[psnr];\
                    [b3][a3]ssim@blurred=shortest=1[blurred_ssim];\
                    [b4][a4]psnr@blurred=shortest=1[blurred_psnr]";
    sides.concat() + measures
}

/// Width and height of a GIF, from its header.
fn size(gif: &[u8]) -> Option<(u32, u32)> {
    let [b'G', b'I', b'F', _, _, _, w0, w1, h0, h1, ..] = *gif else {
        return None;
    };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]));
    Some((side(w0, w1), side(h0, h1)))
}

/// The number after the last `name` in `text`.
fn last_number(text: &str, name: &str) -> Option<f64> {
    let (_, behind) = text.rsplit_once(name)?;
    behind.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_gif_is_in_its_first_bytes() {
        assert_eq!(size(b"GIF89a\xf0\x00\x87\x00\xf7"), Some((240, 135)));
        assert_eq!(size(b"\xff\xd8\xff"), None);
    }

    #[test]
    fn the_values_are_read_from_what_the_filters_say() {
        let said = "\
frame=  298 fps= 66 q=-0.0 size=N/A\rframe=  300 fps= 66 q=-0.0 Lsize=N/A
[ssim@plain @ 0x55c0] SSIM R:0.91 (10.6) G:0.93 (11.8) B:0.90 (10.0) All:0.9137 (10.64)
[psnr@plain @ 0x55c1] PSNR r:34.1 g:36.2 b:33.0 average:34.26 min:31.0 max:39.9
[ssim@blurred @ 0x55c2] SSIM R:1.0 (inf) G:1.0 (inf) B:1.0 (inf) All:1.000000 (inf)
[psnr@blurred @ 0x55c3] PSNR r:inf g:inf b:inf average:inf min:inf max:inf";
        let quality = Quality {
            ssim: 0.9137,
            psnr: 34.26,
            blurred_ssim: 1.0,
            blurred_psnr: f64::INFINITY,
        };
        assert_eq!(Quality::read(said), Some(quality));
        assert_eq!(last_number(said, "frame="), Some(300.0));
        assert_eq!(Quality::read("nothing"), None);
    }
}
