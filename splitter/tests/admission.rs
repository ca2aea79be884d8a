//! Which objects become runs, from which of their streams, and what is said of the others. No object
//! costs a slice event that cannot give a picture.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use gifgen_shared::Deadline;
use gifgen_testkit::{
    events::object_created,
    media, program,
    test_env::{FILMS, PREVIEWS, TestEnv, settings},
};
use serde_json::{Value, json};

/// What becomes of a file.
enum End {
    /// A run over this stream, with a length in seconds.
    Split(u32, f64),
    /// A rejection for this reason, with these words.
    Rejected(&'static str, &'static str),
}

use End::{Rejected, Split};

fn case(name: &str) -> PathBuf {
    media::folder().join("../cases").join(name)
}

/// Has the splitter handle `file`. Returns its answer, its events, and `run.json`.
async fn admit(file: &Path) -> (Value, Vec<Value>, Option<Value>) {
    let env = TestEnv::start().await;
    let mut receiver = env.our_events();
    let object = env.adopt("film", file).await;
    let event = object_created(FILMS, "film", &object.etag);
    let deadline = Deadline::after(Duration::from_secs(240));
    let answer = env.splitter(&[]).handle(&event, deadline).await;
    let answer = json!(answer.unwrap_or_else(|error| panic!("{}: {error:?}", file.display())));
    let mut events = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        events.push(event);
    }
    let run = env.s3().get_object().bucket(PREVIEWS).key("film/run.json");
    let run = match run.send().await {
        Ok(run) => {
            let bytes = run.body.collect().await.unwrap().into_bytes();
            Some(serde_json::from_slice(&bytes).unwrap())
        }
        Err(_) => None,
    };
    (answer["sources"][0].clone(), events, run)
}

/// Panics unless `file` ends as `end` says.
async fn check(file: &Path, end: &End) {
    let name = file.display();
    let (answer, events, run) = admit(file).await;
    match end {
        Split(stream, length) => {
            assert_eq!(answer["status"], "split", "{name}: {answer}");
            let run = run.unwrap();
            assert_eq!(run["video"]["index"], *stream, "{name}: {run}");
            let found = answer["length"].as_f64().unwrap();
            assert!(
                (found - length).abs() < 0.2,
                "{name}: {found} s, not {length} s"
            );
        }
        Rejected(reason, words) => {
            assert_eq!(answer["status"], "rejected", "{name}: {answer}");
            assert_eq!(answer["reason"], *reason, "{name}: {answer}");
            let message = answer["message"].as_str().unwrap();
            assert!(message.contains(words), "{name}: {message:?}");
            assert_clear(message);
            assert_eq!(events.len(), 1, "{name}: {events:?}");
            assert_eq!(events[0]["detail-type"], "videoRejected");
            assert!(run.is_none(), "{name}: it has a run");
            println!("{name}: {reason}: {message}");
        }
    }
}

/// Panics unless `message` is one sentence for people.
fn assert_clear(message: &str) {
    let raw = [
        "ffprobe",
        "whitelist",
        " 0x",
        "{",
        "[",
        " @ ",
        "Invalid",
        "\n",
    ];
    let found = raw.iter().find(|raw| message.contains(**raw));
    assert!(found.is_none(), "{message:?} holds {found:?}");
    assert!(message.len() < 250, "{message:?} is long");
}

/// Whether the FFmpeg that is tested has this decoder.
fn has_decoder(name: &str) -> bool {
    let output = Command::new(settings(&[]).ffmpeg)
        .args(["-hide_banner", "-decoders"])
        .output();
    let list = String::from_utf8(output.unwrap().stdout).unwrap();
    list.lines()
        .any(|line| line.split_whitespace().nth(1) == Some(name))
}

/// Makes a file with FFmpeg.
fn ffmpeg(args: &str, target: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args.split_whitespace())
        .arg(target)
        .status();
    assert!(status.unwrap().success(), "{args}");
}

