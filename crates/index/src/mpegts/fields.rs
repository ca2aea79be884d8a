//! Pictures of two fields, which a transport stream may have in two units.

use h264_reader::{
    Context,
    nal::{
        NalHeader,
        pps::PicParameterSet,
        slice::{Field, FieldPic, SliceHeader},
        sps::{FrameMbsFlags, SeqParameterSet},
    },
    rbsp::{BitReader, decode_nal},
};

use super::codec::{Codec, units};

/// How much of a slice is parsed, in bytes.
const SLICE_BYTES: usize = 96;

/// The structure of a picture of MPEG-2 that is a frame.
const FRAME: u8 = 3;

/// Whether the picture in `data` is a frame, or has both its fields in it. A picture that cannot be parsed has not.
pub(crate) fn are_complete(data: &[u8], codec: Codec) -> bool {
    match codec {
        Codec::Mpeg2 => of_mpeg2(data),
        Codec::H264 => of_h264(data).unwrap_or(false),
        // A field of HEVC is a picture. MPEG-4 has no pictures of one field.
        Codec::Hevc | Codec::Mpeg4 => true,
    }
}

fn of_mpeg2(data: &[u8]) -> bool {
    let structures = units(data).filter_map(|unit| match unit {
        // The extension with the coding of a picture.
        [0xb5, first, _, third, ..] if first >> 4 == 8 => Some(third & 3),
        _ => None,
    });
    let mut seen = 0;
    for structure in structures {
        seen |= structure;
        if seen == FRAME {
            return true;
        }
    }
    // MPEG-1 has frames only.
    seen == 0
}

fn of_h264(data: &[u8]) -> Option<bool> {
    let mut context = Context::default();
    let mut is_frame_only = false;
    let (mut top, mut bottom) = (false, false);
    for unit in units(data) {
        let (first, _) = unit.split_first()?;
        match first & 0x1f {
            7 => {
                let bits = decode_nal(unit).ok()?;
                let sequence = SeqParameterSet::from_bits(BitReader::new(&bits[..])).ok()?;
                is_frame_only = sequence.frame_mbs_flags == FrameMbsFlags::Frames;
                context.put_seq_param_set(sequence);
            }
            _ if is_frame_only => return Some(true),
            8 => {
                let bits = decode_nal(unit).ok()?;
                let picture =
                    PicParameterSet::from_bits(&context, BitReader::new(&bits[..])).ok()?;
                context.put_pic_param_set(picture);
            }
            1 | 2 | 5 => {
                let unit = unit.get(..SLICE_BYTES).unwrap_or(unit);
                let bits = decode_nal(unit).ok()?;
                let header = NalHeader::new(*first).ok()?;
                let mut reader = BitReader::new(&bits[..]);
                let (slice, ..) =
                    SliceHeader::from_bits(&context, &mut reader, header, None).ok()?;
                match slice.field_pic {
                    FieldPic::Frame => return Some(true),
                    FieldPic::Field(Field::Top) => top = true,
                    FieldPic::Field(Field::Bottom) => bottom = true,
                }
            }
            _ => {}
        }
    }
    Some(top && bottom)
}
