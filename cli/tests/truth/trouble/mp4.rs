//! Changes MP4 files, box by box.

/// Flags each sample as a keyframe: without the table of keyframes, all are. Whether there was one.
pub fn flag_all(bytes: &mut [u8]) -> bool {
    let found = bytes.windows(4).position(|window| window == b"stss");
    if let Some(found) = found {
        bytes[found..found + 4].copy_from_slice(b"free");
    }
    found.is_some()
}

/// Ranges of the fragments: each a `moof` with its `mdat`.
pub fn fragments(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut fragments: Vec<std::ops::Range<usize>> = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        match &bytes[at + 4..at + 8] {
            b"moof" => fragments.push(at..at + size),
            b"mdat" => {
                if let Some(fragment) = fragments.last_mut() {
                    fragment.end = at + size;
                }
            }
            _ => {}
        }
        at += size;
    }
    fragments
}
