//! A whole video: the AWS sample's method against `gifgen run`, in rounds. Prints a table.

use std::{env, io::Write, num::NonZero};

use anyhow::ensure;
use gifgen_benches::{
    clip::Clip,
    columns::WHOLE_VIDEO,
    gifgen::Gifgen,
    rounds::{cores, order, rounds, workers},
    run::timed,
    sequential,
    table::Table,
    variant::Variant,
};

/// Few, since each takes half a minute.
const ROUNDS: NonZero<u32> = NonZero::new(3).unwrap();

fn main() -> anyhow::Result<()> {
    // Criterion's flags for a quick test or a list of names; this benchmark ignores them.
    if env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(());
    }
    let (rounds, workers) = (rounds(ROUNDS)?, workers()?);
    let gifgen = Gifgen::find()?;
    let clip = Clip::chosen()?;
    let names = workers.iter().map(|n| format!("gifgen, {n} at once"));
    let mut variants: Vec<Variant> = std::iter::once("sequential".into())
        .chain(names)
        .map(Variant::new)
        .collect();
    for round in 0..rounds.get() as usize {
        for place in order(variants.len(), round) {
            let run = timed(|out| match place.checked_sub(1) {
                None => sequential::render(&clip, out),
                Some(place) => gifgen.render(&clip, workers[place], out),
            })?;
            ensure!(
                run.previews.gifs > 0,
                "no GIF was made; is there a video stream?"
            );
            variants[place].add(run);
        }
    }
    writeln!(
        std::io::stdout(),
        "\n{}, {:.1} s; medians of {rounds} rounds on {} cores\n\n{}",
        clip.path.display(),
        clip.seconds,
        cores(),
        Table {
            columns: WHOLE_VIDEO,
            rows: &variants
        }
    )?;
    Ok(())
}
