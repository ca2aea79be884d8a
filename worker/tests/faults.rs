//! The worker against an S3 that refuses, dawdles and breaks off. What it cannot read to the end
//! is never called done.

use std::{fs, time::Duration};

use gifgen_ledger::Outputs;
use gifgen_shared::Deadline;
use gifgen_testkit::{
    broken_connections::{Fault, Proxy},
    clients,
    events::object_created,
    media,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation, worker},
};
use gifgen_worker::{Answer, TransientError, Worker};

use serde_json::{Value, json};

const SETTINGS: [(&str, &str); 3] = [
    ("FRAME_WIDTH", "160"),
    ("FRAMES", "each"),
    ("OVERVIEW", "none"),
];

const MINUTE: Duration = Duration::from_secs(60);

/// An environment with a video of some 2.8 MB that has been split, and a worker that reaches it through a
/// failing proxy. Its first connection reads the ledger, the second the source.
struct Faulty {
    env: TestEnv,
    proxy: Proxy,
    worker: Worker,
    /// The slice's event as the splitter sent it: with its excerpt.
    sent: Value,
}

impl Faulty {
    async fn start(fault: fn(usize) -> Fault) -> Self {
        let env = TestEnv::start().await;
        let object = env.adopt_video("cars.mp4", "d45").await;
        let created = object_created(FILMS, "cars.mp4", &object.etag);
        let mut events = env.our_events();
        let splitter = env.splitter(&SETTINGS);
        splitter
            .handle(&created, Deadline::after(MINUTE))
            .await
            .unwrap();
        let sent = events.recv().await.unwrap();
        assert!(sent["detail"]["excerpt"].is_string(), "{sent}");
        let proxy = Proxy::start(&env.stack().s3_endpoint(), fault).await;
        let credentials = env.stack().credentials();
        let s3 = clients::s3(
            &proxy.endpoint,
            &credentials.access_key_id,
            &credentials.secret_access_key,
        );
        let worker = worker(s3, env.bus().clone(), env.temporary(), &SETTINGS);
        Self {
            env,
            proxy,
            worker,
            sent,
        }
    }

    async fn render(&self, deadline: Duration) -> Result<Answer, TransientError> {
        let event = slice_of(&self.env, "cars.mp4", 0, 30.16).await;
        self.handle(&event, deadline).await
    }

    async fn render_excerpt(&self) -> Result<Answer, TransientError> {
        self.handle(&self.sent, MINUTE).await
    }

    async fn handle(&self, event: &Value, deadline: Duration) -> Result<Answer, TransientError> {
        let answer = self.worker.handle(event, &invocation(deadline)).await;
        assert_eq!(
            fs::read_dir(self.env.temporary()).unwrap().count(),
            0,
            "left behind"
        );
        answer
    }

    async fn previews(&self) -> usize {
        let objects = self.env.stack().store().list(PREVIEWS, "").await.unwrap();
        let is_preview = |key: &str| key.contains("/gifs/") || key.contains("/frames/");
        objects
            .iter()
            .filter(|object| is_preview(&object.key))
            .count()
    }
}

/// A slice event as the splitter makes it: with the version.
async fn slice_of(env: &TestEnv, key: &str, start: u32, end: f64) -> Value {
    let objects = env.stack().store().list(FILMS, key).await.unwrap();
    json!({"bucket": FILMS, "key": key, "etag": objects[0].etag, "start": start, "end": end})
}

