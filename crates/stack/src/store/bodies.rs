//! Body files. A body is written under a temporary name, renamed when complete, and removed unless
//! a metadata commit refers to it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::mem;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;

use super::StoreError;
use super::blocking::blocking;
use crate::ids::random_hex;

/// Bytes buffered before a write to disk. Most of our objects are smaller, and so cost one call to
/// a blocking thread.
const WRITE_BYTES: usize = 1024 * 1024;

/// A complete body that no metadata refers to yet. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct NewBody {
    id: String,
    path: PathBuf,
    kept: bool,
}

impl NewBody {
    /// Reserves a name for a new body.
    pub(crate) fn reserve(dir: &Path) -> Result<Self, StoreError> {
        let id = random_hex::<16>()?;
        let path = dir.join(format!("{id}.part"));
        Ok(Self {
            id,
            path,
            kept: false,
        })
    }

    /// Renames the complete file to its final name.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        let path = self.path.with_extension("");
        fs::rename(&self.path, &path).map_err(StoreError::io("rename", &self.path))?;
        self.path = path;
        Ok(())
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the file, because the metadata now refers to it.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewBody {
    fn drop(&mut self) {
        if !self.kept {
            unlink(&self.path);
        }
    }
}

/// A received body.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: NewBody,
    pub(crate) bytes: u64,
    pub(crate) md5: [u8; 16],
    /// The checksums that the hasher computed.
    pub(crate) checksum: Checksum,
}

/// Writes a client's body to disk as it arrives. Buffers about one MiB.
pub(crate) async fn receive<S, E>(
    dir: &Path,
    stream: S,
    checksums: ChecksumHasher,
) -> Result<Received, StoreError>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut stream = std::pin::pin!(stream);
    let mut writing = Writing {
        body: NewBody::reserve(dir)?,
        file: None,
        bytes: 0,
        md5: Md5::new(),
        checksums,
    };
    let mut chunks = Vec::new();
    let mut gathered = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| StoreError::Receive(error.into()))?;
        gathered += chunk.len();
        chunks.push(chunk);
        if gathered >= WRITE_BYTES {
            let ready = mem::take(&mut chunks);
            gathered = 0;
            writing = blocking(move || {
                writing.write(&ready)?;
                Ok(writing)
            })
            .await?;
        }
    }
    blocking(move || {
        writing.write(&chunks)?;
        writing.finish()
    })
    .await
}

struct Writing {
    body: NewBody,
    file: Option<File>,
    bytes: u64,
    md5: Md5,
    checksums: ChecksumHasher,
}

impl Writing {
    fn write(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        let path = self.body.path();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::create_new(path).map_err(StoreError::io("create", path))?),
        };
        for chunk in chunks {
            file.write_all(chunk)
                .map_err(StoreError::io("write", path))?;
            self.md5.update(chunk);
            self.checksums.update(chunk);
            self.bytes += chunk.len() as u64;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Received, StoreError> {
        self.body.finish()?;
        Ok(Received {
            body: self.body,
            bytes: self.bytes,
            md5: self.md5.finalize(),
            checksum: self.checksums.finalize(),
        })
    }
}

/// Concatenates files into a new body. The kernel copies, and shares blocks if the file system can.
pub(crate) fn concatenate(dir: &Path, files: &[PathBuf]) -> Result<NewBody, StoreError> {
    let mut body = NewBody::reserve(dir)?;
    let mut whole = File::create_new(body.path()).map_err(StoreError::io("create", body.path()))?;
    for path in files {
        let mut file = File::open(path).map_err(StoreError::io("open", path))?;
        io::copy(&mut file, &mut whole).map_err(StoreError::io("copy", path))?;
    }
    body.finish()?;
    Ok(body)
}

/// Links a stored body under another name. Bodies never change, so no copy is needed.
pub(crate) fn link(dir: &Path, original: &Path) -> Result<NewBody, StoreError> {
    let mut body = NewBody::reserve(dir)?;
    fs::hard_link(original, body.path()).map_err(StoreError::io("link", original))?;
    body.finish()?;
    Ok(body)
}

/// Removes a body file. Open readers can still read it.
pub(crate) fn unlink(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // The file takes space until the next start removes it.
        Err(error) => tracing::warn!(path = %path.display(), %error, "remove a body file"),
    }
}

/// Removes all files but `named`, such as those that a crash left over.
pub(crate) fn sweep(dir: &Path, named: &HashSet<String>) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let entry = entry.map_err(StoreError::io("list", dir))?;
        let is_named = entry
            .file_name()
            .to_str()
            .is_some_and(|name| named.contains(name));
        if !is_named {
            unlink(&entry.path());
        }
    }
    Ok(())
}
