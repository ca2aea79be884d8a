//! What FFmpeg and ffprobe may open: the part of their arguments that keeps uploads harmless.

use std::ffi::OsString;

use crate::{presigned_url::PresignedUrl, source::ETag};

/// Protocols that may be opened. A playlist in an upload can name no file and no other scheme.
const PROTOCOLS: &str = "https,http,tls,tcp";

/// Demuxers of containers that hold videos. Playlists, image formats, scripts and devices are
/// not among them; FFmpeg answers `EINVAL` for those.
const DEMUXERS: &str = "mov,matroska,webm,avi,flv,mpegts,mpeg,ogg,asf,gif,mxf,nut,rm,dv,3g2";

/// Decoders that pictures may be handed to.
const VIDEO_DECODERS: &str = "h264,hevc,av1,libdav1d,libaom-av1,vp9,vp8,vp7,vp6,vp6a,vp6f,\
mpeg4,mpeg2video,mpeg1video,h263,h263i,h263p,flv,msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,\
mjpeg,prores,dnxhd,dvvideo,theora,gif,rv10,rv20,rv30,rv40,svq1,svq3,cinepak,ffv1,huffyuv,ffvhuff,\
utvideo,rawvideo,cfhd,vvc";

/// Most pixels in one coded picture: 8K and a little (8192 × 4352).
pub const MAX_PIXELS: u64 = 8192 * 4352;

/// Most bytes that are read to find out about the streams, and FFmpeg's own default. It bounds the
/// duration too that is looked at: FFmpeg's defaults for that differ by container, and Blu-ray
/// subtitles without a size have it read to whichever end comes first.
const PROBE_BYTES: &str = "5000000";

/// Most streams in a file. Fan-made subtitles bring a hundred fonts along, each of them a stream.
const STREAMS: &str = "256";

/// Longest silence of the server, in microseconds, after which FFmpeg gives a request up.
const READ_TIMEOUT_US: &str = "30000000";

/// Longest pause, in seconds, before FFmpeg stops trying to connect again.
const RECONNECT_DELAY_MAX_S: &str = "4";

/// Arguments that bound and name the input, up to and including `-i URL`. `etag` makes every
/// request conditional, so that a replaced source is never mixed with its successor.
pub fn input_args(url: &PresignedUrl, etag: Option<&ETag>) -> Vec<OsString> {
    let max_pixels = MAX_PIXELS.to_string();
    let mut args: Vec<OsString> = [
        ["-protocol_whitelist", PROTOCOLS],
        ["-format_whitelist", DEMUXERS],
        ["-codec_whitelist:v", VIDEO_DECODERS],
        ["-max_pixels:v", &max_pixels],
        ["-probesize", PROBE_BYTES],
        ["-max_streams", STREAMS],
        ["-rw_timeout", READ_TIMEOUT_US],
        ["-reconnect", "1"],
        ["-reconnect_on_network_error", "1"],
        ["-reconnect_on_http_error", "429,5xx"],
        ["-reconnect_delay_max", RECONNECT_DELAY_MAX_S],
    ]
    .concat()
    .into_iter()
    .map(OsString::from)
    .collect();
    if let Some(etag) = etag {
        args.push("-headers".into());
        args.push(format!("If-Match: {}\r\n", etag.as_str()).into());
    }
    args.push("-i".into());
    args.push(url.expose().into());
    args
}

/// What FFmpeg says behind the URL when the content is to blame and not the network
/// (`av_strerror` of `AVERROR_INVALIDDATA`, `EINVAL`, and what `probe` takes for permanent). A
/// server that ends too early has the protocol speak too.
const CONTENT_TROUBLE: [&str; 7] = [
    "Invalid data found when processing input",
    "Invalid argument",
    "End of file",
    "Cannot allocate memory",
    "Numerical result out of range",
    "Not yet implemented in FFmpeg, patches welcome",
    "Internal bug, should not have happened",
];

/// Whether FFmpeg or ffprobe had trouble with the network, by what they wrote to standard error
/// at log level `error`. Both can lose their input half-way and still exit with 0, so that text
/// is all there is: the protocols speak under their own names (`[https @ 0x55…]`), and `ffmpeg`
/// names the URL when opening or reading it fails. A connection that broke off counts as trouble
/// even if FFmpeg says no more: not every demuxer passes on that taking it up again failed.
pub fn network_trouble(stderr: &str, url: &PresignedUrl) -> bool {
    stderr.lines().any(|line| {
        let protocol_speaks = PROTOCOLS
            .split(',')
            .any(|protocol| line.starts_with(&format!("[{protocol} @ ")));
        let content_is_blamed = CONTENT_TROUBLE.iter().any(|said| line.ends_with(said));
        protocol_speaks || (url.is_named_in(line) && !content_is_blamed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_told_from_a_damaged_picture() {
        let url = PresignedUrl::new("https://films.s3.amazonaws.com/a.mp4?X-Amz-Signature=1");
        let lost = "[https @ 0x5581] Stream ends prematurely at 90, should be 1000";
        assert!(network_trouble(lost, &url));
        assert!(network_trouble(
            &format!("{}: Input/output error", url.expose()),
            &url
        ));
        for said in CONTENT_TROUBLE {
            assert!(!network_trouble(&format!("{}: {said}", url.expose()), &url));
        }
        assert!(!network_trouble(
            "[h264 @ 0x5581] error while decoding MB 3 4",
            &url
        ));
    }

    #[test]
    fn the_version_goes_along_as_a_condition() {
        let url = PresignedUrl::new("https://films.s3.amazonaws.com/a.mp4");
        let etag = ETag::new("abc").unwrap();
        let args = input_args(&url, Some(&etag));
        let at = args.iter().position(|arg| arg == "-headers").unwrap();
        assert_eq!(args[at + 1], "If-Match: \"abc\"\r\n");
        assert!(!input_args(&url, None).contains(&"-headers".into()));
    }
}
