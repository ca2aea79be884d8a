//! Films of many hours.

use gifgen_index::parsers::Mp4Index;
use gifgen_shared::slice;

use crate::support::{Served, make, shown};

/// Bytes by which the description is made longer: more than is read as a whole.
const LONGER: u32 = 33 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_description_only_the_tables_of_the_video_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let minute = [
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=32x32:rate=60:duration=60",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=60",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-x264-params",
        "b-adapt=0",
        "-bf",
        "3",
        "-g",
        "120",
        "-b:a",
        "32k",
    ];
    let minute = make(folder.path(), "minute.mp4", &minute);
    // Some 300,000 samples, whose sizes alone are over a megabyte.
    let repeated = [
        "-stream_loop",
        "85",
        "-i",
        minute.to_str().unwrap(),
        "-c",
        "copy",
    ];
    let film = make(folder.path(), "film.mp4", &repeated);
    let video = shown(minute.to_str().unwrap(), 0, None, None).stream(0);

    let mut content = std::fs::read(&film).unwrap();
    let moov = content
        .windows(4)
        .rposition(|kind| kind == b"moov")
        .unwrap()
        - 4;
    let length = (content.len() - moov) as u32 + LONGER;
    content[moov..moov + 4].copy_from_slice(&length.to_be_bytes());
    content.extend(LONGER.to_be_bytes());
    content.extend(b"free");
    content.resize(content.len() + LONGER as usize - 8, 0);
    std::fs::write(&film, &content).unwrap();

    let served = Served::new(&film).await;
    let read = Mp4Index::read(&served.blocks, &video).await.unwrap();
    let whole = Mp4Index::of(&content, &video).unwrap();
    let slices = slice::plan(whole.length().unwrap(), 30);
    assert!(slices.len() > 160 && read.length() == whole.length());
    assert!(read.excerpts(&slices).eq(whole.excerpts(&slices)));
    assert!(read.excerpts(&slices).all(|excerpt| excerpt.is_some()));
    let bytes = served.blocks.reader().bytes_read();
    assert!(bytes < u64::from(LONGER) / 4, "{bytes}");
}
