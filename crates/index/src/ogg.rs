//! Pages of Ogg files.

use crate::numbers::little_endian_32;

/// Bytes of a page before the sizes of its pieces.
const HEADER: usize = 27;

/// Flag of the first page of a stream.
const FIRST: u8 = 2;

/// The polynomial of the checksum: that of Ethernet, but neither reflected nor inverted.
const POLYNOMIAL: u32 = 0x04c1_1db7;

/// The header of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The number of its stream.
    pub stream: u32,
    /// Its number within the stream.
    pub number: u32,
    /// Whether it is the first one of its stream.
    pub is_first: bool,
    /// Its size, in bytes.
    pub bytes: usize,
    checksum: u32,
}

impl Page {
    /// The page at the start of `bytes`, which may be cut off within its data.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        if !header.starts_with(b"OggS\0") || header[5] > 7 {
            return None;
        }
        let sizes = bytes.get(HEADER..HEADER + usize::from(header[26]))?;
        let data: usize = sizes.iter().map(|size| usize::from(*size)).sum();
        Some(Self {
            stream: little_endian_32(header, 14)?,
            number: little_endian_32(header, 18)?,
            is_first: header[5] & FIRST != 0,
            bytes: HEADER + sizes.len() + data,
            checksum: little_endian_32(header, 22)?,
        })
    }

    /// Whether the checksum is that of this page, which `bytes` start with. Not if they are cut off.
    pub(crate) fn is_intact(&self, bytes: &[u8]) -> bool {
        let Some(page) = bytes.get(..self.bytes) else {
            return false;
        };
        let is_checksum = |at: &usize| (22..26).contains(at);
        let bytes = page.iter().enumerate();
        let sum = bytes.fold(0, |sum: u32, (at, byte)| {
            let byte = if is_checksum(&at) { 0 } else { *byte };
            (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| {
                sum << 1 ^ if sum >> 31 == 1 { POLYNOMIAL } else { 0 }
            })
        });
        sum == self.checksum
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A page with these flags of a stream, without a checksum.
    pub(crate) fn page(flags: u8, stream: u32, number: u32) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend([0; 8]);
        page.extend(stream.to_le_bytes());
        page.extend(number.to_le_bytes());
        page.extend([0; 4]);
        page.extend([1, 3]);
        page.extend(b"abc");
        page
    }

    #[test]
    fn a_page_knows_its_size_and_whether_it_is_intact() {
        // The first page of a Theora stream, as FFmpeg writes it.
        let whole: [u8; 70] = *b"OggS\0\x02\0\0\0\0\0\0\0\0\x2a\x5e\x06\x8e\0\0\0\0\x51\x6b\x54\xc5\x01\x2a\
            \x80theora\x03\x02\x01\0\x0a\0\x06\0\0\xa0\0\0\x60\0\0\0\0\0\x0a\0\0\0\x01\0\0\x01\0\0\x01\0\0\0\0\xb0\xd8";
        let page = Page::of(&whole).unwrap();
        assert_eq!((page.bytes, page.number, page.is_first), (70, 0, true));
        assert!(page.is_intact(&whole));
        for length in 0..whole.len() {
            let cut = &whole[..length];
            assert!(Page::of(cut).is_none_or(|page| !page.is_intact(cut)));
        }
        assert_eq!(Page::of(&super::tests::page(0, 7, 3)).unwrap().bytes, 31);
    }
}
