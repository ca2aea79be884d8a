use std::{collections::BTreeMap, fs};

use gifgen_shared::{Deadline, Slice};
use gifgen_testkit::media::video;

use crate::{job::SliceSpec, overview::tests::support::Film};

/// The files of the first three seconds of a video, by their names.
async fn files(gifs: &str, frames: &str) -> BTreeMap<String, Vec<u8>> {
    let variables = [("GIFS", gifs), ("FRAMES", frames), ("FRAME_WIDTH", "160")];
    // A film with an overview has a run even if it has no slices.
    let film = Film::open(&video("d44"), &[("OVERVIEW", "keyframes")]).await;
    let spec = SliceSpec {
        slice: Slice {
            index: 0,
            start: 0,
            end: 3.0,
        },
        video: film.job.video,
        settings: gifgen_testkit::test_env::settings(&variables).previews,
    };
    let job = film.job.slice_job(spec);
    let deadline = Deadline::after(std::time::Duration::from_secs(60));
    let rendered = film.worker.renderer.render(&job, deadline).await.unwrap();
    let outputs = &rendered.outputs;
    let gif = outputs.gif.iter().map(|gif| gif.path.clone());
    let stills = outputs.stills.iter().map(|(_, path)| path.clone());
    let sheet = outputs.storyboard.clone();
    let named = gif.chain(stills).chain(sheet).map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(path).unwrap())
    });
    let named = named.collect();
    rendered.remove().unwrap();
    named
}

#[tokio::test(flavor = "multi_thread")]
async fn one_decode_makes_each_combination_of_outputs_and_all_are_the_same_files() {
    let all = files("each", "both").await;
    let stills = ["000000.jpg", "000001.jpg", "000002.jpg"];
    for (gifs, frames) in [
        ("each", "each"),
        ("each", "storyboard"),
        ("each", "none"),
        ("none", "each"),
        ("none", "storyboard"),
        ("none", "both"),
    ] {
        let some = files(gifs, frames).await;
        let mut wanted = Vec::new();
        if ["each", "both"].contains(&frames) {
            wanted.extend(stills);
        }
        if gifs == "each" {
            wanted.push("slice.gif");
        }
        if ["storyboard", "both"].contains(&frames) {
            wanted.push("storyboard.jpg");
        }
        assert_eq!(some.keys().collect::<Vec<_>>(), wanted, "{gifs} {frames}");
        for (name, bytes) in &some {
            assert_eq!(all.get(name), Some(bytes), "{gifs} {frames}: {name}");
        }
    }
}
