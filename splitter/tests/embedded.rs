//! The splitter on the embedded stack: long and odd videos, and a bus that fails.

use std::{
    fs,
    pin::pin,
    time::{Duration, Instant},
};

use gifgen_function::TransientError;
use gifgen_shared::{Deadline, PublishError};
use gifgen_testkit::{
    clients,
    events::{object_created, s3_notification},
    media,
    program::{self, running},
    put_events::{FailingBus, Verdict},
    test_env::{FILMS, TestEnv, settings},
    unresponsive::UnresponsiveServer,
};
use serde_json::{Value, json};
use tokio::time::sleep;

fn in_seconds(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds))
}

/// Splits a test video into slices of one second, onto `bus`. Returns the splitter's answer and the
/// expected number of slices.
async fn split_to(bus: &FailingBus, name: &str) -> (Result<Value, TransientError>, u32) {
    let env = TestEnv::start().await;
    let object = env.adopt_video("a.mp4", name).await;
    let splitter = env.splitter_to(
        bus.client(),
        &[("SLICE_SECONDS", "1"), ("OVERVIEW", "none")],
    );
    let event = object_created(FILMS, "a.mp4", &object.etag);
    let answer = splitter.handle(&event, in_seconds(60)).await;
    let span = media::medium(name).video_span_s.unwrap();
    // A tail of less than a second joins the slice before it.
    (answer.map(|summary| json!(summary)), span as u32)
}

fn index(detail: &Value) -> u64 {
    detail["index"].as_u64().unwrap()
}

#[tokio::test]
async fn only_throttled_entries_are_sent_again() {
    let bus = FailingBus::start(|detail, before| {
        let throttled = index(detail).is_multiple_of(3) && before < 2;
        match throttled {
            true => Verdict::Fail("ThrottlingException"),
            false => Verdict::Take,
        }
    })
    .await;
    let (answer, count) = split_to(&bus, "d03").await;
    assert_eq!(answer.unwrap()["sources"][0]["slices"], count);
    let mut sent = vec![0; count as usize];
    for detail in bus.requests().iter().flatten() {
        sent[index(detail) as usize] += 1;
    }
    let wanted: Vec<i32> = (0..count).map(|i| if i % 3 == 0 { 3 } else { 1 }).collect();
    assert_eq!(sent, wanted);
}

#[tokio::test]
async fn a_refused_entry_fails_for_good_and_is_not_sent_again() {
    let bus = FailingBus::start(|detail, _| match index(detail) {
        2 => Verdict::Fail("MalformedDetail"),
        _ => Verdict::Take,
    })
    .await;
    let (answer, _) = split_to(&bus, "d03").await;
    let outcome = &answer.unwrap()["sources"][0];
    assert_eq!(outcome["status"], "failed");
    assert!(
        outcome["message"]
            .as_str()
            .unwrap()
            .contains("MalformedDetail"),
        "{outcome}"
    );
    let requests = bus.requests();
    let tries = requests
        .iter()
        .flatten()
        .filter(|detail| index(detail) == 2);
    assert_eq!(tries.count(), 1);
}

#[tokio::test]
async fn a_bus_that_always_throttles_is_given_up_before_the_deadline() {
    let bus = FailingBus::start(|_, _| Verdict::Fail("ThrottlingException")).await;
    let env = TestEnv::start().await;
    let empty = env.directory().join("empty");
    fs::write(&empty, "").unwrap();
    // Rejecting an empty file takes no ffprobe, so that all the time goes to the bus.
    let object = env.adopt("a.mp4", &empty).await;
    let event = object_created(FILMS, "a.mp4", &object.etag);
    let limit = Duration::from_secs(10);
    let started = Instant::now();
    let error = env
        .splitter_to(bus.client(), &[])
        .handle(&event, Deadline::after(limit))
        .await
        .unwrap_err();
    assert!(started.elapsed() < limit, "it took {:?}", started.elapsed());
    assert!(
        matches!(
            error,
            TransientError::Publish(PublishError::Unsent { count: 1, .. })
        ),
        "{error}"
    );
    assert!(bus.requests().len() > 1);
}

#[tokio::test]
async fn a_bus_that_never_answers_is_given_up_at_the_deadline() {
    let unresponsive = UnresponsiveServer::start().await;
    let env = TestEnv::start().await;
    let empty = env.directory().join("empty");
    fs::write(&empty, "").unwrap();
    let object = env.adopt("a.mp4", &empty).await;
    let event = object_created(FILMS, "a.mp4", &object.etag);
    let bus = clients::event_bridge(&unresponsive.endpoint(), "test", "test");
    let splitter = env.splitter_to(bus, &[]);
    let handled = splitter.handle(&event, in_seconds(1));
    let handled = tokio::time::timeout(Duration::from_secs(10), handled).await;
    let answer = handled.expect("it should end at its deadline");
    answer.expect_err("the event is not on the bus");
}

