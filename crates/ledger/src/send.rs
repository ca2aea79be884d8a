//! Sends our events to the ledger's bus.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gifgen_shared::{
    Deadline, Job, PublishError,
    job_event::JOB_DETAIL_TYPE,
    publish::publish,
    slice_event::{EVENT_SOURCE, SLICE_DETAIL_TYPE},
    with_causes,
};
use serde_json::{Value, json};

use crate::{Ledger, excerpts::Excerpts, run::Run};

impl Ledger {
    /// Sends the events of `jobs` of `run`, each with the number of its attempt and what is known of where its pictures
    /// are. Sheets of the overview are on the bus before the first slice is sent: requests overtake each other. Then it
    /// records in `run.json` that all are sent.
    ///
    /// # Errors
    /// If any event is not on the bus at the end.
    pub async fn send_jobs(
        &self,
        run: &Run,
        jobs: &[(Job, u32)],
        excerpts: &Excerpts,
        deadline: Deadline,
    ) -> Result<(), PublishError> {
        let (mut sheets, mut slices) = (Vec::new(), Vec::new());
        for (job, attempt) in jobs {
            let excerpt = excerpts.get(&job.id()).cloned();
            match job {
                Job::Slice(slice) => {
                    let event = json!(run.event(slice, *attempt, excerpt));
                    slices.push(self.entry(SLICE_DETAIL_TYPE, event));
                }
                Job::Overview(_) => {
                    let event = json!(run.job_event(job, *attempt, excerpt));
                    sheets.push(self.entry(JOB_DETAIL_TYPE, event));
                }
            }
        }
        // Both are sent, also if one fails: fewer are left for the next time.
        let sheets = publish(&self.bus, sheets, deadline).await;
        publish(&self.bus, slices, deadline).await?;
        sheets?;
        if let Err(error) = self.note_sent(run).await {
            // Without this record, a repeated notification sends the jobs again.
            tracing::warn!(key = %run.source.key, run = run.run, error = %with_causes(&error), "the jobs are sent, but that is not on record");
        }
        Ok(())
    }

    /// Wraps `detail` as one of our events for PutEvents.
    pub fn entry(&self, detail_type: &str, detail: Value) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .source(EVENT_SOURCE)
            .detail_type(detail_type)
            .detail(detail.to_string())
            .event_bus_name(&self.bus_name)
            .build()
    }
}
