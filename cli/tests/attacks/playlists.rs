//! Uploads that want to make FFmpeg open what it must not.

use std::{fs, net::TcpListener, path::Path};

use crate::support::run;

/// A listener that nobody may connect to.
struct Canary(TcpListener);

impl Canary {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/secret.ts", self.0.local_addr().unwrap())
    }

    fn assert_untouched(&self) {
        assert!(self.0.accept().is_err(), "somebody connected");
    }
}

fn assert_rejected(folder: &Path, name: &str, text: &str, reason: &str) {
    let video = folder.join(name);
    fs::write(&video, text).unwrap();
    let out = folder.join("out");
    let (code, summary, stderr) = run(&[video], &out, &[]);
    assert_eq!(code, Some(1), "{stderr}");
    let said = summary["videos"][0]["error"].as_str().unwrap();
    assert!(said.starts_with(reason), "{name}: {said}");
}

#[test]
fn a_playlist_with_a_videos_name_opens_neither_a_url_nor_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let canary = Canary::listen();
    for target in [
        canary.url(),
        "file:///etc/passwd".into(),
        "/etc/passwd".into(),
    ] {
        let hls =
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n");
        for name in ["film.mp4", "film.m3u8", "film.ts"] {
            assert_rejected(folder.path(), name, &hls, "notAVideo");
        }
    }
    canary.assert_untouched();
}

#[test]
fn a_concat_script_and_an_image_script_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let canary = Canary::listen();
    let concat = format!("ffconcat version 1.0\nfile '{}'\n", canary.url());
    assert_rejected(folder.path(), "film.mp4", &concat, "notAVideo");
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'><image xlink:href='{}'/></svg>",
        canary.url()
    );
    let video = folder.path().join("film.mov");
    fs::write(&video, svg).unwrap();
    let (code, _, _) = run(&[video], &folder.path().join("out"), &[]);
    assert_eq!(code, Some(1));
    canary.assert_untouched();
}

#[test]
fn pictures_of_too_many_pixels_are_rejected_as_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("wall.mp4");
    crate::support::ffmpeg([
        "-f",
        "lavfi",
        "-i",
        "color=size=9000x4400:rate=2:duration=1",
        "-c:v",
        "mjpeg",
        "-q:v",
        "31",
        video.to_str().unwrap(),
    ]);
    let (code, summary, _) = run(&[video], &folder.path().join("out"), &[]);
    assert_eq!(code, Some(1));
    let said = summary["videos"][0]["error"].as_str().unwrap();
    assert!(said.starts_with("tooLarge"), "{said}");
}