fn assert_done(answer: Result<Answer, TransientError>) {
    match answer.unwrap() {
        Answer::Done(report) => match report.outputs {
            Outputs::Slice(outputs) => assert_eq!(outputs.frames.unwrap().count, 31),
            outputs => panic!("{outputs:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_that_passes_is_waited_for() {
    let faulty = Faulty::start(|connection| match connection {
        0 => Fault::Unavailable,
        _ => Fault::None,
    })
    .await;
    assert_done(faulty.render(MINUTE).await);
    assert_eq!(faulty.previews().await, 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_that_stays_is_transient() {
    let faulty = Faulty::start(|_| Fault::Unavailable).await;
    let error = faulty.render(MINUTE).await.unwrap_err();
    assert!(
        matches!(
            error,
            TransientError::Source(_)
                | TransientError::SourceLost { .. }
                | TransientError::Ledger(_)
        ),
        "{error}"
    );
    assert!(!error.to_string().contains("X-Amz"), "{error}");
    assert!(faulty.proxy.connections() > 1);
    assert_eq!(faulty.previews().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_off_is_taken_up_where_it_broke() {
    let faulty = Faulty::start(|connection| match connection {
        1 => Fault::CutAfter(300_000),
        _ => Fault::None,
    })
    .await;
    assert_done(faulty.render(MINUTE).await);
    assert_eq!(faulty.previews().await, 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excerpt_whose_connection_breaks_off_is_taken_up_where_it_broke() {
    let faulty = Faulty::start(|connection| match connection {
        1 => Fault::CutAfter(300_000),
        2 => Fault::CutAfter(700_000),
        _ => Fault::None,
    })
    .await;
    assert_done(faulty.render_excerpt().await);
    assert_eq!(faulty.previews().await, 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excerpt_that_always_breaks_off_is_transient_and_never_padded_out() {
    let faulty = Faulty::start(|connection| match connection {
        0 => Fault::None,
        // Nearly all of it.
        1 => Fault::CutAfter(2_700_000),
        _ => Fault::CutAfter(100),
    })
    .await;
    let error = faulty.render_excerpt().await.unwrap_err();
    assert!(
        matches!(
            error,
            TransientError::SourceLost(_) | TransientError::Ledger(_)
        ),
        "{error}"
    );
    assert_eq!(faulty.previews().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_always_breaks_off_is_transient_and_never_padded_out() {
    // Each connection gives less than what comes before the first half of the pictures.
    let faulty = Faulty::start(|connection| match connection {
        0 => Fault::None,
        1 => Fault::CutAfter(1_000_000),
        _ => Fault::CutAfter(100),
    })
    .await;
    let error = faulty.render(MINUTE).await.unwrap_err();
    assert!(
        matches!(
            error,
            TransientError::Source(_)
                | TransientError::SourceLost { .. }
                | TransientError::Ledger(_)
        ),
        "{error}"
    );
    assert_eq!(faulty.previews().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_trickles_is_given_up_at_the_deadline() {
    let faulty = Faulty::start(|_| Fault::Trickle).await;
    let error = faulty.render(Duration::from_secs(3)).await.unwrap_err();
    assert!(
        matches!(error, TransientError::DeadlinePassed { doing: "rendering" }),
        "{error}"
    );
    assert_eq!(faulty.previews().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_missing_is_transient() {
    let env = TestEnv::start().await;
    env.adopt_video("a.mp4", "d05").await;
    let worker = env.worker(&[("DESTINATION_BUCKET", "no-such-bucket")]);
    let event = json!({"bucket": FILMS, "key": "a.mp4", "start": 0, "end": 1});
    let error = worker
        .handle(&event, &invocation(MINUTE))
        .await
        .unwrap_err();
    assert!(matches!(error, TransientError::Ledger(_)), "{error}");
    assert_eq!(fs::read_dir(env.temporary()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_is_delivered_twice_gives_the_same_objects() {
    let env = TestEnv::start().await;
    env.adopt_video("a.mp4", "d05").await;
    let worker = env.worker(&[]);
    let event = json!({"bucket": FILMS, "key": "a.mp4", "start": 0, "end": 1});
    let mut etags = Vec::new();
    for _ in 0..2 {
        assert!(matches!(
            worker.handle(&event, &invocation(MINUTE)).await.unwrap(),
            Answer::Done(_)
        ));
        let objects = env.stack().store().list(PREVIEWS, "").await.unwrap();
        etags.push(
            objects
                .into_iter()
                .map(|o| (o.key, o.etag))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(etags[0], etags[1]);
    // A GIF, a still and a sheet.
    assert_eq!(etags[0].len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storyboard_is_one_sheet_and_no_stills() {
    let env = TestEnv::start().await;
    env.adopt("cars.mp4", &media::video("d45")).await;
    let worker = env.worker(&[("FRAMES", "storyboard")]);
    let event = slice_of(&env, "cars.mp4", 0, 30.0).await;
    let answer = json!(worker.handle(&event, &invocation(MINUTE)).await.unwrap());
    let sheet = json!({"key": "cars.mp4/storyboards/000000.jpg", "columns": 6, "rows": 5,
                       "tileWidth": 160, "tileHeight": 90});
    assert_eq!(answer["storyboard"], sheet);
    let objects = env.stack().store().list(PREVIEWS, "").await.unwrap();
    let keys: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "cars.mp4/gifs/000000.gif",
            "cars.mp4/storyboards/000000.jpg"
        ]
    );
    let sheet = image::load_from_memory(&fs::read(&objects[1].body).unwrap()).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (960, 450));
}
