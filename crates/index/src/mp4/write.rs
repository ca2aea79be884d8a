//! Writes a fragmented file of some samples, without the bytes of those.

use std::ops::Range;

use mp4_atom::{
    BufMut as _, Elst, ElstEntry, Encode, FixedPoint, FourCC, Mfhd, Stco, Stsc, Stsz, Stts, Tfdt,
    Tfhd, Trex, Trun, TrunEntry,
};

use super::{clock::Clock, sample::Sample, track::Track};

/// Flags of samples: `sample_depends_on` is 2 for a sync sample, and else 1 with `sample_is_non_sync_sample`.
const SYNC: u32 = 0x0200_0000;
const NO_SYNC: u32 = 0x0101_0000;

/// The header of an excerpt, and the ranges of the source that follow it.
pub(super) struct Written {
    pub(super) header: Vec<u8>,
    pub(super) ranges: Vec<Range<u64>>,
}

/// The timestamps of samples in the excerpt.
struct Timestamps {
    dts: Vec<i64>,
    /// None of them is negative, or else FFmpeg would shift all.
    composition_offsets: Vec<i64>,
    /// What FFmpeg is to subtract, since a dts before zero cannot be written.
    shift: i64,
}

/// Writes `samples` of `track`. The sample behind them has the dts `next`. `None` if they reach over the end of the
/// source's `bytes`.
pub(super) fn write(
    ftyp: &[u8],
    track: &Track,
    clock: &Clock,
    samples: &[Sample],
    next: i64,
    bytes: u64,
) -> Option<Written> {
    let kept: Vec<Sample> = samples
        .iter()
        .filter(|sample| sample.size > 0)
        .copied()
        .collect();
    let ranges = ranges(&kept, bytes)?;
    let header = header(ftyp, track, clock, &kept, next)?;
    Some(Written { header, ranges })
}

/// Writes what stands before the bytes of `samples`, none of which is empty; see [`write`].
pub(super) fn header(
    ftyp: &[u8],
    track: &Track,
    clock: &Clock,
    samples: &[Sample],
    next: i64,
) -> Option<Vec<u8>> {
    let timestamps = Timestamps::of(samples, clock);
    let runs = entries(samples, &timestamps, next)?;
    let payload = samples.iter().map(|sample| u64::from(sample.size)).sum();

    let mut header = ftyp.to_vec();
    write_moov(&mut header, track, timestamps.shift).ok()?;
    let start = header.len();
    // The offset of the samples is known when it has been written.
    let moof =
        |offset, header: &mut Vec<u8>| write_moof(header, track.id, &timestamps, &runs, offset);
    moof(0, &mut header).ok()?;
    let mdat = mdat(payload);
    let offset = i32::try_from(header.len() - start + mdat.len()).ok()?;
    header.truncate(start);
    moof(offset, &mut header).ok()?;
    header.extend(mdat);
    Some(header)
}

/// The byte ranges of `samples` in the source, which has so many `bytes`.
fn ranges(samples: &[Sample], bytes: u64) -> Option<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for sample in samples {
        match ranges.last_mut() {
            Some(last) if last.end == sample.offset => last.end = sample.end(),
            _ => ranges.push(sample.offset..sample.end()),
        }
    }
    let end = ranges.iter().map(|range| range.end).max()?;
    (end <= bytes).then_some(ranges)
}

impl Timestamps {
    fn of(samples: &[Sample], clock: &Clock) -> Self {
        // FFmpeg hides a sample whose dts does not grow.
        let mut latest = i64::MAX;
        let mut dts: Vec<i64> = samples
            .iter()
            .rev()
            .map(|sample| {
                latest = sample.dts.min(sample.pts()).min(latest.saturating_sub(1));
                latest
            })
            .collect();
        dts.reverse();
        let offsets = samples.iter().zip(&dts);
        let offsets = offsets.map(|(sample, dts)| sample.pts().saturating_sub(*dts));
        let composition_offsets = offsets.collect();
        for dts in &mut dts {
            *dts = dts.saturating_sub(clock.shift);
        }
        let first = dts.first().copied().unwrap_or(0);
        Self {
            dts,
            composition_offsets,
            shift: first.min(0).saturating_neg(),
        }
    }
}

