//! The sample tables of a plain file. They are walked side by side, and none of them is unpacked.

use super::{
    boxes::{none, number, one, only},
    moov::{Entries, Moov},
    sample::{MAX_SAMPLE_BYTES, MAX_SAMPLES, Sample},
    samples::Samples,
};
use crate::error::IndexError;

/// Longest composition offset that FFmpeg accepts, in ticks. With a longer one it ignores them all.
const MAX_COMPOSITION_OFFSET: u32 = 1 << 28;

/// Whether the tables of `stbl` are empty, as those of a fragmented file.
pub(super) fn are_empty(stbl: &[u8]) -> bool {
    let stts = only(stbl, b"stts").ok().flatten();
    stts.is_none_or(|stts| number(stts.body, 4).is_none_or(|entries| entries == 0))
}

/// The samples that the tables of `stbl` name, in decoding order, and the dts at which the last one ends.
pub(super) fn samples(moov: &mut Moov, stbl: &[u8]) -> Result<(Samples, i64), IndexError> {
    let mut durations = durations(moov, stbl)?;
    let mut offsets = composition_offsets(moov, stbl)?;
    let mut syncs = sync_samples(moov, stbl)?.map(|syncs| syncs.into_iter().peekable());
    let mut is_sync = |number: u32| match &mut syncs {
        None => true,
        Some(syncs) => {
            let mut is_sync = false;
            while let Some(sync) = syncs.next_if(|sync| *sync <= number) {
                is_sync = sync == number;
            }
            is_sync
        }
    };
    let (mut samples, mut dts) = (Samples::default(), 0i64);
    let (mut any_negative, mut any_long) = (false, false);
    each_place(moov, stbl, |offset, size| {
        // If the table names too few durations, the last one goes on.
        let duration = durations
            .next()
            .ok_or_else(|| none("samples have no times"))?;
        // FFmpeg takes them as signed in both versions, and so do files that say version 0.
        let composition_offset = offsets.next().unwrap_or(0) as i32;
        any_negative |= composition_offset < 0;
        any_long |= composition_offset.unsigned_abs() > MAX_COMPOSITION_OFFSET;
        let number = samples.len() as u32 + 1;
        samples.push(Sample {
            offset,
            dts,
            size,
            composition_offset,
            is_sync: is_sync(number),
        });
        dts = dts.saturating_add(i64::from(duration));
        Ok(())
    })?;
    let are_partial = (1..samples.len() as u64).contains(&offsets.given);
    if (are_partial && any_negative) || any_long {
        return Err(none("composition offsets are strange"));
    }
    Ok((samples, dts))
}

/// Calls `sample` with the offset and the size of each sample, in bytes.
fn each_place(
    moov: &mut Moov,
    stbl: &[u8],
    mut sample: impl FnMut(u64, u32) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let stsz = one(stbl, b"stsz")?.body;
    let mut left = number(stsz, 8).unwrap_or(0) as usize;
    if left > MAX_SAMPLES {
        return Err(none(format!("{left} samples are too many")));
    }
    let same = number(stsz, 4).filter(|size| *size > 0);
    let mut sizes = match same {
        Some(_) => None,
        None => moov.entries::<1>(stbl, b"stsz")?,
    };
    let mut size = || match &mut sizes {
        Some(sizes) => sizes.next().map_or(0, |[size]| size),
        None => same.unwrap_or(0),
    };
    let mut runs = chunk_runs(moov, stbl)?.peekable();
    let mut in_chunk = 0;
    for (chunk, start) in (1u64..).zip(chunks(moov, stbl)?) {
        if let Some([_, samples, _]) = runs.next_if(|[first, ..]| u64::from(*first) == chunk) {
            in_chunk = samples as usize;
        }
        // FFmpeg stops half-way then, before it applies the edit list.
        left = left
            .checked_sub(in_chunk)
            .ok_or_else(|| none("chunks hold more samples than there are"))?;
        let mut offset = start;
        for _ in 0..in_chunk {
            let size = size();
            if size > MAX_SAMPLE_BYTES {
                return Err(none(format!("a sample has {size} bytes")));
            }
            sample(offset, size)?;
            offset = offset.saturating_add(u64::from(size));
        }
    }
    Ok(())
}

/// The offsets of the chunks.
fn chunks(moov: &mut Moov, stbl: &[u8]) -> Result<Box<dyn Iterator<Item = u64>>, IndexError> {
    if let Some(offsets) = moov.entries::<2>(stbl, b"co64")? {
        let offset = |[high, low]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
        return Ok(Box::new(offsets.map(offset)));
    }
    let offsets: Entries<1> = existing(moov, stbl, b"stco")?;
    Ok(Box::new(offsets.map(|[offset]| u64::from(offset))))
}

/// The first chunk of each run of chunks, how many samples each of them has, and their description.
fn chunk_runs(moov: &mut Moov, stbl: &[u8]) -> Result<Entries<3>, IndexError> {
    let runs: Entries<3> = existing(moov, stbl, b"stsc")?;
    let mut before = 0;
    for [first, _, description] in runs.clone() {
        let follows = first > before && (before > 0 || first == 1);
        if !follows || description != 1 {
            return Err(none("chunks are out of order, or of several descriptions"));
        }
        before = first;
    }
    Ok(runs)
}

/// The duration of each sample, in ticks. The last one goes on.
fn durations(
    moov: &mut Moov,
    stbl: &[u8],
) -> Result<impl Iterator<Item = u32> + use<>, IndexError> {
    let runs: Entries<2> = existing(moov, stbl, b"stts")?;
    let mut last = None;
    for [count, duration] in runs.clone() {
        if count == 0 || duration > i32::MAX as u32 {
            return Err(none("samples have strange lengths"));
        }
        last = Some(duration);
    }
    let goes_on = last.into_iter().flat_map(std::iter::repeat);
    Ok(Repeated::new(runs).chain(goes_on))
}

/// The composition offset of each sample, in ticks.
fn composition_offsets(moov: &mut Moov, stbl: &[u8]) -> Result<Repeated, IndexError> {
    Ok(Repeated::new(
        moov.entries(stbl, b"ctts")?.unwrap_or_default(),
    ))
}

/// The numbers of the sync samples, counted from one, in order. `None` if all are.
fn sync_samples(moov: &mut Moov, stbl: &[u8]) -> Result<Option<Vec<u32>>, IndexError> {
    let Some(numbers) = moov.entries::<1>(stbl, b"stss")? else {
        return Ok(None);
    };
    let mut numbers: Vec<u32> = numbers.map(|[number]| number).collect();
    numbers.sort_unstable();
    if numbers.first() == Some(&0) {
        return Err(none("sync samples are counted from zero"));
    }
    Ok(Some(numbers))
}

/// The entries of a table that must be there.
fn existing<const NUMBERS: usize>(
    moov: &mut Moov,
    stbl: &[u8],
    kind: &[u8; 4],
) -> Result<Entries<NUMBERS>, IndexError> {
    one(stbl, kind)?;
    Ok(moov.entries(stbl, kind)?.unwrap_or_default())
}

/// The values of a table that says how often each is repeated.
struct Repeated {
    runs: Entries<2>,
    left: u32,
    value: u32,
    /// How many were given.
    given: u64,
}

impl Repeated {
    fn new(runs: Entries<2>) -> Self {
        Self {
            runs,
            left: 0,
            value: 0,
            given: 0,
        }
    }
}

impl Iterator for Repeated {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            [self.left, self.value] = self.runs.next()?;
        }
        self.left -= 1;
        self.given += 1;
        Some(self.value)
    }
}
