//! The measured files, remuxed from the shared clip without re-encoding.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use rustix::fs::statvfs;

use super::bounds::Bounds;
use crate::{clip::Clip, run::finish};

/// A file to read.
#[derive(Clone, Copy, Debug)]
pub struct Medium {
    /// Name in the table.
    pub name: &'static str,
    /// File name in the folder.
    file: &'static str,
    seconds: u32,
    /// Output options of FFmpeg.
    args: &'static [&'static str],
    /// Whether FFmpeg writes to a pipe, so that it cannot seek back.
    piped: bool,
    /// Bounds of reading it.
    pub bounds: Bounds,
}

const TEN_MINUTES: u32 = 600;
const THREE_HOURS: u32 = 3 * 3600;

/// Fragments of two seconds, regardless of keyframes.
const FRAGMENTS: [&str; 2] = ["-frag_duration", "2000000"];

/// All files, in the order of the table.
pub const MEDIA: &[Medium] = &[
    Medium::new("MP4", "mp4.mp4", &[], Bounds::MP4),
    Medium::new(
        "fragmented MP4",
        "fragmented.mp4",
        &[
            FRAGMENTS[0],
            FRAGMENTS[1],
            "-movflags",
            "+empty_moov+default_base_moof+skip_trailer",
        ],
        Bounds::FRAGMENTS_WITHOUT_INDEX,
    ),
    Medium::new(
        "fragmented MP4, sidx",
        "fragmented-sidx.mp4",
        &[
            FRAGMENTS[0],
            FRAGMENTS[1],
            "-movflags",
            "+empty_moov+default_base_moof+global_sidx+skip_trailer",
        ],
        Bounds::FRAGMENTS,
    ),
    // FFmpeg can use the index here: it searches the fragment that the index names for a keyframe.
    Medium::new(
        "fragmented MP4, sidx, at keyframes",
        "fragmented-keyframes.mp4",
        &[
            "-movflags",
            "+frag_keyframe+empty_moov+default_base_moof+global_sidx+skip_trailer",
        ],
        Bounds::FRAGMENTS,
    ),
    Medium::new(
        "fragmented MP4, mfra",
        "fragmented-mfra.mp4",
        &[
            FRAGMENTS[0],
            FRAGMENTS[1],
            "-movflags",
            "+empty_moov+default_base_moof",
        ],
        Bounds::FRAGMENTS,
    ),
    Medium::new("MKV, cues", "cues.mkv", &[], Bounds::CLUSTERS),
    // FFmpeg writes cues last, and none if it cannot seek back to store their position.
    Medium {
        piped: true,
        ..Medium::new(
            "MKV, no cues",
            "no-cues.mkv",
            &["-f", "matroska"],
            Bounds::CLUSTERS,
        )
    },
    Medium::new("MPEG-TS", "ts.ts", &[], Bounds::CLUSTERS),
    Medium::new("AVI", "avi.avi", &[], Bounds::OTHER),
    Medium::new("FLV", "flv.flv", &[], Bounds::OTHER),
    Medium {
        seconds: THREE_HOURS,
        ..Medium::new(
            "3-hour MP4, moov at the end",
            "three-hours-end.mp4",
            &[],
            Bounds::MP4,
        )
    },
    Medium {
        seconds: THREE_HOURS,
        ..Medium::new(
            "3-hour MP4, moov in front",
            "three-hours-front.mp4",
            &["-movflags", "+faststart"],
            Bounds::MP4,
        )
    },
];

impl Medium {
    const fn new(
        name: &'static str,
        file: &'static str,
        args: &'static [&'static str],
        bounds: Bounds,
    ) -> Self {
        Self {
            name,
            file,
            seconds: TEN_MINUTES,
            args,
            piped: false,
            bounds,
        }
    }

    /// Whether the file takes gigabytes.
    pub fn is_long(&self) -> bool {
        self.seconds == THREE_HOURS
    }

    /// Object key.
    pub fn key(&self) -> &'static str {
        self.file
    }

    /// Creates the file in `folder` from `clip`, unless it exists.
    ///
    /// # Errors
    /// The disk is too full, or FFmpeg fails.
    pub fn make(&self, clip: &Clip, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(self.file);
        if path.is_file() {
            return Ok(path);
        }
        let base = with_sound(clip, folder)?;
        let bytes = fs::metadata(&base)?.len() as f64 * f64::from(self.seconds) / clip.seconds;
        room_for(bytes, folder)?;
        eprintln!("{}: making {}", self.name, path.display());
        // Under a temporary name, so that an unfinished file is not taken for a complete one.
        let partial = folder.join(format!("partial-{}", self.file));
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i"]);
        command.arg(base).args(["-map", "0", "-c", "copy"]);
        command.args(["-t", &self.seconds.to_string()]);
        command.args(self.args);
        if self.piped {
            command.arg("pipe:1").stdout(File::create(&partial)?);
            let status = command.stdin(Stdio::null()).status()?;
            ensure!(status.success(), "ffmpeg failed to make {}", self.name);
        } else {
            finish(command.arg(&partial))?;
        }
        fs::rename(partial, &path)?;
        Ok(path)
    }
}

/// Adds audio of 128 kbit/s to the clip, which has none: otherwise its pictures would be
/// contiguous. The audio is noise, because anything else compresses better.
fn with_sound(clip: &Clip, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("with-sound.mp4");
    if path.is_file() {
        return Ok(path);
    }
    let partial = folder.join("partial-with-sound.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]);
    command.arg(&clip.path);
    command.args(["-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.1:seed=1"]);
    command.args(["-map", "0:V:0", "-map", "1:a", "-c:v", "copy", "-shortest"]);
    command.args(["-c:a", "aac", "-b:a", "128k", "-ac", "2"]);
    finish(command.arg(&partial))?;
    fs::rename(partial, &path)?;
    Ok(path)
}

/// Checks the free disk space. `+faststart` rewrites a file in place, so only its own size is
/// needed, and a gigabyte more for others.
fn room_for(bytes: f64, folder: &Path) -> Result<()> {
    let disk = statvfs(folder).context("failed to ask how much room there is")?;
    let free = (disk.f_bavail * disk.f_frsize) as f64;
    ensure!(
        free > bytes + 1e9,
        "{} has {:.1} GB left, and {:.1} are needed: set GIFGEN_BENCH_FOLDER to a folder that has \
         them, or GIFGEN_BENCH_SHORT=1 to leave the 3-hour files out",
        folder.display(),
        free / 1e9,
        bytes / 1e9 + 1.0
    );
    Ok(())
}

/// Size of the file's `moov` box, in bytes; 0 if it has none.
///
/// # Errors
/// The file cannot be read.
pub fn moov_bytes(path: &Path) -> Result<u64> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let (mut at, mut head) = (0, [0; 16]);
    while at + 16 <= end {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let size = match number(&head[..4]) {
            1 => number(&head[8..]),
            size => size,
        };
        if &head[4..8] == b"moov" {
            return Ok(size);
        }
        // Not a box, so the file is not an MP4.
        if size < 8 {
            break;
        }
        at = at.saturating_add(size);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moov_is_found_behind_a_box_with_a_long_size() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let boxes = [
            b"\0\0\0\x08free".as_slice(),
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x14abcd",
            b"\0\0\0\x0cmoov1234",
            b"padding!",
        ];
        std::io::Write::write_all(&mut file, &boxes.concat()).unwrap();
        assert_eq!(moov_bytes(file.path()).unwrap(), 12);
    }
}
