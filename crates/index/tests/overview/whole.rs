//! Holds the sheets of a film against the whole.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::Arc,
};

use gifgen_index::{
    ContainerIndex, IndexError, SheetPlan, SheetTile, feed_sheet, pipe, plan_sheets,
};
use gifgen_reader::{BlockCache, Reader};
use gifgen_shared::overview::{FAR_SECONDS, Sheet, sheets, tiles};
use tokio::task::spawn_blocking;

use crate::support::{Bench, Pictures};

/// What was seen of the sheets of a film.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// All tiles.
    pub tiles: Vec<SheetTile>,
    /// Sheets that have no plan.
    pub unplanned: usize,
    /// Whether the keyframes were searched.
    pub is_searched: bool,
    pub requests: u64,
    pub bytes: u64,
    pub film_bytes: u64,
}

impl Seen {
    pub fn keyed(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.pts.is_some()).count()
    }

    pub fn exact(&self) -> usize {
        self.tiles.len() - self.keyed()
    }
}

/// How the sheets are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// By the splitter, which has asked for the length.
    BySplitter,
    /// Each by a worker.
    ByWorkers,
}

/// Asserts that each keyframe that is fed shows what the whole film shows at its pts.
pub async fn check_bench(
    bench: &Bench,
    whole: &Pictures,
    interval: u32,
    planned: Planned,
) -> Result<Seen, IndexError> {
    let mut seen = Seen {
        film_bytes: bench.file.metadata().unwrap().len(),
        ..Seen::default()
    };
    let all = sheets(bench.seconds, interval);
    let plans = match planned {
        Planned::BySplitter => by_splitter(bench, &all).await?.0,
        Planned::ByWorkers => by_workers(bench, &all).await?,
    };
    for (sheet, plan) in all.iter().zip(plans) {
        let Some(plan) = plan else {
            seen.unplanned += 1;
            continue;
        };
        let plan = SheetPlan::decode(&plan.encode(), seen.film_bytes).unwrap();
        seen.is_searched = plan.is_searched();
        let reader = bench.reader();
        let (sender, stdin) = pipe().unwrap();
        let reading = spawn_blocking(|| {
            let mut bytes = Vec::new();
            File::from(stdin).read_to_end(&mut bytes).map(|_| bytes)
        });
        let tiles = feed_sheet(&plan, &reader, sender).await.unwrap();
        let bytes = reading.await.unwrap().unwrap();
        seen.requests += reader.requests();
        seen.bytes += reader.bytes_read();
        let name = format!("{} {sheet:?}", bench.file.display());
        let shown = if tiles.iter().any(|tile| tile.pts.is_some()) {
            decoded(&plan, bytes)
        } else {
            Pictures::new()
        };
        for tile in &tiles {
            assert!(
                sheet.times().any(|time| time == tile.slot),
                "{name} {tile:?}"
            );
            let Some(pts) = tile.pts else { continue };
            let near = |pictures: &Pictures| {
                let pts = (pts * 1e6).round() as i64;
                let near = pictures.range(pts - 20..=pts + 20).next();
                near.map(|(at, sum)| (*at, sum.clone()))
            };
            let wanted = near(whole).unwrap_or_else(|| panic!("{name} {tile:?} is nowhere"));
            assert_eq!(
                near(&shown).map(|found| found.1),
                Some(wanted.1),
                "{name} {tile:?}"
            );
            let at = wanted.0 as f64 / 1e6 - bench.video.start_time;
            assert!((at - tile.at).abs() < 0.0011, "{name} {tile:?} {at}");
        }
        seen.tiles.extend(tiles);
    }
    Ok(seen)
}

/// The plans, and the reader that the splitter has used.
pub async fn by_splitter(
    bench: &Bench,
    all: &[Sheet],
) -> Result<(Vec<Option<SheetPlan>>, Arc<Reader>), IndexError> {
    let reader = bench.reader();
    let blocks = BlockCache::new(reader.clone());
    let index = ContainerIndex::read(blocks.clone(), &bench.container, bench.video).await;
    let mut index = index.ok();
    if let Some(index) = &mut index {
        index.length(None).await?;
    }
    let (container, video) = (&bench.container, &bench.video);
    let plans = plan_sheets(
        &blocks,
        container,
        video,
        index.as_ref(),
        bench.seconds,
        all,
    )
    .await?;
    Ok((plans, reader))
}

async fn by_workers(bench: &Bench, all: &[Sheet]) -> Result<Vec<Option<SheetPlan>>, IndexError> {
    let mut plans = Vec::new();
    for sheet in all {
        let blocks = BlockCache::new(bench.reader());
        let (container, video) = (&bench.container, &bench.video);
        let of = [*sheet];
        plans.extend(plan_sheets(&blocks, container, video, None, bench.seconds, &of).await?);
    }
    Ok(plans)
}

