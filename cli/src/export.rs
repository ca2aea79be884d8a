//! Moves the previews from the embedded store into the output folder.

use std::{
    collections::HashSet,
    fs, io,
    path::{Component, Path, PathBuf},
};

use gifgen_ledger::Receipt;
use gifgen_shared::output_keys::{
    PREVIEW_FOLDERS, RECEIPTS_FOLDER, TRACKS_FOLDER, is_output, is_preview,
};
use gifgen_stack::ObjectInfo;
use serde::Serialize;

use crate::regular::is_folder;

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
/// did not make are removed, so that the folder never mixes two runs, unless `keep_old`. A run without results replaces
/// nothing.
///
/// # Errors
/// At the first file that cannot be written, or whose key leads out of `out`.
pub fn export(objects: &[ObjectInfo], out: &Path, keep_old: bool) -> Result<Exported, ExportError> {
    let mut exported = Exported::default();
    let mut files = HashSet::new();
    let runs = objects
        .iter()
        .filter_map(|object| object.key.strip_suffix("/run.json"));
    let (begun, idle): (Vec<&str>, Vec<&str>) = runs.partition(|video| has_begun(objects, video));
    // An event can be replayed without a run. What was adopted for a run that was stopped before it began is no result.
    let is_result = |object: &&ObjectInfo| {
        if object.adopted {
            is_of(&begun, &object.key)
        } else {
            !is_of(&idle, &object.key)
        }
    };
    let videos: Vec<PathBuf> = begun
        .iter()
        .map(|video| target(out, video))
        .collect::<Result<_, _>>()?;
    // The file that says that a run is complete is removed first and written last.
    let tracks = ["storyboard.vtt", "overview.vtt"];
    let tracks = tracks.into_iter().filter(|_| !keep_old);
    let said: Vec<&str> = ["manifest.json"].into_iter().chain(tracks).collect();
    for video in &videos {
        for name in &said {
            remove(&video.join(name))?;
        }
    }
    let (last, first): (Vec<_>, Vec<_>) = (objects.iter().filter(is_result))
        .partition(|object| object.key.ends_with("/manifest.json"));
    for object in first {
        place(object, out, &mut files, &mut exported)?;
    }
    // An earlier run may have made kinds of previews that this one does not make.
    for video in videos.iter().filter(|_| !keep_old) {
        // A link to a folder is not followed: what is there is not ours.
        let receipts = subfolders(&video.join(RECEIPTS_FOLDER))?;
        let previews = PREVIEW_FOLDERS.map(|name| video.join(name));
        let tracks = all_subfolders(&video.join(TRACKS_FOLDER))?;
        for folder in previews.into_iter().chain(receipts).chain(tracks) {
            if is_folder(&folder) {
                remove_stale(&folder, &files)?;
            }
        }
    }
    for object in last {
        place(object, out, &mut files, &mut exported)?;
    }
    for video in &videos {
        remove_empty(video)?;
    }
    Ok(exported)
}

/// Whether the object `key` is of one of these videos.
fn is_of(videos: &[&str], key: &str) -> bool {
    videos.iter().any(|video| within(key, video).is_some())
}

/// Name of the object `key` inside the folder of `video`; `None` if it is elsewhere.
fn within<'a>(key: &'a str, video: &str) -> Option<&'a str> {
    key.strip_prefix(video)?.strip_prefix('/')
}

/// Whether the current run of `video` has made something: a preview, a receipt of its own, or its manifest. A run that
/// was stopped before has only taken over what is there, and made tracks over that.
fn has_begun(objects: &[ObjectInfo], video: &str) -> bool {
    let mut new = objects.iter().filter(|object| !object.adopted);
    new.any(|object| {
        let name = within(&object.key, video);
        name.is_some_and(|name| match name.split_once('/') {
            None => name == "manifest.json",
            Some((RECEIPTS_FOLDER, _)) => is_own_receipt(&object.body),
            Some((TRACKS_FOLDER, _)) => false,
            Some((folder, file)) => is_preview(folder, file),
        })
    })
}

/// Whether `file` is the receipt of a job that was not taken over from an earlier run.
fn is_own_receipt(file: &Path) -> bool {
    let receipt = fs::read(file).ok();
    let receipt = receipt.and_then(|text| serde_json::from_slice::<Receipt>(&text).ok());
    receipt.is_some_and(|receipt| receipt.taken_from.is_none())
}

/// Moves one object to its path in `out`. What is adopted is there already, and is not moved.
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
    if !object.adopted {
        fs::rename(&object.body, &target).map_err(failed)?;
    }
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

/// The folders in `folder`; none if it is no folder.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, ExportError> {
    if !is_folder(folder) {
        return Ok(Vec::new());
    }
    let failed = failed_at(folder);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    Ok(paths.into_iter().filter(|path| is_folder(path)).collect())
}

/// The folders in `folder` and in these.
fn all_subfolders(folder: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let mut all = subfolders(folder)?;
    for below in all.clone() {
        all.extend(all_subfolders(&below)?);
    }
    Ok(all)
}

