//! The files that are read, made of the shared clip without encoding it again.

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
    /// What it is called in the table.
    pub name: &'static str,
    /// Its name in the folder.
    file: &'static str,
    seconds: u32,
    /// Arguments that come before the output's name.
    args: &'static [&'static str],
    /// Whether FFmpeg writes it to a pipe, so that it can go back for nothing.
    piped: bool,
    /// What reading it must not exceed.
    pub bounds: Bounds,
}

const TEN_MINUTES: u32 = 600;
const THREE_HOURS: u32 = 3 * 3600;

/// Fragments of two seconds, wherever the keyframes are.
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
    // Where FFmpeg can make use of the index: it looks for a keyframe in the fragment that this names.
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
    // Cues come last, and FFmpeg writes none if it cannot go back and say where they are.
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

    /// Whether it is one of those that take gigabytes.
    pub fn is_long(&self) -> bool {
        self.seconds == THREE_HOURS
    }

    /// Its name as an object.
    pub fn key(&self) -> &'static str {
        self.file
    }

    /// Makes the file in `folder` out of `clip`, unless it is there.
    ///
    /// # Errors
    /// If there is no room for it, or FFmpeg fails.
    pub fn make(&self, clip: &Clip, folder: &Path) -> Result<PathBuf> {
        let made = folder.join(self.file);
        if made.is_file() {
            return Ok(made);
        }
        let base = with_sound(clip, folder)?;
        let bytes = fs::metadata(&base)?.len() as f64 * f64::from(self.seconds) / clip.seconds;
        room_for(bytes, folder)?;
        eprintln!("{}: making {}", self.name, made.display());
        // A name of its own, so that what was begun and not finished is not taken for it.
        let begun = folder.join(format!("begun-{}", self.file));
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i"]);
        command.arg(base).args(["-map", "0", "-c", "copy"]);
        command.args(["-t", &self.seconds.to_string()]);
        command.args(self.args);
        if self.piped {
            command.arg("pipe:1").stdout(File::create(&begun)?);
            let status = command.stdin(Stdio::null()).status()?;
            ensure!(status.success(), "ffmpeg failed to make {}", self.name);
        } else {
            finish(command.arg(&begun))?;
        }
        fs::rename(begun, &made)?;
        Ok(made)
    }
}

/// The clip with a sound of 128 kbit/s, which it lacks: else there would be nothing between its
/// pictures. Noise, for what compresses better takes less.
fn with_sound(clip: &Clip, folder: &Path) -> Result<PathBuf> {
    let made = folder.join("with-sound.mp4");
    if made.is_file() {
        return Ok(made);
    }
    let begun = folder.join("begun-with-sound.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]);
    command.arg(&clip.path);
    command.args(["-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.1:seed=1"]);
    command.args(["-map", "0:V:0", "-map", "1:a", "-c:v", "copy", "-shortest"]);
    command.args(["-c:a", "aac", "-b:a", "128k", "-ac", "2"]);
    finish(command.arg(&begun))?;
    fs::rename(begun, &made)?;
    Ok(made)
}

/// `+faststart` writes a file twice, in place: nothing more than the file itself is needed, and a
/// gigabyte should be left for others.
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

/// Size of the `moov` box of the file, in bytes; 0 where there is none.
///
/// # Errors
/// If the file cannot be read.
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
        // Neither a box nor an MP4.
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
