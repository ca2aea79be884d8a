//! How long a film is, by its index and by ffprobe.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use gifgen_index::ContainerIndex;
use gifgen_reader::{BlockCache, probing};
use gifgen_shared::Deadline;
use gifgen_testkit::test_env::settings;

use crate::support::Bench;

/// Times of pictures, of 90,000 a second: a camera's, with four seconds of silence; and a slide show's.
const CAMERA: &str = "N*3600+mod(N*N\\,97)+gte(N\\,200)*360000";
const SLIDES: &str = "N*90000*(3+mod(N*N\\,5))";

/// Makes a film whose pictures are shown at `times`.
fn film(folder: &Path, name: &str, pictures: u32, times: &str, args: &[&str]) -> PathBuf {
    let target = folder.join(name);
    let source = format!("testsrc2=size=64x36:rate=25:duration={}", pictures / 25);
    let filter = format!("settb=1/90000,setpts={times}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source, "-vf", &filter])
        .args(["-fps_mode", "passthrough", "-enc_time_base", "1/90000"])
        .args(args)
        .arg(&target)
        .status();
    assert!(made.unwrap().success(), "{name}");
    target
}

/// By the index, if it tells, and by ffprobe.
async fn lengths(file: &Path) -> (Option<f64>, f64) {
    let bench = Bench::new(file, 0).await;
    let blocks = BlockCache::new(bench.reader());
    let deadline = Deadline::after(Duration::from_secs(60));
    let settings = settings(&[]);
    let programs = probing::Programs {
        ffprobe: &settings.ffprobe,
        ffmpeg: &settings.ffmpeg,
    };
    let measured = probing::measure(programs, &blocks, deadline).await;
    let (header, length) = measured.unwrap();
    let mut index =
        ContainerIndex::read(Arc::clone(&blocks), &header.container, header.video).await;
    let told = index.as_mut().unwrap().length(header.claimed_seconds).await;
    (told.unwrap(), length)
}

#[tokio::test]
async fn irregular_times_do_not_make_a_film_longer() {
    let folder = tempfile::tempdir().unwrap();
    let x264 = ["-c:v", "libx264", "-g", "50", "-bf", "2"];
    let fragments = [&x264[..], &["-movflags", "+frag_keyframe+empty_moov"]].concat();
    let vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime"];
    let films = [
        film(folder.path(), "camera.ts", 300, CAMERA, &x264),
        film(folder.path(), "camera.mkv", 300, CAMERA, &x264),
        film(folder.path(), "camera.mp4", 300, CAMERA, &fragments),
        film(folder.path(), "slides.webm", 50, SLIDES, &vp9),
        film(folder.path(), "slides.mp4", 50, SLIDES, &fragments),
    ];
    for film in films {
        let (told, measured) = lengths(&film).await;
        let right = told.is_none_or(|told| (told - measured).abs() < 0.1);
        assert!(right, "{}: {told:?}, not {measured}", film.display());
    }
}

#[tokio::test]
async fn pictures_that_have_no_times_of_their_own_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mpeg2 = ["-c:v", "mpeg2video", "-bf", "0", "-enc_time_base", "1/25"];
    let film = film(folder.path(), "film.ts", 300, "N*3600", &mpeg2);
    let (told, measured) = lengths(&film).await;
    assert!(
        (told.unwrap() - measured).abs() < 0.1,
        "{told:?} {measured}"
    );
    take_times_away(&film);
    let (told, _) = lengths(&film).await;
    assert!((told.unwrap() - 12.0).abs() < 0.1, "{told:?}");
}

/// Leaves a time to each thirteenth picture.
fn take_times_away(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let mut pictures = 0;
    for packet in bytes.chunks_exact_mut(188) {
        let adaptation = if packet[3] & 0x20 == 0 {
            0
        } else {
            1 + packet[4] as usize
        };
        let Some(payload) = packet.get_mut(4 + adaptation..) else {
            continue;
        };
        if payload.starts_with(&[0, 0, 1, 0xe0]) {
            if pictures % 13 > 0 {
                payload[7] &= 0x3f;
            }
            pictures += 1;
        }
    }
    fs::write(file, bytes).unwrap();
}
