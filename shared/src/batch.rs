//! Packs events into PutEvents requests.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;

/// Entry limit of one PutEvents request.
pub const MAX_ENTRIES: usize = 10;

/// Byte limit of one PutEvents request. AWS raised it to 1 MB in January 2026, but 256 KiB is the value
/// that all documents and emulators agree on.
pub const MAX_BYTES: usize = 256 * 1024;

/// Size of an entry in bytes, as AWS counts it: the UTF-8 bytes of source, detail type, detail and
/// resources, plus 14 for a time.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>
pub fn entry_bytes(entry: &PutEventsRequestEntry) -> usize {
    let text = |text: Option<&str>| text.map_or(0, str::len);
    text(entry.source())
        + text(entry.detail_type())
        + text(entry.detail())
        + entry.resources().iter().map(String::len).sum::<usize>()
        + if entry.time().is_some() { 14 } else { 0 }
}

/// Packs `entries`, in order, into batches of at most [`MAX_ENTRIES`] and [`MAX_BYTES`]. An entry above
/// the byte limit gets its own batch, so that the bus refuses it alone.
pub fn batches(
    entries: impl IntoIterator<Item = PutEventsRequestEntry>,
) -> Vec<Vec<PutEventsRequestEntry>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = entry_bytes(&entry);
        if batch.len() == MAX_ENTRIES || (!batch.is_empty() && bytes + size > MAX_BYTES) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push(entry);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(detail: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .source("custom.gifGenerator")
            .detail_type("newVideoCreated")
            .detail(detail)
            .build()
    }

    #[test]
    fn sizes_are_counted_as_aws_counts() {
        assert_eq!(entry_bytes(&entry("{\"ü\":1}")), 19 + 15 + 8);
        let entry = PutEventsRequestEntry::builder()
            .time(aws_sdk_eventbridge::primitives::DateTime::from_secs(0))
            .resources("arn:x")
            .build();
        assert_eq!(entry_bytes(&entry), 14 + 5);
    }

    #[test]
    fn a_film_of_three_hours_takes_36_requests() {
        assert_eq!(batches((0..360).map(|_| entry("{}"))).len(), 36);
        assert!(batches([]).is_empty());
    }

    proptest! {
        #[test]
        fn batches_keep_all_entries_in_order_within_both_limits(sizes in prop::collection::vec(0usize..200_000, 0..60)) {
            let entries: Vec<_> = sizes.iter().enumerate()
                .map(|(n, size)| entry(&format!("{n}{}", "x".repeat(*size)))).collect();
            let batches = batches(entries.clone());
            for batch in &batches {
                prop_assert!(!batch.is_empty() && batch.len() <= MAX_ENTRIES);
                prop_assert!(batch.iter().map(entry_bytes).sum::<usize>() <= MAX_BYTES);
            }
            prop_assert_eq!(batches.concat(), entries);
        }
    }
}
