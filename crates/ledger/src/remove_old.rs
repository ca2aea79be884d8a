//! Removes what an earlier run has left, and the new manifest does not name.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::output_keys::{PREVIEW_FOLDERS, is_preview};

use crate::{Ledger, error::LedgerError, listing::Listed, manifest::Manifest, run::Run};

/// Limit of concurrent deletions.
const CONCURRENT_DELETIONS: usize = 32;

/// Limit of concurrent HEADs.
const CONCURRENT_HEADS: usize = 32;

/// Objects that are deleted before `run.json` is checked again.
const AT_ONCE: usize = 500;

impl Ledger {
    /// Removes the previews that `manifest`, which is written, does not name, and returns their number. They are of
    /// earlier runs, or of failed jobs of this one: those stay, because a late worker may be writing its receipt. Each is
    /// deleted only in the version that was listed, and only while `run` is current, so that nothing of a later run is
    /// removed. S3 cannot check both in one step. If a later run begins, and writes the same bytes under the same name,
    /// between check and deletion, its object is gone. If that is before its end, its last worker renders it again.
    ///
    /// # Errors
    /// If S3 does not list or delete the objects. A repeated call is harmless.
    pub async fn remove_old(&self, run: &Run, manifest: &Manifest) -> Result<usize, LedgerError> {
        if run.run == 1 || run.settings.keep_old {
            return Ok(0);
        }
        let keys = run.keys();
        let mut old: Vec<(String, Listed)> = Vec::new();
        for name in PREVIEW_FOLDERS {
            let folder = keys.folder(name);
            let listed = self.bucket.tree(&folder).await?;
            // A folder can hold what other videos have: `film.mp4/gifs` may be the name of one.
            let own = listed
                .into_iter()
                .filter(|(file, _)| is_preview(name, file));
            old.extend(own.map(|(file, listed)| (format!("{folder}{file}"), listed)));
        }
        let tracks = [keys.track(), keys.overview_track()];
        let tracks = tracks.iter().map(String::as_str);
        old.extend(self.bucket.found_among(tracks).await?);
        let named: BTreeSet<String> = manifest.keys(run).collect();
        old.retain(|(key, _)| !named.contains(key));
        let old = self.without_those_of_failed(run, manifest, old).await?;
        for some in old.chunks(AT_ONCE) {
            if !self.is_current(run).await? {
                return Ok(0);
            }
            let deletions = some
                .iter()
                .map(|(key, listed)| self.bucket.delete(key, &listed.etag));
            let deletions: Vec<_> = deletions.collect();
            let deletions = stream::iter(deletions).buffer_unordered(CONCURRENT_DELETIONS);
            deletions.try_collect::<Vec<()>>().await?;
        }
        Ok(old.len())
    }

    /// `old` without what `run` has written itself, for jobs that failed and for tracks over such jobs.
    async fn without_those_of_failed(
        &self,
        run: &Run,
        manifest: &Manifest,
        old: Vec<(String, Listed)>,
    ) -> Result<Vec<(String, Listed)>, LedgerError> {
        if manifest.is_complete() {
            return Ok(old);
        }
        let (keys, mark) = (run.keys(), Some(run.mark()));
        let failed: BTreeSet<String> = manifest.keys_of_failed(run).collect();
        let is_track = |key: &str| {
            [keys.track(), keys.overview_track()].contains(&key.to_owned())
                || key.starts_with(&keys.tracks())
        };
        let checks = old.into_iter().map(async |(key, listed)| {
            if !failed.contains(&key) && !is_track(&key) {
                return Ok(Some((key, listed)));
            }
            let seen = self.bucket.inspect(&key, &listed.etag).await?;
            let is_old = seen.is_some_and(|seen| seen.mark != mark);
            Ok::<_, LedgerError>(is_old.then_some((key, listed)))
        });
        let checks: Vec<_> = checks.collect();
        let checks = stream::iter(checks).buffered(CONCURRENT_HEADS);
        checks
            .try_filter_map(async |old| Ok(old))
            .try_collect()
            .await
    }
}
