//! Two recordings of more than 2 MiB that were joined bytewise, in containers without an index.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use gifgen_index::{ContainerIndex, IndexError, Measured, account_for};
use gifgen_reader::BlockCache;

use crate::support::Bench;

/// FFmpeg's arguments for recordings of a container, and the ending of their names.
struct Kind {
    ending: &'static str,
    args: &'static [&'static str],
}

const PROGRAM_STREAM: Kind = Kind {
    ending: "vob",
    args: &[
        "-c:v",
        "mpeg2video",
        "-q:v",
        "2",
        "-maxrate",
        "20M",
        "-bufsize",
        "4M",
    ],
};
const FLASH: Kind = Kind {
    ending: "flv",
    args: &["-c:v", "flv", "-q:v", "2"],
};
/// Each has the same number of its stream.
const OGG: Kind = Kind {
    ending: "ogv",
    args: &["-c:v", "libtheora", "-q:v", "10", "-fflags", "+bitexact"],
};
const LIVE_MATROSKA: Kind = Kind {
    ending: "mkv",
    args: &["-c:v", "mjpeg", "-q:v", "2", "-live", "1"],
};
/// Tested as if its codec had no index.
const TRANSPORT_STREAM: Kind = Kind {
    ending: "ts",
    args: &["-c:v", "mpeg1video", "-q:v", "2"],
};

/// Makes a recording of so many seconds.
fn recording(folder: &Path, kind: &Kind, seconds: u32) -> PathBuf {
    let target = folder.join(format!("{seconds}.{}", kind.ending));
    let source = format!("testsrc2=size=192x144:rate=25:duration={seconds},noise=alls=80:allf=t");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source])
        .args(
            ["-pix_fmt", "yuvj420p"]
                .iter()
                .filter(|_| kind.ending == "mkv"),
        )
        .args(kind.args)
        .arg(&target)
        .status();
    assert!(made.unwrap().success(), "{}", target.display());
    assert!(
        fs::metadata(&target).unwrap().len() > 2 * 1024 * 1024,
        "{}",
        target.display()
    );
    target
}

async fn accounted(file: &Path, length: f64) -> Result<f64, IndexError> {
    let bench = Bench::new(file, 0).await;
    let measured = Measured {
        container: &bench.container,
        stream: 0,
        claimed: None,
        length,
        has_index: false,
    };
    account_for(&BlockCache::new(bench.reader()), measured).await
}

async fn tells_joined_ones(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let [short, long] = [6, 40].map(|seconds| recording(folder.path(), &kind, seconds));
    for (file, seconds) in [(&short, 6.0), (&long, 40.0)] {
        assert_eq!(accounted(file, seconds).await.unwrap(), seconds);
    }
    for (first, second) in [(&short, &long), (&long, &short), (&long, &long)] {
        let [first, second] = [first, second].map(|part| fs::read(part).unwrap());
        let joined = folder.path().join(format!("joined.{}", kind.ending));
        fs::write(&joined, [&first[..], &second].concat()).unwrap();
        let error = accounted(&joined, 40.0).await.unwrap_err();
        let IndexError::NotWhole { from_byte, .. } = error else {
            panic!("{error}");
        };
        let distance = from_byte.abs_diff(first.len() as u64);
        assert!(distance < 100_000, "{error}: it is at {}", first.len());
    }
}

#[tokio::test]
async fn of_program_streams() {
    tells_joined_ones(PROGRAM_STREAM).await;
}

#[tokio::test]
async fn of_flash_video() {
    tells_joined_ones(FLASH).await;
}

#[tokio::test]
async fn of_ogg_with_the_same_stream() {
    tells_joined_ones(OGG).await;
}

#[tokio::test]
async fn of_live_matroska() {
    tells_joined_ones(LIVE_MATROSKA).await;
}

#[tokio::test]
async fn of_transport_streams_without_an_index() {
    tells_joined_ones(TRANSPORT_STREAM).await;
}

/// No bound of a slice divides it.
#[tokio::test]
async fn of_transport_streams_whose_longer_part_fits_into_one_slice() {
    let folder = tempfile::tempdir().unwrap();
    let kind = Kind {
        ending: "ts",
        args: &["-c:v", "mpeg2video", "-q:v", "2"],
    };
    let [short, long] = [6, 24].map(|seconds| recording(folder.path(), &kind, seconds));
    for (first, second) in [(&short, &long), (&long, &short)] {
        let [first, second] = [first, second].map(|part| fs::read(part).unwrap());
        let joined = folder.path().join("joined.ts");
        fs::write(&joined, [&first[..], &second].concat()).unwrap();
        let bench = Bench::new(&joined, 0).await;
        let blocks = BlockCache::new(bench.reader());
        let index = ContainerIndex::read(Arc::clone(&blocks), &bench.container, bench.video);
        let mut index = index.await.unwrap().with_slices_of(30);
        let length = index.length(None).await.unwrap().unwrap();
        assert!((length - 30.0).abs() < 0.1, "{length}");
    }
}
