//! The plans with which the fuzzer starts. Run with `UPDATE_SEEDS=1` to write them anew.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use flate2::read::DeflateDecoder;
use gifgen_index::SheetPlan;
use gifgen_shared::overview::sheets;

use crate::{support::Bench, whole::by_splitter};

#[tokio::test]
async fn the_seeds_of_the_fuzzer_are_plans_of_its_film() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let folder = tempfile::tempdir().unwrap();
    let copied = ["-c", "copy"];
    for (name, seed, arguments) in [
        ("film.mp4", "listed", &copied[..]),
        ("film.mkv", "cued", &copied),
        ("film.ts", "searched", &copied),
        ("film.avi", "chunks", &["-c:v", "mpeg4", "-an"]),
        (
            "film.flv",
            "tags",
            &["-c", "copy", "-flvflags", "add_keyframe_index"],
        ),
    ] {
        let film = folder.path().join(name);
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-i"])
            .arg(seeds.join("mp4/reordered.mp4"))
            .args(arguments)
            .args(["-fflags", "+bitexact"])
            .arg(&film)
            .status();
        assert!(status.unwrap().success());
        let bytes = film.metadata().unwrap().len();
        let bench = Bench::new(&film, 0).await;
        let all = sheets(bench.seconds, 1);
        let (plans, _) = by_splitter(&bench, &all).await.unwrap();
        let text = plans[0].as_ref().unwrap().encode();
        let mut raw = Vec::new();
        let packed = STANDARD_NO_PAD.decode(&text).unwrap();
        std::io::copy(&mut DeflateDecoder::new(&packed[..]), &mut raw).unwrap();
        let plan = SheetPlan::unpacked(&raw, bytes).unwrap();
        assert_eq!(Some(&plan), plans[0].as_ref());
        let seeds = seeds.join("sheet_plan");
        let (as_text, as_raw) = (seeds.join(format!("{seed}-text")), seeds.join(seed));
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            fs::create_dir_all(&seeds).unwrap();
            fs::write(&as_text, &text).unwrap();
            fs::write(&as_raw, &raw).unwrap();
        }
        // The header of the film depends on FFmpeg's version, so the plans may differ.
        let text = fs::read_to_string(as_text).unwrap();
        let decoded = SheetPlan::decode(&text, bytes).unwrap();
        let unpacked = SheetPlan::unpacked(&fs::read(as_raw).unwrap(), bytes).unwrap();
        assert_eq!(decoded, unpacked);
        assert_eq!(decoded.is_searched(), plan.is_searched());
    }
}
