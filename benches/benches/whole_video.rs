//! A whole video: the AWS sample's way against `gifgen run`, in rounds. Prints a table.

use std::{env, io::Write};

use gifgen_benches::{
    clip::Clip,
    gifgen::Gifgen,
    rounds::{cores, order, rounds, workers},
    run::timed,
    sequential,
    table::{Table, Variant},
};

fn main() -> anyhow::Result<()> {
    // These are for Criterion: they ask for a quick try, or for names.
    if env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(());
    }
    let (rounds, workers) = (rounds()?, workers()?);
    let gifgen = Gifgen::find()?;
    let clip = Clip::chosen()?;
    let names = workers.iter().map(|n| format!("gifgen, {n} at once"));
    let mut variants: Vec<Variant> = std::iter::once("sequential".into())
        .chain(names)
        .map(|name| Variant { name, runs: vec![] })
        .collect();
    for round in 0..rounds.get() as usize {
        for place in order(variants.len(), round) {
            let run = timed(|out| match place.checked_sub(1) {
                None => sequential::render(&clip, out),
                Some(place) => gifgen.render(&clip, workers[place], out),
            })?;
            let variant = &mut variants[place];
            eprintln!(
                "round {}: {}: {:.1} s wall, {:.1} s CPU",
                round + 1,
                variant.name,
                run.wall.as_secs_f64(),
                run.cpu.as_secs_f64()
            );
            variant.runs.push(run);
        }
    }
    writeln!(
        std::io::stdout(),
        "\n{}, {:.1} s; medians of {rounds} rounds on {} cores\n\n{}",
        clip.path.display(),
        clip.seconds,
        cores(),
        Table(&variants)
    )?;
    Ok(())
}
