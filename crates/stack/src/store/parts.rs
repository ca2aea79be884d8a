//! Assembles the parts of an upload into one body.

use std::path::Path;

use s3s::crypto::{Checksum as _, Md5};

use super::StoreError;
use super::bodies::{self, NewBody};
use super::records::Part;
use crate::ids::hex;

/// Least size of a part other than the last, in bytes.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// A part named in CompleteMultipartUpload: its number, and its ETag without quotes.
#[derive(Debug, Clone)]
pub(crate) struct CompletePart {
    pub(crate) number: u32,
    pub(crate) etag: Option<String>,
}

/// Selects the named parts from the uploaded ones.
pub(super) fn choose(
    uploaded: &[(u32, Part)],
    wanted: &[CompletePart],
) -> Result<Vec<(u32, Part)>, StoreError> {
    let ascending = wanted.windows(2).all(|two| two[0].number < two[1].number);
    let Some(last) = wanted.last().filter(|_| ascending) else {
        return Err(StoreError::InvalidPartOrder);
    };
    let mut chosen = Vec::with_capacity(wanted.len());
    for CompletePart { number, etag } in wanted {
        let part = uploaded
            .binary_search_by_key(number, |(number, _)| *number)
            .ok()
            .map(|at| &uploaded[at].1)
            .filter(|part| etag.as_ref().is_none_or(|etag| *etag == hex(&part.md5)))
            .ok_or(StoreError::InvalidPart(*number))?;
        chosen.push((*number, part.clone()));
    }
    let too_small =
        |(number, part): &&(u32, Part)| part.bytes < MIN_PART_BYTES && *number != last.number;
    if let Some((number, part)) = chosen.iter().find(too_small) {
        return Err(StoreError::PartTooSmall {
            number: *number,
            bytes: part.bytes,
        });
    }
    Ok(chosen)
}

/// Concatenates the parts. A single part is used as it is.
pub(super) fn join(bodies: &Path, parts: &[(u32, Part)]) -> Result<NewBody, StoreError> {
    let files: Vec<_> = parts
        .iter()
        .map(|(_, part)| bodies.join(&part.body))
        .collect();
    match files.as_slice() {
        [only] => bodies::link(bodies, only),
        files => bodies::concatenate(bodies, files),
    }
}

/// A multipart object's ETag: the MD5 of the parts' MD5s, and their count.
pub(super) fn etag(parts: &[(u32, Part)]) -> String {
    let mut md5 = Md5::new();
    for (_, part) in parts {
        md5.update(&part.md5);
    }
    format!("{}-{}", hex(&md5.finalize()), parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, bytes: u64) -> (u32, Part) {
        let part = Part {
            body: format!("body-{number}"),
            bytes,
            md5: [u8::try_from(number).unwrap(); 16],
            modified_ms: 0,
        };
        (number, part)
    }

    fn wanted(numbers: &[u32]) -> Vec<CompletePart> {
        numbers
            .iter()
            .map(|&number| CompletePart { number, etag: None })
            .collect()
    }

    #[test]
    fn parts_are_taken_in_ascending_order_and_may_have_gaps() {
        let uploaded = [part(1, MIN_PART_BYTES), part(3, MIN_PART_BYTES), part(7, 1)];
        let chosen = choose(&uploaded, &wanted(&[1, 7])).unwrap();
        assert_eq!(chosen.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 7]);
        for numbers in [&[][..], &[3, 1], &[1, 1]] {
            let chosen = choose(&uploaded, &wanted(numbers));
            assert!(matches!(chosen, Err(StoreError::InvalidPartOrder)));
        }
        let missing = choose(&uploaded, &wanted(&[1, 2]));
        assert!(matches!(missing, Err(StoreError::InvalidPart(2))));
    }

    #[test]
    fn only_the_last_part_may_be_small_and_an_etag_must_match() {
        let uploaded = [part(1, MIN_PART_BYTES - 1), part(2, 1)];
        assert!(matches!(
            choose(&uploaded, &wanted(&[1, 2])),
            Err(StoreError::PartTooSmall { number: 1, .. })
        ));
        assert!(choose(&uploaded, &wanted(&[2])).is_ok());
        let named = CompletePart {
            number: 2,
            etag: Some("01".repeat(16)),
        };
        assert!(matches!(
            choose(&uploaded, &[named]),
            Err(StoreError::InvalidPart(2))
        ));
    }
}
