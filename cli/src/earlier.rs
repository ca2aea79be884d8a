//! Brings what an earlier `gifgen run` has written for the same video back into the embedded store, so that a run with
//! other settings makes only what they concern.
//!
//! Anybody may have changed the folder since. So only regular files are brought back, and only those that receipts name
//! in their size; what cannot be used is made again.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use futures::{StreamExt, TryStreamExt, stream};
use gifgen_ledger::{Bucket, Precondition, Receipt, Run, Sha256};
use gifgen_shared::{Job, OutputKeys, SourceKey, blocking::blocking, output_keys::is_preview};
use gifgen_stack::ObjectInfo;
use serde::de::DeserializeOwned;

use crate::{
    local::{DESTINATION_BUCKET, Local, LocalError},
    regular::{is_folder, is_regular, read_regular},
};

/// Folders whose files are brought back. Tracks and the manifest follow from them, and so does the receipt of the whole
/// overview, which names tracks.
const FOLDERS: [&str; 4] = ["gifs", "frames", "storyboards", "overview"];

/// Files that are read at once.
const AT_ONCE: usize = 8;

/// Runs are numbered in 32 bits. No folder has seen half as many.
const MOST_RUNS: u32 = 1 << 31;

/// What is there of an earlier run.
struct Earlier {
    run: Run,
    /// Receipts and previews, by their keys.
    files: BTreeMap<String, PathBuf>,
}

/// Adopts the files of the last run of `video`, which is an object of the embedded store, from the folder `out`. If they
/// are of another version of the video, or no run can be read there, nothing is adopted.
///
/// # Errors
/// If the store fails.
pub async fn bring_back(local: &Local, video: &ObjectInfo, out: &Path) -> Result<(), LocalError> {
    let (own, folder) = (video.clone(), out.to_owned());
    let Some(Earlier { run, files }) = blocking(move || earlier(&own, &folder)).await else {
        return Ok(());
    };
    let store = local.stack.store();
    let adoptions = files.into_iter().map(async |(key, path)| {
        let file = path.clone();
        // A file that cannot be read is made again.
        let Ok((sum, _)) = blocking(move || Sha256::of_file(&file)).await else {
            return Ok(());
        };
        let adopting = store.adopt_with_sha256(DESTINATION_BUCKET, &key, &path, sum.as_str());
        adopting.await.map(|_| ()).map_err(LocalError::from)
    });
    let adoptions: Vec<_> = adoptions.collect();
    let adopted = stream::iter(adoptions).buffer_unordered(AT_ONCE);
    adopted.try_for_each(async |()| Ok(())).await?;
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
        .write(&run.keys().run(), &idle, &Precondition::Always)
        .await;
    written.map_err(LocalError::Earlier)?;
    Ok(())
}

/// The run whose previews are in `out`, if it is of this version of `video`, with what can be used of it.
fn earlier(video: &ObjectInfo, out: &Path) -> Option<Earlier> {
    let key = SourceKey::plain(&video.key).ok()?;
    let keys = OutputKeys::of(&key);
    let run: Run = parsed(&out.join(keys.run()))?;
    let is_same = run.source.key == key && run.source.etag.as_str().trim_matches('"') == video.etag;
    if !is_same || !run.is_plausible() || run.run >= MOST_RUNS {
        return None;
    }
    let mut files = BTreeMap::new();
    let folders = FOLDERS.map(|name| (name, keys.folder(name)));
    let folders =
        folders.map(|(name, prefix)| is_folder(&out.join(&prefix)).then_some((name, prefix)));
    let folders: Vec<(&str, String)> = folders.into_iter().flatten().collect();
    if !is_folder(&out.join(keys.receipts(run.run))) {
        return Some(Earlier { run, files });
    }
    for job in run.jobs().iter().map(Job::id) {
        let receipt_key = keys.receipt(run.run, job);
        let path = out.join(&receipt_key);
        let receipt: Option<Receipt> = parsed(&path);
        let own = receipt.filter(|receipt| receipt.job() == job && receipt.is_of(&run));
        let Some(receipt) = own else { continue };
        for object in receipt.objects {
            let is_own = folders.iter().any(|(name, prefix)| {
                let file = object.key.strip_prefix(prefix);
                file.is_some_and(|file| is_preview(name, file))
            });
            let path = out.join(&object.key);
            if is_own && is_regular(&path, |bytes| bytes == object.bytes) {
                files.insert(object.key, path);
            }
        }
        files.insert(receipt_key, path);
    }
    Some(Earlier { run, files })
}

/// What is in a file, if it can be used.
fn parsed<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&read_regular(file).ok()?).ok()
}
