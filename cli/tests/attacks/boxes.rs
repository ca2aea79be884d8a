//! MP4 files with false boxes.

use std::{fs, path::PathBuf};

use crate::{
    bounded::run,
    mp4::{STBL, boundaries, content, find, small, with, words},
};

/// The small video's sample table box `name`, with other content.
fn table(small: &[u8], name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    with(small, &[STBL.as_slice(), &[name]].concat(), content)
}

fn numbers(small: &[u8], name: &[u8; 4]) -> Vec<u32> {
    content(small, &[STBL.as_slice(), &[name]].concat())
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
        .collect()
}

#[test]
fn tables_that_lie_take_neither_memory_nor_time() {
    let folder = tempfile::tempdir().unwrap();
    let small = small(folder.path());
    let most = u32::MAX;
    let sizes = numbers(&small, b"stsz");
    let samples = sizes[2];
    let first = numbers(&small, b"stco")[2];
    let each_its_chunk = table(&small, b"stsc", &words(&[0, 1, 1, 1, 1]));
    let chunks = |offset: &dyn Fn(u32) -> u32| {
        let offsets = (0..samples).map(offset);
        let all: Vec<u32> = [0, samples].into_iter().chain(offsets).collect();
        table(&each_its_chunk, b"stco", &words(&all))
    };
    let larger = |size: u32| {
        let all: Vec<u32> = sizes[..3]
            .iter()
            .copied()
            .chain((0..samples).map(|_| size))
            .collect();
        table(&small, b"stsz", &words(&all))
    };
    let lies = [
        (
            "sizes-without-end",
            table(&small, b"stsz", &words(&[0, 0, most])),
        ),
        (
            "one-size-for-2-32",
            table(&small, b"stsz", &words(&[0, 1, most])),
        ),
        (
            "times-without-end",
            table(&small, b"stts", &words(&[0, 1, most, 1])),
        ),
        (
            "times-counted-2-32",
            table(&small, b"stts", &words(&[0, most, 1, 1])),
        ),
        (
            "chunks-without-end",
            table(&small, b"stco", &words(&[0, most, first])),
        ),
        (
            "samples-in-a-chunk",
            table(&small, b"stsc", &words(&[0, 1, 1, most, 1])),
        ),
        ("overlapping", chunks(&|_| first)),
        ("backward", chunks(&|i| first + (samples - i) * 8)),
        ("behind-the-end", chunks(&|i| 0x7fff_0000 + i)),
        ("before-the-start", chunks(&|i| i)),
        ("sizes-past-the-end", larger(0x7fff_ffff)),
        ("sizes-2-32", larger(most)),
    ];
    let videos: Vec<PathBuf> = lies
        .iter()
        .map(|(name, bytes)| {
            let path = folder.path().join(format!("{name}.mp4"));
            fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    // The reason depends on where FFmpeg notices. If the decoder can use the data, previews are made.
    let ends = [
        "unreadable: ",
        "tooLarge: ",
        "FFmpeg cannot render",
        "the file is damaged",
        // A tile of the overview between two that are there.
        "FFmpeg rendered the slice wrongly",
        "done",
    ];
    for video in videos {
        run(&[video], folder.path()).assert_ends(&ends);
    }
}

#[test]
fn a_video_that_is_cut_at_any_boundary_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let small = small(folder.path());
    let mut cuts = boundaries(&small);
    assert_eq!(cuts.pop(), Some(small.len()));
    assert!(cuts.len() >= 40, "{cuts:?}");
    let videos: Vec<PathBuf> = cuts
        .iter()
        .map(|cut| {
            let path = folder.path().join(format!("cut-at-{cut}.mp4"));
            fs::write(&path, &small[..*cut]).unwrap();
            path
        })
        .collect();
    let mut outcome = run(&videos, folder.path());
    // After the tables, the file has only metadata.
    let whole = outcome.videos.iter().filter(|video| video["done"] == 1);
    let cuts = whole.map(|video| video["key"].as_str().unwrap().to_owned());
    let notes = find(&small, &[b"moov", b"udta"]).start;
    for key in cuts.collect::<Vec<_>>() {
        let cut = key.trim_start_matches("cut-at-").trim_end_matches(".mp4");
        assert!(cut.parse::<usize>().unwrap() >= notes, "{key}");
    }
    outcome.videos.retain(|video| video["done"] == 0);
    outcome.assert_ends(&["emptyVideo: ", "noVideoStream: ", "unreadable: "]);
}
