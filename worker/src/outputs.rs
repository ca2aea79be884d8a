//! Checks the files that FFmpeg and the encoder wrote. Neither FFmpeg's exit code nor a successful
//! write proves that they are whole.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use gifgen_shared::{Frames, Gifs};

use crate::{ffmpeg_args::STORYBOARD_FILE, gif::GIF_FILE, job::SliceSpec};

/// The outputs of a slice, all of them there and whole.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// The GIF, if GIFs are wanted.
    pub gif: Option<GifFile>,
    /// The stills by their seconds, in frames modes `each` and `both`.
    pub stills: Vec<(u32, PathBuf)>,
    /// The sprite sheet, in frames modes `storyboard` and `both`.
    pub storyboard: Option<PathBuf>,
}

/// A GIF.
#[derive(Debug)]
pub(crate) struct GifFile {
    pub path: PathBuf,
    /// Its size, in bytes.
    pub bytes: u64,
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
    let (stills, sheet) = match spec.settings.frames {
        Frames::None => (false, false),
        Frames::Each => (true, false),
        Frames::Storyboard => (false, true),
        Frames::Both => (true, true),
    };
    Ok(Outputs {
        gif: match spec.settings.gifs {
            Gifs::Each => Some(checked_gif(spec, directory)?),
            Gifs::None => None,
        },
        stills: match stills {
            true => checked_stills(spec, directory)?,
            false => Vec::new(),
        },
        storyboard: match sheet {
            true => Some(checked_jpg(directory.join(STORYBOARD_FILE))?),
            false => None,
        },
    })
}

fn checked_gif(spec: &SliceSpec, directory: &Path) -> Result<GifFile, WrongOutput> {
    let path = directory.join(GIF_FILE);
    check_gif(spec, &path).map_err(|problem| wrong(&path, problem))?;
    let metadata = fs::metadata(&path);
    let metadata = metadata.map_err(|error| wrong(&path, error.to_string()))?;
    let bytes = metadata.len();
    Ok(GifFile { path, bytes })
}

fn checked_stills(spec: &SliceSpec, directory: &Path) -> Result<Vec<(u32, PathBuf)>, WrongOutput> {
    let seconds = spec.slice.still_seconds();
    let surplus = directory.join(format!("{:06}.jpg", seconds.end));
    let still = |second: u32| {
        let still = checked_jpg(directory.join(format!("{second:06}.jpg")))?;
        Ok((second, still))
    };
    let stills = seconds.map(still).collect::<Result<_, _>>()?;
    if surplus.exists() {
        return Err(wrong(&surplus, "is one more than the slice has".into()));
    }
    Ok(stills)
}

/// A JPG that starts and ends as one does.
///
/// # Errors
/// If it is not there, or not whole.
pub(crate) fn checked_jpg(path: PathBuf) -> Result<PathBuf, WrongOutput> {
    match check_jpg(&path) {
        Ok(()) => Ok(path),
        Err(problem) => Err(wrong(&path, problem)),
    }
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
