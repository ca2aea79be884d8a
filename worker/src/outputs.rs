//! Checks the files that FFmpeg and the encoder wrote. Neither FFmpeg's exit code nor a successful
//! write proves that they are whole.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use gifgen_shared::Frames;

use crate::{ffmpeg_args::STORYBOARD_FILE, gif::GIF_FILE, job::SliceSpec};

/// The outputs of a slice, all of them there and whole.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// The GIF.
    pub gif: PathBuf,
    /// Size of the GIF, in bytes.
    pub gif_bytes: u64,
    /// The stills by their seconds, in frames mode `each`.
    pub stills: Vec<(u32, PathBuf)>,
    /// The sprite sheet, in frames mode `storyboard`.
    pub storyboard: Option<PathBuf>,
}

/// An output that is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{file} {problem}")]
pub(crate) struct WrongOutput {
    file: String,
    problem: String,
}

/// Checks the outputs of a slice in `directory`: the GIF has its size and exactly its frames, every
/// still is there and is a whole JPG, and there is none too many.
///
/// # Errors
/// At the first output that is wrong.
pub(crate) fn check(spec: &SliceSpec, directory: &Path) -> Result<Outputs, WrongOutput> {
    let gif = directory.join(GIF_FILE);
    check_gif(spec, &gif).map_err(|problem| wrong(&gif, problem))?;
    let gif_bytes = fs::metadata(&gif)
        .map_err(|error| wrong(&gif, error.to_string()))?
        .len();
    let mut outputs = Outputs {
        gif,
        gif_bytes,
        stills: Vec::new(),
        storyboard: None,
    };
    match spec.settings.frames {
        Frames::None => {}
        Frames::Each | Frames::Both => {
            for second in spec.slice.still_seconds() {
                let still = directory.join(format!("{second:06}.jpg"));
                check_jpg(&still).map_err(|problem| wrong(&still, problem))?;
                outputs.stills.push((second, still));
            }
            let one_more = spec.slice.still_seconds().end;
            let surplus = directory.join(format!("{one_more:06}.jpg"));
            if surplus.exists() {
                return Err(wrong(&surplus, "is one more than the slice has".into()));
            }
        }
        Frames::Storyboard => {
            let sheet = directory.join(STORYBOARD_FILE);
            check_jpg(&sheet).map_err(|problem| wrong(&sheet, problem))?;
            outputs.storyboard = Some(sheet);
        }
    }
    Ok(outputs)
}

fn wrong(file: &Path, problem: String) -> WrongOutput {
    let name = file.file_name().unwrap_or_default();
    WrongOutput {
        file: name.to_string_lossy().into_owned(),
        problem,
    }
}

fn check_gif(spec: &SliceSpec, path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("is not there: {error}"))?;
    let mut options = gif::DecodeOptions::new();
    // The frames are counted, not unpacked: the encoder's tests do that.
    options.skip_frame_decoding(true);
    let mut decoder = options
        .read_info(BufReader::new(file))
        .map_err(|error| format!("has no GIF header: {error}"))?;
    let size = (u32::from(decoder.width()), u32::from(decoder.height()));
    if size != spec.gif_size() {
        return Err(format!("has {size:?} pixels, not {:?}", spec.gif_size()));
    }
    let wanted = spec.gif_frames();
    let mut frames = 0;
    while decoder
        .read_next_frame()
        .map_err(|error| format!("breaks off after {frames} frames: {error}"))?
        .is_some()
    {
        frames += 1;
    }
    if frames != wanted {
        return Err(format!("has {frames} frames, not {wanted}"));
    }
    Ok(())
}

/// Checks that a file starts and ends as a JPG does.
fn check_jpg(path: &Path) -> Result<(), String> {
    let ends = |path: &Path| -> io::Result<([u8; 2], [u8; 2])> {
        let mut file = File::open(path)?;
        let (mut first, mut last) = ([0; 2], [0; 2]);
        file.read_exact(&mut first)?;
        file.seek(SeekFrom::End(-2))?;
        file.read_exact(&mut last)?;
        Ok((first, last))
    };
    match ends(path) {
        Ok(([0xFF, 0xD8], [0xFF, 0xD9])) => Ok(()),
        Ok(_) => Err("is no whole JPG".into()),
        Err(error) => Err(format!("is not there or empty: {error}")),
    }
}
