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

/// The highest level, 6.2: a level that is too low for the pictures is not parsed, but FFmpeg does not mind it.
const HIGHEST_LEVEL: u8 = 62;

/// Where the level is, behind the header of the unit.
const LEVEL: usize = 2;

/// The units to put before keyframes, in turn, in the format of an MP4's samples. `setup` is the content of an `avcC`.
/// `None` if it cannot be parsed.
pub(crate) fn restarting_parameters(setup: &[u8]) -> Option<[Vec<u8>; 2]> {
    let setup = AvcDecoderConfigurationRecord::try_from(setup).ok()?;
    let shapes = [AspectRatioInfo::Ratio1_1, AspectRatioInfo::Ratio2_1];
    let [one, other] = shapes.map(|shape| units(&setup, &shape));
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
