//! Roku's BIF: an archive of JPGs at a fixed interval. All numbers are little-endian.
//! <https://developer.roku.com/docs/developer-program/media-playback/trick-mode/bif-file-creation.md>

/// The first bytes of a file.
const MAGIC: [u8; 8] = [0x89, b'B', b'I', b'F', 0x0d, 0x0a, 0x1a, 0x0a];

/// Bytes up to the index.
const HEADER: usize = 64;

/// Bytes of an entry of the index.
const ENTRY: usize = 8;

/// Version of the format.
const VERSION: u32 = 0;

/// The file of these JPGs, one each `interval_ms` milliseconds. `None` if it would be longer than its offsets can say, 4 GiB.
pub(crate) fn bif(jpgs: &[Vec<u8>], interval_ms: u32) -> Option<Vec<u8>> {
    let count = u32::try_from(jpgs.len()).ok()?;
    let mut file = MAGIC.to_vec();
    for number in [VERSION, count, interval_ms] {
        file.extend(number.to_le_bytes());
    }
    file.resize(HEADER, 0);
    let mut offset = u32::try_from(HEADER + ENTRY * (jpgs.len() + 1)).ok()?;
    for (slot, jpg) in (0u32..).zip(jpgs) {
        file.extend(slot.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset = offset.checked_add(u32::try_from(jpg.len()).ok()?)?;
    }
    file.extend(u32::MAX.to_le_bytes());
    file.extend(offset.to_le_bytes());
    jpgs.iter().for_each(|jpg| file.extend_from_slice(jpg));
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_leads_to_each_picture() {
        let jpgs = [b"first".to_vec(), b"second picture".to_vec()];
        let file = bif(&jpgs, 10_000).unwrap();
        let number = |at: usize| u32::from_le_bytes(*file[at..].first_chunk().unwrap());
        assert_eq!((number(8), number(12), number(16)), (0, 2, 10_000));
        for (slot, jpg) in jpgs.iter().enumerate() {
            let entry = 64 + slot * 8;
            assert_eq!(number(entry), slot as u32);
            let (from, to) = (number(entry + 4) as usize, number(entry + 12) as usize);
            assert_eq!(&file[from..to], jpg);
        }
        assert_eq!(number(64 + 16), u32::MAX);
        assert_eq!(number(64 + 20) as usize, file.len());
    }
}