#[tokio::test]
async fn each_case_becomes_a_run_over_its_film_or_is_rejected_in_one_clear_sentence() {
    let vvc = match has_decoder("vvc") {
        true => Split(0, 2.0),
        false => Rejected("unsupportedCodec", "the codec VVC (H.266) is not supported"),
    };
    let animation = |length| match has_decoder("qtrle") {
        true => Split(0, length),
        false => Rejected("unsupportedCodec", "the codec QuickTime Animation"),
    };
    let capture = match has_decoder("zmbv") {
        true => Split(0, 3.0),
        false => Rejected("unsupportedCodec", "the codec DOSBox Capture"),
    };
    for (name, end) in [
        ("25-png-cover/png-cover.mkv", Split(0, 10.0)),
        ("08-cenc/cbcs.mp4", Rejected("encrypted", "is encrypted")),
        ("14-codecs/qtrle.mov", animation(3.0)),
        ("14-codecs/zmbv.avi", capture),
        (
            "14-codecs/camera.h264",
            Rejected("unreadable", "raw H.264 without a container"),
        ),
        ("02-sei-rotate/sei90.mp4", Split(0, 4.0)),
        ("real/cbcs.mp4", Rejected("encrypted", "is encrypted")),
        (
            "real/subsample_encrypted.webm",
            Rejected("encrypted", "is encrypted"),
        ),
        (
            "real/rot0mir0.avif",
            Rejected("notAVideo", "one still image"),
        ),
        ("real/xheaac_h264.mp4", Split(0, 4.57)),
        ("real/vvc_400kbps_2s.mp4", vvc),
        (
            "real/video_dovi_3840x2160_30fps_dav1_10.mp4",
            Rejected("unsupportedCodec", "the codec Dolby Vision on AV1"),
        ),
        (
            "real/projection_float_overflow.webm",
            Rejected("unreadable", "truncated, damaged"),
        ),
        ("real/aletrek-rle.mov", animation(3.333)),
        ("s01-stream-choice/poster.mkv", Split(1, 40.0)),
        ("s01-stream-choice/short-first.mp4", Split(1, 40.0)),
        ("s01-stream-choice/ts-absent.ts", Split(1, 40.0)),
        ("s01-stream-choice/v-emptyfirst.mp4", Split(1, 40.0)),
        ("s10-late-picture/audiofirst.ts", Split(0, 40.0)),
        (
            "s12-words/p-1-1000.mp4",
            Rejected("tooLarge", "160x96 are to be shown as 1x96"),
        ),
    ] {
        check(&case(name), &end).await;
    }
}

#[tokio::test]
async fn a_container_is_taken_or_refused_by_its_name() {
    let gxf = case("14-codecs/x.gxf");
    let (answer, _, _) = admit(&gxf).await;
    if answer["status"] == "rejected" {
        let end = Rejected("unreadable", "the container GXF is not supported");
        check(&gxf, &end).await;
    } else {
        check(&gxf, &Split(0, 1.2)).await;
    }
}

#[tokio::test]
async fn the_manifest_says_what_was_not_chosen_and_why() {
    let (_, _, run) = admit(&case("s01-stream-choice/poster.mkv")).await;
    let others = json!([{"index": 0, "codec": "mjpeg", "why": "short"}]);
    assert_eq!(run.unwrap()["source"]["notChosen"], others);
    let (_, _, run) = admit(&case("25-png-cover/png-cover.mkv")).await;
    let others = json!([{"index": 1, "codec": "png", "why": "cover"}]);
    assert_eq!(run.unwrap()["source"]["notChosen"], others);
    let (_, _, run) = admit(&media::video("d34")).await;
    assert_eq!(run.unwrap()["source"]["notChosen"], Value::Null);
}

#[tokio::test]
async fn a_stream_that_ffprobe_cannot_open_beside_the_film_refuses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let film = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=4";
    // Another picture track in a codec that is not allowed, and a cover in one.
    let sizes = "-f lavfi -i color=size=32x32:rate=10:duration=4";
    let args = format!("{film} {sizes} -map 0 -map 1 -c:v:0 mpeg4 -c:v:1 snow -strict -2");
    for name in ["second.avi", "second.nut", "second.mkv"] {
        ffmpeg(&args, &at(name));
        check(&at(name), &Split(0, 4.0)).await;
    }
    ffmpeg(
        "-f lavfi -i color=size=32x32 -frames:v 1",
        &at("cover.tiff"),
    );
    ffmpeg(&format!("{film} -c:v mpeg4"), &at("film.mkv"));
    let (video, cover) = (at("film.mkv"), at("cover.tiff"));
    let args = format!(
        "-i {} -c copy -attach {} -metadata:s:t mimetype=image/tiff",
        video.display(),
        cover.display()
    );
    ffmpeg(&args, &at("covered.mkv"));
    check(&at("covered.mkv"), &Split(0, 4.0)).await;
}

#[tokio::test]
async fn a_codec_that_is_not_supported_is_named_and_costs_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let film = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=2";
    for name in ["film.avi", "film.nut", "film.mkv"] {
        let file = folder.path().join(name);
        ffmpeg(&format!("{film} -c:v snow -strict -2"), &file);
        let words = "the codec Snow is not supported";
        check(&file, &Rejected("unsupportedCodec", words)).await;
    }
}

