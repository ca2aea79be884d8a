//! Checks before the work that the previews can be written: for `run film.mp4 -o .` the target folder would have the
//! name of the film itself.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use gifgen_shared::output_keys::{PREVIEW_FOLDERS, RECEIPTS_FOLDER};

use crate::run::RunError;

/// Checks the folders of the `videos` (keys and paths) in `out`, as far as they exist.
///
/// # Errors
/// If one is a file, or cannot be written to.
pub fn check_targets(videos: &[(String, PathBuf)], out: &Path) -> Result<(), RunError> {
    for (key, video) in videos {
        let target = out.join(key);
        let below = PREVIEW_FOLDERS.into_iter().chain([RECEIPTS_FOLDER]);
        let below = below.map(|name| target.join(name));
        let folders = [target.clone()].into_iter().chain(below);
        for folder in folders.filter(|folder| fs::symlink_metadata(folder).is_ok()) {
            let reason = if folder.is_dir() {
                match try_to_write(&folder) {
                    Ok(()) => continue,
                    Err(error) => format!("that cannot be written to ({error})"),
                }
            } else {
                "that is a file".to_owned()
            };
            return Err(RunError::Video {
                video: video.clone(),
                problem: format!(
                    "its previews belong into the folder {}, and {reason}; choose another --out",
                    folder.display()
                ),
            });
        }
    }
    Ok(())
}

/// Creates a file in `folder` and removes it.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".gifgen-check-{}", std::process::id()));
    File::create_new(&file)?;
    fs::remove_file(&file)
}
