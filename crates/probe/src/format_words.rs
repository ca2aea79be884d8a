//! Rejections of files in formats that uploads may not use, by FFmpeg's name of the format.

use gifgen_shared::{Reason, Rejection};

/// Formats of sound alone.
const SOUND: [&str; 30] = [
    "aac", "ac3", "ac4", "aiff", "amr", "amrnb", "amrwb", "ape", "au", "caf", "codec2", "dsf",
    "dts", "dtshd", "eac3", "flac", "gsm", "loas", "mlp", "mp3", "mpc", "mpc8", "oma", "sbc",
    "shn", "tak", "truehd", "tta", "w64", "wav",
];

/// Formats that name other files.
const PLAYLISTS: [&str; 7] = ["hls", "dash", "concat", "imf", "sdp", "rtsp", "ism"];

/// Formats of subtitles and other texts.
const TEXTS: [&str; 20] = [
    "aqtitle",
    "ass",
    "jacosub",
    "lrc",
    "microdvd",
    "mpl2",
    "mpsub",
    "pjs",
    "realtext",
    "sami",
    "scc",
    "srt",
    "stl",
    "subviewer",
    "subviewer1",
    "sup",
    "tty",
    "vobsub",
    "webvtt",
    "ffmetadata",
];

/// Pictures without a container, and the name of their codec.
const RAW: [(&str, &str); 16] = [
    ("h264", "H.264"),
    ("hevc", "HEVC"),
    ("vvc", "VVC"),
    ("evc", "EVC"),
    ("obu", "AV1"),
    ("av1", "AV1"),
    ("m4v", "MPEG-4"),
    ("mpegvideo", "MPEG-1 or MPEG-2"),
    ("h261", "H.261"),
    ("h263", "H.263"),
    ("vc1", "VC-1"),
    ("cavsvideo", "CAVS"),
    ("avs2", "AVS2"),
    ("avs3", "AVS3"),
    ("dirac", "Dirac"),
    ("mjpeg", "Motion JPEG"),
];

/// Containers of video that are often met.
const CONTAINERS: [(&str, &str); 14] = [
    ("gxf", "GXF"),
    ("wtv", "WTV"),
    ("pva", "PVA"),
    ("nsv", "NSV"),
    ("nuv", "NuppelVideo"),
    ("ty", "TiVo"),
    ("lxf", "LXF"),
    ("swf", "SWF"),
    ("bink", "Bink"),
    ("smk", "Smacker"),
    ("roq", "id RoQ"),
    ("vivo", "Vivo"),
    ("film_cpk", "Sega FILM"),
    ("yuv4mpegpipe", "Y4M"),
];

/// Ends of the names of demuxers that read still images.
const STILL: [&str; 2] = ["_pipe", "image2"];

/// Rejects a file whose format FFmpeg calls `name`.
pub(crate) fn format_rejection(name: &str) -> Rejection {
    let words = |table: &'static [(&str, &str)]| {
        let found = table.iter().find(|(format, _)| *format == name);
        found.map(|(_, words)| *words)
    };
    let is_in = |list: &[&str]| list.contains(&name);
    if is_in(&SOUND) {
        return only_sound();
    }
    if is_in(&PLAYLISTS) {
        return playlist();
    }
    if is_in(&TEXTS) {
        let text = "this is a text, such as subtitles; upload a video";
        return Rejection::new(Reason::NotAVideo, text);
    }
    if STILL.iter().any(|end| name.ends_with(end)) {
        return still_image();
    }
    if let Some(codec) = words(&RAW) {
        return Rejection::new(
            Reason::Unreadable,
            format!(
                "raw {codec} without a container is not supported; put it into MP4 or Matroska and upload that"
            ),
        );
    }
    container_rejection(words(&CONTAINERS).unwrap_or(name))
}

/// Rejects a file in the container that people call `name`.
pub(crate) fn container_rejection(name: &str) -> Rejection {
    Rejection::new(
        Reason::Unreadable,
        format!("the container {name} is not supported; convert the video to MP4 or Matroska"),
    )
}

/// Rejects a still image.
pub(crate) fn still_image() -> Rejection {
    Rejection::new(Reason::NotAVideo, "this is one still image; upload a video")
}

/// Rejects a playlist.
pub(crate) fn playlist() -> Rejection {
    Rejection::new(
        Reason::NotAVideo,
        "this is a playlist, which only names other files; upload the video itself",
    )
}

/// Rejects a file of sound.
pub(crate) fn only_sound() -> Rejection {
    Rejection::new(
        Reason::NoVideoStream,
        "the file holds only sound; upload a video",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_refused_as_what_it_is() {
        for (name, reason, words) in [
            ("png_pipe", Reason::NotAVideo, "still image"),
            ("hls", Reason::NotAVideo, "playlist"),
            ("srt", Reason::NotAVideo, "text"),
            ("wav", Reason::NoVideoStream, "sound"),
            ("h264", Reason::Unreadable, "raw H.264 without a container"),
            ("pva", Reason::Unreadable, "the container PVA"),
            ("lmlm4", Reason::Unreadable, "the container lmlm4"),
        ] {
            let rejection = format_rejection(name);
            assert_eq!(rejection.reason, reason, "{name}");
            assert!(rejection.message.contains(words), "{rejection}");
        }
    }
}
