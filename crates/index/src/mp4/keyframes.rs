//! The keyframes of a film, and files of nothing else.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{
    boxes::{children, only},
    mp4_index::Mp4Index,
    sample::Sample,
    write,
};
use crate::decoder_restart::DecoderSetup;

/// Bytes of a sample entry of video before its boxes.
const SAMPLE_ENTRY: usize = 78;

/// A keyframe, by its place among the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyframe(usize);

/// A file of keyframes: its header, and then its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyframeFile {
    /// What stands before them.
    pub header: Vec<u8>,
    /// The keyframes.
    pub pieces: Vec<Piece>,
    /// How the decoder is set up.
    pub(crate) decoder_setup: DecoderSetup,
}

/// A keyframe of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// What stands before it.
    #[serde(with = "serde_bytes")]
    pub before: Vec<u8>,
    /// Where it is in the source.
    pub range: Range<u64>,
}

impl Mp4Index {
    /// The keyframes that are shown, each with its time in seconds of the film, in order. `None` if FFmpeg does not
    /// follow the film's edit list.
    pub fn keyframes(&self) -> Option<impl Iterator<Item = (f64, Keyframe)>> {
        if self.cuts().is_some() {
            return None;
        }
        let mut latest = i64::MIN;
        let places = self.samples.iter().enumerate();
        let shown = places.filter(move |(_, sample)| {
            let is_later = sample.pts() > latest;
            let is_shown = sample.is_keyframe() && self.clock.visible.contains(&sample.pts());
            if is_shown {
                latest = latest.max(sample.pts());
            }
            is_shown && is_later
        });
        Some(shown.map(|(place, sample)| (self.clock.seconds(sample.pts()), Keyframe(place))))
    }

    /// A file that has only these `keyframes`, which are in order. `None` if they cannot be cut out.
    pub fn file_of(&self, keyframes: &[Keyframe]) -> Option<KeyframeFile> {
        let samples = keyframes
            .iter()
            .map(|keyframe| self.samples.get(keyframe.0));
        let mut samples: Vec<Sample> = samples.collect::<Option<_>>()?;
        if samples.iter().any(|sample| sample.end() > self.bytes) {
            return None;
        }
        let decoder_setup = self.decoder_setup();
        let parameters = decoder_setup.before()?;
        let mut pieces = Vec::new();
        for (sample, before) in samples.iter_mut().zip(parameters.iter().cycle()) {
            pieces.push(Piece {
                before: before.clone(),
                range: sample.offset..sample.end(),
            });
            sample.size = sample.size.checked_add(u32::try_from(before.len()).ok()?)?;
        }
        let behind = self.dts(keyframes.last()?.0 + 1);
        let header = write::header(&self.ftyp, &self.track, &self.clock, &samples, behind)?;
        Some(KeyframeFile {
            header,
            pieces,
            decoder_setup,
        })
    }

    /// How its decoder is set up.
    fn decoder_setup(&self) -> DecoderSetup {
        let stsd = children(&self.track.stsd).next();
        let entry = stsd.and_then(|stsd| children(stsd.body.get(8..)?).next());
        let Some(entry) = entry else {
            return DecoderSetup::Other;
        };
        let setup = |kind: &[u8; 4]| {
            let boxes = entry.body.get(SAMPLE_ENTRY..)?;
            Some(only(boxes, kind).ok()??.body.to_vec())
        };
        if let Some(setup) = setup(b"avcC") {
            return DecoderSetup::H264(setup);
        }
        match &entry.kind.to_ascii_lowercase()[..] {
            b"av01" => DecoderSetup::Av1,
            b"vp09" | b"vp90" => DecoderSetup::Vp9,
            _ => setup(b"hvcC").map_or(DecoderSetup::Other, DecoderSetup::Hevc),
        }
    }
}
