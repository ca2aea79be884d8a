//! Brings the previews from the embedded store into the output folder.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use gifgen_shared::output_keys::is_output;
use gifgen_stack::ObjectInfo;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Number of files.
    pub files: u64,
    /// Their size, in bytes.
    pub bytes: u64,
}

/// A preview that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {}: {source}", path.display())]
pub struct ExportError {
    path: PathBuf,
    source: io::Error,
}

/// Puts `objects` under `out`, by their keys, which are those of [`is_output`] under plain file
/// names. Previews of an earlier run of the same video that this one did not make are removed,
/// so that the folder never mixes two runs.
///
/// # Errors
/// At the first file that cannot be written.
pub fn export(objects: &[ObjectInfo], out: &Path) -> Result<Exported, ExportError> {
    let mut exported = Exported::default();
    let mut folders = HashSet::new();
    let mut files = HashSet::new();
    for object in objects {
        let target = out.join(&object.key);
        let failed = |source| ExportError {
            path: target.clone(),
            source,
        };
        if let Some(folder) = target.parent()
            && folders.insert(folder.to_owned())
        {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::rename(&object.body, &target).map_err(failed)?;
        files.insert(target);
        exported.files += 1;
        exported.bytes += object.bytes;
    }
    for folder in &folders {
        remove_stale(folder, &files)?;
    }
    Ok(exported)
}

fn remove_stale(folder: &Path, fresh: &HashSet<PathBuf>) -> Result<(), ExportError> {
    let failed = |source| ExportError {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !fresh.contains(&path) && is_output(&path.to_string_lossy()) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}
