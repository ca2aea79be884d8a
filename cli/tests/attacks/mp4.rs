//! Finds and changes boxes of MP4 and MOV files.

use std::{fs, ops::Range, path::Path};

use crate::bounded::ffmpeg;

/// Boxes that contain only boxes.
const CONTAINERS: [&[u8; 4]; 7] = [
    b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl",
];

/// Path of the sample table of the first track.
pub const STBL: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

/// A small real video. Its `moov` is at the end, so changes to it do not move the samples.
pub fn small(folder: &Path) -> Vec<u8> {
    let path = folder.join("small.mp4");
    ffmpeg(
        "-f lavfi -i testsrc2=size=64x48:rate=10:duration=3 -c:v mpeg4 -g 5",
        &path,
    );
    fs::read(path).unwrap()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Names and ranges of the boxes in `within`, headers included.
fn boxes(bytes: &[u8], within: Range<usize>) -> Vec<([u8; 4], Range<usize>)> {
    let mut found = Vec::new();
    let mut at = within.start;
    while at + 8 <= within.end {
        let end = at + word(bytes, at) as usize;
        found.push((bytes[at + 4..at + 8].try_into().unwrap(), at..end));
        at = end;
    }
    found
}

/// Range of the box at `path`, header included.
pub fn find(bytes: &[u8], path: &[&[u8; 4]]) -> Range<usize> {
    path.iter().fold(0..bytes.len() + 8, |outer, name| {
        let start = if outer.end > bytes.len() {
            0
        } else {
            outer.start + 8
        };
        boxes(bytes, start..outer.end.min(bytes.len()))
            .into_iter()
            .find(|(found, _)| found == *name)
            .unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(*name)))
            .1
    })
}

/// Start and end of each box, nested ones included.
pub fn boundaries(bytes: &[u8]) -> Vec<usize> {
    fn visit(bytes: &[u8], within: Range<usize>, found: &mut Vec<usize>) {
        for (name, range) in boxes(bytes, within) {
            found.extend([range.start, range.start + 8, range.end]);
            if CONTAINERS.contains(&&name) {
                visit(bytes, range.start + 8..range.end, found);
            }
        }
    }
    let mut found = Vec::new();
    visit(bytes, 0..bytes.len(), &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// Replaces the content of the box at `path`.
pub fn with(bytes: &[u8], path: &[&[u8; 4]], content: &[u8]) -> Vec<u8> {
    let old = find(bytes, path);
    let mut new = bytes.to_vec();
    let growth = (content.len() + 8) as i64 - old.len() as i64;
    for depth in 1..=path.len() {
        let at = find(bytes, &path[..depth]).start;
        let size = (i64::from(word(bytes, at)) + growth) as u32;
        new[at..at + 4].copy_from_slice(&size.to_be_bytes());
    }
    new.splice(old.start + 8..old.end, content.iter().copied());
    new
}

/// Content of the box at `path`, without its header.
pub fn content<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
    let range = find(bytes, path);
    &bytes[range.start + 8..range.end]
}

/// Encodes numbers as a box holds them.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn a_changed_box_leaves_the_rest_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let small = small(folder.path());
    let path = [STBL.as_slice(), &[b"stsz"]].concat();
    let old = content(&small, &path).to_vec();
    let changed = with(&small, &path, &[7; 1000]);
    assert_eq!(content(&changed, &path), [7; 1000]);
    assert_eq!(with(&changed, &path, &old), small);
}
