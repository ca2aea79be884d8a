//! Whether the numbers of H.264's pictures skip, because some were lost.
//!
//! Pictures that were lost before a file was written leave a whole container, as when a stream was recorded that lost
//! some. The decoder goes on with a copy of an earlier picture, and hints at it in a debug message only. But it hints, too,
//! where it starts at a keyframe that is no IDR picture, and where a stream in layers (SVC) leaves some out, which its
//! parameters say. So the numbers are read here.

use std::io::{self, Read};

use gifgen_child::{Ending, run_reading};
use gifgen_function::TransientError;
use h264_reader::{
    Context,
    annexb::AnnexBReader,
    nal::{
        Nal, RefNal, UnitType,
        pps::PicParameterSet,
        slice::{DecRefPicMarking, MemoryManagementControlOperation as Control, SliceHeader},
        sps::SeqParameterSet,
    },
    push::{AccumulatedNalHandler, NalInterest},
    rbsp::BitReader,
};

use crate::{error::JobError, ffmpeg_run::killed, launch::Launch};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Most bytes up to the end of a header, with room to spare.
const HEADER_BYTES: u64 = 64 * 1024;

/// The highest level, 6.2, and the largest pictures in macroblocks that it allows.
const HIGHEST_LEVEL: u8 = 62;
const MAX_MAP_UNITS: u32 = 139_264;

/// Whether the numbers skip in the stream of `launch`, or cannot be read. It is read up to `until`, in seconds from the
/// slice's start.
///
/// # Errors
/// Transient ones, and that FFmpeg crashes.
pub(crate) async fn frame_numbers_skip(launch: Launch<'_>, until: f64) -> Result<bool, JobError> {
    let args = launch.rendering.byte_stream_args(until);
    let program = launch.program(args);
    let finished = run_reading(program, |_| true, FrameNumbers::read)
        .await
        .map_err(TransientError::FfmpegNotStarted)?;
    let numbers = finished.stdout.map_err(|source| TransientError::WorkDir {
        action: "read from a pipe in",
        source,
    })?;
    match finished.ending {
        // Nobody reads FFmpeg's output any more.
        _ if numbers.skip => Ok(true),
        Ending::Exited(code) => Ok(code != 0),
        Ending::DeadlinePassed => Err(TransientError::DeadlinePassed { doing: "reading" }.into()),
        Ending::Killed { signal } => Err(killed(signal, "when it read the pictures' numbers")),
    }
}

/// Reads the numbers of pictures. Their stream may be hostile.
#[derive(Default)]
struct FrameNumbers {
    parameters: Context,
    /// The number of the last picture to which others refer.
    last: Option<u16>,
    /// Whether a number skips or cannot be read.
    skip: bool,
    /// Whether the stream has ended, perhaps within a unit.
    has_ended: bool,
}

impl FrameNumbers {
    /// Reads a stream of bytes up to a skip or its end.
    fn read(mut stream: impl Read) -> io::Result<Self> {
        let mut units = AnnexBReader::accumulate(Self::default());
        let mut chunk = vec![0; CHUNK_BYTES];
        while !units.nal_handler_ref().skip {
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                units.nal_handler_mut().has_ended = true;
                units.reset();
                break;
            }
            units.push(&chunk[..read]);
        }
        Ok(units.into_nal_handler())
    }

    /// Reads a unit. `None` if it cannot be read, or not yet.
    fn unit(&mut self, unit: &RefNal<'_>) -> Option<()> {
        match unit.header().ok()?.nal_unit_type() {
            UnitType::SeqParameterSet => self.sequence(unit),
            UnitType::PicParameterSet if unit.is_complete() => {
                let read = PicParameterSet::from_bits(&self.parameters, unit.rbsp_bits());
                self.parameters.put_pic_param_set(read.ok()?);
                Some(())
            }
            UnitType::PicParameterSet => None,
            UnitType::SliceLayerWithoutPartitioningIdr
            | UnitType::SliceLayerWithoutPartitioningNonIdr => self.slice(unit),
            _ => Some(()),
        }
    }

    fn sequence(&mut self, unit: &RefNal<'_>) -> Option<()> {
        let mut bytes = Vec::new();
        unit.rbsp_bytes().read_to_end(&mut bytes).ok()?;
        // FFmpeg does not mind a level that is too low for the pictures. The crate does.
        *bytes.get_mut(2)? = HIGHEST_LEVEL;
        let read = SeqParameterSet::from_bits(BitReader::new(&bytes[..])).ok()?;
        // Tables of this size are allocated.
        if read.pic_size_in_map_units() > MAX_MAP_UNITS {
            return None;
        }
        self.parameters.put_seq_param_set(read);
        Some(())
    }

    /// Reads the header of a part of a picture: ITU-T H.264, 7.4.3 (`frame_num`).
    fn slice(&mut self, unit: &RefNal<'_>) -> Option<()> {
        let unit_header = unit.header().ok()?;
        let mut bits = unit.rbsp_bits();
        let read = SliceHeader::from_bits(&self.parameters, &mut bits, unit_header, None);
        let (header, parameters, _) = read.ok()?;
        // The other parts of a picture repeat its number.
        if header.first_mb_in_slice > 0 {
            return Some(());
        }
        let number = header.frame_num;
        let starts_anew = header.idr_pic_id.is_some();
        if let (Some(last), false) = (self.last, starts_anew) {
            let next = (u32::from(last) + 1) % (1 << parameters.log2_max_frame_num());
            let follows = number == last || u32::from(number) == next;
            self.skip |= !follows && !parameters.gaps_in_frame_num_value_allowed_flag;
        }
        if unit_header.nal_ref_idc() != 0 {
            let forgets_all = match &header.dec_ref_pic_marking {
                Some(DecRefPicMarking::Adaptive(controls)) => controls
                    .iter()
                    .any(|control| matches!(control, Control::AllRefPicturesUnused)),
                _ => false,
            };
            self.last = Some(if forgets_all { 0 } else { number });
        }
        Some(())
    }
}

impl AccumulatedNalHandler for FrameNumbers {
    fn nal(&mut self, unit: RefNal<'_>) -> NalInterest {
        if self.unit(&unit).is_some() || self.has_ended {
            return NalInterest::Ignore;
        }
        let mut more = unit.reader().take(HEADER_BYTES);
        // The reader of a unit that goes on fails at the end of what is there.
        let is_long = io::copy(&mut more, &mut io::sink()).is_ok();
        if unit.is_complete() || is_long {
            self.skip = true;
            return NalInterest::Ignore;
        }
        NalInterest::Buffer
    }
}

#[cfg(test)]
mod tests;
