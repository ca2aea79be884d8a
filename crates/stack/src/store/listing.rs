//! One page of a listing: a range scan over a bucket's keys that skips the keys under a common
//! prefix.

use std::ops::Bound;

use redb::ReadableTable;

use super::StoreError;
use super::records::Record;
use super::tables::decode;

#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pub(crate) prefix: String,
    /// Keys that are equal up to this delimiter (after the prefix) are listed as one common prefix.
    pub(crate) delimiter: Option<String>,
    pub(crate) after: Option<After>,
    /// Most entries in the page.
    pub(crate) max: usize,
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// After this key.
    Key(String),
    Prefix(String),
}

#[derive(Debug)]
pub(crate) enum Entry {
    Object(String, Box<Record>),
    Prefix(String),
}

#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// Where the next page starts; `None` on the last page.
    pub(crate) next: Option<After>,
}

type Objects<'a> = dyn FnMut(
        Bound<&str>,
        &mut dyn FnMut(&str, &[u8]) -> Result<Step, StoreError>,
    ) -> Result<(), StoreError>
    + 'a;

/// How to continue after a key.
enum Step {
    Next,
    Stop,
}

pub(crate) fn list(
    objects: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    bucket: &str,
    query: &Query,
) -> Result<Page, StoreError> {
    scan(query, &mut |from, visit| {
        let from = from.map(|key| (bucket, key));
        for entry in objects.range::<(&str, &str)>((from, Bound::Unbounded))? {
            let (name, value) = entry?;
            let (of_bucket, key) = name.value();
            if of_bucket != bucket {
                break;
            }
            if let Step::Stop = visit(key, value.value())? {
                break;
            }
        }
        Ok(())
    })
}

fn scan(query: &Query, objects: &mut Objects<'_>) -> Result<Page, StoreError> {
    let mut page = Page::default();
    if query.max == 0 {
        return Ok(page);
    }
    let mut from = match &query.after {
        Some(After::Key(key)) if *key >= query.prefix => Bound::Excluded(key.clone()),
        Some(After::Prefix(prefix)) if *prefix >= query.prefix => match after_all(prefix) {
            Some(from) => Bound::Included(from),
            None => return Ok(page),
        },
        _ => Bound::Included(query.prefix.clone()),
    };
    loop {
        let mut rolled_up = None;
        let mut visit = |key: &str, value: &[u8]| {
            let Some(rest) = key.strip_prefix(query.prefix.as_str()) else {
                return Ok(Step::Stop);
            };
            if page.entries.len() == query.max {
                page.next = page.entries.last().map(|entry| match entry {
                    Entry::Object(key, _) => After::Key(key.clone()),
                    Entry::Prefix(prefix) => After::Prefix(prefix.clone()),
                });
                return Ok(Step::Stop);
            }
            let delimiter = query.delimiter.as_deref().filter(|d| !d.is_empty());
            if let Some((at, delimiter)) = delimiter.and_then(|d| Some((rest.find(d)?, d))) {
                let end = query.prefix.len() + at + delimiter.len();
                rolled_up = Some(key[..end].to_owned());
                page.entries.push(Entry::Prefix(key[..end].to_owned()));
                return Ok(Step::Stop);
            }
            page.entries
                .push(Entry::Object(key.into(), Box::new(decode(value)?)));
            Ok(Step::Next)
        };
        objects(from.as_ref().map(String::as_str), &mut visit)?;
        from = match rolled_up.as_deref().and_then(after_all) {
            Some(next) => Bound::Included(next),
            None => return Ok(page),
        };
    }
}

/// The smallest text that sorts after all texts with this prefix; `None` if there is none.
fn after_all(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // UTF-8 bytes sort like code points. Surrogates are not valid in text.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::records::{Body, Checksums, ObjectHeaders};

    fn pages(keys: &[&str], query: Query) -> Vec<Vec<String>> {
        let record = Record {
            bytes: 0,
            etag: String::new(),
            modified_ms: 0,
            body: Body::Stored(String::new()),
            content_type: None,
            headers: ObjectHeaders::default(),
            checksums: Checksums::new(),
        };
        let value = serde_json::to_vec(&record).unwrap();
        let objects: BTreeMap<&str, &[u8]> = keys.iter().map(|key| (*key, &*value)).collect();
        let mut query = query;
        let mut pages = Vec::new();
        loop {
            let page = scan(&query, &mut |from, visit| {
                for (key, value) in objects.range::<str, _>((from, Bound::Unbounded)) {
                    if let Step::Stop = visit(key, value)? {
                        break;
                    }
                }
                Ok(())
            })
            .unwrap();
            let names = page.entries.into_iter().map(|entry| match entry {
                Entry::Object(key, _) => key,
                Entry::Prefix(prefix) => format!("{prefix}*"),
            });
            pages.push(names.collect());
            query.after = page.next;
            if query.after.is_none() {
                return pages;
            }
        }
    }

    fn query(prefix: &str, delimiter: Option<&str>, max: usize) -> Query {
        Query {
            prefix: prefix.into(),
            delimiter: delimiter.map(Into::into),
            after: None,
            max,
        }
    }

    #[test]
    fn keys_come_in_the_order_of_their_bytes() {
        let keys = ["b", "a/1", "a", "a//2", "é", "a-", "\u{10ffff}x"];
        let all = pages(&keys, query("", None, 1000)).concat();
        assert_eq!(all, ["a", "a-", "a//2", "a/1", "b", "é", "\u{10ffff}x"]);
        assert_eq!(pages(&keys, query("a/", None, 9)).concat(), ["a//2", "a/1"]);
    }

    #[test]
    fn a_common_prefix_is_listed_once_even_over_pages() {
        let keys = ["a", "a/1", "a/2", "a/b/3", "b/1", "b/2", "c"];
        for max in 1..8 {
            let pages = pages(&keys, query("", Some("/"), max));
            assert!(pages.iter().all(|page| page.len() <= max));
            assert_eq!(pages.concat(), ["a", "a/*", "b/*", "c"]);
        }
        let under_a = pages(&keys, query("a/", Some("/"), 2));
        assert_eq!(under_a, [vec!["a/1", "a/2"], vec!["a/b/*"]]);
    }

    #[test]
    fn a_page_that_ends_with_the_last_key_has_no_next() {
        assert_eq!(pages(&["a", "b"], query("", None, 2)).len(), 1);
        assert_eq!(pages(&["a/1", "a/2"], query("", Some("/"), 1)).len(), 1);
        assert_eq!(pages(&[], query("", None, 2)), [Vec::<String>::new()]);
    }

    #[test]
    fn the_text_after_a_prefix_steps_over_what_is_no_character() {
        assert_eq!(after_all("a/").as_deref(), Some("a0"));
        assert_eq!(after_all("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(after_all("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after_all("\u{10ffff}"), None);
    }
}
