//! A function whose memory is short. FFmpeg's failed allocations must end as `tooLarge`, never as a
//! slice that is done with pictures missing, and never as a killed function.

use gifgen_testkit::{
    media::{self, Expect, manifest},
    rie::Rie,
    test_env::{FILMS, TestEnv},
};
use serde_json::{Value, json};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// A worker of so many megabytes, with small outputs.
async fn worker(env: &TestEnv, megabytes: &str) -> Rie {
    let mut environment = env.environment();
    let settings = [
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes),
        ("GIF_WIDTH", "64"),
        ("GIF_FPS", "2"),
        ("FRAMES", "storyboard"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    environment.extend(settings);
    Rie::start(WORKER, &environment).await
}

#[tokio::test]
async fn short_of_memory_a_video_is_too_large_or_its_previews_are_those_of_plenty() {
    let env = TestEnv::start().await;
    // With so little FFmpeg gets the least that it ever gets, 64 MiB.
    let (mut little, mut plenty) = (worker(&env, "128").await, worker(&env, "1769").await);
    let (mut done, mut too_large) = (0, 0);
    for medium in manifest().iter().filter(|m| m.expect == Expect::Gif) {
        let key = &*medium.file;
        env.adopt_video(key, key).await;
        let end = medium.video_span_s.unwrap_or(2.0).clamp(1.0, 5.0);
        let event = json!({"bucket": FILMS, "key": key, "start": 0, "end": end});
        let wanted = plenty.invoke(&event).await;
        assert_ne!(wanted["reason"], "tooLarge", "{key}: {wanted}");
        let answer = little.invoke(&event).await;
        if answer["reason"] == "tooLarge" {
            too_large += 1;
        } else {
            let found = (without_times(&answer), without_times(&wanted));
            assert_eq!(found.0, found.1, "{key}: {answer}");
            done += u32::from(answer["status"] == "done");
        }
    }
    assert!(too_large >= 2, "only {too_large} were too large");
    assert!(done >= 10, "only {done} were done");
}

/// What an answer says of the previews.
fn without_times(answer: &Value) -> [&Value; 5] {
    ["status", "reason", "gif", "frames", "storyboard"].map(|name| &answer[name])
}

#[tokio::test]
async fn a_picture_of_4k_is_rendered_with_the_default_memory_and_one_of_8k_is_too_large_for_a_third()
 {
    let env = TestEnv::start().await;
    for (size, functions) in [
        ("3840x2160", &[("1769", "done")][..]),
        ("7680x4320", &[("1769", "done"), ("600", "tooLarge")]),
    ] {
        let video = media::hevc(size, 24, env.directory());
        env.adopt(size, &video).await;
        for (megabytes, expected) in functions {
            let mut worker = worker(&env, megabytes).await;
            let event = json!({"bucket": FILMS, "key": size, "start": 0, "end": 1});
            let answer = worker.invoke(&event).await;
            let found = answer["reason"].as_str().or(answer["status"].as_str());
            assert_eq!(found, Some(*expected), "{size} with {megabytes}: {answer}");
        }
    }
}
