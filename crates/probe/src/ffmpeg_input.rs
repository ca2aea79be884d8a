//! What FFmpeg and ffprobe may open. These arguments keep uploads harmless.

use std::ffi::OsString;

use gifgen_child::Network;

use crate::components::{DEMUXERS, VIDEO_DECODERS};

/// Where FFmpeg reads a source from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// Standard input, in this format. FFmpeg opens nothing.
    Pipe {
        /// FFmpeg's demuxer name.
        demuxer: &'a str,
    },
    /// Our URL on a loopback port. FFmpeg can open no other scheme, and no file.
    Loopback {
        /// URL of the loopback proxy.
        url: &'a str,
        /// TCP port of the URL.
        port: u16,
        /// FFmpeg's demuxer names. `None` allows every video format.
        container: Option<&'a str>,
    },
}

/// Limit of pixels in one coded picture: slightly more than 8K.
pub(crate) const MAX_PIXELS: u64 = 8192 * 4352;

/// Bytes that FFmpeg reads to analyze streams; its own default. It also bounds the analyzed
/// duration. FFmpeg's defaults for that differ by container, and Blu-ray subtitles without a size
/// make it read until either limit.
const PROBE_BYTES: &str = "5000000";

/// Limit of streams in a file. Fan-made subtitles come with a hundred fonts, each a stream.
const STREAMS: &str = "256";

/// FFmpeg's socket buffer, in bytes. What it holds was read from the source in vain if FFmpeg seeks
/// or ends. <https://ffmpeg.org/ffmpeg-protocols.html#tcp>
const RECEIVE_BYTES: &str = "65536";

/// FFmpeg's name of standard input.
const STDIN: &str = "pipe:0";

impl Input<'_> {
    /// Arguments that restrict and name the input, up to and including `-i` and its value.
    pub fn args(&self) -> Vec<OsString> {
        let max_pixels = MAX_PIXELS.to_string();
        let (protocols, formats) = match self {
            Self::Pipe { demuxer } => ("pipe", *demuxer),
            Self::Loopback { container, .. } => ("http,tcp", container.unwrap_or(&DEMUXERS)),
        };
        let mut args = vec!["-protocol_whitelist", protocols];
        args.extend(["-format_whitelist", formats]);
        args.extend(["-codec_whitelist:v", &VIDEO_DECODERS]);
        args.extend(["-max_pixels:v", &max_pixels]);
        args.extend(["-probesize", PROBE_BYTES]);
        args.extend(["-max_streams", STREAMS]);
        match self {
            Self::Pipe { demuxer } => args.extend(["-f", demuxer]),
            Self::Loopback { .. } => args.extend(["-recv_buffer_size", RECEIVE_BYTES]),
        }
        args.extend(["-i", self.name()]);
        args.into_iter().map(OsString::from).collect()
    }

    /// What FFmpeg may connect to.
    pub fn network(&self) -> Network {
        match *self {
            Self::Pipe { .. } => Network::None,
            Self::Loopback { port, .. } => Network::Loopback { port },
        }
    }

    /// Replaces the input's name in FFmpeg's `text` by one that users know.
    pub fn named_in(&self, text: &str) -> String {
        text.replace(self.name(), "the source")
    }

    fn name(&self) -> &str {
        match self {
            Self::Pipe { .. } => STDIN,
            Self::Loopback { url, .. } => url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(args: &[OsString], name: &str) -> Option<String> {
        let at = args.iter().position(|arg| arg == name)?;
        Some(args[at + 1].to_str()?.to_owned())
    }

    #[test]
    fn a_pipe_is_taken_for_what_it_was_said_to_be_and_nothing_else_is_opened() {
        let args = Input::Pipe { demuxer: "mov" }.args();
        assert_eq!(value(&args, "-protocol_whitelist").unwrap(), "pipe");
        assert_eq!(value(&args, "-format_whitelist").unwrap(), "mov");
        assert_eq!(value(&args, "-f").unwrap(), "mov");
        assert_eq!(value(&args, "-i").unwrap(), "pipe:0");
    }

    #[test]
    fn the_gateways_url_is_opened_as_the_format_that_was_found() {
        let url = "http://127.0.0.1:4711/0af3";
        let container = Some("matroska,webm");
        let port = 4711;
        let args = Input::Loopback {
            url,
            port,
            container,
        }
        .args();
        assert_eq!(value(&args, "-protocol_whitelist").unwrap(), "http,tcp");
        assert_eq!(value(&args, "-format_whitelist").unwrap(), "matroska,webm");
        assert_eq!(value(&args, "-f"), None);
        assert_eq!(value(&args, "-i").unwrap(), url);
        let unknown = Input::Loopback {
            url,
            port,
            container: None,
        }
        .args();
        assert_eq!(value(&unknown, "-format_whitelist").unwrap(), *DEMUXERS);
    }

    #[test]
    fn people_read_of_the_source_and_not_of_a_port() {
        let url = "http://127.0.0.1:4711/0af3";
        let input = Input::Loopback {
            url,
            port: 4711,
            container: None,
        };
        let said = format!("{url}: Invalid data found");
        assert_eq!(input.named_in(&said), "the source: Invalid data found");
    }
}
