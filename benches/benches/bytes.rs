//! Requests and bytes read of a source, by plain FFmpeg and by gifgen, with a latency of 20 ms per
//! request. Prints a table, and fails if a bound is exceeded.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use gifgen_benches::{
    bytes::{
        measured::{COLUMNS, Measured},
        media::{MEDIA, Medium},
        splitting::{SPLITTER, run_splitter},
    },
    clip::Clip,
    table::Table,
};

/// Folder of the generated files, in the workspace.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bytes-table");

#[tokio::main]
async fn main() -> Result<ExitCode> {
    if env::args().any(|arg| arg == SPLITTER) {
        run_splitter().await?;
        return Ok(ExitCode::SUCCESS);
    }
    // Criterion's flags for a quick test or a list of names; this benchmark ignores them.
    if env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    let (folder, most) = (folder()?, most_slices()?);
    let clip = Clip::chosen()?;
    let mut rows = Vec::new();
    for medium in chosen()? {
        let path = medium.make(&clip, &folder)?;
        let log = folder.join(format!("{}.log", medium.key()));
        let row = Measured::of(medium, &path, most, &log).await;
        if medium.is_long() && !is_set("GIFGEN_BENCH_KEEP") {
            fs::remove_file(&path)?;
        }
        let row = row.with_context(|| format!("{} failed", medium.name))?;
        eprintln!("{}: {:?}", medium.name, row.broken());
        rows.push(row);
    }
    let table = Table {
        columns: COLUMNS,
        rows: &rows,
    };
    write!(std::io::stdout(), "\n{table}")?;
    let hold = rows.iter().all(|row| row.broken().is_empty());
    Ok(ExitCode::from(u8::from(!hold)))
}

/// The files whose names contain a word of the command line, or all files.
fn chosen() -> Result<Vec<Medium>> {
    // Cargo adds `--bench` to the arguments.
    let words: Vec<_> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let is_short = is_set("GIFGEN_BENCH_SHORT");
    let is_named =
        |medium: &&Medium| words.is_empty() || words.iter().any(|word| medium.key().contains(word));
    let chosen: Vec<_> = MEDIA
        .iter()
        .filter(is_named)
        .filter(|medium| !(is_short && medium.is_long()))
        .copied()
        .collect();
    ensure!(
        !chosen.is_empty(),
        "no file is called that; there are {}",
        MEDIA.iter().map(Medium::key).collect::<Vec<_>>().join(", ")
    );
    Ok(chosen)
}

fn folder() -> Result<PathBuf> {
    let folder = env::var_os("GIFGEN_BENCH_FOLDER").filter(|folder| !folder.is_empty());
    let folder = folder.map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    Ok(Path::canonicalize(&folder)?)
}

/// Number of slices to read of each file; `None` for all.
fn most_slices() -> Result<Option<usize>> {
    let text = env::var("GIFGEN_BENCH_SLICES").unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().context("GIFGEN_BENCH_SLICES is no number")?;
    Ok(Some(number))
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
