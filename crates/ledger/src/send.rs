//! Sends our events to the ledger's bus.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gifgen_shared::{
    Deadline, PublishError, Slice,
    publish::publish,
    slice_event::{EVENT_SOURCE, SLICE_DETAIL_TYPE},
    with_causes,
};
use serde_json::{Value, json};

use crate::{Ledger, excerpts::Excerpts, run::Run};

impl Ledger {
    /// Sends the events of `slices` of `run`, each with the number of its attempt and its excerpt, if
    /// any. Then records in `run.json` that they are sent.
    ///
    /// # Errors
    /// If any event is not on the bus at the end.
    pub async fn send_slices(
        &self,
        run: &Run,
        slices: &[(Slice, u32)],
        excerpts: &Excerpts,
        deadline: Deadline,
    ) -> Result<(), PublishError> {
        let events = slices.iter().map(|(slice, attempt)| {
            let excerpt = excerpts.get(&slice.start).cloned();
            json!(run.event(slice, *attempt, excerpt))
        });
        let entries = events.map(|event| self.entry(SLICE_DETAIL_TYPE, event));
        publish(&self.bus, entries.collect(), deadline).await?;
        if let Err(error) = self.note_sent(run).await {
            // Without this record, a repeated notification sends the slices again.
            tracing::warn!(key = %run.source.key, run = run.run, error = %with_causes(&error), "the slices are sent, but that is not on record");
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
