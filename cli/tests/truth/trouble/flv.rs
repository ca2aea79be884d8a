//! Changes Flash videos, tag by tag.

/// Offset and size of each tag of the video that holds a picture, without the size that follows.
pub fn tags(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut tags = Vec::new();
    let mut at = 13;
    while at + 11 < bytes.len() {
        let size = [0, bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let size = 11 + u32::from_be_bytes(size) as usize;
        // H.264's headers are tags without pictures.
        let codec = bytes[at + 11] & 0x0F;
        if bytes[at] == 9 && (codec != 7 || bytes[at + 12] == 1) {
            tags.push((at, size));
        }
        at += size + 4;
    }
    tags
}

/// Moves the times of the tags from the one at `from` on.
pub fn move_clock(bytes: &mut [u8], from: usize, milliseconds: i64) {
    for (at, _) in tags(bytes).into_iter().filter(|(at, _)| *at >= from) {
        let time = [bytes[at + 7], bytes[at + 4], bytes[at + 5], bytes[at + 6]];
        let time = (i64::from(u32::from_be_bytes(time)) + milliseconds).max(0) as u32;
        let [high, time @ ..] = time.to_be_bytes();
        bytes[at + 4..at + 7].copy_from_slice(&time);
        bytes[at + 7] = high;
    }
}

/// Flags each picture as a keyframe.
pub fn flag_all(bytes: &mut [u8]) {
    for (at, _) in tags(bytes) {
        bytes[at + 11] = bytes[at + 11] & 0x0F | 0x10;
    }
}
