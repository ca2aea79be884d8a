//! The store's durability: which files survive, and which are removed.

mod conformance;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use conformance::{get, pattern, put};
use gifgen_stack::{Stack, StackError, StoreError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn start(data: &Path) -> (Stack, aws_sdk_s3::Client) {
    let stack = Stack::start(data).await.unwrap();
    stack.store().create_bucket("films").await.unwrap();
    let key = stack.credentials();
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let client = conformance::client(&stack.s3_endpoint(), id, secret);
    (stack, client)
}

fn bodies(data: &Path) -> usize {
    fs::read_dir(data.join("bodies")).unwrap().count()
}

/// Waits for bodies to be removed, which happens shortly after the answer.
async fn wait_for_bodies(data: &Path, expected: usize) {
    for _ in 0..100 {
        if bodies(data) == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} bodies, not {expected}", bodies(data));
}

#[tokio::test]
async fn bodies_that_nothing_names_are_removed() {
    let data = tempfile::tempdir().unwrap();
    let (stack, client) = start(data.path()).await;
    for _ in 0..5 {
        put(&client, "films", "a", b"again").await;
    }
    put(&client, "films", "b", b"x").await;
    client
        .delete_object()
        .bucket("films")
        .key("b")
        .send()
        .await
        .unwrap();
    let refused = client
        .put_object()
        .bucket("films")
        .key("a")
        .if_none_match("*");
    refused
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap_err();
    wait_for_bodies(data.path(), 1).await;
    let listed = stack.store().list("films", "").await.unwrap();
    assert_eq!(fs::read(&listed[0].body).unwrap(), b"again");
    stack.stop().await;
    fs::write(data.path().join("bodies/0123.part"), b"left over").unwrap();
    fs::write(data.path().join("bodies/4567"), b"left over").unwrap();
    let (stack, client) = start(data.path()).await;
    assert_eq!(bodies(data.path()), 1);
    assert_eq!(&get(&client, "films", "a").await[..], b"again");
    stack.stop().await;
}

#[tokio::test]
async fn an_object_whose_body_was_lost_is_dropped_when_the_store_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let (stack, client) = start(data.path()).await;
    for key in ["whole", "cut", "gone"] {
        put(&client, "films", key, b"hello").await;
    }
    let listed = stack.store().list("films", "").await.unwrap();
    stack.stop().await;
    fs::write(&listed[0].body, b"he").unwrap();
    fs::remove_file(&listed[1].body).unwrap();
    let (stack, _) = start(data.path()).await;
    let listed = stack.store().list("films", "").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key, "whole");
    stack.stop().await;
}

#[tokio::test]
async fn a_directory_is_open_in_one_stack_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let (stack, _) = start(data.path()).await;
    let second = Stack::start(data.path()).await.map(drop);
    assert!(matches!(
        second,
        Err(StackError::Store(StoreError::InUse(_)))
    ));
    let store = stack.store().clone();
    drop(stack);
    assert!(matches!(
        store.list("films", "").await,
        Err(StoreError::Closed)
    ));
    let (stack, _) = start(data.path()).await;
    stack.stop().await;
}

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
#[ignore = "started by another test"]
async fn child_that_is_killed() {
    let Some(data) = std::env::var_os("GIFGEN_TEST_DATA") else {
        return;
    };
    let (stack, _) = start(data.as_ref()).await;
    let key = stack.credentials();
    println!(
        "stack {} {} {}",
        stack.s3_endpoint(),
        key.access_key_id,
        key.secret_access_key
    );
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "child_that_is_killed",
        ])
        .env("GIFGEN_TEST_DATA", data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines
        .map(Result::unwrap)
        .find_map(|line| line.split_once("stack ").map(|(_, rest)| rest.to_owned()))
        .unwrap();
    let [endpoint, id, secret] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let client = conformance::client(endpoint, id, secret);
    let (written, mut writing) = tokio::sync::mpsc::unbounded_channel();
    let writers = (0..8).map(|writer| {
        let (client, written) = (client.clone(), written.clone());
        tokio::spawn(async move {
            let mut answered = Vec::new();
            for at in 0.. {
                let key = format!("{writer}/{at}");
                let body = ByteStream::from(pattern(1000 + at));
                let put = client.put_object().bucket("films").key(&key).body(body);
                match put.send().await {
                    Ok(_) => {
                        answered.push((key, 1000 + at));
                        written.send(()).unwrap();
                    }
                    Err(_) => break,
                }
            }
            answered
        })
    });
    let writers: Vec<_> = writers.collect();
    // During the other writes.
    for _ in 0..100 {
        writing.recv().await.unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut answered = Vec::new();
    for writer in writers {
        answered.extend(writer.await.unwrap());
    }
    let (stack, client) = start(data.path()).await;
    for (key, length) in &answered {
        assert!(
            get(&client, "films", key).await == pattern(*length),
            "{key}"
        );
    }
    let listed = stack.store().list("films", "").await.unwrap();
    assert!(
        listed.len() <= answered.len() + 8,
        "at most what was under way is there besides"
    );
    assert_eq!(bodies(data.path()), listed.len());
    stack.stop().await;
}

/// Sends `bytes` and closes the connection.
async fn send_and_leave(endpoint: &str, bytes: &[u8]) {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut some = [0; 100];
    // The PUT has no answer yet.
    let read = tokio::time::timeout(Duration::from_millis(200), socket.read(&mut some));
    drop(read.await);
}

#[tokio::test]
async fn clients_that_go_away_leave_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let (stack, client) = start(data.path()).await;
    put(&client, "films", "large", &pattern(20_000_000)).await;
    let soon = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    for _ in 0..5 {
        let get = client.get_object().bucket("films").key("large");
        let url = get.presigned(soon.clone()).await.unwrap();
        let path = url
            .uri()
            .strip_prefix(&stack.s3_endpoint())
            .unwrap()
            .to_owned();
        let host = stack.s3_endpoint()["http://".len()..].to_owned();
        let get = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        send_and_leave(&stack.s3_endpoint(), get.as_bytes()).await;
        let put = client.put_object().bucket("films").key("cut");
        let url = put.presigned(soon.clone()).await.unwrap();
        let path = url
            .uri()
            .strip_prefix(&stack.s3_endpoint())
            .unwrap()
            .to_owned();
        let put = format!("PUT {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 9000000\r\n\r\n");
        let put = [put.as_bytes(), &pattern(4_000_000)].concat();
        send_and_leave(&stack.s3_endpoint(), &put).await;
    }
    wait_for_bodies(data.path(), 1).await;
    let listed = stack.store().list("films", "").await.unwrap();
    assert_eq!(listed.len(), 1);
    stack.stop().await;
}

#[tokio::test]
async fn a_stack_can_be_dropped_in_the_middle_of_writes() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..10 {
        let (stack, client) = start(data.path()).await;
        let puts = (0..20).map(|at| {
            let put = client.put_object().bucket("films").key(at.to_string());
            tokio::spawn(put.body(ByteStream::from(pattern(30_000))).send())
        });
        let puts: Vec<_> = puts.collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(stack);
        puts.iter().for_each(|put| put.abort());
        // Aborted requests release the database when they are next polled.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
