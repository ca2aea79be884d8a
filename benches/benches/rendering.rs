//! Cost, size and quality of one slice, rendered by each method in rounds. Prints a table for each
//! slice of each video on the command line.

use std::{env, io::Write, num::NonZero};

use anyhow::{Context, Result, ensure};
use gifgen_benches::{
    clip::Clip,
    columns::{RENDERING, RenderingRow},
    gifgen::Gifgen,
    memory::peak_memory,
    previews::gifs,
    quality::Quality,
    rounds::{cores, order, rounds, starts},
    run::timed,
    table::Table,
    variant::Variant,
    ways::{Way, ways},
};

/// Enough that one disturbed round does not move the median.
const ROUNDS: NonZero<u32> = NonZero::new(5).unwrap();

fn main() -> Result<()> {
    // Criterion's flags for a quick test or a list of names; this benchmark ignores them.
    if env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(());
    }
    let (rounds, starts, clips) = (rounds(ROUNDS)?, starts()?, Clip::named()?);
    let gifgen = Gifgen::find()?;
    let ways = ways(&gifgen);
    for clip in &clips {
        // A rest shorter than a second is not a slice.
        for start in starts
            .iter()
            .filter(|start| **start == 0 || f64::from(**start) + 1.0 <= clip.seconds)
        {
            let (slice, keyframe) = clip.slice(*start)?;
            let rows = measure(&ways, &slice, rounds)?;
            write!(
                std::io::stdout(),
                "\n{}, {:.1} s from {keyframe:.1} s on; medians of {rounds} rounds on {} cores\n\n{}",
                clip.path.display(),
                slice.seconds,
                cores(),
                Table {
                    columns: RENDERING,
                    rows: &rows
                }
            )?;
        }
    }
    Ok(())
}

fn measure(ways: &[Way<'_>], slice: &Clip, rounds: NonZero<u32>) -> Result<Vec<RenderingRow>> {
    let mut rows: Vec<_> = ways
        .iter()
        .map(|way| first_run(way, slice))
        .collect::<Result<_>>()?;
    for round in 0..rounds.get() as usize {
        for place in order(ways.len(), round) {
            let run = timed(|out| ways[place].render(slice, out))?;
            rows[place].variant.add(run);
        }
    }
    Ok(rows)
}

/// An untimed first run for measurements that would disturb the times: peak memory and quality.
fn first_run(way: &Way<'_>, slice: &Clip) -> Result<RenderingRow> {
    eprintln!("memory and quality: {}", way.name);
    let out = tempfile::tempdir().context("failed to make a folder for the previews")?;
    let (rendered, peak_memory) = peak_memory(|| way.render(slice, out.path()));
    rendered.with_context(|| format!("{} failed", way.name))?;
    let quality = match way.sampling {
        None => None,
        Some(sampling) => {
            let gifs = gifs(out.path()).context("failed to look for the GIF")?;
            ensure!(gifs.len() == 1, "{} made {} GIFs", way.name, gifs.len());
            Some(Quality::of(&gifs[0], slice, sampling)?)
        }
    };
    Ok(RenderingRow {
        variant: Variant::new(way.name),
        peak_memory,
        quality,
    })
}
