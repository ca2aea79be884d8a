//! What an index and its slices cost.

use std::path::Path;

use crate::support::Bench;

/// Prints a line for each of the files in `GIFGEN_COSTS`, which are parted by colons. With
/// `GIFGEN_COSTS_ONLY`, what FFmpeg makes of the excerpts is not looked at.
#[tokio::test]
#[ignore = "for files that are too large to be made in each run"]
async fn what_files_cost() {
    for file in std::env::var("GIFGEN_COSTS").unwrap().split(':') {
        for seconds in [30, 5] {
            print(Path::new(file), seconds).await;
        }
    }
}

async fn print(file: &Path, seconds: u32) {
    let bench = Bench::new(file, 0).await;
    let packets = bench.packets();
    let slices = bench.slices(seconds);
    let (excerpts, index) = bench.excerpts(&slices).await;
    let (mut ideal, mut bytes, mut requests, mut most, mut none, mut event) = (0, 0, 0, 0, 0, 0);
    for (slice, excerpt) in slices.iter().zip(excerpts.unwrap()) {
        let (start, end) = (bench.start(slice), bench.end(slice));
        let key = packets.iter().filter(|packet| packet.2);
        let key = key
            .map(|packet| packet.0)
            .filter(|time| *time <= start + 1000);
        let key = key.max().unwrap_or(start);
        let needed = |packet: &&(i64, u64, bool)| packet.0 >= key && packet.0 < end;
        let needed: Vec<_> = packets.iter().filter(needed).collect();
        ideal += needed.iter().map(|packet| packet.1).sum::<u64>();
        let Some(excerpt) = excerpt else {
            none += 1;
            continue;
        };
        event = event.max(excerpt.encode().len());
        let (fed, cost) = bench.feed(&excerpt).await;
        bytes += cost.bytes;
        requests += cost.requests;
        most = most.max(cost.requests);
        if std::env::var_os("GIFGEN_COSTS_ONLY").is_some() {
            continue;
        }
        let cut = bench.cut(&excerpt, fed, "copy");
        let missing = needed.iter().filter(|packet| !cut.contains_key(&packet.0));
        let missing = missing.count();
        if missing > 0 {
            println!("{slice:?} lacks {missing} of {} packets", needed.len());
        }
    }
    let all = (bytes + index.bytes) as f64 / ideal as f64;
    println!(
        "{} {seconds} s: {} slices, {none} without; index {} requests, {} KB ({:.2} %); slices {:.1} \
         requests ({most} at most); {:.3} x; with the index {all:.3} x; {event} bytes of text",
        file.display(),
        slices.len(),
        index.requests,
        index.bytes / 1000,
        index.bytes as f64 / ideal as f64 * 100.0,
        requests as f64 / slices.len() as f64,
        bytes as f64 / ideal as f64,
    );
}
