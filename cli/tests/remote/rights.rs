//! Compares the IAM policies of `docs/security.md` with what `gifgen status` and `gifgen redrive`
//! request. No server here enforces IAM fully, so a relay records the requests, and this module maps
//! each to the right that it needs.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use gifgen_testkit::{
    test_env::{FILMS, PREVIEWS},
    workspace_root,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Forwards connections and records what clients send.
pub struct Relay {
    /// URL of the relay.
    pub endpoint: String,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    serving: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to `endpoint`.
    pub async fn to(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = endpoint.trim_start_matches("http://").to_owned();
        let sent: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let noted = Arc::clone(&sent);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server.clone(), Arc::clone(&noted)));
            }
        });
        Self {
            endpoint: format!("http://{address}"),
            sent,
            serving,
        }
    }

    /// The rights that all requests so far needed: pairs of action and resource.
    pub fn rights(&self) -> BTreeSet<(String, String)> {
        let sent = self.sent.lock().unwrap();
        assert!(!sent.is_empty(), "nothing came through the relay");
        sent.iter().flat_map(|sent| rights_of(sent)).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(client: TcpStream, server: String, noted: Arc<Mutex<Vec<Vec<u8>>>>) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let place = {
        let mut noted = noted.lock().unwrap();
        noted.push(Vec::new());
        noted.len() - 1
    };
    let answers = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    let mut piece = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut piece).await {
        noted.lock().unwrap()[place].extend_from_slice(&piece[..read]);
        if to_server.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    answers.abort();
}

/// The rights that the requests of one connection need. Bodies are JSON, WebVTT or empty, so none of
/// their lines looks like a request line.
fn rights_of(sent: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(sent);
    let mut requests: Vec<String> = Vec::new();
    for line in text.split("\r\n") {
        // A request follows the previous body without a line end.
        let first = ["GET /", "HEAD /", "PUT /", "DELETE /", "POST /"]
            .iter()
            .find_map(|start| line.rfind(start))
            .filter(|_| line.ends_with(" HTTP/1.1"));
        match (first, requests.last_mut()) {
            (Some(at), before) => {
                if let Some(before) = before {
                    before.push_str(&line[..at]);
                }
                requests.push(format!("{}\r\n", &line[at..]));
            }
            (None, Some(request)) => {
                request.push_str(line);
                request.push_str("\r\n");
            }
            (None, None) => panic!("{line:?} starts no request"),
        }
    }
    requests
        .iter()
        .flat_map(|request| rights(request))
        .collect()
}

fn rights(request: &str) -> Vec<(String, String)> {
    let mut words = request.split([' ', '\r']);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let lower = request.to_lowercase();
    if lower.contains("x-amz-target: awsevents.putevents") {
        let body = request.rsplit("\r\n\r\n").find(|part| part.contains('{'));
        let body: Value = serde_json::from_str(body.unwrap().trim()).unwrap();
        let entries = body["Entries"].as_array().unwrap();
        let rights = entries.iter().map(|entry| {
            assert_eq!(entry["Source"], "custom.gifGenerator");
            let kind = entry["DetailType"].as_str().unwrap();
            ("events:PutEvents".to_owned(), kind.to_owned())
        });
        return rights.collect();
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let object = format!("arn:aws:s3:::{bucket}/{key}");
    let right = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
    let action = match (method, key) {
        ("GET", "") if query.contains("list-type=2") => {
            return vec![right("s3:ListBucket", &format!("arn:aws:s3:::{bucket}"))];
        }
        (_, "") => panic!("which right does {method} {target} take?"),
        ("GET" | "HEAD", _) => "s3:GetObject",
        ("PUT", _) => "s3:PutObject",
        ("DELETE", _) => "s3:DeleteObject",
        _ => panic!("which right does {method} {target} take?"),
    };
    let mut rights = vec![right(action, &object)];
    if lower.contains("\r\nif-match:") {
        rights.push(right("s3:GetObject", &object));
    }
    rights
}

/// Statements of the policy for `command` in `docs/security.md`, with the tests' bucket names.
fn statements(command: &str) -> Vec<Value> {
    let page = std::fs::read_to_string(workspace_root().join("docs/security.md")).unwrap();
    let marker = format!("<!-- policy: {command} -->");
    let (_, rest) = page.split_once(&marker).unwrap();
    let (_, rest) = rest.split_once("```json\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    let policy = policy
        .replace("PREVIEWS", PREVIEWS)
        .replace("VIDEOS", FILMS);
    let policy: Value = serde_json::from_str(&policy).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

/// Asserts that the policy for `command` allows exactly what was requested.
pub fn assert_exact(command: &str, asked: &BTreeSet<(String, String)>) {
    let mut unused: BTreeSet<(String, String)> = BTreeSet::new();
    let mut allowed: BTreeSet<&(String, String)> = BTreeSet::new();
    for statement in statements(command) {
        // Never requested by itself: it turns a HEAD's 403 into 404.
        if statement["Sid"] == "TellGoneVideos" {
            continue;
        }
        let action = statement["Action"].as_str().unwrap();
        let resources = match action {
            "events:PutEvents" => &statement["Condition"]["StringEquals"]["events:detail-type"],
            _ => &statement["Resource"],
        };
        let resources = match resources {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        };
        for resource in resources.iter().map(|resource| resource.as_str().unwrap()) {
            let covered = asked.iter().filter(|(asked_action, asked_resource)| {
                asked_action == action && matches(resource, asked_resource)
            });
            let before = allowed.len();
            let covered: Vec<_> = covered.collect();
            allowed.extend(&covered);
            if covered.is_empty() && before == allowed.len() {
                unused.insert((action.to_owned(), resource.to_owned()));
            }
        }
    }
    let refused: Vec<_> = asked
        .iter()
        .filter(|right| !allowed.contains(right))
        .collect();
    assert!(refused.is_empty(), "{command} would be refused {refused:?}");
    assert!(unused.is_empty(), "{command} needs no {}", json!(unused));
}

/// Whether `text` matches `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len())
                .filter(|at| text.is_char_boundary(*at))
                .any(|at| matches(rest, &text[at..]))
        }),
    }
}
