//! The cost of indexing films of a day at 60 pictures a second. Prints a table.

use std::{env, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Result;
use gifgen_benches::{
    long_film::{FILMS_OF_A_DAY, INDEXER, Indexed, run_indexer},
    table::{Column, Table},
};

/// Folder of the generated files, in the workspace.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/long-films");

const COLUMNS: &[Column<Indexed>] = &[
    ("film", |row, _| row.name.to_owned()),
    ("CPU s", |row, _| format!("{:.2}", row.cpu.as_secs_f64())),
    ("wall s", |row, _| format!("{:.1}", row.wall.as_secs_f64())),
    ("peak MB", |row, _| {
        let megabytes = |bytes| format!("{:.0}", bytes as f64 / 1e6);
        row.memory.map_or_else(|| "–".into(), megabytes)
    }),
    ("requests", |row, _| row.reads.requests.to_string()),
    ("MB read", |row, _| {
        format!("{:.1}", row.reads.bytes as f64 / 1e6)
    }),
    ("CPU s to read the index", |row, _| {
        format!("{:.2}", row.counted.seconds_to_read)
    }),
    ("slices", |row, _| row.counted.slices.to_string()),
    ("excerpts", |row, _| row.counted.excerpts.to_string()),
    ("MB of excerpts", |row, _| {
        format!("{:.1}", row.counted.encoded_bytes as f64 / 1e6)
    }),
    ("length s", |row, _| format!("{:.0}", row.counted.length)),
];

#[tokio::main]
async fn main() -> Result<ExitCode> {
    if env::args().any(|arg| arg == INDEXER) {
        run_indexer().await?;
        return Ok(ExitCode::SUCCESS);
    }
    // Criterion's flags for a quick test or a list of names; this benchmark ignores them.
    if env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    let folder = PathBuf::from(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    for film in FILMS_OF_A_DAY {
        eprintln!("{}", film.name);
        let path = film.make(&folder)?;
        match film.index(&path).await {
            Ok(row) => rows.push(row),
            Err(error) => eprintln!("{}: {error:#}", film.name),
        }
    }
    let table = Table {
        columns: COLUMNS,
        rows: &rows,
    };
    write!(std::io::stdout(), "\n{table}")?;
    Ok(ExitCode::SUCCESS)
}
