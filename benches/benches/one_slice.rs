//! CPU seconds of one short slice, measured by Criterion, to judge changes to the FFmpeg command.

use std::{num::NonZero, path::Path, time::Duration};

use criterion::{Criterion, SamplingMode};
use gifgen_benches::{clip::Clip, cpu_time::ChildrenCpu, gifgen::Gifgen, sequential};

/// Short, so that Criterion's ten samples of both take about a minute.
const CLIP_SECONDS: u32 = 6;

fn main() -> anyhow::Result<()> {
    let gifgen = Gifgen::find()?;
    let clip = Clip::chosen()?.beginning(CLIP_SECONDS)?;
    let mut criterion = Criterion::default()
        .with_measurement(ChildrenCpu)
        .configure_from_args()
        .without_plots();
    let mut group = criterion.benchmark_group("one slice, CPU time");
    group
        .sample_size(10) // the fewest that Criterion takes
        .sampling_mode(SamplingMode::Flat)
        // One run per sample. Criterion warns that this takes longer than configured.
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_millis(1));
    group.bench_function("sequential", |bencher| {
        bencher.iter(|| with_folder(|out| sequential::render(&clip, out)));
    });
    group.bench_function("gifgen", |bencher| {
        bencher.iter(|| with_folder(|out| gifgen.render(&clip, NonZero::<u32>::MIN, out)));
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn with_folder(render: impl FnOnce(&Path) -> anyhow::Result<()>) {
    let out = tempfile::tempdir().expect("failed to make a folder for the previews");
    render(out.path()).expect("failed to make the previews");
}
