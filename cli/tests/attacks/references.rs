//! MOV files that claim that their samples are in another file.

use std::fs;

use crate::{
    bounded::{look_carelessly, run},
    canary::Canaries,
    mp4::{find, small, with},
};

const DREF: [&[u8; 4]; 6] = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"];

/// A `dref` box with one entry of the type `kind`, which refers to another file.
fn dref(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut content = vec![0, 0, 0, 0, 0, 0, 0, 1];
    content.extend((12 + data.len() as u32).to_be_bytes());
    content.extend(kind);
    content.extend([0; 4]);
    content.extend(data);
    content
}

/// QuickTime's alias record for a file, as FFmpeg parses it (`mov_read_dref` in libavformat).
fn alias(path: &str) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap();
    let mut record = vec![0; 10];
    let pascal = |text: &str, size: usize| {
        let mut field = vec![text.len().min(size) as u8];
        field.extend(&text.as_bytes()[..text.len().min(size)]);
        field.resize(size + 1, 0);
        field
    };
    record.extend(pascal("disk", 27));
    record.extend([0; 12]);
    record.extend(pascal(name, 63));
    record.extend([0; 16]);
    record.extend([0, 1, 0, 1]);
    record.extend([0; 16]);
    for kind in [2_u16, 18] {
        record.extend(kind.to_be_bytes());
        record.extend((path.len() as u16).to_be_bytes());
        record.extend(path.as_bytes());
        record.resize(record.len() + path.len() % 2, 0);
    }
    record.extend([0xff, 0xff, 0, 0]);
    record
}

#[test]
fn a_reference_to_data_elsewhere_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = Canaries::new(folder.path());
    let small = small(folder.path());
    let mut references = Vec::new();
    for target in canaries.targets() {
        let text = format!("{target}\0");
        references.push(dref(b"url ", text.as_bytes()));
        references.push(dref(b"urn ", text.as_bytes()));
        references.push(dref(b"alis", &alias(&target)));
    }
    // A relative name, in the video's folder.
    references.push(dref(b"alis", &alias("canary.mp4")));
    let videos: Vec<_> = references
        .iter()
        .enumerate()
        .map(|(index, reference)| {
            let path = folder.path().join(format!("reference-{index}.mov"));
            let mut bytes = with(&small, &DREF, reference);
            // The file has no samples of its own.
            let mdat = find(&bytes, &[b"mdat"]);
            bytes[mdat.start + 8..mdat.end].fill(0);
            fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    // Well-formed for readers that follow any of the three kinds of names.
    for alias in [8, 11, 14] {
        look_carelessly("-enable_drefs 1 -use_absolute_path 1", &videos[alias]);
        assert_eq!(canaries.touched(), (false, true), "{alias}");
    }
    let outcome = run(&videos, folder.path());
    canaries.assert_untouched();
    outcome.assert_ends(&["unreadable: ", "emptyVideo: "]);
}
