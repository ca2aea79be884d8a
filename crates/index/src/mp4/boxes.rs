//! The boxes of an MP4 file: headers, children, and content.

use mp4_atom::Atom;

use crate::error::IndexError;

/// Length of the longest header, in bytes.
pub(super) const HEADER: u64 = 16;

/// Header of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: [u8; 4],
    /// Length of the header itself, in bytes.
    pub(super) len: u64,
    /// Length of the box with its header. `None` stands for all that is left.
    size: Option<u64>,
}

/// A box within another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child<'a> {
    pub(super) kind: [u8; 4],
    /// With its header.
    pub(super) raw: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Header {
    /// The header with which `bytes` start.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (len, size) = match u32::from_be_bytes(*size) {
            0 => (8, None),
            1 => (16, Some(u64::from_be_bytes(*rest.first_chunk()?))),
            size => (8, Some(u64::from(size))),
        };
        let kind = *kind;
        (size.is_none_or(|size| size >= len)).then_some(Self { kind, len, size })
    }

    /// Whether it may be the header of a box at the top of a file. Where a file has a hole, it is none.
    pub(super) fn is_plausible(&self) -> bool {
        let is_written = |byte: &u8| (0x20..0x7f).contains(byte) || *byte == 0xa9;
        self.kind.iter().all(is_written)
    }

    /// Where a box that starts at `at` ends, in a parent that ends at `end`.
    pub(super) fn end(&self, at: u64, end: u64) -> u64 {
        self.size.map_or(end, |size| at.saturating_add(size))
    }
}

/// The boxes in `body`, up to the first that is cut off.
pub(super) fn children(mut body: &[u8]) -> impl Iterator<Item = Child<'_>> {
    std::iter::from_fn(move || {
        let header = Header::parse(body)?;
        let end = usize::try_from(header.end(0, body.len() as u64)).ok()?;
        let (raw, rest) = body.split_at_checked(end)?;
        body = rest;
        Some(Child {
            kind: header.kind,
            raw,
            body: &raw[header.len as usize..],
        })
    })
}

/// The box of that kind in `body`, if there is one.
///
/// # Errors
/// If there are several: readers choose differently.
pub(super) fn only<'a>(body: &'a [u8], kind: &[u8; 4]) -> Result<Option<Child<'a>>, IndexError> {
    let mut found = children(body).filter(|child| child.kind == *kind);
    let first = found.next();
    if found.next().is_some() {
        return Err(none(format!("there are several boxes {}", name(kind))));
    }
    Ok(first)
}

/// The box of that kind in `body`.
///
/// # Errors
/// If there is not exactly one.
pub(super) fn one<'a>(body: &'a [u8], kind: &[u8; 4]) -> Result<Child<'a>, IndexError> {
    only(body, kind)?.ok_or_else(|| none(format!("there is no box {}", name(kind))))
}

/// Decodes the content of a box, from its version on. Bytes that are left over are ignored.
pub(super) fn content<T: Atom>(mut body: &[u8]) -> Result<T, IndexError> {
    T::decode_body(&mut body).map_err(|error| none(format!("{:?}: {error}", T::KIND)))
}

/// The big-endian number at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// No index can be made, because of `why`.
pub(super) fn none(why: impl Into<String>) -> IndexError {
    IndexError::none(why)
}

/// The file breaks off at `from_byte`, the end of what it has of the film, which is at `second`.
pub(super) fn truncated(from_byte: u64, second: f64) -> IndexError {
    IndexError::not_whole(from_byte, second, "it is truncated; upload it again")
}

fn name(kind: &[u8; 4]) -> impl std::fmt::Display + '_ {
    kind.escape_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_meant() {
        let whole = Header::parse(b"\0\0\0\0mdat").unwrap();
        assert_eq!((whole.len, whole.end(5, 99)), (8, 99));
        let short = Header::parse(b"\0\0\0\x0cfree").unwrap();
        assert_eq!(short.end(5, 99), 17);
        let long = Header::parse(b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff").unwrap();
        assert_eq!((long.len, long.end(5, 99)), (16, u64::MAX));
        for broken in [
            &b"\0\0\0\x07free"[..],
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f",
            b"\0\0",
        ] {
            assert_eq!(Header::parse(broken), None);
        }
    }

    #[test]
    fn children_end_where_one_is_too_long() {
        let body = b"\0\0\0\x09freeX\0\0\0\x08skip\0\0\0\x09trak";
        let kinds: Vec<_> = children(body).map(|child| child.kind).collect();
        assert_eq!(kinds, [*b"free", *b"skip"]);
        assert_eq!(children(body).next().unwrap().body, b"X");
    }
}
