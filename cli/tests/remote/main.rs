//! `gifgen status` and `gifgen redrive` as an operator runs them, against the embedded stack and against
//! moto.

mod elsewhere;
mod rights;

use std::process::Output;

use gifgen_ledger::{Ledger, Run};
use gifgen_shared::SourceKey;
use gifgen_splitter::Splitter;
use gifgen_testkit::{
    events::object_created,
    media,
    moto::Moto,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation, settings, worker},
};
use gifgen_worker::Worker;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::rights::{Relay, assert_exact};

const KEY: &str = "films/a film.mp4";

const QUICK: [(&str, &str); 4] = [
    ("SLICE_SECONDS", "5"),
    ("GIF_WIDTH", "48"),
    ("GIF_FPS", "2"),
    ("FRAME_WIDTH", "48"),
];

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// An S3 and a bus, with a video that has been split and a worker for its slices.
struct Site {
    s3: aws_sdk_s3::Client,
    worker: Worker,
    splitter: Splitter,
    ledger: Ledger,
    environment: Vec<(String, String)>,
    /// Commands that use another endpoint, with its URL.
    endpoints: Vec<(&'static str, String)>,
    etag: String,
}

impl Site {
    async fn on(
        s3: aws_sdk_s3::Client,
        bus: aws_sdk_eventbridge::Client,
        temporary: std::path::PathBuf,
        environment: Vec<(String, String)>,
        etag: String,
    ) -> Self {
        let site = Self {
            worker: worker(s3.clone(), bus.clone(), temporary, &QUICK),
            splitter: Splitter::new(s3.clone(), bus.clone(), settings(&QUICK)).unwrap(),
            ledger: Ledger::new(s3.clone(), PREVIEWS, bus, "default"),
            s3,
            environment,
            endpoints: Vec::new(),
            etag,
        };
        let created = object_created(FILMS, KEY, &site.etag);
        let split = site.splitter.handle(&created, invocation(MINUTE).deadline);
        assert_eq!(json!(split.await.unwrap())["sources"][0]["slices"], 3);
        site
    }

    async fn run(&self) -> Run {
        let key = SourceKey::plain(KEY).unwrap();
        let run = self.ledger.current_run(&key).await.unwrap();
        run.unwrap().0
    }

    /// Renders the slice with this index.
    async fn render(&self, index: usize) {
        let run = self.run().await;
        let event = json!(run.event(&run.plan()[index], 1, None));
        let answer = self.worker.handle(&event, &invocation(MINUTE)).await;
        assert_eq!(json!(answer.unwrap())["status"], "done");
    }

