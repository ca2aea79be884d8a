//! Uploads with a video's name that refer to other files and URLs.

use std::fs;

use crate::{
    bounded::{look_carelessly, run},
    canary::Canaries,
};

/// Texts that make a demuxer or decoder open `target`.
fn texts(target: &str) -> Vec<(&'static str, String)> {
    let hls = |body: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n{body}\n#EXT-X-ENDLIST\n");
    vec![
        ("hls", hls(&format!("#EXTINF:9,\n{target}"))),
        (
            "hls-map",
            hls(&format!("#EXT-X-MAP:URI=\"{target}\"\n#EXTINF:9,\na.ts")),
        ),
        (
            "hls-key",
            hls(&format!(
                "#EXT-X-KEY:METHOD=AES-128,URI=\"{target}\"\n#EXTINF:9,\na.ts"
            )),
        ),
        (
            "hls-master",
            format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n"),
        ),
        (
            "dash",
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
                 mediaPresentationDuration=\"PT9S\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\">\
                 <Period><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\">\
                 <BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
            ),
        ),
        ("concat", format!("ffconcat version 1.0\nfile '{target}'\n")),
        (
            "svg",
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
                 width='64' height='64'><image xlink:href='{target}'/></svg>"
            ),
        ),
        (
            "mvg",
            format!(
                "push graphic-context\nviewbox 0 0 64 64\nimage over 0,0 0,0 '{target}'\npop graphic-context\n"
            ),
        ),
        (
            "msl",
            format!("<?xml version=\"1.0\"?><image><read filename=\"{target}\"/></image>"),
        ),
        (
            "sdp",
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={target}\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
            ),
        ),
        ("ram", format!("{target}\n")),
        (
            "asx",
            format!("<asx version=\"3.0\"><entry><ref href=\"{target}\"/></entry></asx>"),
        ),
        ("text", "just words\n".repeat(1000)),
    ]
}

/// File extensions of the attacks. The content decides, but some demuxers also trust the name.
const EXTENSIONS: [&str; 5] = ["mp4", "mov", "webm", "m3u8", "ts"];

#[test]
fn a_text_with_a_videos_name_opens_nothing_and_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = Canaries::new(folder.path());
    let mut videos = Vec::new();
    for (index, target) in canaries.targets().iter().enumerate() {
        for (turn, (kind, text)) in texts(target).into_iter().enumerate() {
            let extension = EXTENSIONS[(index + turn) % EXTENSIONS.len()];
            let path = folder.path().join(format!("{kind}-{index}.{extension}"));
            fs::write(&path, &text).unwrap();
            videos.push(path);
        }
    }
    let outcome = run(&videos, folder.path());
    canaries.assert_untouched();
    outcome.assert_ends(&["notAVideo: ", "unreadable: "]);
}

#[test]
fn the_same_texts_lead_a_careless_ffmpeg_to_the_canaries() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = Canaries::new(folder.path());
    let look = |kind: &str, target: &str, args: &str| {
        let (_, text) = texts(target).into_iter().find(|(k, _)| *k == kind).unwrap();
        let path = folder.path().join(format!("{kind}.m3u8"));
        fs::write(&path, text).unwrap();
        look_carelessly(args, &path);
        canaries.touched()
    };
    let url = canaries.url();
    let all = "-protocol_whitelist file,http,tcp,crypto -allowed_extensions ALL";
    for kind in ["hls", "hls-master"] {
        assert_eq!(look(kind, &url, all), (true, false), "{kind}");
    }
    let file = canaries.file().to_str().unwrap();
    assert_eq!(look("concat", file, "-safe 0"), (false, true));
}
