//! Reads files of folders in which others may have put anything: links that lead elsewhere, devices and FIFOs that never
//! end, files that fill the memory.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// Longest file that is read into memory, in bytes. A sheet of a hundred tiles has less than 10 MB.
pub const LONGEST: u64 = 64 << 20;

/// Whether `path` is a folder, and no link to one.
pub fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(without_slash(path)).is_ok_and(|there| there.is_dir())
}

/// Whether `path` is a regular file, and no link to one, of a size that is `right`.
pub fn is_regular(path: &Path, right: impl Fn(u64) -> bool) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_file() && right(there.len()))
}

/// What is in a regular file.
///
/// # Errors
/// If it is none, is longer than [`LONGEST`], or cannot be read.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut content = Vec::new();
    let mut file = File::open(path)?.take(LONGEST + 1);
    file.read_to_end(&mut content)?;
    if content.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 64 MB"));
    }
    Ok(content)
}

/// A slash at the end would follow a link.
fn without_slash(path: &Path) -> std::path::PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_folders_and_files_that_never_end_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "a").unwrap();
        assert_eq!(read_regular(&file).unwrap(), b"a");
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        let zero = folder.path().join("zero");
        symlink("/dev/zero", &zero).unwrap();
        let large = folder.path().join("large");
        File::create(&large).unwrap().set_len(LONGEST + 1).unwrap();
        for path in [&link, &zero, &large, folder.path()] {
            assert!(read_regular(path).is_err(), "{}", path.display());
        }
        assert!(!is_regular(&link, |_| true));
        let elsewhere = folder.path().join("elsewhere/");
        symlink(folder.path(), folder.path().join("elsewhere")).unwrap();
        assert!(is_folder(folder.path()) && !is_folder(&elsewhere));
    }
}
