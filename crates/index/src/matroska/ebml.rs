//! EBML, as far as it takes to find one's way: elements by their headers.

use std::ops::Range;

/// The header of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is, with the marker of its length.
    pub id: u32,
    /// Bytes of the header itself.
    pub header: u64,
    /// Bytes behind the header; `None` if that is not known.
    pub size: Option<u64>,
}

/// Longest header, in bytes.
pub const LONGEST_HEADER: u64 = 12;

impl Header {
    /// That of the element at the start of `bytes`.
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

    /// Where its content lies, if it starts at `at` and ends.
    pub fn content(&self, at: u64) -> Option<Range<u64>> {
        let start = at.checked_add(self.header)?;
        Some(start..start.checked_add(self.size?)?)
    }
}

/// A number of variable length, and how long it is; `None` stands for the one that means "unknown".
pub fn number(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let most = (1_u64 << (7 * length)) - 1;
    let number = big_endian(bytes.get(..length)?) & most;
    Some(((number != most).then_some(number), length))
}

/// An unsigned number of up to eight bytes.
pub fn big_endian(bytes: &[u8]) -> u64 {
    let bytes = bytes.get(..8).unwrap_or(bytes);
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The elements in `bytes`, with where each starts. The last one may be cut off; one of unknown
/// size is the last.
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
pub fn child(bytes: &[u8], id: u32) -> Option<&[u8]> {
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
