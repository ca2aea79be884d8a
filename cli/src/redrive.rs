//! `gifgen redrive`: sends the slices and sheets of a run again that have no good receipt, and sheets that lack tiles.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use gifgen_ledger::{Authority, Completer, Completion, Excerpts, Ledger, Race, Run, Versioned};
use gifgen_shared::{Deadline, Job, JobId};
use serde::Serialize;
use serde_json::json;

use crate::{
    options::RedriveOptions,
    output::print,
    printable::in_line,
    remote::{Remote, RemoteError},
};

/// Time limit for sending.
const SENDING_LIMIT: Duration = Duration::from_secs(300);

/// What was sent, for people (`Display`) and programs (`Serialize`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    pub key: String,
    pub run: u32,
    /// Number of slices of the run.
    pub slices: u32,
    /// Starts of the slices that were sent, in seconds.
    pub sent: Vec<u32>,
    /// Number of sheets of the overview.
    pub sheets: u32,
    /// Indexes of the sheets that were sent.
    pub sent_sheets: Vec<u32>,
    /// Whether the run was announced now, because its completion was recorded but not yet announced.
    pub announced: bool,
}

/// Sends jobs again, prints which, and returns the exit code.
///
/// # Errors
/// If there is no such run, its video no longer exists, or something cannot be sent.
pub async fn redrive(options: &RedriveOptions) -> Result<u8, RemoteError> {
    let bus_name = options.event_bus_name.as_deref();
    let remote = Remote::connect(&options.run, bus_name).await?;
    let deadline = Deadline::after(SENDING_LIMIT);
    let read = remote.run(&options.run.bucket).await?;
    let mut run = read.0.clone();
    let ledger = &remote.ledger;
    let (jobs, manifest): (Vec<(Job, u32)>, _) = if options.all {
        remote.check_source(&run).await?;
        let again = Run::new(run.source.clone(), run.video, run.settings, Some(&run)).being_sent();
        if !ledger.begin(&again, Some(&read)).await? {
            return Err(RemoteError::Overtaken(remote.key.clone()));
        }
        run = again;
        let jobs = run.jobs().into_iter().map(|job| (job, 1));
        (jobs.collect(), None)
    } else {
        let manifest = ledger.manifest_of(&run).await?;
        let unfinished = ledger.unfinished(&run).await?;
        if unfinished.is_empty() {
            return finish(&remote, &run, options.run.json, deadline).await;
        }
        remote.check_source(&run).await?;
        // Without this mark, a notification that comes now would take the reopened jobs for sent.
        run = resume(&remote, read, &options.run.bucket).await?;
        (unfinished, manifest)
    };
    let version = manifest.as_ref().map(|(_, version)| version);
    let excerpts = Excerpts::new();
    let sending = async {
        ledger.reopen(&run, version, &jobs).await?;
        let sending = ledger.send_jobs(&run, &jobs, &excerpts, deadline);
        sending.await.map_err(RemoteError::from)
    };
    ledger.or_let_others(&run, sending).await?;
    let sent = jobs.iter().map(|(job, _)| job.id()).collect();
    Redriven::new(&run, sent, false).print(options.run.json)
}

/// Marks the run that was `read` as being sent. It retries while workers and splitters write to
/// `run.json`.
async fn resume(
    remote: &Remote,
    mut read: Versioned<Run>,
    bucket: &str,
) -> Result<Run, RemoteError> {
    for _ in 0..Ledger::ATTEMPTS {
        if let Race::Won(resumed) = remote.ledger.resume(&read).await? {
            return Ok(resumed);
        }
        let now = remote.run(bucket).await?;
        if !now.0.is(&read.0) {
            return Err(RemoteError::Overtaken(remote.key.clone()));
        }
        read = now;
    }
    let key = read.0.keys().run();
    Err(remote.ledger.contended(key).into())
}

/// Completes a run whose jobs are all done: rewrites its tracks and manifest if needed, and announces
/// it if nobody has.
async fn finish(
    remote: &Remote,
    run: &Run,
    json: bool,
    deadline: Deadline,
) -> Result<u8, RemoteError> {
    let completer = Completer {
        id: &format!("redrive of {:?}", SystemTime::now()),
        right: Authority::Operator,
        deadline,
    };
    match remote.ledger.complete(run, None, completer).await? {
        Completion::Completed { announced, .. } => {
            Redriven::new(run, Vec::new(), announced).print(json)
        }
        Completion::Waiting | Completion::Superseded => {
            Err(RemoteError::Overtaken(remote.key.clone()))
        }
    }
}

impl Redriven {
    fn new(run: &Run, sent: Vec<JobId>, announced: bool) -> Self {
        Self {
            key: run.source.key.to_string(),
            run: run.run,
            slices: run.slices,
            sent: sent
                .iter()
                .filter_map(|job| match job {
                    JobId::Slice(start) => Some(*start),
                    JobId::Overview(_) => None,
                })
                .collect(),
            sheets: run.sheets,
            sent_sheets: sent
                .iter()
                .filter_map(|job| match job {
                    JobId::Overview(index) => Some(*index),
                    JobId::Slice(_) => None,
                })
                .collect(),
            announced,
        }
    }

    fn print(&self, as_json: bool) -> Result<u8, RemoteError> {
        print(&if as_json {
            json!(self).to_string()
        } else {
            in_line(&self.to_string())
        })?;
        Ok(0)
    }
}

impl fmt::Display for Redriven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, run, slices) = (&self.key, self.run, self.slices);
        if self.sent.is_empty() && self.sent_sheets.is_empty() {
            let what = if self.announced {
                "; that is announced now"
            } else {
                ""
            };
            let sheets = match self.sheets {
                0 => String::new(),
                sheets => format!(" and {sheets} sheets"),
            };
            return write!(
                f,
                "{key}: all {slices} slices{sheets} of run {run} are done{what}"
            );
        }
        let list = |numbers: &[u32]| {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            numbers.join(", ")
        };
        let mut said = Vec::new();
        if !self.sent.is_empty() {
            let (sent, starts) = (self.sent.len(), list(&self.sent));
            said.push(format!(
                "sent {sent} of {slices} slices of run {run}: from second {starts}"
            ));
        }
        if !self.sent_sheets.is_empty() {
            let (sent, sheets) = (self.sent_sheets.len(), self.sheets);
            let numbers = list(&self.sent_sheets);
            said.push(format!(
                "sent {sent} of {sheets} sheets of the overview of run {run}: number {numbers}"
            ));
        }
        write!(f, "{key}: {}", said.join("; "))
    }
}
