//! Sends the jobs of a run: all of a new one, the unfinished ones of an earlier one.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use gifgen_function::TransientError;
use gifgen_index::ContainerIndex;
use gifgen_ledger::{Manifest, Race, Run, Versioned};
use gifgen_reader::BlockCache;
use gifgen_shared::{Backoff, Deadline, ETag, Job};
use tokio::time::{sleep, timeout};

use crate::{indexing::index, outcome::Outcome, splitter::Splitter};

/// Pauses between two looks whether another splitter has sent a run. The caller's timeout ends them.
const LOOKS: Backoff = Backoff {
    attempts: u32::MAX,
    first: Duration::from_millis(200),
    longest: Duration::from_secs(3),
};

impl Splitter {
    /// Sends the jobs of a new run, except those whose objects an earlier run has made of the same video with the same
    /// settings.
    pub(crate) async fn start(
        &self,
        run: &Run,
        blocks: &Arc<BlockCache>,
        index: Option<&ContainerIndex>,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        let sending = async {
            let taken = self.ledger.take_over(run).await?;
            let mut jobs = run.jobs();
            let first = jobs.first().copied();
            jobs.retain(|job| !taken.contains(&job.id()));
            let has_sheets = jobs.iter().any(|job| matches!(job, Job::Overview(_)));
            if !has_sheets && !taken.is_empty() {
                // The worker of this job finds it done, and completes the overview or, if nothing is left, the run.
                jobs.splice(0..0, first);
            }
            let jobs = jobs.into_iter().map(|job| (job, 1)).collect();
            self.send(run, blocks, index, jobs, deadline).await
        };
        self.ledger.or_let_others(run, sending).await
    }

    /// Resumes a run: its event came again, the same video was uploaded again, or it was restored from
    /// an archive at `restored_at`. Returns [`Race::Lost`] if another splitter has
    /// changed `run.json` since.
    pub(crate) async fn resume(
        &self,
        read: &Versioned<Run>,
        restored_at: Option<DateTime<Utc>>,
        deadline: Deadline,
    ) -> Result<Race<Outcome>, TransientError> {
        let (run, _) = read;
        self.ledger.retract(&run.source.key).await?;
        let (manifest, version) = self.ledger.manifest_of(run).await?.unzip();
        if manifest.as_ref().is_some_and(Manifest::is_complete) {
            return Ok(Race::Won(Outcome::complete(run)));
        }
        if run.is_being_sent(Utc::now()) {
            // If the other splitter does not end, half of the time is left for sending.
            let waiting = self.wait_for_another(run);
            if let Ok(ended) = timeout(deadline.left() / 2, waiting).await {
                ended?;
                return Ok(Race::Lost);
            }
        }
        // After a partial end, failed slices are sent again at once. So are slices that were sent before
        // the video was restored: they may have failed while it was archived.
        let is_older = restored_at.is_some_and(|at| run.sent.is_some_and(|sent| sent < at));
        if manifest.is_none() && !is_older && run.was_sent_lately(Utc::now()) {
            return Ok(Race::Won(Outcome::under_way(run)));
        }
        let Race::Won(run) = self.ledger.resume(read).await? else {
            return Ok(Race::Lost);
        };
        let sending = self.send_unfinished(&run, version.as_ref(), deadline);
        let sent = self.ledger.or_let_others(&run, sending).await;
        sent.map(Race::Won)
    }

    /// Waits until the splitter that is sending `run` has finished, failed or exceeded its time.
    async fn wait_for_another(&self, run: &Run) -> Result<(), TransientError> {
        let mut looks = 0;
        loop {
            looks += 1;
            sleep(LOOKS.bound(looks)).await;
            let current = self.ledger.current_run(&run.source.key).await?;
            if !current.is_some_and(|(now, _)| now.is(run) && now.is_being_sent(Utc::now())) {
                return Ok(());
            }
        }
    }

    /// Sends the unfinished jobs of `run`. `version` is that of the manifest, read before.
    async fn send_unfinished(
        &self,
        run: &Run,
        version: Option<&ETag>,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        // The splitter that began the run may have died before it had taken all over.
        self.ledger.take_over(run).await?;
        let mut jobs = self.ledger.unfinished(run).await?;
        self.ledger.reopen(run, version, &jobs).await?;
        if jobs.is_empty() {
            // All jobs are done but nobody has announced the run. The worker of this one will.
            jobs.extend(run.jobs().last().map(|job| (*job, 1)));
        }
        let blocks = self.block_cache(run.pinned_source());
        let index = index(&blocks, &run.source.container, run.video, deadline)
            .await
            .map_err(TransientError::SourceLost)?;
        // The run began, so its video was not rejected: this is a lack of an index.
        let index = match (&run.source.timeline, index.unwrap_or_default()) {
            (Some(timeline), Some(index)) => Some(index.with_timeline(timeline)),
            (_, index) => index,
        };
        self.send(run, &blocks, index.as_ref(), jobs, deadline)
            .await
    }

    /// Sends the events of `jobs`, each with the number of its attempt. `index` tells where their pictures are.
    async fn send(
        &self,
        run: &Run,
        blocks: &Arc<BlockCache>,
        index: Option<&ContainerIndex>,
        jobs: Vec<(Job, u32)>,
        deadline: Deadline,
    ) -> Result<Outcome, TransientError> {
        let sent = jobs.len() as u32;
        let wanted: Vec<Job> = jobs.iter().map(|(job, _)| *job).collect();
        let places = self.places(run, blocks, index, &wanted, deadline).await?;
        self.ledger.send_jobs(run, &jobs, &places, deadline).await?;
        Ok(Outcome::split(run, sent))
    }
}
