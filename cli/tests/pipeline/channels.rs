//! What the program prints, where, and in whose words: closed channels, full disks, files that change.

use std::{
    fs::OpenOptions,
    io::{Write, pipe},
    process::{Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use gifgen_testkit::{media, workspace_root};

use crate::support::{gifgen, names};

/// A channel whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_closed_standard_error_changes_no_exit_code() {
    let out = tempfile::tempdir().unwrap();
    for (video, code) in [("d05", 0), ("d32", 1)] {
        // With a log, because its lines fail as well.
        for log in ["off", "info"] {
            let output = gifgen()
                .args(["run", "--json", "-o"])
                .args([out.path(), &media::video(video)])
                .env("GIFGEN_LOG", log)
                .stderr(closed())
                .output()
                .unwrap();
            assert_eq!(
                output.status.code(),
                Some(code),
                "{video} with the log {log}"
            );
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
        }
    }
    let wrong = gifgen()
        .args(["run", "no-such.mp4"])
        .stderr(closed())
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_reader_that_has_enough_makes_no_failure_of_a_run_that_is_done() {
    let out = tempfile::tempdir().unwrap();
    for flags in [&["--json"][..], &[]] {
        let output = gifgen()
            .args(["run", "-o"])
            .args([out.path(), &media::video("d05")])
            .args(flags)
            .stdout(closed())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(said(&output), "");
    }
    let output = gifgen()
        .args(["replay", "--json", "-o"])
        .args([out.path(), &workspace_root().join("events/slice.json")])
        .stdout(closed())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_summary_that_cannot_be_written_is_a_failure() {
    let out = tempfile::tempdir().unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = gifgen()
        .args(["run", "--json", "-o"])
        .args([out.path(), &media::video("d05")])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("failed to print the summary"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_url_is_answered_with_what_to_do_and_without_its_secrets() {
    let out = tempfile::tempdir().unwrap();
    let urls = [
        (
            "https://ann:pass@example.org/a.mp4?X-Amz-Signature=1",
            "https://example.org/a.mp4",
        ),
        ("s3://films/a.mp4", "s3://films/a.mp4"),
    ];
    for (url, named) in urls {
        let output = gifgen()
            .args(["run", url])
            .current_dir(out.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let wanted =
            format!("gifgen: {named}: is a URL, and gifgen reads files of this machine only; ");
        assert!(said(&output).starts_with(&wanted), "{}", said(&output));
    }
    assert_eq!(names(out.path()), Vec::<String>::new());
}

#[test]
fn a_file_that_grows_while_it_is_read_is_said_to_have_changed() {
    let out = tempfile::tempdir().unwrap();
    let growing = out.path().join("growing.mp4");
    std::fs::copy(media::video("d44"), &growing).unwrap();
    let is_done = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(&growing).unwrap();
            while !is_done.load(Ordering::Relaxed) {
                file.write_all(b"more").unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let output = gifgen()
            .args(["run", "-o"])
            .args([&out.path().join("out"), &growing])
            .output()
            .unwrap();
        is_done.store(true, Ordering::Relaxed);
        output
    });
    assert_ne!(output.status.code(), Some(0));
    let said = said(&output);
    assert!(
        said.contains("the file was changed while it was read"),
        "{said}"
    );
    for word in ["s3://", "successor", "another run"] {
        assert!(!said.contains(word), "{said}");
    }
}
