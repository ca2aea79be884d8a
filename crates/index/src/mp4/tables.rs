//! The sample tables of a plain file.

use mp4_atom::{Co64, Ctts, Stco, Stsc, Stss, Stsz, StszSamples, Stts};

use super::{
    boxes::{content, none, number, one, only},
    sample::{MAX_SAMPLE_BYTES, MAX_SAMPLES, Sample},
};
use crate::error::IndexError;

/// Longest composition offset that FFmpeg accepts, in ticks. With a longer one it ignores them all.
const MAX_COMPOSITION_OFFSET: i32 = 1 << 28;

/// Whether the tables of `stbl` are empty, as those of a fragmented file.
pub(super) fn are_empty(stbl: &[u8]) -> bool {
    let stts = only(stbl, b"stts").ok().flatten();
    stts.is_none_or(|stts| number(stts.body, 4).is_none_or(|entries| entries == 0))
}

/// The samples that the tables of `stbl` name, in decoding order, and the dts at which the last one ends.
pub(super) fn samples(stbl: &[u8]) -> Result<(Vec<Sample>, i64), IndexError> {
    let mut samples = offsets_and_sizes(stbl)?;
    let end = set_dts(&mut samples, stbl)?;
    set_composition_offsets(&mut samples, stbl)?;
    if let Some(stss) = only(stbl, b"stss")? {
        for sample in content::<Stss>(stss.body)?.entries {
            let index = (sample as usize).checked_sub(1);
            let index = index.ok_or_else(|| none("sync samples are counted from zero"))?;
            if let Some(sample) = samples.get_mut(index) {
                sample.is_sync = true;
            }
        }
    } else {
        samples.iter_mut().for_each(|sample| sample.is_sync = true);
    }
    Ok((samples, end))
}

/// The samples with their offsets and sizes.
fn offsets_and_sizes(stbl: &[u8]) -> Result<Vec<Sample>, IndexError> {
    let stsz = one(stbl, b"stsz")?;
    let count = number(stsz.body, 8).unwrap_or(0) as usize;
    if count > MAX_SAMPLES {
        return Err(none(format!("{count} samples are too many")));
    }
    let sizes = content::<Stsz>(stsz.body)?.samples;
    let size = |index: usize| match &sizes {
        StszSamples::Identical { size, .. } => *size,
        StszSamples::Different { sizes } => sizes.get(index).copied().unwrap_or(0),
    };
    let chunks: Vec<u64> = match only(stbl, b"co64")? {
        Some(co64) => content::<Co64>(co64.body)?.entries,
        None => {
            let stco = content::<Stco>(one(stbl, b"stco")?.body)?.entries;
            stco.into_iter().map(u64::from).collect()
        }
    };
    let runs = content::<Stsc>(one(stbl, b"stsc")?.body)?.entries;
    let is_counted = runs.first().is_none_or(|run| run.first_chunk == 1)
        && runs.is_sorted_by(|run, next| run.first_chunk < next.first_chunk);
    let descriptions_differ = runs.iter().any(|run| run.sample_description_index != 1);
    if !is_counted || descriptions_differ {
        return Err(none("chunks are out of order, or of several descriptions"));
    }

    let mut samples = Vec::new();
    let mut runs = runs.iter().peekable();
    let mut in_chunk = 0;
    for (chunk, start) in (1u64..).zip(chunks) {
        if let Some(run) = runs.next_if(|run| u64::from(run.first_chunk) == chunk) {
            in_chunk = run.samples_per_chunk as usize;
        }
        // FFmpeg stops half-way then, before it applies the edit list.
        if in_chunk > count - samples.len() {
            return Err(none("chunks hold more samples than there are"));
        }
        let mut offset = start;
        for _ in 0..in_chunk {
            let size = size(samples.len());
            if size > MAX_SAMPLE_BYTES {
                return Err(none(format!("a sample has {size} bytes")));
            }
            samples.push(Sample {
                offset,
                dts: 0,
                size,
                composition_offset: 0,
                is_sync: false,
            });
            offset = offset.saturating_add(u64::from(size));
        }
    }
    Ok(samples)
}

/// Sets the dts of all samples, and gives the dts at which the last one ends. If the table names too few durations,
/// the last one goes on.
fn set_dts(samples: &mut [Sample], stbl: &[u8]) -> Result<i64, IndexError> {
    let runs = content::<Stts>(one(stbl, b"stts")?.body)?.entries;
    let strange =
        |run: &mp4_atom::SttsEntry| run.sample_count == 0 || run.sample_delta > i32::MAX as u32;
    if runs.iter().any(strange) {
        return Err(none("samples have strange lengths"));
    }
    let Some(last) = runs.last().map(|run| run.sample_delta) else {
        return if samples.is_empty() {
            Ok(0)
        } else {
            Err(none("samples have no times"))
        };
    };
    let durations = runs
        .iter()
        .flat_map(|run| std::iter::repeat_n(run.sample_delta, run.sample_count as usize))
        .chain(std::iter::repeat(last));
    let mut at = 0i64;
    for (sample, duration) in samples.iter_mut().zip(durations) {
        sample.dts = at;
        at = at.saturating_add(i64::from(duration));
    }
    Ok(at)
}

/// Sets the composition offsets.
fn set_composition_offsets(samples: &mut [Sample], stbl: &[u8]) -> Result<(), IndexError> {
    let Some(ctts) = only(stbl, b"ctts")? else {
        return Ok(());
    };
    let runs = content::<Ctts>(ctts.body)?.entries;
    // FFmpeg takes them as signed in both versions, and so do files that say version 0.
    let offsets = runs
        .iter()
        .flat_map(|run| std::iter::repeat_n(run.sample_offset as i32, run.sample_count as usize));
    let mut count = 0;
    for (sample, offset) in samples.iter_mut().zip(offsets) {
        sample.composition_offset = offset;
        count += 1;
    }
    let is_negative = samples.iter().any(|sample| sample.composition_offset < 0);
    let is_long =
        |sample: &Sample| sample.composition_offset.unsigned_abs() > MAX_COMPOSITION_OFFSET as u32;
    if (count > 0 && count < samples.len() && is_negative) || samples.iter().any(is_long) {
        return Err(none("composition offsets are strange"));
    }
    Ok(())
}
