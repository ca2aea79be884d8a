//! Parameters of H.264 with which FFmpeg's decoder starts anew.
//!
//! A keyframe in an open group of pictures is no IDR picture. If it is taken out of its film, FFmpeg takes its number in
//! the order of presentation for one that belongs to the keyframe before, and drops it if it seems to be too late
//! ("no picture ooo", `h264_select_output_picture` in its `libavcodec/h264_slice.c`). Of twelve keyframes it shows three.
//! It starts anew where the shape of pixels changes (`ff_h264_flush_change`). So each keyframe gets its parameters in
//! front, with one shape and another in turn. The size of the pictures does not depend on it.

use h264_reader::{
    avcc::AvcDecoderConfigurationRecord,
    nal::{
        WritableNal as _,
        sps::{AspectRatioInfo, SeqParameterSet, VuiParameters},
    },
    rbsp::{BitReader, BitWriter, ByteWriter, decode_nal},
};

use crate::numbers::big_endian;

/// The highest level, 6.2: a level that is too low for the pictures is not parsed, but FFmpeg does not mind it.
const HIGHEST_LEVEL: u8 = 62;

/// Where the level is, behind the header of the unit.
const LEVEL: usize = 2;

/// The units to put before keyframes, in turn, in the format of an MP4's samples. `setup` is the content of an `avcC`.
/// `None` if it cannot be parsed.
pub(crate) fn restarting_parameters(setup: &[u8]) -> Option<[Vec<u8>; 2]> {
    let setup = AvcDecoderConfigurationRecord::try_from(setup).ok()?;
    let [one, other] = [0, 1].map(|nth| units(&setup, &shape(nth)));
    Some([one?, other?])
}

/// All parameters of `setup`, for pixels of this `shape`.
fn units(setup: &AvcDecoderConfigurationRecord<'_>, shape: &AspectRatioInfo) -> Option<Vec<u8>> {
    let length_bytes = usize::from(setup.length_size_minus_one()) + 1;
    let mut all = Vec::new();
    let mut add = |unit: &[u8]| {
        let length = (unit.len() as u64).to_be_bytes();
        all.extend_from_slice(&length[length.len() - length_bytes..]);
        all.extend_from_slice(unit);
    };
    for sequence in setup.sequence_parameter_sets() {
        add(&with_shape(sequence.ok()?, shape.clone())?);
    }
    for picture in setup.picture_parameter_sets() {
        add(picture.ok()?);
    }
    Some(all)
}

/// The unit with the parameters of a sequence, for pixels of this `shape`.
fn with_shape(unit: &[u8], shape: AspectRatioInfo) -> Option<Vec<u8>> {
    let mut bits = decode_nal(unit).ok()?.into_owned();
    let level = std::mem::replace(bits.get_mut(LEVEL)?, HIGHEST_LEVEL);
    let mut sequence = SeqParameterSet::from_bits(BitReader::new(&bits[..])).ok()?;
    sequence.level_idc = level;
    let usability = sequence
        .vui_parameters
        .get_or_insert_with(VuiParameters::default);
    usability.aspect_ratio_info = Some(shape);
    let mut changed = vec![*unit.first()?];
    let mut bits = BitWriter::new(ByteWriter::new(&mut changed));
    sequence.write_bits(&mut bits).ok()?;
    Some(changed)
}

/// What restarts the decoder before each keyframe of a film whose samples have lengths before their units, as in MP4 and
/// Matroska.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restart {
    parameters: [Vec<u8>; 2],
    length_bytes: usize,
}

/// The kinds of units: those of pictures, and the parameters of a sequence.
const SLICES: [u8; 5] = [1, 2, 3, 4, 5];
const SEQUENCE: u8 = 7;

impl Restart {
    /// By the content of an `avcC`. `None` if that cannot be parsed.
    pub(crate) fn new(setup: &[u8]) -> Option<Self> {
        Some(Self {
            parameters: restarting_parameters(setup)?,
            length_bytes: usize::from(setup.get(4)? & 3) + 1,
        })
    }

    /// The keyframe `sample`, the `nth` one, with its parameters in front. `None` if it is damaged.
    pub(crate) fn before(&self, sample: &[u8], nth: usize) -> Option<Vec<u8>> {
        let mut out = self.parameters.get(nth % 2)?.clone();
        let mut rest = sample;
        while !rest.is_empty() {
            let (length, behind) = rest.split_at_checked(self.length_bytes)?;
            let length = usize::try_from(big_endian(length)).ok()?;
            let (unit, behind) = behind.split_at_checked(length)?;
            match unit.first().map(|first| first & 0x1f) {
                Some(kind) if SLICES.contains(&kind) => break,
                Some(SEQUENCE) => {
                    let changed = with_shape(unit, shape(nth))?;
                    let length = (changed.len() as u64).to_be_bytes();
                    out.extend_from_slice(&length[length.len() - self.length_bytes..]);
                    out.extend_from_slice(&changed);
                }
                _ => out.extend_from_slice(rest.get(..self.length_bytes + length)?),
            }
            rest = behind;
        }
        out.extend_from_slice(rest);
        Some(out)
    }
}

/// The keyframe in `stream`, the `nth` one, which has its parameters in itself, behind start codes. `None` if they cannot
/// be parsed.
pub(crate) fn restarted(stream: &[u8], nth: usize) -> Option<Vec<u8>> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let mut out = Vec::with_capacity(stream.len() + 64);
    let mut rest = stream.get(start_code(stream)?..)?;
    loop {
        let kind = rest.get(3)? & 0x1f;
        if SLICES.contains(&kind) {
            out.extend_from_slice(&START[..1]);
            out.extend_from_slice(rest);
            return Some(out);
        }
        let end = 3 + start_code(&rest[3..])?;
        let unit = rest.get(3..end)?;
        // Zeros before the next start code belong to that.
        let length = unit.iter().rposition(|byte| *byte != 0)? + 1;
        let unit = &unit[..length];
        out.extend_from_slice(&START);
        if kind == SEQUENCE {
            out.extend(with_shape(unit, shape(nth))?);
        } else {
            out.extend_from_slice(unit);
        }
        rest = &rest[end..];
    }
}

/// Where the next start code is.
pub(crate) fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|code| code == [0, 0, 1])
}

/// The shape of pixels of the `nth` keyframe.
fn shape(nth: usize) -> AspectRatioInfo {
    if nth.is_multiple_of(2) {
        AspectRatioInfo::Ratio1_1
    } else {
        AspectRatioInfo::Ratio2_1
    }
}
