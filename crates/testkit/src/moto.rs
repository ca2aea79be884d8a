//! moto: a third party's S3 and EventBridge.

use std::{path::Path, process::Command};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_s3::primitives::ByteStream;
use gifgen_stack::ETags;
use serde_json::{Value, json};

use crate::{
    clients::{self, REGION},
    http, media,
    process::Process,
    test_env::{FILMS, PREVIEWS, etags_wanted},
    tool,
};

/// A moto server with the buckets [`FILMS`] and [`PREVIEWS`]; ends when dropped.
pub struct Moto {
    endpoint: String,
    s3: aws_sdk_s3::Client,
    bus: aws_sdk_eventbridge::Client,
    _process: Process,
}

/// gifgen's events on moto's EventBridge, received through a queue of moto's SQS.
pub struct MotoEvents<'a> {
    moto: &'a Moto,
    queue_url: String,
}

/// moto's account id.
const ACCOUNT: &str = "123456789012";

const QUEUE: &str = "our-events";

impl Moto {
    /// Starts moto with the ETags that [`etags_wanted`] gives; returns when it answers.
    pub async fn start() -> Self {
        let mut command = match etags_wanted() {
            ETags::Md5 => Command::new(tool("venv/bin/moto_server")),
            ETags::Opaque => {
                let mut python = Command::new(tool("venv/bin/python"));
                python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/moto_opaque.py"));
                python
            }
        };
        // Port 0: the kernel chooses, so no other process can take the port first.
        let process = Process::spawn(command.args(["-H", "127.0.0.1", "-p", "0"]));
        let endpoint = process.says(listening_at).await;
        let endpoint = endpoint.unwrap_or_else(|log| panic!("moto_server ended at start: {log}"));
        let moto = Self {
            s3: clients::s3(&endpoint, "test", "test"),
            bus: clients::event_bridge(&endpoint, "test", "test"),
            endpoint,
            _process: process,
        };
        for bucket in [FILMS, PREVIEWS] {
            moto.s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        moto
    }

    /// A client for its S3 server, which checks no signatures.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// A client for its event buses.
    pub fn bus(&self) -> &aws_sdk_eventbridge::Client {
        &self.bus
    }

    /// Environment variables that point one of our binaries to it.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("DESTINATION_BUCKET", PREVIEWS),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Uploads a test video to [`FILMS`] under `key`, and returns its ETag with quotes.
    pub async fn upload_video(&self, key: &str, name: &str) -> String {
        self.upload(key, &media::video(name)).await
    }

    /// Uploads a file to [`FILMS`] under `key`, and returns its ETag with quotes.
    pub async fn upload(&self, key: &str, file: &Path) -> String {
        let body = ByteStream::from_path(file).await.unwrap();
        let put = self.s3.put_object().bucket(FILMS).key(key).body(body);
        put.send().await.unwrap().e_tag.unwrap()
    }

    /// Receives gifgen's events (`custom.gifGenerator`) on the default bus from now on.
    pub async fn our_events(&self) -> MotoEvents<'_> {
        let queue = self.sqs("CreateQueue", json!({"QueueName": QUEUE})).await;
        let queue_url = queue["QueueUrl"].as_str().unwrap().to_owned();
        let pattern = json!({"source": ["custom.gifGenerator"]}).to_string();
        let rule = self.bus.put_rule().name(QUEUE).event_pattern(pattern);
        rule.send().await.unwrap();
        let target = Target::builder()
            .id(QUEUE)
            .arn(format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"))
            .build()
            .unwrap();
        let targets = self.bus.put_targets().rule(QUEUE).targets(target);
        targets.send().await.unwrap();
        MotoEvents {
            moto: self,
            queue_url,
        }
    }

    /// Calls SQS. moto finds the service by the credential's scope. An SDK for these few calls
    /// would take longer to build than it saves.
    async fn sqs(&self, operation: &str, body: Value) -> Value {
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/sqs/aws4_request");
        let target = format!("AmazonSQS.{operation}");
        let headers = [
            ("authorization", scope.as_str()),
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        let url = format!("{}/", self.endpoint);
        let answer = http::post(&url, &headers, body.to_string()).await.unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{operation}: {answer}"))
    }
}

impl MotoEvents<'_> {
    /// All events delivered since the last call. moto delivers within PutEvents, so none is in
    /// flight when that has been answered.
    pub async fn take(&self) -> Vec<Value> {
        let mut envelopes = Vec::new();
        loop {
            let call = json!({"QueueUrl": self.queue_url, "MaxNumberOfMessages": 10});
            let answer = self.moto.sqs("ReceiveMessage", call).await;
            let Some(messages) = answer["Messages"].as_array().filter(|m| !m.is_empty()) else {
                return envelopes;
            };
            for message in messages {
                envelopes.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
                let receipt = &message["ReceiptHandle"];
                let call = json!({"QueueUrl": self.queue_url, "ReceiptHandle": receipt});
                self.moto.sqs("DeleteMessage", call).await;
            }
        }
    }
}

/// Parses the address that the server logs at start.
fn listening_at(log: &str) -> Option<String> {
    let (_, after) = log.split_once("Running on ")?;
    let (endpoint, _) = after.split_once('\n')?;
    Some(endpoint.trim().to_owned())
}
