//! Brings what an earlier `gifgen run` has written for the same video back into the embedded store, so that a run with
//! other settings makes only what they concern.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use futures::{StreamExt, TryStreamExt, stream};
use gifgen_ledger::{Bucket, Precondition, Run, Sha256};
use gifgen_shared::{OutputKeys, SourceKey, blocking::blocking, output_keys::is_preview};
use gifgen_stack::ObjectInfo;

use crate::local::{DESTINATION_BUCKET, Local, LocalError};

/// Folders whose files are brought back. Tracks and the manifest follow from them.
const FOLDERS: [&str; 4] = ["gifs", "frames", "storyboards", "overview"];

/// Files that are read at once.
const AT_ONCE: usize = 8;

/// Adopts the files of the last run of `video`, which is an object of the embedded store, from the folder `out`. If they
/// are of another version of the video, or no run can be read there, nothing is adopted.
///
/// # Errors
/// If a file cannot be read, or the store fails.
pub async fn bring_back(local: &Local, video: &ObjectInfo, out: &Path) -> Result<(), LocalError> {
    let Some(run) = last_run(video, out) else {
        return Ok(());
    };
    let store = local.stack.store();
    let folder = out.join(&video.key);
    let keys = OutputKeys::of(&run.source.key);
    let receipts = keys.receipts(run.run);
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    for name in FOLDERS {
        let own = names(&folder.join(name)).map_err(unreadable(&folder))?;
        let own = own.into_iter().filter(|file| is_preview(name, file));
        files.extend(own.map(|file| (keys.folder(name) + &file, folder.join(name).join(&file))));
    }
    let own = names(&out.join(&receipts)).map_err(unreadable(&folder))?;
    // The receipt of the whole overview names tracks, which are not brought back.
    let own = own.into_iter().filter(|file| file != "overview.json");
    files.extend(own.map(|file| {
        let key = format!("{receipts}{file}");
        let path = out.join(&key);
        (key, path)
    }));
    let adoptions = files.into_iter().map(async |(key, path)| {
        let file = path.clone();
        let sum = blocking(move || Sha256::of_file(&file)).await;
        let (sum, _) = sum.map_err(unreadable(&path))?;
        let adopting = store.adopt_with_sha256(DESTINATION_BUCKET, &key, &path, sum.as_str());
        adopting.await.map_err(LocalError::from)
    });
    let adoptions: Vec<_> = adoptions.collect();
    let adopted = stream::iter(adoptions).buffer_unordered(AT_ONCE);
    adopted.try_for_each(async |_| Ok(())).await?;
    // Last, since a splitter that finds it looks for the others. Nothing is under way any more.
    let idle = Run {
        sending: None,
        sent: None,
        announced: None,
        overview_announced: None,
        ..run.clone()
    };
    let bucket = Bucket::new(local.s3(), DESTINATION_BUCKET);
    let written = bucket
        .write(&keys.run(), &idle, &Precondition::Always)
        .await;
    written.map_err(LocalError::Earlier)?;
    Ok(())
}

/// The run whose previews are in `out`, if it is of this version of `video`.
fn last_run(video: &ObjectInfo, out: &Path) -> Option<Run> {
    let key = SourceKey::plain(&video.key).ok()?;
    let text = fs::read(out.join(OutputKeys::of(&key).run())).ok()?;
    let run: Run = serde_json::from_slice(&text).ok()?;
    let is_same = run.source.key == key && run.source.etag.as_str().trim_matches('"') == video.etag;
    is_same.then_some(run)
}

/// Names of the files in `folder`; none if it does not exist.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    let names: io::Result<Vec<Option<String>>> = names.collect();
    Ok(names?.into_iter().flatten().collect())
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> LocalError {
    move |reason| LocalError::Folder {
        folder: path.to_owned(),
        reason,
    }
}
