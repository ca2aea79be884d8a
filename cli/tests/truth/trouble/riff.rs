//! Changes AVI files by their index.

/// Positions of the entries of `idx1`: 16 bytes each.
fn entries(bytes: &[u8]) -> std::ops::Range<usize> {
    let find = |what: &[u8]| {
        let found = bytes.windows(4).rposition(|window| window == what);
        found.expect("an AVI with an index")
    };
    let start = find(b"idx1") + 8;
    let size = u32::from_le_bytes(bytes[start - 4..start].try_into().unwrap());
    start..start + size as usize
}

/// Flags each picture as a keyframe.
pub fn flag_all(bytes: &mut [u8]) {
    for entry in entries(bytes).step_by(16) {
        bytes[entry + 4] |= 0x10;
    }
}

/// Turns the chunks of these pictures into ones that are skipped. The index keeps them.
pub fn skip_chunks(bytes: &mut [u8], pictures: std::ops::Range<usize>) {
    let list = bytes
        .windows(4)
        .position(|window| window == b"movi")
        .expect("a movi list");
    let entries: Vec<usize> = entries(bytes).step_by(16).collect();
    for entry in &entries[pictures] {
        let offset = u32::from_le_bytes(bytes[entry + 8..entry + 12].try_into().unwrap());
        let chunk = list + offset as usize;
        assert_eq!(bytes[chunk..chunk + 3], *b"00d");
        bytes[chunk..chunk + 4].copy_from_slice(b"JUNK");
    }
}
