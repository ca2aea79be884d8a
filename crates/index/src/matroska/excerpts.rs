//! The excerpts of a Matroska file.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::{
    block_cache::BlockCache,
    reader::{ReadError, Reader},
};
use gifgen_shared::{slice::Slice, video_stream::VideoStream};

use crate::{
    container_index::IndexError,
    excerpt::{Demuxer, Excerpt, Start},
    keyframe::{FAR_SECONDS, KeyframeQuery, step},
    matroska::{
        clusters::{self, Cluster},
        head::Head,
        keyframe::cluster_at,
        scan::{Inside, Seen, scan},
    },
    search::{self, Point, SearchParams, TimestampMap},
};

/// No codec shows a picture later than so many that are decoded after it.
const REORDERED: u64 = 17;

/// What a picture is taken to last if the file does not say, in nanoseconds: that of a film.
const PICTURE: u64 = 41_708_333;

/// Pictures that last longer are no hint, in nanoseconds.
const LONGEST_PICTURE: u64 = 200_000_000;

/// What a look reads, and how much later than its time a place may be, in seconds. As for transport
/// streams.
const LOOK_SECONDS: f64 = 0.06;
const SOON_SECONDS: f64 = 0.8;

/// How many clusters are walked over behind a cue.
const BEHIND_CUES: usize = 8;

/// How far to read on if the pictures of the slice have not all come, in bytes.
const SPARE: u64 = 4 * 1024 * 1024;

/// What is read of a block that a cue names, in bytes. If that is in a group, its end would tell
/// whether it is a keyframe; then it is looked for as where there are no cues.
const CUED_BLOCK: u64 = 64;

/// How many requests are under way at once.
const AT_ONCE: usize = 16;

/// Times in units of one file.
struct Clock {
    start: f64,
    scale: f64,
}

impl Clock {
    fn at(&self, seconds: f64) -> i64 {
        ((self.start + seconds) * 1e9 / self.scale).round() as i64
    }

    fn per_second(&self) -> f64 {
        1e9 / self.scale
    }

    fn span(&self, seconds: f64) -> i64 {
        (seconds * 1e9 / self.scale).ceil() as i64
    }

    /// The times that a slice shows, with a millisecond of tolerance.
    fn wanted(&self, slice: &Slice) -> Range<i64> {
        let tolerance = (1e6 / self.scale).round() as i64;
        let at = |seconds| self.at(seconds).saturating_add(tolerance);
        at(f64::from(slice.start))..at(slice.end)
    }
}

/// The excerpts of `slices` of the file with this `head`, as [`crate::container_index::ContainerIndex::excerpts`] has it.
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub async fn excerpts(
    blocks: &BlockCache,
    head: &Head,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    let reader = blocks.reader();
    let clock = Clock {
        start: video.start_time,
        scale: head.scale as f64,
    };
    let late = match head.track {
        track if track.reorders => {
            let picture = track.picture.filter(|picture| *picture <= LONGEST_PICTURE);
            clock.span((picture.unwrap_or(PICTURE) * REORDERED) as f64 / 1e9)
        }
        _ => 0,
    };
    let seconds = slices.iter().map(|slice| slice.end).fold(1.0, f64::max);
    let last = clock.at(seconds);
    let length = head.clusters.end - head.clusters.start;
    let rate = length as f64 / seconds;
    let params = SearchParams {
        probe_bytes: ((rate * LOOK_SECONDS) as u64).clamp(4 * 1024, 256 * 1024),
        soon: clock.span(SOON_SECONDS),
        near: ((rate * SOON_SECONDS) as u64).max(16 * 1024),
    };

    let wanted = slices.iter().map(|slice| clock.wanted(slice));
    // Where cues tell where slices start, only their ends are looked for; and the last one takes all.
    let cued = !head.cues.is_empty();
    let times = wanted
        .filter(|wanted| wanted.end < last)
        .flat_map(|wanted| {
            let start = Some(wanted.start).filter(|_| !cued);
            [start, Some(wanted.end)]
        });
    let times: BTreeSet<i64> = times.flatten().collect();
    let times: Vec<i64> = times
        .into_iter()
        .filter(|time| *time > clock.at(0.5))
        .collect();

    let known = if cued {
        behind_cues(reader, head, &times, late).await?
    } else {
        clusters::all(reader, head.clusters.clone(), head.track.number).await?
    };
    let mut points = TimestampMap::new(late.saturating_add(clock.span(2.0)));
    let disorder = |_| IndexError::None("its times run backwards".into());
    let point = |at, time: i64| Point {
        at,
        shown: time,
        sure: time.saturating_sub(late),
    };
    let cues = head.cues.iter();
    let cues = cues.map(|cue| point(head.segment + cue.cluster, cue.time));
    let starts = known.iter().map(|cluster| point(cluster.at, cluster.time));
    points.add(starts.chain(cues).collect()).map_err(disorder)?;
    let ends = (
        point(head.clusters.start, clock.at(0.0)),
        point(head.clusters.end, last),
    );
    search::search(&mut points, &times, ends, params, |within| {
        let find = |at, bytes: &[u8]| {
            let seen = scan(bytes, inside(&known, at), head.track.number).into_iter();
            seen.map(|seen| point(at + seen.at as u64, seen.time))
                .collect()
        };
        search::probe(reader, within, params.probe_bytes, find)
    })
    .await?;

    // Collected, since a stream that borrows what it maps is not `Send` enough for the compiler.
    let cuts = slices.iter().copied().map(|slice| {
        let wanted = clock.wanted(&slice);
        let far = clock.span(FAR_SECONDS);
        let (known, points, clock) = (&known, &points, &clock);
        async move {
            let after = points.after(wanted.end).filter(|_| wanted.end < last);
            let end = after.map_or(head.clusters.end, |point| point.at);
            let start = start(reader, head, known, wanted.start, far).await?;
            let landmark = KeyframeQuery::Block {
                track: head.track.number,
                shown: wanted.start,
            };
            let (lead, start, begins) = match start {
                Some((lead, at)) => (lead, Start::Exact, at),
                None => {
                    let rate = points
                        .rate_before(wanted.start, far)
                        .unwrap_or(rate / clock.per_second());
                    let start = Start::KeyframeBefore {
                        landmark,
                        first: head.clusters.start,
                        step: step(rate * far as f64),
                    };
                    let after = points.after(wanted.start).map(|point| point.at);
                    let after = after.filter(|after| *after < end);
                    let before = || points.before(wanted.start).map(|point| point.at);
                    let Some(at) = after.or_else(before) else {
                        return Ok(None);
                    };
                    (Vec::new(), start, at)
                }
            };
            let spare = after.is_some();
            Ok((begins < end).then(|| Excerpt {
                demuxer: Demuxer::Matroska,
                stream: video.index,
                header: [head.header.clone(), lead].concat(),
                start,
                ranges: std::iter::once(begins..end).collect(),
                until: if spare {
                    end.saturating_add(SPARE).min(head.clusters.end)
                } else {
                    0
                },
            }))
        }
    });
    let cuts: Vec<_> = cuts.collect();
    stream::iter(cuts).buffered(AT_ONCE).try_collect().await
}

