mod support;

use std::path::Path;

use gifgen_testkit::{
    media::{Expect, manifest, video},
    workspace_root,
};

use self::support::Film;

/// Settings of an overview.
fn overview<'a>(kind: &'a str, interval: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("OVERVIEW", kind),
        ("OVERVIEW_INTERVAL", interval),
        ("OVERVIEW_WIDTH", "160"),
    ]
}

fn case(name: &str) -> std::path::PathBuf {
    workspace_root().join("../shared/cases").join(name)
}

/// Prints and collects what is not true of `file`.
async fn untrue(file: &Path, variables: &[(&str, &str)]) -> Option<String> {
    let started = std::time::Instant::now();
    let compared = Film::open(file, variables).await.compare().await;
    let name = file.file_name().unwrap().to_string_lossy();
    let words = format!(
        "{name}: {} tiles, {} exact, {} bytes, mean {:.4}, least {:.4}, {:.1} s",
        compared.tiles.len(),
        compared.exact(),
        compared.bytes,
        compared.mean(),
        compared.least(),
        started.elapsed().as_secs_f64(),
    );
    println!("{words}");
    (!compared.is_true()).then_some(words)
}

async fn all_are_true(kind: &str, interval: &str) {
    let mut wrong = Vec::new();
    for medium in manifest()
        .iter()
        .filter(|medium| medium.expect == Expect::Gif)
    {
        let file = video(&medium.file);
        wrong.extend(untrue(&file, &overview(kind, interval)).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tile_of_keyframes_is_what_a_full_decode_shows_at_its_time() {
    all_are_true("keyframes", "1").await;
}
