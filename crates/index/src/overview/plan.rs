//! Where the keyframes of a sheet are.

use serde::{Deserialize, Serialize};

use super::{
    chunks::Chunks, cued::Cued, fetches::MAX_KEYFRAME_BYTES, listed::Listed, searched::Searched,
    tags::Tags,
};
use crate::excerpt::{Demuxer, NoExcerpt, from_raw, pack, unpack_bytes};

/// Longest header, in bytes: the tables of a hundred samples and what a decoder needs to know.
const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// Where the keyframes of a sheet are, or how they are searched. It travels in the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SheetPlan {
    pub(super) demuxer: Demuxer,
    pub(super) stream: u32,
    /// What FFmpeg reads before the keyframes.
    #[serde(with = "serde_bytes")]
    pub(super) header: Vec<u8>,
    pub(super) keyframes: Keyframes,
}

/// How the keyframes are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Keyframes {
    /// An index lists them.
    Listed(Listed),
    /// Cues say where they start.
    Cued(Cued),
    /// They are searched.
    Searched(Searched),
    /// The index of an AVI lists them.
    Chunks(Chunks),
    /// The metadata of a Flash video list them.
    Tags(Tags),
}

impl SheetPlan {
    /// The demuxer that FFmpeg uses for what is fed.
    pub fn demuxer(&self) -> Demuxer {
        self.demuxer
    }

    /// Index of the video stream in what is fed, as FFmpeg counts.
    pub fn stream(&self) -> u32 {
        self.stream
    }

    /// Whether there may be keyframes to feed. If not, FFmpeg has nothing to read, and [`super::feed_sheet`] only says
    /// which tiles are exact.
    pub fn has_keyframes(&self) -> bool {
        match &self.keyframes {
            Keyframes::Listed(listed) => !listed.pieces.is_empty(),
            Keyframes::Cued(cued) => cued.has_keyframes(),
            Keyframes::Searched(_) => true,
            Keyframes::Chunks(chunks) => chunks.has_keyframes(),
            Keyframes::Tags(tags) => tags.has_keyframes(),
        }
    }

    /// Whether its keyframes are searched. Then a tile is the next keyframe behind its slot, else the last one before it.
    pub fn is_searched(&self) -> bool {
        matches!(self.keyframes, Keyframes::Searched(_))
    }

    /// As text, for an event.
    pub fn encode(&self) -> String {
        pack(self)
    }

    /// Reads what [`Self::encode`] wrote, for a source of `bytes` bytes.
    ///
    /// # Errors
    /// If it is invalid for that source.
    pub fn decode(text: &str, bytes: u64) -> Result<Self, NoExcerpt> {
        Self::unpacked(&unpack_bytes(text)?, bytes)
    }

    /// As [`Self::decode`], from what the text decompresses to.
    ///
    /// # Errors
    /// If it is invalid for that source.
    pub fn unpacked(raw: &[u8], bytes: u64) -> Result<Self, NoExcerpt> {
        let plan: Self = from_raw(raw)?;
        plan.check(bytes)?;
        Ok(plan)
    }

    fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        if self.header.len() > MAX_HEADER_BYTES {
            return Err(NoExcerpt::because("its header is too long"));
        }
        match &self.keyframes {
            Keyframes::Listed(listed) => listed.check(bytes),
            Keyframes::Cued(cued) => cued.check(bytes),
            Keyframes::Searched(searched) => searched.check(bytes),
            Keyframes::Chunks(chunks) => chunks.check(bytes),
            Keyframes::Tags(tags) => tags.check(bytes),
        }
    }
}

/// Whether a keyframe may be at `range` in a source of `bytes` bytes.
pub(super) fn check_range(range: &std::ops::Range<u64>, bytes: u64) -> Result<(), NoExcerpt> {
    let length = range.end.checked_sub(range.start);
    let is_possible = length.is_some_and(|length| (1..=MAX_KEYFRAME_BYTES).contains(&length));
    if !is_possible || range.end > bytes {
        return Err(NoExcerpt::because(
            "a keyframe is too long, or behind the end of the source",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    use gifgen_shared::overview::Sheet;
    use proptest::prelude::*;

    use super::*;
    use crate::{decoder_restart::DecoderSetup, mp4::Piece, overview::slots::Slots};

    fn plan(range: std::ops::Range<u64>, at: f64) -> SheetPlan {
        let sheet = Sheet {
            index: 0,
            start: 0,
            end: 20.0,
            interval: 10,
        };
        let piece = Piece {
            before: Vec::new(),
            range,
        };
        SheetPlan {
            demuxer: Demuxer::Mov,
            stream: 0,
            header: vec![1, 2, 3],
            keyframes: Keyframes::Listed(Listed {
                slots: Slots::of(&sheet, 0.0),
                tiles: vec![(10, Some(at))],
                pieces: vec![piece],
                decoder_setup: DecoderSetup::Other,
            }),
        }
    }

    #[test]
    fn a_plan_survives_its_event_and_is_held_against_its_source() {
        let plan = plan(5..9, 9.5);
        let text = plan.encode();
        assert_eq!(SheetPlan::decode(&text, 9).unwrap(), plan);
        assert!(SheetPlan::decode(&text, 8).is_err());
    }

    #[test]
    fn keyframes_that_are_none_or_too_long_and_times_behind_their_slots_are_refused() {
        let is_taken = |plan: SheetPlan| SheetPlan::decode(&plan.encode(), u64::MAX).is_ok();
        assert!(is_taken(plan(0..MAX_KEYFRAME_BYTES, 10.0)));
        let longest = MAX_KEYFRAME_BYTES;
        for (start, end) in [(0, longest + 1), (7, 7), (9, 5)] {
            assert!(!is_taken(plan(start..end, 10.0)));
        }
        for at in [10.5, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(!is_taken(plan(0..1, at)));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = STANDARD_NO_PAD.encode(bytes);
            SheetPlan::decode(&text, 1000).ok();
        }
    }
}