fn remove_stale(folder: &Path, fresh: &HashSet<PathBuf>) -> Result<(), ExportError> {
    let failed = failed_at(folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_stale = !fresh.contains(&path) && is_output(&path.to_string_lossy());
        if is_stale && !is_folder(&path) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes the empty folders among those that a run makes for `video`.
fn remove_empty(video: &Path) -> Result<(), ExportError> {
    for name in PREVIEW_FOLDERS.into_iter().chain([RECEIPTS_FOLDER]) {
        let folder = video.join(name);
        let below = all_subfolders(&folder)?;
        for folder in below.iter().rev().chain([&folder]) {
            // One that is not empty stays.
            fs::remove_dir(folder).ok();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use gifgen_stack::Stack;
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    /// A store and an output folder.
    struct Folders {
        stack: Stack,
        store: TempDir,
        out: TempDir,
    }

    impl Folders {
        async fn new() -> Self {
            let store = tempfile::tempdir().unwrap();
            let stack = Stack::start(store.path()).await.unwrap();
            stack.store().create_bucket("previews").await.unwrap();
            let out = tempfile::tempdir().unwrap();
            Self { stack, store, out }
        }

        fn path(&self, key: &str) -> PathBuf {
            self.out.path().join(key)
        }

        /// A file that is in the output folder.
        fn old(&self, key: &str) -> PathBuf {
            let path = self.path(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "old").unwrap();
            path
        }

        async fn adopted(&self, key: &str, body: &Path) -> ObjectInfo {
            let store = self.stack.store();
            store.adopt("previews", key, body).await.unwrap()
        }

        /// An object that this run has made.
        async fn made(&self, key: &str, content: &str) -> ObjectInfo {
            let body = self.store.path().join(key.replace('/', "+"));
            fs::write(&body, content).unwrap();
            let mut object = self.adopted(key, &body).await;
            object.adopted = false;
            object
        }
    }

    #[tokio::test]
    async fn what_is_adopted_stays_where_it_is() {
        let folders = Folders::new().await;
        let elsewhere = folders.store.path().join("a picture");
        fs::write(&elsewhere, "old").unwrap();
        let gif = folders.old("a.mp4/gifs/000000.gif");
        let objects = [
            folders.made("a.mp4/run.json", "{}").await,
            folders.made("a.mp4/manifest.json", "{}").await,
            folders.adopted("a.mp4/gifs/000000.gif", &gif).await,
            folders.adopted("a.mp4/gifs/000030.gif", &elsewhere).await,
        ];
        let stale = folders.old("a.mp4/gifs/000060.gif");
        let others = folders.store.path().join("gifs");
        fs::create_dir(&others).unwrap();
        fs::write(others.join("000000.jpg"), "of another").unwrap();
        symlink(&others, folders.path("a.mp4/frames")).unwrap();
        fs::create_dir(folders.path("a.mp4/gifs/000090.gif")).unwrap();
        export(&objects, folders.out.path(), false).unwrap();
        assert!(elsewhere.is_file() && folders.path("a.mp4/gifs/000000.gif").is_file());
        assert!(others.join("000000.jpg").is_file() && !stale.exists());
    }

    #[tokio::test]
    async fn a_run_that_has_made_nothing_replaces_nothing() {
        let receipt = |taken_from: Option<u32>| {
            json!({"schemaVersion": 1, "run": 2, "runCreatedAt": "2026-01-01T00:00:00Z", "index": 0,
                "start": 0, "end": 30, "error": {"reason": "a", "message": "b"}, "takenFrom": taken_from,
                "attempt": 1, "finishedAt": "2026-01-01T00:00:00Z",
                "work": {"workerMs": 1, "renderMs": 1, "gifMs": 0, "uploadMs": 0}})
            .to_string()
        };
        for (taken_from, is_left) in [(Some(1), true), (None, false)] {
            let folders = Folders::new().await;
            let manifest = folders.old("a.mp4/manifest.json");
            let track = folders.old("a.mp4/overview.vtt");
            let gif = folders.old("a.mp4/gifs/000000.gif");
            let receipt = receipt(taken_from);
            let objects = [
                folders.made("a.mp4/run.json", "{}").await,
                folders.made("a.mp4/receipts/2/index", "x").await,
                folders.made("a.mp4/receipts/2/000000.json", &receipt).await,
                folders.made("a.mp4/receipts/2/overview.json", "{}").await,
                folders.made("a.mp4/overview.vtt", "new").await,
                folders.adopted("a.mp4/gifs/000000.gif", &gif).await,
            ];
            let exported = export(&objects, folders.out.path(), false).unwrap();
            assert_eq!(exported == Exported::default(), is_left);
            assert_eq!(manifest.exists(), is_left);
            assert_eq!(fs::read_to_string(&track).unwrap() == "old", is_left);
        }
    }

    #[tokio::test]
    async fn folders_that_become_empty_are_removed() {
        let folders = Folders::new().await;
        folders.old("a.mp4/tracks/jellyfin/160 - 10x10/0.jpg");
        folders.old("a.mp4/receipts/1/000000.json");
        let own = folders.old("a.mp4/frames/my own notes");
        let objects = [
            folders.made("a.mp4/run.json", "{}").await,
            folders.made("a.mp4/manifest.json", "{}").await,
        ];
        export(&objects, folders.out.path(), false).unwrap();
        for name in ["tracks", "receipts"] {
            assert!(!folders.path("a.mp4").join(name).exists(), "{name}");
        }
        assert!(own.is_file());
    }

    #[test]
    fn no_key_leads_out_of_the_folder() {
        let out = Path::new("/previews");
        for key in ["../a", "/etc/passwd", "a/../../b", "./a"] {
            assert!(target(out, key).is_err(), "{key}");
        }
        assert_eq!(target(out, "a/..b.gif").unwrap(), out.join("a/..b.gif"));
    }
}
