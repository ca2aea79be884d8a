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

/// Its pictures have another id than other videos'.
const DIRAC: Kind = Kind {
    ending: "ts",
    args: &["-c:v", "vc2", "-strict", "-1"],
};

/// Makes a recording of so many seconds.
fn recording(folder: &Path, kind: &Kind, seconds: u32) -> PathBuf {
    let target = folder.join(format!("{seconds}.{}", kind.ending));
    let source = format!("testsrc2=size=192x144:rate=25:duration={seconds},noise=alls=80:allf=t");
    let mut args = kind.args.to_vec();
    if kind.ending == "mkv" {
        args.extend(["-pix_fmt", "yuvj420p"]);
    }
    encode(&source, &args, &target);
    assert!(
        fs::metadata(&target).unwrap().len() > 2 * 1024 * 1024,
        "{}",
        target.display()
    );
    target
}

/// Encodes a picture source of FFmpeg's.
fn encode(source: &str, args: &[&str], target: &Path) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", source])
        .args(args)
        .arg(target)
        .status();
    assert!(made.unwrap().success(), "{}", target.display());
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

#[tokio::test]
async fn of_transport_streams_of_dirac() {
    tells_joined_ones(DIRAC).await;
}

/// The offsets of the clocks in a recording: of the SCR in each pack, or of the timestamps of each picture.
fn clocks(content: &[u8], start: [u8; 4], clocks: &[usize]) -> Vec<Vec<usize>> {
    let starts = content.windows(4).enumerate();
    let starts = starts.filter(|(_, window)| *window == start);
    let clocks = |(at, _)| clocks.iter().map(|clock| at + clock).collect();
    starts.map(clocks).collect()
}

/// Wrong clocks are put where the clock is read, each into a file of its own.
async fn takes_no_wrong_clock_for_a_second_recording(
    kind: Kind,
    start: [u8; 4],
    at: &[usize],
    bit: u8,
) {
    let folder = tempfile::tempdir().unwrap();
    let whole = recording(folder.path(), &kind, 40);
    let whole = fs::read(whole).unwrap();
    let clocks = clocks(&whole, start, at);
    let mut place = 0;
    while place < whole.len() {
        let mut wrong = whole.clone();
        let Some(clock) = clocks.iter().find(|clock| clock[0] >= place) else {
            break;
        };
        for byte in clock {
            wrong[*byte] ^= bit;
        }
        let file = folder.path().join(format!("wrong.{}", kind.ending));
        fs::write(&file, &wrong).unwrap();
        let accounted = accounted(&file, 40.0).await;
        assert!(accounted.is_ok(), "{clock:?}: {accounted:?}");
        place += (place / 4).clamp(64 * 1024, (whole.len() / 16).max(64 * 1024));
    }
}

#[tokio::test]
async fn a_wrong_clock_in_a_program_stream_is_none() {
    // The bit of 11 s.
    let pack = [0, 0, 1, 0xba];
    takes_no_wrong_clock_for_a_second_recording(PROGRAM_STREAM, pack, &[5], 1).await;
}

#[tokio::test]
async fn a_wrong_clock_in_a_transport_stream_is_none() {
    // The bit of 23 s, in the pts and in the dts.
    let picture = [0, 0, 1, 0xe0];
    takes_no_wrong_clock_for_a_second_recording(TRANSPORT_STREAM, picture, &[11, 16], 0x80).await;
}

#[tokio::test]
async fn of_matroska_with_padding_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let kind = Kind {
        ending: "mkv",
        args: &["-c:v", "mjpeg", "-q:v", "2"],
    };
    let part = fs::read(recording(folder.path(), &kind, 10)).unwrap();
    let joined = folder.path().join("joined.mkv");
    fs::write(&joined, [&part[..], &[0], &part].concat()).unwrap();
    let error = accounted(&joined, 10.0).await.unwrap_err();
    let after = part.len() as u64 + 1;
    assert!(matches!(error, IndexError::NotWhole { from_byte, .. } if from_byte == after));
}

#[tokio::test]
async fn an_ivf_that_breaks_off_anywhere_is_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let kind = Kind {
        ending: "ivf",
        args: &["-c:v", "libvpx", "-b:v", "8M", "-deadline", "realtime"],
    };
    let whole = recording(folder.path(), &kind, 10);
    assert_eq!(accounted(&whole, 10.0).await.unwrap(), 10.0);
    let whole = fs::read(whole).unwrap();
    let mut frame = 32;
    for _ in 0..125 {
        let size = whole[frame..frame + 4].try_into().unwrap();
        frame += 12 + u32::from_le_bytes(size) as usize;
    }
    for more in [0, 5, 12, 20] {
        let cut = folder.path().join("cut.ivf");
        fs::write(&cut, &whole[..frame + more]).unwrap();
        let error = accounted(&cut, 5.0).await;
        assert!(error.is_err(), "{more} bytes of the next frame");
    }
}

/// The length of a film that was joined bytewise from recordings with an index.
async fn length_of(folder: &Path, parts: [&Path; 2]) -> f64 {
    let [first, second] = parts.map(|part| fs::read(part).unwrap());
    let joined = folder.join("joined.ts");
    fs::write(&joined, [&first[..], &second].concat()).unwrap();
    let bench = Bench::new(&joined, 0).await;
    let blocks = BlockCache::new(bench.reader());
    let index = ContainerIndex::read(Arc::clone(&blocks), &bench.container, bench.video);
    let mut index = index.await.unwrap().with_slices_of(30);
    index.length(None).await.unwrap().unwrap()
}

/// No picture starts in the last 192 KiB, nor where the clock is read.
#[tokio::test]
async fn of_transport_streams_whose_pictures_are_large() {
    let folder = tempfile::tempdir().unwrap();
    let large = |seconds: u32| {
        let target = folder.path().join(format!("{seconds}.ts"));
        let source = format!("nullsrc=s=640x360:r=1:d={seconds},noise=alls=60:allf=t");
        let args = "-pix_fmt yuv420p -c:v libx264 -qp 10 -g 1".split(' ');
        encode(&source, &args.collect::<Vec<_>>(), &target);
        target
    };
    let [short, long] = [40, 70].map(large);
    let average = fs::metadata(&short).unwrap().len() / 40;
    assert!(average > 300_000, "{average}");
    for parts in [[&short, &long], [&long, &short]] {
        let length = length_of(folder.path(), parts.map(PathBuf::as_path)).await;
        assert!((length - 110.0).abs() < 1.1, "{length}");
    }
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
    for parts in [[&short, &long], [&long, &short]] {
        let length = length_of(folder.path(), parts.map(PathBuf::as_path)).await;
        assert!((length - 30.0).abs() < 0.1, "{length}");
    }
}
