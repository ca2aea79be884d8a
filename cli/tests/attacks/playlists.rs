//! Uploads that name other files and URLs, under a video's name.

use std::fs;

use crate::{
    bounded::{look_carelessly, run},
    canary::Canaries,
};

/// Texts that make some demuxer or decoder open `target`.
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

#[test]
fn a_text_with_a_videos_name_opens_nothing_and_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = Canaries::new(folder.path());
    let mut videos = Vec::new();
    for (index, target) in canaries.targets().iter().enumerate() {
        for (kind, text) in texts(target) {
            // The content decides, but some demuxers believe a name.
            for extension in ["mp4", "mov", "webm", "m3u8", "ts"] {
                let path = folder.path().join(format!("{kind}-{index}.{extension}"));
                fs::write(&path, &text).unwrap();
                videos.push(path);
            }
        }
    }
    // The lures work where nobody minds.
    let careless =
        "-protocol_whitelist file,http,tcp,crypto,concat -allowed_extensions ALL -safe 0";
    let lure = |kind: &str| folder.path().join(format!("{kind}.m3u8"));
    for kind in ["hls-5", "hls-key-5", "hls-master-5", "dash-5"] {
        look_carelessly(careless.trim_end_matches(" -safe 0"), &lure(kind));
        assert_eq!(canaries.touched(), (true, false), "{kind}");
    }
    look_carelessly("-safe 0", &lure("concat-4"));
    assert_eq!(canaries.touched(), (false, true));
    let outcome = run(&videos, folder.path());
    canaries.assert_untouched();
    assert_eq!(outcome.code, Some(1), "{}", outcome.said);
    for video in &outcome.videos {
        let error = video["error"].as_str().unwrap();
        let is_clear = error.starts_with("notAVideo: ") || error.starts_with("unreadable: ");
        assert!(is_clear, "{video}");
    }
}