/// The entries of a run for `samples`.
fn entries(samples: &[Sample], timestamps: &Timestamps, next: i64) -> Option<Vec<TrunEntry>> {
    let last = samples.last()?;
    let last_duration = next.saturating_sub(last.dts);
    let ends = timestamps.dts.iter().skip(1).copied();
    let ends = ends.chain(
        timestamps
            .dts
            .last()
            .map(|last| last.saturating_add(last_duration)),
    );
    let all = samples
        .iter()
        .zip(&timestamps.dts)
        .zip(ends)
        .zip(&timestamps.composition_offsets);
    all.map(|(((sample, start), end), offset)| {
        Some(TrunEntry {
            duration: Some(u32::try_from(end.saturating_sub(*start).max(0)).ok()?),
            size: Some(sample.size),
            flags: Some(if sample.is_sync { SYNC } else { NO_SYNC }),
            // Signed in FFmpeg.
            cts: Some(i64::from(i32::try_from(*offset).ok()?)),
        })
    })
    .collect()
}

fn write_moov(out: &mut Vec<u8>, track: &Track, shift: i64) -> mp4_atom::Result<()> {
    out.encode_atom(FourCC::new(b"moov"), |out| {
        out.append_slice(&track.mvhd);
        out.encode_atom(FourCC::new(b"trak"), |out| {
            out.append_slice(&track.tkhd);
            if shift > 0 {
                out.encode_atom(FourCC::new(b"edts"), |out| edit(shift).encode(out))?;
            }
            out.encode_atom(FourCC::new(b"mdia"), |out| write_mdia(out, track))
        })?;
        out.encode_atom(FourCC::new(b"mvex"), |out| {
            let trex = Trex {
                track_id: track.id,
                default_sample_description_index: 1,
                ..Trex::default()
            };
            trex.encode(out)
        })
    })
}

fn write_mdia(out: &mut Vec<u8>, track: &Track) -> mp4_atom::Result<()> {
    out.append_slice(&track.mdhd);
    out.append_slice(&track.hdlr);
    out.encode_atom(FourCC::new(b"minf"), |out| {
        // No `dinf`: it could name other files.
        out.encode_atom(FourCC::new(b"stbl"), |out| {
            out.append_slice(&track.stsd);
            Stts::default().encode(out)?;
            Stsc::default().encode(out)?;
            Stsz::default().encode(out)?;
            Stco::default().encode(out)
        })
    })
}

/// An edit list that makes FFmpeg subtract `shift`.
fn edit(shift: i64) -> Elst {
    Elst {
        entries: vec![ElstEntry {
            segment_duration: 0,
            media_time: Some(shift.unsigned_abs()),
            media_rate: FixedPoint::new(1, 0),
        }],
    }
}

/// Writes what is the same for all samples only once, since the header travels in an event.
fn write_moof(
    out: &mut Vec<u8>,
    track: u32,
    timestamps: &Timestamps,
    entries: &[TrunEntry],
    offset: i32,
) -> mp4_atom::Result<()> {
    let mut entries = entries.to_vec();
    let (first, rest) = (
        entries.first().copied().unwrap_or_default(),
        entries.get(1..),
    );
    let others = rest.and_then(|rest| rest.first()).copied().unwrap_or(first);
    let rest = rest.unwrap_or_default();
    let same_durations = entries.iter().all(|entry| entry.duration == first.duration);
    let same_flags = rest.iter().all(|entry| entry.flags == others.flags);
    if same_durations {
        entries.iter_mut().for_each(|entry| entry.duration = None);
    }
    if same_flags {
        entries
            .iter_mut()
            .skip(1)
            .for_each(|entry| entry.flags = None);
    }
    let tfhd = Tfhd {
        track_id: track,
        default_sample_duration: first.duration.filter(|_| same_durations),
        default_sample_flags: others.flags.filter(|_| same_flags),
        default_base_is_moof: true,
        ..Tfhd::default()
    };
    let start = timestamps.dts.first().copied().unwrap_or(0);
    let tfdt = Tfdt {
        base_media_decode_time: start.saturating_add(timestamps.shift).max(0).unsigned_abs(),
    };
    let trun = Trun {
        data_offset: Some(offset),
        samples: entries.into(),
    };
    out.encode_atom(FourCC::new(b"moof"), |out| {
        Mfhd { sequence_number: 1 }.encode(out)?;
        out.encode_atom(FourCC::new(b"traf"), |out| {
            tfhd.encode(out)?;
            tfdt.encode(out)?;
            trun.encode(out)
        })
    })
}

/// The header of an `mdat` with so many bytes in it.
fn mdat(payload: u64) -> Vec<u8> {
    match u32::try_from(payload.saturating_add(8)) {
        Ok(size) => [&size.to_be_bytes()[..], b"mdat"].concat(),
        Err(_) => {
            let size = payload.saturating_add(16).to_be_bytes();
            [&1u32.to_be_bytes()[..], b"mdat", &size].concat()
        }
    }
}
