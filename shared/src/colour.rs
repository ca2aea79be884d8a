//! How a video stream's numbers stand for colours.

use serde::{Deserialize, Serialize};

/// What the first picture says of its colours. `run.json` of earlier versions has none of it: the
/// defaults then hold, as for a stream that says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Colour {
    /// The matrix of the pictures. `None` is a run of an earlier version.
    pub matrix: Option<Matrix>,
    /// Whether the pictures name that matrix. If not, their coded size decided.
    pub names_matrix: bool,
    /// The range that the pictures name. `None` is a stream that names none.
    pub range: Option<Range>,
    /// Whether the numbers are brightness and colour differences, or something else.
    pub model: Model,
    /// Whether the pictures are HDR.
    pub transfer: Transfer,
    /// Peak of the display that HDR pictures were mastered on, in cd/m², 1 to 10,000. `None` is a
    /// stream that names none.
    pub peak: Option<u32>,
    /// The kind of transparency.
    pub alpha: Alpha,
}

/// The matrix between RGB and YUV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Matrix {
    /// BT.601: standard definition, and every JPG.
    Bt601,
    /// BT.709: high definition.
    Bt709,
    /// BT.2020 with non-constant luminance: ultra-high definition and HDR.
    Bt2020,
    /// SMPTE 240M: high definition before BT.709.
    Smpte240m,
    /// FCC: analogue NTSC of 1953.
    Fcc,
}

/// The numbers that stand for black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Range {
    /// 16 to 235 in 8 bits.
    Limited,
    /// 0 to 255 in 8 bits.
    Full,
}

/// What the numbers of a picture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Model {
    /// One brightness and two colour differences.
    #[default]
    Yuv,
    /// Red, green and blue, or a palette of them.
    Rgb,
    /// One brightness.
    Grey,
}

/// How numbers grow with light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Transfer {
    /// Any of the curves of SDR.
    #[default]
    Sdr,
    /// SMPTE 2084, "PQ": HDR10, HDR10+, Dolby Vision.
    Pq,
    /// ARIB STD-B67, "HLG".
    Hlg,
}

/// How the pictures are transparent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Alpha {
    /// They are opaque.
    #[default]
    None,
    /// Each pixel has its own opacity.
    Pixels,
    /// The colours of a palette have their own opacity.
    Palette,
    /// Each pixel has its own opacity, in a second VP8 picture beside the first.
    BesideVp8,
    /// The same with VP9.
    BesideVp9,
}

impl Alpha {
    /// FFmpeg's decoder that decodes the opacity, if the usual one does not.
    pub fn decoder(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Pixels | Self::Palette => None,
            Self::BesideVp8 => Some("libvpx"),
            Self::BesideVp9 => Some("libvpx-vp9"),
        }
    }
}

/// Brightest light that PQ can express, in cd/m².
pub const PQ_PEAK: u32 = 10_000;

/// From these sizes on, pictures without a matrix are BT.709, as players take them: at least this
/// wide, or higher than this.
const HIGH_DEFINITION: (u32, u32) = (1280, 576);

impl Matrix {
    /// The matrix of coded pictures of this size that name none.
    pub fn of_size(width: u32, height: u32) -> Self {
        if width >= HIGH_DEFINITION.0 || height > HIGH_DEFINITION.1 {
            Self::Bt709
        } else {
            Self::Bt601
        }
    }
}

impl Colour {
    /// Whether the values are possible. Events come from outside, so they are checked.
    pub(crate) fn is_plausible(&self) -> bool {
        self.peak.is_none_or(|peak| (1..=PQ_PEAK).contains(&peak))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_without_a_matrix_are_judged_by_their_size() {
        for (width, height) in [(1280, 536), (720, 1280), (1024, 577), (3840, 2160)] {
            assert_eq!(Matrix::of_size(width, height), Matrix::Bt709);
        }
        for (width, height) in [(720, 576), (1279, 576), (160, 120)] {
            assert_eq!(Matrix::of_size(width, height), Matrix::Bt601);
        }
    }

    #[test]
    fn a_run_of_an_earlier_version_says_nothing_of_colours() {
        let colour: Colour = serde_json::from_str("{}").unwrap();
        assert_eq!(colour, Colour::default());
        let whole = Colour {
            matrix: Some(Matrix::Bt2020),
            range: Some(Range::Limited),
            transfer: Transfer::Pq,
            peak: Some(1000),
            ..Colour::default()
        };
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Colour>(&text).unwrap(), whole);
    }
}