#[tokio::test]
async fn a_source_that_fails_for_now_does_not_keep_the_others_from_the_bus() {
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let object = env.adopt_video("good.mp4", "d06").await;
    // S3 answers 400 to what is no bucket name, and that says nothing about the object.
    let told = [
        ("No_Bucket", "a.mp4", ""),
        (FILMS, "good.mp4", &object.etag),
    ];
    let mut event = s3_notification(&told);
    event["Records"][0]["s3"]["object"]["eTag"] = Value::Null;
    let error = env.splitter(&[]).handle(&event, in_seconds(60)).await;
    let error = error.expect_err("the platform must deliver this event again");
    assert!(error.to_string().contains("No_Bucket"), "{error}");
    assert_eq!(events.recv().await.unwrap()["detail"]["key"], "good.mp4");
}

#[tokio::test]
async fn sources_are_probed_one_at_a_time_and_one_that_takes_for_ever_leaves_time_for_the_next() {
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let one = env.adopt_video("one.mp4", "d06").await;
    let two = env.adopt_video("two.mp4", "d06").await;
    let event = s3_notification(&[(FILMS, "one.mp4", &one.etag), (FILMS, "two.mp4", &two.etag)]);
    // It hangs until the file exists, then does its work.
    let (program, gate) = (
        env.directory().join("slow-ffprobe"),
        env.directory().join("go-on"),
    );
    let ffprobe = settings(&[]).ffprobe;
    let script = format!(
        "#!/bin/sh\n[ -e {} ] && exec {} \"$@\"\nwhile :; do :; done\n",
        gate.display(),
        ffprobe.display()
    );
    program::write(&program, script);
    let program = program.to_str().unwrap();
    let splitter = env.splitter(&[("FFPROBE", program)]);
    let mut handling = pin!(splitter.handle(&event, in_seconds(16)));
    let (mut most, mut seen) = (0, 0);
    let answer = loop {
        tokio::select! {
            answer = &mut handling => break answer,
            () = sleep(Duration::from_millis(50)) => {
                most = most.max(running(program));
                seen += most;
                // By now the splitter's ffprobe has looked for the file.
                if seen > 30 {
                    fs::write(&gate, "").unwrap();
                }
            }
        }
    };
    assert_eq!(most, 1);
    let error = answer
        .map(drop)
        .expect_err("the first is to be tried again");
    assert!(error.to_string().contains("one.mp4"), "{error}");
    assert_eq!(events.recv().await.unwrap()["detail"]["key"], "two.mp4");
}

#[tokio::test]
async fn hundreds_of_slices_arrive_complete_in_batches_of_ten() {
    let bus = FailingBus::start(|_, _| Verdict::Take).await;
    let (answer, count) = split_to(&bus, "d35").await;
    assert_eq!(count, 362);
    assert_eq!(answer.unwrap()["sources"][0]["slices"], count);
    let requests = bus.requests();
    assert_eq!(requests.len(), 37);
    assert!(requests.iter().all(|batch| batch.len() <= 10));
    let mut slices: Vec<Value> = requests.concat();
    slices.sort_by_key(index);
    assert_eq!(slices.len(), 362);
    for (place, slice) in slices.iter().enumerate() {
        let end = if place == 361 {
            json!(362.767)
        } else {
            json!(place + 1)
        };
        assert_eq!(slice["index"], place);
        assert_eq!(slice["count"], 362);
        assert_eq!((&slice["start"], &slice["end"]), (&json!(place), &end));
        assert_eq!(slice["length"], 362.767);
        // The run names the stream, once for all slices.
        assert!(slice.get("video").is_none(), "{slice}");
    }
}

