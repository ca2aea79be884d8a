//! EBML elements and their headers.

use std::ops::Range;

use crate::numbers::big_endian;

/// The header of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The element's id, with the marker of its length.
    pub id: u32,
    /// Size of the header itself, in bytes.
    pub header: u64,
    /// Size of the content, in bytes. `None` if it is unknown.
    pub size: Option<u64>,
}

/// Longest header, in bytes.
pub(super) const MAX_HEADER_BYTES: u64 = 12;

impl Header {
    /// The header of the element at the start of `bytes`.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let id_length = first.leading_zeros() as usize + 1;
        if id_length > 4 {
            return None;
        }
        let id = big_endian(bytes.get(..id_length)?);
        let (size, size_length) = number(bytes.get(id_length..)?)?;
        Some(Self {
            id: u32::try_from(id).ok()?,
            header: (id_length + size_length) as u64,
            size,
        })
    }

    /// Where the content of an element that starts at `at` lies. `None` if its size is unknown.
    pub(crate) fn content(&self, at: u64) -> Option<Range<u64>> {
        let start = at.checked_add(self.header)?;
        Some(start..start.checked_add(self.size?)?)
    }
}

/// A number of variable length, and its length in bytes. The number that means "unknown" is `None`.
pub(super) fn number(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let most = (1_u64 << (7 * length)) - 1;
    let number = big_endian(bytes.get(..length)?) & most;
    Some(((number != most).then_some(number), length))
}

/// The elements in `bytes`: where each starts, its header, and its content. The last one may be cut off. An
/// element of unknown size is the last.
pub fn elements(bytes: &[u8]) -> impl Iterator<Item = (usize, Header, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let header = Header::read(bytes.get(at..)?)?;
        let start = at;
        let content = at.checked_add(header.header as usize)?;
        let size = usize::try_from(header.size.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let end = content.saturating_add(size).min(bytes.len());
        at = end;
        Some((start, header, bytes.get(content..end)?))
    })
}

/// The content of the first element `id` in `bytes`.
pub(crate) fn child(bytes: &[u8], id: u32) -> Option<&[u8]> {
    let mut elements = elements(bytes);
    elements
        .find(|(_, header, _)| header.id == id)
        .map(|(_, _, content)| content)
}

/// The unsigned number in the first element `id` in `bytes`.
pub fn unsigned(bytes: &[u8], id: u32) -> Option<u64> {
    let content = child(bytes, id)?;
    (content.len() <= 8).then(|| big_endian(content))
}
