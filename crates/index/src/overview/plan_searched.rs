//! Plans the sheets of a source without an index.

use gifgen_reader::BlockCache;
use gifgen_shared::{Slice, VideoStream, overview::Sheet};

use super::{
    pictures::Pictures,
    plan::{Keyframes, SheetPlan},
    searched::{MAX_HINTS, Searched},
};
use crate::{error::IndexError, excerpt::Demuxer, matroska::Head, mpegts};

/// How far before and behind its sheet the points of a plan are, in seconds.
const AROUND_SECONDS: f64 = 60.0;

/// The plan of `sheet`.
fn plan_of(
    sheet: &Sheet,
    whole: &Searched,
    demuxer: Demuxer,
    stream: u32,
    header: &[u8],
) -> SheetPlan {
    let (from, to) = (
        whole.clock.pts(f64::from(sheet.start) - AROUND_SECONDS),
        whole.clock.pts(sheet.end + AROUND_SECONDS),
    );
    let last = whole.hints.len().saturating_sub(1);
    let all = whole.hints.iter().enumerate();
    let near =
        all.filter(|(place, (pts, _))| (from..=to).contains(pts) || *place == 0 || *place == last);
    let near: Vec<(i64, u64)> = near.map(|(_, hint)| *hint).collect();
    let every = near.len().div_ceil(MAX_HINTS - 2).max(1);
    let last = near.len().saturating_sub(1);
    let kept = near
        .iter()
        .enumerate()
        .filter(|(place, _)| place.is_multiple_of(every) || *place == last);
    SheetPlan {
        demuxer,
        stream,
        header: header.to_vec(),
        keyframes: Keyframes::Searched(Searched {
            start: sheet.start,
            count: sheet.times().count() as u32,
            hints: kept.map(|(_, hint)| *hint).collect(),
            ..whole.clone()
        }),
    }
}

/// The plans of `sheets` in a Matroska file without useful cues.
pub(super) fn in_matroska(
    head: &Head,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Vec<Option<SheetPlan>> {
    let none = || sheets.iter().map(|_| None).collect();
    let Some(decoder_setup) = &head.decoder_setup else {
        return none();
    };
    let clock = head.clock(video);
    let ends = [
        (clock.pts(0.0), head.clusters.start),
        (clock.pts(length), head.clusters.end),
    ];
    let pictures = Pictures::Matroska {
        track: head.track.number,
        decoder_setup: decoder_setup.clone(),
    };
    let cues = head.cues.iter();
    let cues = cues.map(|cue| (cue.pts, head.segment.saturating_add(cue.cluster_offset)));
    let mut hints: Vec<(i64, u64)> = cues.chain(ends).collect();
    hints.sort_unstable();
    let whole = Searched {
        start: 0,
        count: 0,
        interval: sheets.first().map_or(1, |sheet| sheet.interval),
        length,
        start_time: video.start_time,
        clock,
        range: head.clusters.clone(),
        hints,
        pictures,
    };
    let plan = |sheet| plan_of(sheet, &whole, Demuxer::Matroska, video.index, &head.header);
    sheets.iter().map(|sheet| Some(plan(sheet))).collect()
}

/// The plans of `sheets` in a transport stream.
///
/// # Errors
/// If the source cannot be read, or its times cannot be searched.
pub(super) async fn in_transport_stream(
    blocks: &BlockCache,
    stream: &mpegts::Stream,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Result<Vec<Option<SheetPlan>>, IndexError> {
    // The bounds of the sheets are searched, as those of slices.
    let mut bounds: Vec<u32> = sheets.iter().map(|sheet| sheet.start).collect();
    bounds.extend(sheets.last().map(|sheet| sheet.end as u32));
    bounds.insert(0, 0);
    bounds.dedup();
    let ends = bounds
        .iter()
        .skip(1)
        .map(|end| f64::from(*end))
        .chain([length]);
    let slices: Vec<Slice> = bounds
        .iter()
        .zip(ends)
        .enumerate()
        .map(|(index, (start, end))| Slice {
            index: index as u32,
            start: *start,
            end,
        })
        .collect();
    let found = mpegts::searched(blocks, stream, video, &slices).await?;
    let mut hints: Vec<(i64, u64)> = Vec::new();
    let points = found
        .map
        .points()
        .iter()
        .map(|point| (point.pts, point.offset));
    let ends = [
        (found.clock.pts(0.0), found.range.start),
        (found.clock.pts(length), found.range.end),
    ];
    let apart = found.clock.span(0.5);
    let mut points: Vec<(i64, u64)> = points.chain(ends).collect();
    points.sort_unstable();
    let last = points.len().saturating_sub(1);
    for (place, point) in points.iter().enumerate() {
        let is_near = hints
            .last()
            .is_some_and(|before| point.0.saturating_sub(before.0) < apart);
        if !is_near || place == last {
            hints.push(*point);
        }
    }
    let packets = stream.packets(0..u64::MAX);
    let header = mpegts::keyframe_stream::tables(packets.codec);
    let whole = Searched {
        start: 0,
        count: 0,
        interval: sheets.first().map_or(1, |sheet| sheet.interval),
        length,
        start_time: video.start_time,
        clock: found.clock,
        range: found.range,
        hints,
        pictures: Pictures::MpegTs {
            packets,
            parameters: mpegts::Parameters::read(blocks, stream).await?,
        },
    };
    let plan = |sheet| plan_of(sheet, &whole, Demuxer::MpegTs, 0, &header);
    Ok(sheets.iter().map(|sheet| Some(plan(sheet))).collect())
}