/// The clusters behind the cues before each of `times`, as far as that time.
async fn behind_cues(
    reader: &Arc<Reader>,
    head: &Head,
    times: &[i64],
    late: i64,
) -> Result<Vec<Cluster>, IndexError> {
    let walks = times.iter().copied().map(|time| {
        let before = head.cues.partition_point(|cue| cue.time <= time);
        let cue = before.checked_sub(1).and_then(|cue| head.cues.get(cue));
        let start = cue.map_or(head.clusters.start, |cue| head.segment + cue.cluster);
        let go_on = move |cluster: &Cluster| cluster.time <= time.saturating_add(late);
        let range = start..head.clusters.end;
        clusters::walk(reader, range, head.track.number, BEHIND_CUES, go_on)
    });
    let walks: Vec<_> = walks.collect();
    let walks = stream::iter(walks).buffer_unordered(AT_ONCE);
    let found: Vec<_> = walks.try_collect().await?;
    let mut found: Vec<Cluster> = found.into_iter().flatten().collect();
    found.sort_unstable_by_key(|cluster| cluster.at);
    found.dedup_by_key(|cluster| cluster.at);
    Ok(found)
}

/// What `at` lies in, if that is known.
fn inside(known: &[Cluster], at: u64) -> Option<Inside> {
    let after = known.partition_point(|cluster| cluster.at <= at);
    let cluster = known.get(after.checked_sub(1)?)?;
    let time = cluster.time;
    cluster
        .end
        .is_some_and(|end| at < end)
        .then_some(Inside { time })
}

/// Where to start for `time`, and what must stand before it, if a keyframe is known.
async fn start(
    reader: &Arc<Reader>,
    head: &Head,
    known: &[Cluster],
    time: i64,
    far: i64,
) -> Result<Option<(Vec<u8>, u64)>, ReadError> {
    let video = head.track.number;
    let is_key = |cluster: &&Cluster| {
        cluster
            .first
            .is_some_and(|first| first.key && first.time <= time)
    };
    let cues = head.cues.partition_point(|cue| cue.time <= time);
    let Some(cue) = cues.checked_sub(1).and_then(|cue| head.cues.get(cue)) else {
        let key = known.iter().rev().find(is_key);
        let key = key.filter(|key| time.saturating_sub(key.time) <= far);
        return Ok(key.map(|key| (Vec::new(), key.at)));
    };
    let at = head.segment + cue.cluster;
    let Some(cluster) = clusters::at(reader, at, video).await? else {
        return Ok(None);
    };
    // Cues lie, and FFmpeg starts with a keyframe whatever they say.
    let is_cued = |seen: &Seen| seen.key && seen.time == cue.time;
    if cluster.first.as_ref().is_some_and(is_cued) {
        return Ok(Some((Vec::new(), at)));
    }
    let Some(at) = cue
        .in_cluster
        .and_then(|place| cluster.content.checked_add(place))
    else {
        return Ok(None);
    };
    if cluster.end.is_some_and(|end| at >= end) {
        return Ok(None);
    }
    let bytes = reader.read(at..at.saturating_add(CUED_BLOCK)).await?;
    let time = cluster.time;
    let starts = crate::matroska::scan::first(&bytes, Inside { time }, video);
    let starts = starts.is_some_and(|seen| is_cued(&seen));
    Ok(starts.then(|| (cluster_at(cluster.time), at)))
}
