//! The faults, and to which kinds of files they can happen.

use super::kinds::Kind;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    Nothing,
    /// Bytes are zero.
    Zeroed,
    /// The packets' contents are random; their headers are whole.
    Random,
    /// Packets are missing, and something in the file witnesses it.
    Lost,
    /// Packets were lost before the file was written, so that its tables do not have them.
    Dropped,
    /// Packets of a transport stream come twice.
    Repeated,
    /// The clock leaps forwards; nothing is missing.
    Forward,
    /// The clock starts again.
    Back,
    /// One picture claims another time.
    WildTime,
    /// A second recording is appended, byte by byte.
    Joined,
    /// The size of the pictures changes.
    Size,
    /// Each packet is flagged as a keyframe.
    FalseKeys,
    /// The end is missing.
    Cut,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 13] = [
        Self::Nothing,
        Self::Zeroed,
        Self::Random,
        Self::Lost,
        Self::Dropped,
        Self::Repeated,
        Self::Forward,
        Self::Back,
        Self::WildTime,
        Self::Joined,
        Self::Size,
        Self::FalseKeys,
        Self::Cut,
    ];

    /// Whether it can happen to this kind, and is decidable there.
    pub fn happens_to(self, kind: Kind) -> bool {
        let is_any = |containers: &[&str]| containers.contains(&kind.container);
        let is_counted = matches!(kind.codec, "h264" | "hevc");
        match self {
            Self::Nothing | Self::Joined | Self::Cut => true,
            // A picture of zeros means "as before" there, and is one in Y4M, which has hardly any headers.
            Self::Zeroed => !matches!(kind.codec, "qtrle" | "smc") && kind.container != "y4m",
            // Nobody can tell: any bits decode to a picture, and FFmpeg's decoders say nothing about it,
            // whatever `-err_detect` asks for.
            Self::Random => !matches!(
                kind.codec,
                "rawvideo" | "huffyuv" | "ffvhuff" | "qtrle" | "smc" | "msvideo1"
            ),
            // Flash video and Matroska do not count their packets. H.264 and HEVC count their pictures;
            // where others lack some, the rest decodes to garbage without any sign.
            Self::Lost => {
                kind.is_ts() || is_any(&["avi", "fmp4"]) || (is_any(&["mkv", "flv"]) && is_counted)
            }
            Self::Dropped => is_any(&["mp4", "fmp4", "mov", "mkv", "nut"]) && is_counted,
            Self::Repeated | Self::WildTime => kind.is_ts(),
            Self::Forward | Self::Back => kind.is_ts() || kind.container == "flv",
            // The codec says the new size itself, or it is no film. FFmpeg takes a Motion JPEG of half the height
            // for a field.
            Self::Size => matches!(
                (kind.container, kind.codec),
                ("ts", "h264" | "hevc" | "mpeg2video") | ("webm", "vp8" | "vp9")
            ),
            Self::FalseKeys => {
                is_any(&[
                    "mp4", "mov", "3gp", "mkv", "webm", "avi", "flv", "ts", "m2ts",
                ]) && !kind.has_keyframes_only()
                    // Their decoders do not say whether a picture refers to others.
                    && !matches!(
                        kind.codec,
                        "cinepak" | "qtrle" | "smc" | "msvideo1" | "flashsv"
                    )
            }
        }
    }
}

impl Kind {
    /// Whether each picture decodes by itself.
    pub fn has_keyframes_only(&self) -> bool {
        let codecs = [
            "mjpeg", "prores", "ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png",
            "jpeg2000", "cfhd", "dnxhd", "magicyuv",
        ];
        codecs.contains(&self.codec)
    }

    /// Bytes at the start of a packet that random contents leave as they are: the container's header of it,
    /// and the codec's. Some codecs decode any bits behind a whole header, and their decoders say nothing
    /// about it (FFmpeg 5.1 and 8.1, whatever `-err_detect` asks for). So there, headers are random, too.
    pub fn kept_bytes(&self) -> usize {
        match (self.codec, self.container) {
            // The header of a block.
            ("hevc" | "vp8" | "vp9" | "av1", "mkv" | "webm") => 4,
            ("hevc" | "vp8" | "vp9" | "av1", _) => 0,
            _ => 32,
        }
    }

    /// Whether a packet is one piece of the file, with its header in front.
    pub fn has_whole_packets(&self) -> bool {
        let containers = [
            "mp4", "fmp4", "mov", "3gp", "mkv", "webm", "avi", "flv", "nut", "mxf",
        ];
        containers.contains(&self.container)
    }

    /// Whether the file says how long it is, so that a cut end is known.
    pub fn tells_its_end(&self) -> bool {
        let containers = [
            "mp4", "fmp4", "mov", "3gp", "mkv", "webm", "avi", "wmv", "asf", "mxf",
        ];
        containers.contains(&self.container)
    }
}