    /// Has the worker record that this slice was given up.
    async fn give_up(&self, index: usize) {
        let run = self.run().await;
        let event = run.event(&run.plan()[index], 1, None);
        let record = json!({"requestContext": {"requestId": "lost"}, "requestPayload": event,
                            "responsePayload": {"errorMessage": "signal: killed"}});
        let message = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs",
                                          "body": record.to_string()}]});
        let answer = self.worker.handle(&message, &invocation(MINUTE)).await;
        assert_eq!(json!(answer.unwrap()), json!({"batchItemFailures": []}));
    }

    /// Renders the one sheet of the overview.
    async fn render_sheet(&self) {
        let run = self.run().await;
        let event = json!(run.job_event(&run.jobs()[0], 1, None));
        let answer = self.worker.handle(&event, &invocation(MINUTE)).await;
        assert_eq!(json!(answer.unwrap())["status"], "done");
    }

    async fn gifgen(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let endpoint = self.endpoints.iter().find(|(name, _)| *name == args[0]);
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(env!("CARGO_BIN_EXE_gifgen"))
            .args(args)
            .env_remove("DESTINATION_BUCKET")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(endpoint.map(|(_, endpoint)| ("AWS_ENDPOINT_URL", endpoint)))
            .output()
            .await
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    async fn status(&self, more: &[&str]) -> (Option<i32>, Value) {
        let args = [&["status", KEY, "--bucket", FILMS, "--json"], more].concat();
        let (code, said, error) = self.gifgen(&args).await;
        let status = serde_json::from_str(&said);
        (code, status.unwrap_or_else(|_| panic!("{said} {error}")))
    }

    async fn redrive(&self, more: &[&str]) -> Value {
        let args = [&["redrive", KEY, "--bucket", FILMS, "--json"], more].concat();
        let (code, said, error) = self.gifgen(&args).await;
        assert_eq!(code, Some(0), "{error}");
        serde_json::from_str(&said).unwrap()
    }

    /// Shows an operator a run that fails in part, is sent again, and is damaged later.
    async fn tell_the_story(&self) {
        self.render(0).await;
        let (code, status) = self.status(&[]).await;
        assert_eq!(code, Some(3));
        assert_eq!(status["status"], "running");
        assert_eq!(status["done"], 1);
        assert_eq!(status["missing"], json!([5, 10]));
        assert_eq!(status["overview"]["missing"], json!([0]));
        self.render_sheet().await;
        let (_, status) = self.status(&[]).await;
        assert_eq!(status["overview"]["done"], 1);
        assert_eq!(status["overview"]["announced"], true);

        self.give_up(1).await;
        self.render(2).await;
        let (code, status) = self.status(&["--verify"]).await;
        assert_eq!(code, Some(3));
        assert_eq!(status["status"], "partial");
        assert_eq!(status["failed"][0]["start"], 5);
        assert_eq!(status["failed"][0]["reason"], "retriesExhausted");
        assert_eq!(status["wrong"], json!([]));

        assert_eq!(self.redrive(&[]).await["sent"], json!([5]));
        assert_eq!(self.status(&[]).await.1["status"], "running");
        self.render(1).await;
        let (code, status) = self.status(&["--verify", "--watch"]).await;
        assert_eq!(code, Some(0), "{status}");
        assert_eq!(status["status"], "complete");
        assert_eq!(status["announced"], true);
        assert_eq!(self.redrive(&[]).await["sent"], json!([]));

        for gone in [
            "gifs/000005.gif",
            "frames/000011.jpg",
            "storyboard.vtt",
            "overview/0000.jpg",
        ] {
            let key = format!("{KEY}/{gone}");
            let delete = self.s3.delete_object().bucket(PREVIEWS).key(&key);
            delete.send().await.unwrap();
            let (code, status) = self.status(&["--verify"]).await;
            assert_eq!(code, Some(3), "{gone}: {status}");
            let wrong = status["wrong"].as_array().unwrap();
            let named = wrong.iter().any(|wrong| wrong["key"] == key.as_str());
            assert!(named, "{gone}: {status}");
        }
        let sent = self.redrive(&[]).await;
        assert_eq!(sent["sent"], json!([5, 10]));
        assert_eq!(sent["sentSheets"], json!([0]));
        self.render(1).await;
        self.render(2).await;
        self.render_sheet().await;
        // The same number of other bytes.
        let gif = format!("{KEY}/gifs/000005.gif");
        let get = self.s3.get_object().bucket(PREVIEWS).key(&gif).send();
        let mut bytes = get.await.unwrap().body.collect().await.unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let put = self.s3.put_object().bucket(PREVIEWS).key(&gif);
        put.body(bytes.into()).send().await.unwrap();
        let (code, status) = self.status(&["--verify"]).await;
        assert_eq!(code, Some(3), "{status}");
        assert_eq!(
            status["wrong"][0]["problem"],
            "was replaced by something else"
        );
        assert_eq!(self.redrive(&[]).await["sent"], json!([5]));
        self.render(1).await;
        let (code, status) = self.status(&["--verify"]).await;
        assert_eq!(code, Some(0), "{status}");
        // Wrong tracks alone are replaced at once, and so is what is recorded of them.
        let run = self.run().await.run;
        let record = format!("receipts/{run}/overview.json");
        let tracks = [
            "storyboard.vtt",
            "overview.vtt",
            "tracks/json/overview.json",
        ];
        for gone in tracks.into_iter().chain([record.as_str()]) {
            let key = format!("{KEY}/{gone}");
            let delete = self.s3.delete_object().bucket(PREVIEWS).key(key);
            delete.send().await.unwrap();
        }
        assert_eq!(self.redrive(&[]).await["sent"], json!([]));
        let (code, status) = self.status(&["--verify"]).await;
        assert_eq!(code, Some(0), "{status}");

        // As if the last worker had died before it wrote the manifest.
        let manifest = format!("{KEY}/manifest.json");
        let delete = self.s3.delete_object().bucket(PREVIEWS).key(manifest);
        delete.send().await.unwrap();
        let ended = self.redrive(&[]).await;
        assert_eq!(
            (&ended["sent"], &ended["announced"]),
            (&json!([]), &json!(true))
        );
        let (code, status) = self.status(&["--verify"]).await;
        assert_eq!(code, Some(0), "{status}");

        let again = self.redrive(&["--all"]).await;
        assert_eq!(
            (&again["run"], &again["sent"]),
            (&json!(2), &json!([0, 5, 10]))
        );
        let (code, status) = self.status(&[]).await;
        assert_eq!((code, &status["status"]), (Some(3), &json!("running")));
        self.render_sheet().await;
        for index in 0..3 {
            self.render(index).await;
        }
        let (code, status) = self.status(&["--verify"]).await;
        assert_eq!(code, Some(0), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_follows_and_repairs_a_run_on_the_embedded_stack() {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let (s3, bus) = (env.s3().clone(), env.bus().clone());
    let environment = env.environment();
    let site = Site::on(s3, bus, env.temporary(), environment, etag).await;
    site.tell_the_story().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_follows_and_repairs_a_run_on_moto_with_just_the_rights_of_the_docs() {
    let directory = tempfile::tempdir().unwrap();
    let moto = Moto::start().await;
    let etag = moto.upload_video(KEY, "d03").await;
    let environment = moto.environment();
    let (s3, bus) = (moto.s3().clone(), moto.bus().clone());
    let temporary = directory.path().to_owned();
    let endpoint = environment
        .iter()
        .find(|(name, _)| name == "AWS_ENDPOINT_URL");
    let endpoint = endpoint.unwrap().1.clone();
    let mut site = Site::on(s3, bus, temporary, environment, etag).await;
    let (status, redrive) = (Relay::to(&endpoint).await, Relay::to(&endpoint).await);
    site.endpoints = vec![
        ("status", status.endpoint.clone()),
        ("redrive", redrive.endpoint.clone()),
    ];
    site.tell_the_story().await;
    assert_exact("status", &status.rights());
    assert_exact("redrive", &redrive.rights());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_with_what_to_do() {
    let env = TestEnv::start().await;
    let etag = env.adopt(KEY, &media::video("d03")).await.etag;
    let (s3, bus) = (env.s3().clone(), env.bus().clone());
    let environment = env.environment();
    let site = Site::on(s3, bus, env.temporary(), environment, etag).await;
    let (code, _, said) = site.gifgen(&["status", "b.mp4", "--bucket", FILMS]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("gifgen: there is no run of b.mp4 in the bucket previews: check --bucket"),
        "{said}"
    );
    let (code, _, said) = site.gifgen(&["status", KEY, "--bucket", "series"]).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("give --bucket films"), "{said}");

    env.adopt_video(KEY, "d10").await;
    let (code, _, said) = site.gifgen(&["redrive", KEY, "--bucket", FILMS]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("was replaced by another version"), "{said}");
    let (code, said, _) = site.gifgen(&["status", KEY, "--bucket", FILMS]).await;
    assert_eq!(code, Some(3));
    assert_eq!(
        said,
        "films/a film.mp4: run 1 is superseded, as the video was replaced: 0 of 3 slices done, 0 of 1 sheets of the overview\n  no receipt yet from second 0, 5, 10\n"
    );
}
