//! The previews in a folder.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

/// Number and size of previews.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreviewTotals {
    /// Number of GIFs.
    pub gifs: u32,
    /// Their size, in bytes.
    pub gif_bytes: u64,
    /// Number of JPEGs.
    pub jpgs: u32,
    /// Their size, in bytes.
    pub jpg_bytes: u64,
}

impl PreviewTotals {
    /// Counts the previews in `folder`, recursively.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        let mut totals = Self::default();
        for path in files(folder)? {
            let bytes = fs::metadata(&path)?.len();
            if is(&path, "gif") {
                totals.gifs += 1;
                totals.gif_bytes += bytes;
            } else if is(&path, "jpg") {
                totals.jpgs += 1;
                totals.jpg_bytes += bytes;
            }
        }
        Ok(totals)
    }
}

/// The GIFs in `folder`, recursively.
///
/// # Errors
/// The folder cannot be read.
pub fn gifs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = files(folder)?;
    files.retain(|path| is(path, "gif"));
    Ok(files)
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension() == Some(OsStr::new(extension))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.append(&mut files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_counted_in_subfolders_too() {
        let out = tempfile::tempdir().unwrap();
        fs::create_dir(out.path().join("gifs")).unwrap();
        for (name, text) in [
            ("gifs/0.gif", "12345"),
            ("0.jpg", "123"),
            ("else.json", "1"),
        ] {
            fs::write(out.path().join(name), text).unwrap();
        }
        let totals = PreviewTotals {
            gifs: 1,
            gif_bytes: 5,
            jpgs: 1,
            jpg_bytes: 3,
        };
        assert_eq!(PreviewTotals::in_folder(out.path()).unwrap(), totals);
        assert_eq!(
            gifs(out.path()).unwrap(),
            [out.path().join("gifs").join("0.gif")]
        );
    }
}
