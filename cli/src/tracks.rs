//! `gifgen export`: writes tracks for other players over an overview that is rendered, and renders nothing.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use gifgen_ledger::Manifest;
use gifgen_shared::TrackFormat;
use gifgen_tracks::{TrackError, TrackFile, track_files};
use serde::Serialize;
use serde_json::json;

use crate::{
    options::{ExportOptions, RunOfVideo},
    output::print,
    printable::in_line,
    regular::{is_folder, read_regular},
    remote::{Remote, RemoteError},
    sheets,
};

/// Why `export` failed.
#[derive(Debug, thiserror::Error)]
pub enum TracksError {
    /// There is no manifest in the folder, and no bucket is named.
    #[error("{} has no manifest.json: name the folder of a video that `gifgen run` has written, such as gifgen-out/film.mp4, or the key of a video with --bucket", in_line(&folder.to_string_lossy()))]
    NoManifest {
        /// The folder as given.
        folder: PathBuf,
    },
    /// The manifest is none.
    #[error("{} makes no sense", in_line(&file.to_string_lossy()))]
    Manifest {
        /// The file.
        file: PathBuf,
        /// Where it makes no sense.
        source: serde_json::Error,
    },
    /// The manifest names sheets that cannot be.
    #[error("{} makes no sense: {problem}", in_line(&file.to_string_lossy()))]
    Sheets {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is nothing to make tracks of.
    #[error("{} has no overview, or one that is not whole: make it with `gifgen run --overview keyframes`", in_line(&folder.to_string_lossy()))]
    NoOverview {
        /// The folder as given.
        folder: PathBuf,
    },
    /// A sheet is not as the manifest says.
    #[error(transparent)]
    Track(#[from] TrackError<io::Error>),
    /// A file cannot be read or written.
    #[error("failed to {action} {}", in_line(&file.to_string_lossy()))]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run in the bucket cannot be read, or its tracks cannot be written.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl TracksError {
    /// Exit code: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoManifest { .. } => 2,
            Self::Remote(error) => error.exit_code(),
            _ => 1,
        }
    }
}

/// What was written. Its JSON is the output of `gifgen export --json`.
#[derive(Debug, Serialize)]
struct Exported {
    /// Paths of the files, or keys of the objects, in order.
    files: Vec<String>,
    /// Total size in bytes.
    bytes: u64,
}

/// Writes the tracks, prints their names, and returns the exit code.
///
/// # Errors
/// If there is no overview, or a file or object cannot be read or written.
pub async fn export_tracks(options: &ExportOptions) -> Result<u8, TracksError> {
    let exported = match &options.bucket {
        None => in_folder(Path::new(&options.of), &options.formats)?,
        Some(bucket) => in_bucket(options, bucket.clone()).await?,
    };
    let text = if options.json {
        json!(exported).to_string()
    } else {
        let names: Vec<_> = exported.files.iter().map(|file| in_line(file)).collect();
        names.join("\n")
    };
    print(&text).map_err(RemoteError::from)?;
    Ok(0)
}

/// Writes the tracks of a video that `gifgen run` has rendered to `folder`.
fn in_folder(folder: &Path, formats: &[TrackFormat]) -> Result<Exported, TracksError> {
    let file = folder.join("manifest.json");
    let text = match read_regular(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = folder.to_owned();
            return Err(TracksError::NoManifest { folder });
        }
        Err(error) => return Err(failed("read", &file)(error)),
    };
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|source| TracksError::Manifest {
            file: file.clone(),
            source,
        })?;
    if let Some(problem) = sheets::problem(&manifest) {
        return Err(TracksError::Sheets { file, problem });
    }
    let storyboard = manifest
        .storyboard()
        .ok_or_else(|| TracksError::NoOverview {
            folder: folder.to_owned(),
        })?;
    let mut exported = Exported {
        files: Vec::new(),
        bytes: 0,
    };
    for format in formats {
        let read = |url: &str| sheets::read_sheet(folder, &manifest, url);
        for TrackFile { name, bytes, .. } in track_files(*format, &storyboard, read)? {
            let path = folder.join(&name);
            write_inside(folder, &name, &bytes).map_err(failed("write", &path))?;
            exported.bytes += bytes.len() as u64;
            exported.files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(exported)
}

/// Writes the file `name` below `folder` as a whole. It replaces a file, but nothing that leads elsewhere.
fn write_inside(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    let mut parent = folder.to_owned();
    for part in Path::new(name).parent().into_iter().flatten() {
        parent.push(part);
        match fs::create_dir(&parent) {
            Err(_) if is_folder(&parent) => {}
            made => made?,
        }
    }
    if fs::symlink_metadata(&path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("it is there, and no regular file"));
    }
    let new = parent.join(format!(".gifgen-export-{}", std::process::id()));
    let mut file = File::options().write(true).create_new(true).open(&new)?;
    let written = file.write_all(bytes);
    let written = written.and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written
}

/// Writes the tracks of a video on AWS, beside its other objects.
async fn in_bucket(options: &ExportOptions, bucket: String) -> Result<Exported, TracksError> {
    let of = RunOfVideo {
        key: options.of.clone(),
        bucket,
        destination_bucket: options.destination_bucket.clone(),
        json: options.json,
    };
    let remote = Remote::connect(&of, None).await?;
    let (run, _) = remote.run(&of.bucket).await?;
    let exporting = remote.ledger.export_tracks(&run, options.formats.clone());
    let objects = exporting.await.map_err(RemoteError::from)?;
    Ok(Exported {
        bytes: objects.iter().map(|object| object.bytes).sum(),
        files: objects.into_iter().map(|object| object.key).collect(),
    })
}

fn failed(action: &'static str, file: &Path) -> impl Fn(io::Error) -> TracksError {
    move |source| TracksError::File {
        action,
        file: file.to_owned(),
        source,
    }
}
