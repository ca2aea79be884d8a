//! Measures a film that is given by its path. Run with `OVERVIEW_FILM=film.ts cargo test ... -- --ignored --nocapture`.

use std::{fs::File, io::Read as _, path::PathBuf, time::Instant};

use gifgen_index::{feed_sheet, pipe};
use gifgen_shared::overview::{interval, sheets};
use tokio::task::spawn_blocking;

use crate::{support::Bench, whole::by_splitter};

#[tokio::test]
#[ignore = "needs a large film"]
async fn the_sheets_of_a_large_film_take_few_bytes_and_requests() {
    let file = PathBuf::from(std::env::var("OVERVIEW_FILM").unwrap());
    let wished = std::env::var("OVERVIEW_INTERVAL").ok();
    let bench = Bench::new(&file, 0).await;
    let each = interval(bench.seconds, wished.map(|wished| wished.parse().unwrap()));
    let all = sheets(bench.seconds, each);
    let start = Instant::now();
    let (plans, planning) = by_splitter(&bench, &all).await.unwrap();
    println!(
        "planned {} sheets each {each} s in {:?}: {} requests, {} bytes for index, length and plans",
        all.len(),
        start.elapsed(),
        planning.requests(),
        planning.bytes_read()
    );
    let (mut requests, mut bytes, mut keyed, mut exact) = (0, 0, 0, 0);
    let start = Instant::now();
    for (sheet, plan) in all.iter().zip(plans) {
        let plan = plan.unwrap();
        let reader = bench.reader();
        let (sender, stdin) = pipe().unwrap();
        let target = file.with_extension(format!("sheet{}.{}", sheet.index, plan.demuxer().name()));
        let reading = spawn_blocking(move || {
            let mut bytes = Vec::new();
            File::from(stdin).read_to_end(&mut bytes).unwrap();
            std::fs::write(target, bytes).unwrap();
        });
        let tiles = feed_sheet(&plan, &reader, sender).await.unwrap();
        reading.await.unwrap();
        let with_keyframes = tiles.iter().filter(|tile| tile.pts.is_some()).count();
        println!(
            "sheet {}: plan {} characters, {with_keyframes} keyframes of {} tiles, {} requests, {} bytes",
            sheet.index,
            plan.encode().len(),
            tiles.len(),
            reader.requests(),
            reader.bytes_read()
        );
        keyed += with_keyframes;
        exact += tiles.len() - with_keyframes;
        requests += reader.requests();
        bytes += reader.bytes_read();
    }
    let film = file.metadata().unwrap().len();
    let tiles = (keyed + exact) as f64;
    println!(
        "{keyed} keyframes, {exact} exact, {:.2} requests a tile, {:.2} % of {film} bytes, {:?}",
        requests as f64 / tiles,
        100.0 * bytes as f64 / film as f64,
        start.elapsed()
    );
}