/// Asserts that the tiles are those that the keyframes of the film's packets give. `slack` of them may be missing or
/// exact.
pub fn assert_tiles(bench: &Bench, seen: &Seen, interval: u32, slack: usize) {
    let start = (bench.video.start_time * 1e6).round() as i64;
    let mut keyframes: Vec<f64> = bench
        .packets()
        .iter()
        .filter(|(pts, _, is_keyframe)| *is_keyframe && *pts >= start)
        .map(|(pts, ..)| (*pts - start) as f64 / 1e6)
        .collect();
    keyframes.sort_by(f64::total_cmp);
    if seen.is_searched {
        assert_searched(bench, seen, interval, slack, &keyframes);
        return;
    }
    let wanted = tiles(
        bench.seconds,
        interval,
        keyframes.into_iter().map(|at| (at, ())),
    );
    let mut found: BTreeMap<u32, f64> =
        seen.tiles.iter().map(|tile| (tile.slot, tile.at)).collect();
    let mut wrong = Vec::new();
    for tile in &wanted {
        let at = found.remove(&tile.slot);
        if at.is_none_or(|at| (at - tile.at).abs() > 0.0011) {
            wrong.push((tile.clone(), at));
        }
    }
    let name = bench.file.display();
    assert!(wrong.len() <= slack, "{name}: {wrong:?} {found:?}");
    assert!(found.len() <= slack, "{name}: {found:?}");
}

/// Asserts that each tile is a keyframe between its slot and the next one, and that none of these is repeated. `slack`
/// slots may have no tile, or an exact one, although there is a keyframe.
fn assert_searched(bench: &Bench, seen: &Seen, interval: u32, slack: usize, keyframes: &[f64]) {
    let name = bench.file.display();
    let tile = |slot| seen.tiles.iter().find(|tile| tile.slot == slot);
    let mut missed = Vec::new();
    let slots = (0..)
        .map(|n| n * interval)
        .take_while(|slot| *slot == 0 || f64::from(*slot) < bench.seconds);
    for slot in slots {
        let window = f64::from(slot) - 0.0005..f64::from(slot + interval) - 0.0005;
        let mut within = keyframes.iter().filter(|at| window.contains(*at));
        match tile(slot) {
            Some(tile) if tile.pts.is_some() => {
                let is_one = within.any(|at| (at - tile.at).abs() < 0.0011);
                assert!(is_one, "{name}: {tile:?}");
            }
            _ => missed.extend(within.next().map(|_| slot)),
        }
    }
    assert!(missed.len() <= slack, "{name}: {missed:?} are missed");
    let is_ordered = seen.tiles.is_sorted_by(|tile, next| tile.at < next.at);
    assert!(is_ordered, "{name}: {:?}", seen.tiles);
    // The tiles of an overview that no gap of 30 s interrupts.
    let is_exact = |slot: u32| tile(slot).is_some_and(|tile| tile.pts.is_none());
    for (before, next) in seen.tiles.iter().zip(seen.tiles.iter().skip(1)) {
        let has_keyframes = before.pts.is_some() && next.pts.is_some();
        let is_far = next.at - before.at > FAR_SECONDS;
        let between = before.slot + interval < next.slot;
        assert!(
            !(has_keyframes && is_far && between),
            "{name}: {before:?} {next:?}"
        );
    }
    let far = keyframes
        .iter()
        .zip(keyframes.iter().skip(1))
        .any(|(one, next)| next - one > FAR_SECONDS - f64::from(interval));
    let exact = (0..bench.seconds as u32)
        .filter(|slot| is_exact(*slot))
        .count();
    assert!(far || exact <= slack, "{name}: {exact} exact");
}

/// The pictures that FFmpeg decodes as a worker runs it.
fn decoded(plan: &SheetPlan, input: Vec<u8>) -> Pictures {
    let mut child = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-copyts",
            "-threads",
            "1",
            "-reinit_filter",
            "0",
        ])
        .args(["-f", plan.demuxer().name(), "-i", "pipe:0"])
        .args(["-map", &format!("0:{}", plan.stream())])
        .args(["-fps_mode", "passthrough", "-enc_time_base", "-1"])
        .args([
            "-avoid_negative_ts",
            "disabled",
            "-c",
            "rawvideo",
            "-f",
            "framemd5",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "",
        "FFmpeg complains"
    );
    crate::support::framemd5(&String::from_utf8(output.stdout).unwrap())
}

/// A worker feeds a sheet in a task of its own.
fn _is_send(plan: &SheetPlan, bench: &Bench) {
    fn send<T: Send>(_: T) {}
    let (sender, _stdin) = pipe().unwrap();
    send(feed_sheet(plan, &bench.reader(), sender));
}