#[tokio::test]
async fn encrypted_videos_are_rejected_as_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let film = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=4 -c:v libx264";
    let key = "-encryption_scheme cenc-aes-ctr -encryption_key 00112233445566778899aabbccddeeff \
               -encryption_kid ffeeddccbbaa99887766554433221100";
    ffmpeg(&format!("{film} {key}"), &at("cenc.mp4"));
    let fragments = "-movflags +frag_keyframe+empty_moov";
    ffmpeg(&format!("{film} {key} {fragments}"), &at("fragments.mp4"));
    let end = Rejected("encrypted", "is encrypted");
    check(&at("cenc.mp4"), &end).await;
    check(&at("fragments.mp4"), &end).await;
    // The first samples of a film may be clear: its description has both kinds.
    ffmpeg(film, &at("lead.mp4"));
    let clear = std::fs::read(at("lead.mp4")).unwrap();
    std::fs::write(at("lead.mp4"), with_an_encrypted_sample_entry(&clear)).unwrap();
    check(&at("lead.mp4"), &end).await;
    // A transport stream whose packets, but for the tables, are scrambled.
    ffmpeg(&format!("{film} -b:v 500k -g 10"), &at("clear.ts"));
    let mut bytes = std::fs::read(at("clear.ts")).unwrap();
    for packet in bytes.chunks_exact_mut(188) {
        if packet[1] & 0x1f == 1 && packet[2] == 0 {
            packet[3] |= 0x80;
            let start = 4 + match packet[3] & 0x20 {
                0 => 0,
                _ => 1 + usize::from(packet[4]),
            };
            packet[start.min(188)..]
                .iter_mut()
                .for_each(|byte| *byte ^= 0x5a);
        }
    }
    std::fs::write(at("scrambled.ts"), bytes).unwrap();
    check(&at("scrambled.ts"), &end).await;
    // Scrambled in the middle alone, it is a film with damage.
    check(&case("32-ts-scrambled/scrambled.ts"), &Split(0, 40.0)).await;
}

/// The MP4 `film`, whose `moov` is at its end, with a second entry in its sample description: `encv`.
fn with_an_encrypted_sample_entry(film: &[u8]) -> Vec<u8> {
    let place = |kind: &[u8]| {
        let mut fours = film.windows(4);
        fours.rposition(|four| four == kind).unwrap() - 4
    };
    let word = |at: usize| u32::from_be_bytes(film[at..at + 4].try_into().unwrap());
    let stsd = place(b"stsd");
    let entry = stsd + 16;
    let end = entry + word(entry) as usize;
    let mut copy = film[entry..end].to_vec();
    copy[4..8].copy_from_slice(b"encv");
    let mut changed = film.to_vec();
    for kind in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"] {
        let at = place(kind);
        let size = word(at) + copy.len() as u32;
        changed[at..at + 4].copy_from_slice(&size.to_be_bytes());
    }
    changed[stsd + 12..stsd + 16].copy_from_slice(&2_u32.to_be_bytes());
    changed.splice(end..end, copy);
    changed
}

#[tokio::test]
async fn a_default_track_is_preferred_to_a_larger_one_and_a_film_to_what_is_short() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let inputs = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=12 \
                  -f lavfi -i testsrc2=size=128x96:rate=10:duration=12 \
                  -f lavfi -i testsrc2=size=256x192:rate=10:duration=2 \
                  -map 0 -map 1 -map 2 -c:v mpeg4";
    for extension in ["mkv", "mp4", "ts", "avi"] {
        let film = at(&format!("film.{extension}"));
        ffmpeg(
            &format!("{inputs} -disposition:v:0 default -disposition:v:1 0 -disposition:v:2 0"),
            &film,
        );
        // TS and AVI have no mark, so that the larger one of the films is chosen.
        let stream = u32::from(["ts", "avi"].contains(&extension));
        check(&film, &Split(stream, 12.0)).await;
    }
}

#[tokio::test]
async fn a_video_whose_beginning_is_damaged_is_a_video() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mkv");
    let source = "-f lavfi -i testsrc2=size=64x48:rate=50:duration=60 -c:v libx264 -g 50";
    ffmpeg(source, &film);
    let mut bytes = std::fs::read(&film).unwrap();
    let (from, to) = (bytes.len() / 50, bytes.len() * 45 / 100);
    let mut noise = 1_u32;
    for byte in &mut bytes[from..to] {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (noise >> 24) as u8;
    }
    std::fs::write(&film, bytes).unwrap();
    let (answer, _, _) = admit(&film).await;
    assert_eq!(answer["status"], "split", "{answer}");
}

#[tokio::test]
async fn a_file_on_which_ffprobe_crashes_is_rejected_and_not_tried_again() {
    let env = TestEnv::start().await;
    let ffprobe = env.directory().join("crashing-ffprobe");
    program::write(&ffprobe, "#!/bin/sh\nkill -SEGV $$\n");
    let object = env.adopt_video("film.mp4", "d06").await;
    let event = object_created(FILMS, "film.mp4", &object.etag);
    let splitter = env.splitter(&[("FFPROBE", ffprobe.to_str().unwrap())]);
    let answer = splitter
        .handle(&event, Deadline::after(Duration::from_secs(240)))
        .await;
    let answer = json!(answer.unwrap());
    let source = &answer["sources"][0];
    assert_eq!(source["reason"], "unreadable", "{answer}");
}
