//! Other programs' view of our GIFs: FFmpeg, Pillow and gifsicle.

use std::{
    path::Path,
    process::{Command, Output},
};

use image::{DynamicImage, RgbaImage};

use crate::support::{names, pictures, run};
use gifgen_testkit::media;

/// Prints each frame's RGB bytes, and to standard error its delay in milliseconds, as Pillow decodes
/// them.
const PILLOW: &str = r#"
import sys
from PIL import Image, ImageSequence
with Image.open(sys.argv[1]) as gif:
    for frame in ImageSequence.Iterator(gif):
        sys.stdout.buffer.write(frame.convert("RGB").tobytes())
        print(round(frame.info["duration"]), file=sys.stderr)
"#;

#[test]
fn ffmpeg_pillow_and_gifsicle_see_what_we_see_in_every_gif() {
    for (file, flags) in [
        ("d34_h264_40s.mp4", &[][..]),
        ("d14_av1_hdr10_portrait.mp4", &["--gif-dither", "diffusion"]),
        (
            "d27_odd_dim_vp9.webm",
            &["--gif-width", "161", "--gif-fps", "30"],
        ),
        (
            "d02_h264_720p_25fps.mp4",
            &["--gif-width", "1280", "--gif-fps", "30"],
        ),
        (
            "d45_h264_30_16s.mp4",
            &["--gif-dither", "none", "--decode", "fast"],
        ),
    ] {
        let out = tempfile::tempdir().unwrap();
        let mut flags = flags.to_vec();
        flags.extend(["--frames", "none"]);
        let (code, _, stderr) = run(&[media::folder().join(file)], out.path(), &flags);
        assert_eq!(code, Some(0), "{file}: {stderr}");
        let gifs = out.path().join(file).join("gifs");
        assert!(!names(&gifs).is_empty());
        for name in names(&gifs) {
            check(&gifs.join(name));
        }
    }
}

fn check(gif: &Path) {
    let seen = pictures(gif);
    let (pictures, delays): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let count = format!(" {} image", pictures.len());
    let ours: Vec<u8> = pictures.into_iter().flat_map(rgb).collect();
    let ffmpeg = ffmpeg(gif);
    assert!(ffmpeg.stdout == ours, "{}", gif.display());
    assert_eq!(said(&ffmpeg), "");
    let pillow = pillow(gif);
    assert!(pillow.stdout == ours, "{}", gif.display());
    let delays: String = delays.iter().map(|delay| format!("{delay}\n")).collect();
    assert_eq!(said(&pillow), delays);
    let info = finish(Command::new("gifsicle").arg("--info").arg(gif));
    assert_eq!(said(&info), "");
    let info = String::from_utf8(info.stdout).unwrap();
    assert!(info.lines().next().unwrap().contains(&count), "{info}");
    assert!(info.contains("loop forever"), "{info}");
}

/// RGB bytes of the pictures. Each occurs once, whatever its delay.
fn ffmpeg(gif: &Path) -> Output {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-xerror", "-i"])
        .arg(gif)
        .args([
            "-vsync",
            "passthrough",
            "-pix_fmt",
            "rgb24",
            "-f",
            "rawvideo",
            "-",
        ]);
    finish(&mut command)
}

fn pillow(gif: &Path) -> Output {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/python");
    finish(
        Command::new(python)
            .args(["-W", "error", "-c", PILLOW])
            .arg(gif),
    )
}

fn finish(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `make setup` installs it"));
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn rgb(picture: RgbaImage) -> Vec<u8> {
    DynamicImage::from(picture).into_rgb8().into_raw()
}