#[tokio::test]
async fn slice_events_come_over_the_embedded_bus_in_their_envelopes() {
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let object = env.adopt_video("a b.mp4", "d34").await;
    let event = object_created(FILMS, "a b.mp4", &object.etag);
    env.splitter(&[("OVERVIEW", "none")])
        .handle(&event, in_seconds(60))
        .await
        .unwrap();
    let mut slices = [events.recv().await.unwrap(), events.recv().await.unwrap()];
    slices.sort_by_key(|envelope| index(&envelope["detail"]));
    for (place, envelope) in slices.iter().enumerate() {
        assert_eq!(envelope["detail-type"], "newVideoCreated");
        assert_eq!(envelope["source"], "custom.gifGenerator");
        assert_eq!(envelope["detail"]["key"], "a b.mp4");
        assert_eq!(envelope["detail"]["etag"], format!("\"{}\"", object.etag));
        assert_eq!(envelope["detail"]["start"], place * 30);
    }
    assert_eq!(slices[1]["detail"]["end"], 39.855);
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn sheets_of_the_overview_are_sent_before_the_slices_each_with_its_keyframes() {
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let film = media::tiny(110, env.directory());
    let object = env.adopt("a b.mp4", &film).await;
    let event = object_created(FILMS, "a b.mp4", &object.etag);
    let splitter = env.splitter(&[("SLICE_SECONDS", "60")]);
    let answer = json!(splitter.handle(&event, in_seconds(60)).await.unwrap());
    let outcome = &answer["sources"][0];
    let counts = ["slices", "sheets", "sent"].map(|name| outcome[name].clone());
    assert_eq!(counts, [json!(2), json!(2), json!(4)]);
    for sheet in 0..2 {
        let event = events.recv().await.unwrap();
        assert_eq!(event["detail-type"], "videoJobCreated", "{event}");
        assert_eq!(event["source"], "custom.gifGenerator");
        let detail = &event["detail"];
        assert_eq!(detail["job"], json!({"kind": "overview", "index": sheet}));
        assert_eq!((&detail["run"], &detail["attempt"]), (&json!(1), &json!(1)));
        assert_eq!(detail["etag"], format!("\"{}\"", object.etag));
        assert!(detail["keyframes"].is_string(), "{detail}");
    }
    for _ in 0..2 {
        let event = events.recv().await.unwrap();
        assert_eq!(event["detail-type"], "newVideoCreated", "{event}");
    }
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn an_overview_alone_sends_no_slice() {
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let object = env.adopt_video("a.mp4", "d34").await;
    let event = object_created(FILMS, "a.mp4", &object.etag);
    let splitter = env.splitter(&[("GIFS", "none"), ("FRAMES", "none")]);
    let answer = json!(splitter.handle(&event, in_seconds(60)).await.unwrap());
    let outcome = &answer["sources"][0];
    let counts = ["slices", "sheets", "sent"].map(|name| outcome[name].clone());
    assert_eq!(counts, [json!(0), json!(1), json!(1)]);
    assert_eq!(
        events.recv().await.unwrap()["detail-type"],
        "videoJobCreated"
    );
    assert!(events.try_recv().is_err());
}

/// Splits a test video into slices of 30 s. Returns the number of slices and the length in seconds.
async fn split(name: &str) -> (Value, Value) {
    let env = TestEnv::start().await;
    let object = env.adopt_video("a", name).await;
    let event = object_created(FILMS, "a", &object.etag);
    let summary = env
        .splitter(&[])
        .handle(&event, in_seconds(60))
        .await
        .unwrap();
    let answer = json!(summary);
    let outcome = &answer["sources"][0];
    assert_eq!(outcome["status"], "split", "{name}: {outcome}");
    (outcome["slices"].clone(), outcome["length"].clone())
}

#[tokio::test]
async fn a_duration_that_lies_makes_no_slices_and_costs_no_time() {
    let started = Instant::now();
    let (slices, length) = split("d04").await;
    assert_eq!(slices, 1);
    assert!((length.as_f64().unwrap() - 1.001).abs() < 0.01, "{length}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_video_without_a_duration_is_measured() {
    let (slices, length) = split("d12").await;
    assert_eq!(slices, 1);
    assert!((length.as_f64().unwrap() - 4.938).abs() < 0.1, "{length}");
}

#[tokio::test]
async fn a_video_shorter_than_a_slice_is_one_slice() {
    let (slices, length) = split("d20").await;
    assert_eq!(slices, 1);
    assert!((length.as_f64().unwrap() - 0.467).abs() < 0.01, "{length}");
}

#[tokio::test]
async fn a_tail_shorter_than_a_second_makes_no_slice() {
    let (slices, length) = split("d45").await;
    assert_eq!(slices, 1);
    assert!((length.as_f64().unwrap() - 30.16).abs() < 0.01, "{length}");
}

#[tokio::test]
async fn a_video_over_the_limit_is_too_long() {
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let over_an_hour = media::looped("d35", 10, env.directory());
    let object = env.adopt("long.mp4", &over_an_hour).await;
    let event = object_created(FILMS, "long.mp4", &object.etag);
    let splitter = env.splitter(&[("MAX_VIDEO_HOURS", "1")]);
    splitter.handle(&event, in_seconds(60)).await.unwrap();
    let rejected = events.recv().await.unwrap();
    assert_eq!(rejected["detail-type"], "videoRejected");
    assert_eq!(rejected["detail"]["reason"], "tooLong");
    assert_eq!(rejected["detail"]["key"], "long.mp4");
    assert!(events.try_recv().is_err(), "it gives no slices");

    let within = env.splitter(&[("MAX_VIDEO_HOURS", "2")]);
    let answer = json!(within.handle(&event, in_seconds(60)).await.unwrap());
    assert_eq!(answer["sources"][0]["slices"], 121, "{answer}");
}
