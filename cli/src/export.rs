//! Moves the previews from the embedded store into the output folder.

use std::{
    collections::HashSet,
    fs, io,
    path::{Component, Path, PathBuf},
};

use gifgen_shared::output_keys::{PREVIEW_FOLDERS, RECEIPTS_FOLDER, TRACKS_FOLDER, is_output};
use gifgen_stack::ObjectInfo;
use serde::Serialize;

/// What was exported. Its JSON is part of the summary of `gifgen run`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    pub files: u64,
    /// Total size in bytes.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system refuses.
    #[error("failed to write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key is no path below the output folder.
    #[error("the key {key:?} names no file inside the output folder; give the video another key")]
    Outside { key: String },
}

/// Moves `objects` into `out`, by their keys. Files of an earlier run of the same video that this run
/// did not make are removed, so that the folder never mixes two runs. A run without results replaces
/// nothing.
///
/// # Errors
/// At the first file that cannot be written, or whose key leads out of `out`.
pub fn export(objects: &[ObjectInfo], out: &Path) -> Result<Exported, ExportError> {
    let mut exported = Exported::default();
    let mut files = HashSet::new();
    let runs = objects
        .iter()
        .filter_map(|object| object.key.strip_suffix("/run.json"));
    let (begun, idle): (Vec<&str>, Vec<&str>) = runs.partition(|video| {
        // What is adopted is of an earlier run.
        let new = objects.iter().filter(|object| !object.adopted);
        let mut names = new.filter_map(|object| within(&object.key, video));
        names.any(|name| !is_written_before_slices(name))
    });
    let is_of_idle = |object: &&ObjectInfo| {
        let mut idle = idle.iter();
        idle.any(|video| within(&object.key, video).is_some())
    };
    let videos: Vec<PathBuf> = begun
        .iter()
        .map(|video| target(out, video))
        .collect::<Result<_, _>>()?;
    // The files that say that a run is complete are removed first and written last.
    for video in &videos {
        for said in ["manifest.json", "storyboard.vtt", "overview.vtt"] {
            remove(&video.join(said))?;
        }
    }
    let (last, first): (Vec<_>, Vec<_>) = (objects.iter().filter(|object| !is_of_idle(object)))
        .partition(|object| object.key.ends_with("/manifest.json"));
    for object in first {
        place(object, out, &mut files, &mut exported)?;
    }
    // An earlier run may have made kinds of previews that this one does not make.
    for video in &videos {
        let receipts = subfolders(&video.join(RECEIPTS_FOLDER))?;
        let previews = PREVIEW_FOLDERS.map(|name| video.join(name));
        let tracks = all_subfolders(&video.join(TRACKS_FOLDER))?;
        for folder in previews.into_iter().chain(receipts).chain(tracks) {
            if folder.is_dir() {
                remove_stale(&folder, &files)?;
            }
        }
    }
    for object in last {
        place(object, out, &mut files, &mut exported)?;
    }
    Ok(exported)
}

/// Name of the object `key` inside the folder of `video`; `None` if it is elsewhere.
fn within<'a>(key: &'a str, video: &str) -> Option<&'a str> {
    key.strip_prefix(video)?.strip_prefix('/')
}

/// Whether the splitter writes the object before the first slice.
fn is_written_before_slices(name: &str) -> bool {
    name == "run.json" || (name.starts_with(RECEIPTS_FOLDER) && name.ends_with("/index"))
}

/// Moves one object to its path in `out`.
fn place(
    object: &ObjectInfo,
    out: &Path,
    files: &mut HashSet<PathBuf>,
    exported: &mut Exported,
) -> Result<(), ExportError> {
    let target = target(out, &object.key)?;
    let failed = failed_at(&target);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::rename(&object.body, &target).map_err(failed)?;
    files.insert(target);
    exported.files += 1;
    exported.bytes += object.bytes;
    Ok(())
}

/// Adds the file or folder to what the system said.
fn failed_at(path: &Path) -> impl Fn(io::Error) -> ExportError + Copy {
    move |source| ExportError::Write {
        path: path.to_owned(),
        source,
    }
}

/// Removes `file` if it exists.
fn remove(file: &Path) -> Result<(), ExportError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed_at(file)(error)),
        _ => Ok(()),
    }
}

/// Path of the file for `key`. Keys come from events and uploads, so none may lead out of `out`.
fn target(out: &Path, key: &str) -> Result<PathBuf, ExportError> {
    let relative = Path::new(key);
    let is_inside = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !is_inside {
        return Err(ExportError::Outside {
            key: key.to_owned(),
        });
    }
    Ok(out.join(relative))
}

/// The folders in `folder`; none if it does not exist.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let failed = failed_at(folder);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    paths.collect()
}

/// The folders in `folder` and in these.
fn all_subfolders(folder: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let mut all = subfolders(folder)?;
    all.retain(|path| path.is_dir());
    for below in all.clone() {
        all.extend(all_subfolders(&below)?);
    }
    Ok(all)
}

fn remove_stale(folder: &Path, fresh: &HashSet<PathBuf>) -> Result<(), ExportError> {
    let failed = failed_at(folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !fresh.contains(&path) && is_output(&path.to_string_lossy()) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leads_out_of_the_folder() {
        let out = Path::new("/previews");
        for key in ["../a", "/etc/passwd", "a/../../b", "./a"] {
            assert!(target(out, key).is_err(), "{key}");
        }
        assert_eq!(target(out, "a/..b.gif").unwrap(), out.join("a/..b.gif"));
    }
}
