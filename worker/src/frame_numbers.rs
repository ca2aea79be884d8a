//! Whether the numbers of H.264's pictures may skip.
//!
//! Where they do, pictures were lost before the file was written, as when a stream was recorded that lost some. The
//! container is whole then, and the decoder goes on with a copy of an earlier picture. But a stream in layers (SVC) may
//! leave out the pictures of a layer, and says so in its parameters. The decoder does not tell the two apart.

use std::{
    cell::Cell,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
};

use gifgen_child::{Ending, Program, memory, run_reading};
use gifgen_function::TransientError;
use gifgen_shared::Deadline;
use h264_reader::{
    annexb::AnnexBReader,
    nal::{Nal, RefNal, UnitType, sps::SeqParameterSet},
    push::NalInterest,
};

use crate::{error::JobError, ffmpeg_args::Rendering, ffmpeg_run::reserve};

/// Most bytes that are read. Before the first picture are parameters and messages.
const MOST_BYTES: u64 = 1024 * 1024;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Whether the first parameters of the stream of `rendering` allow for pictures to be left out.
///
/// # Errors
/// Transient ones only.
pub(crate) async fn frame_numbers_may_skip(
    rendering: &Rendering<'_>,
    stdin: Option<OwnedFd>,
    ffmpeg: &Path,
    directory: &Path,
    deadline: Deadline,
) -> Result<bool, JobError> {
    let program = Program {
        path: ffmpeg,
        args: rendering.byte_stream_args(),
        directory: Some(directory),
        network: rendering.input.network(),
        variables: &[],
        stdin,
        memory: memory::left(reserve(rendering.spec)),
        deadline,
    };
    let finished = run_reading(program, |_| true, allow_gaps)
        .await
        .map_err(TransientError::FfmpegNotStarted)?;
    if finished.ending == Ending::DeadlinePassed {
        return Err(TransientError::DeadlinePassed { doing: "reading" }.into());
    }
    let allowed = finished.stdout.map_err(|source| TransientError::WorkDir {
        action: "read from a pipe in",
        source,
    })?;
    Ok(allowed)
}

/// Whether the first parameters in a stream of bytes allow for gaps between the numbers of pictures: ITU-T H.264,
/// 7.4.2.1.1 (`gaps_in_frame_num_value_allowed_flag`).
fn allow_gaps(stream: impl Read) -> io::Result<bool> {
    let mut stream = stream.take(MOST_BYTES);
    let allowed = Cell::new(None);
    let mut units = AnnexBReader::accumulate(|unit: RefNal<'_>| {
        let is_wanted = unit
            .header()
            .is_ok_and(|header| header.nal_unit_type() == UnitType::SeqParameterSet);
        if !is_wanted || allowed.get().is_some() {
            return NalInterest::Ignore;
        }
        if unit.is_complete() {
            let parameters = SeqParameterSet::from_bits(unit.rbsp_bits());
            let allow = parameters.is_ok_and(|read| read.gaps_in_frame_num_value_allowed_flag);
            allowed.set(Some(allow));
        }
        NalInterest::Buffer
    });
    let mut chunk = vec![0; CHUNK_BYTES];
    while allowed.get().is_none() {
        let read = stream.read(&mut chunk)?;
        units.push(&chunk[..read]);
        if read == 0 {
            units.reset();
            break;
        }
    }
    Ok(allowed.get().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Parameters of pictures of 160 × 112 pixels, and a picture, of which only the header matters here.
    fn stream(gaps: bool) -> Vec<u8> {
        // The bits before the size: 1 1 011 010, and whether there may be gaps.
        let parameters = [
            0x67,
            0x42,
            0x00,
            0x1e,
            0xda,
            0x0a | u8::from(gaps) << 7,
            0x3e,
            0x40,
        ];
        let start = [0, 0, 0, 1];
        [&start[..], &parameters, &start, &[0x65, 0x88]].concat()
    }

    #[test]
    fn the_parameters_say_whether_pictures_may_be_left_out() {
        assert!(allow_gaps(&stream(true)[..]).unwrap());
        assert!(!allow_gaps(&stream(false)[..]).unwrap());
        // Also if nothing follows. The first ones count.
        assert!(allow_gaps(&stream(true)[..12]).unwrap());
        assert!(!allow_gaps(&[stream(false), stream(true)].concat()[..]).unwrap());
    }

    #[test]
    fn without_parameters_none_may_be_left_out() {
        assert!(!allow_gaps(&[][..]).unwrap());
        assert!(!allow_gaps(&stream(true)[12..]).unwrap());
        let endless = [&[0, 0, 1, 0x67][..], &[0xff; 2 * MOST_BYTES as usize]].concat();
        assert!(!allow_gaps(&endless[..]).unwrap());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(
            mut bytes in prop::collection::vec(any::<u8>(), 0..60),
            is_started in any::<bool>(),
        ) {
            if is_started {
                bytes.splice(..0, stream(false)[..9].iter().copied());
            }
            prop_assert!(allow_gaps(&bytes[..]).is_ok());
        }
    }
}
