//! Tests of the child runner with misbehaving programs.

use std::{
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

use gifgen_child::{
    Ending, Finished, Keep, Network, Program, STDERR_BYTES, run, run_reading, run_reading_log,
};
use gifgen_shared::{Deadline, with_causes};

const MINUTE: Duration = Duration::from_secs(60);

/// Enough for a shell to start and print a line, also on a busy machine.
const SHORT: Duration = Duration::from_secs(3);

fn script<'a>(text: &str, deadline: Duration) -> Program<'a> {
    Program {
        path: Path::new("/bin/sh"),
        args: vec!["-c".into(), text.into()],
        directory: None,
        network: Network::None,
        variables: &[],
        stdin: None,
        memory: None,
        deadline: Deadline::after(deadline),
    }
}

async fn result_of(text: &str, deadline: Duration) -> Finished<Vec<u8>> {
    run(script(text, deadline), Keep::First(1000))
        .await
        .unwrap()
}

fn is_alive(pid: &str) -> bool {
    // A zombie counts as dead here.
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.contains(") Z "))
}

async fn wait_until_dead(pid: &str) {
    let start = Instant::now();
    while is_alive(pid) {
        assert!(start.elapsed() < Duration::from_secs(10), "{pid} lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_program_that_ends_by_itself_gives_code_and_both_outputs() {
    let finished = result_of("echo out; echo err >&2; exit 7", MINUTE).await;
    assert_eq!(finished.ending, Ending::Exited(7));
    assert_eq!(finished.stdout, b"out\n");
    assert_eq!(finished.stderr, "err\n");
}

#[tokio::test]
async fn the_environment_says_where_libraries_are_and_how_many_heaps_to_keep_and_no_more() {
    assert!(std::env::var_os("PATH").is_some());
    let finished = result_of(
        "/usr/bin/env | grep -v -E '^(PWD|OLDPWD|SHLVL|_|LD_LIBRARY_PATH)='",
        MINUTE,
    )
    .await;
    assert_eq!(
        String::from_utf8_lossy(&finished.stdout),
        "MALLOC_ARENA_MAX=1\n"
    );
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_at_the_deadline() {
    let start = Instant::now();
    let finished = result_of("sleep 100", Duration::from_millis(200)).await;
    assert_eq!(finished.ending, Ending::DeadlinePassed);
    assert!(start.elapsed() < Duration::from_secs(50));
}

#[tokio::test]
async fn a_program_that_ignores_the_request_to_end_is_killed_with_its_children() {
    let finished = result_of(
        "trap '' TERM; sleep 100 & echo $!; while true; do sleep 1; done",
        SHORT,
    )
    .await;
    assert_eq!(finished.ending, Ending::DeadlinePassed);
    wait_until_dead(&String::from_utf8(finished.stdout).unwrap()).await;
}

#[tokio::test]
async fn a_child_that_outlives_the_program_is_killed() {
    let finished = result_of("sleep 100 & echo $!", MINUTE).await;
    assert_eq!(finished.ending, Ending::Exited(0));
    wait_until_dead(&String::from_utf8(finished.stdout).unwrap()).await;
}

#[tokio::test]
async fn a_death_by_signal_is_told_from_the_deadline() {
    let finished = result_of("kill -KILL $$", MINUTE).await;
    assert_eq!(finished.ending, Ending::Killed { signal: 9 });
}

#[tokio::test]
async fn floods_on_both_outputs_neither_block_nor_fill_memory() {
    let finished = result_of(
        "head -c 30000000 /dev/zero; head -c 30000000 /dev/zero >&2; echo the end >&2",
        MINUTE,
    )
    .await;
    assert_eq!(finished.ending, Ending::Exited(0));
    assert_eq!(finished.stdout.len(), 1000);
    assert_eq!(finished.stderr.len(), STDERR_BYTES);
    assert!(finished.stderr.ends_with("the end\n"));
}

#[tokio::test]
async fn the_last_bytes_of_standard_output_can_be_kept() {
    let finished = run(script("seq 1 200000", MINUTE), Keep::Last(14)).await;
    assert_eq!(finished.unwrap().stdout, b"199999\n200000\n");
}

#[tokio::test]
async fn a_program_whose_caller_gives_up_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let text = format!("sleep 100 & echo $! $$ > {}; wait", pids.display());
    let work = folder.path().to_owned();
    let running = tokio::spawn(async move {
        let mut program = script(&text, MINUTE);
        program.directory = Some(&work);
        run(program, Keep::First(0)).await.map(drop)
    });
    let written = loop {
        let text = std::fs::read_to_string(&pids).unwrap_or_default();
        if text.ends_with('\n') {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    running.abort();
    for pid in written.split_whitespace() {
        wait_until_dead(pid).await;
    }
}

#[tokio::test]
async fn a_missing_program_is_an_error_that_names_it() {
    let mut program = script("", MINUTE);
    program.path = Path::new("/no/such/ffmpeg");
    let message = with_causes(&run(program, Keep::First(0)).await.unwrap_err());
    assert!(
        message.starts_with("failed to start /no/such/ffmpeg: "),
        "{message}"
    );
}

#[tokio::test]
async fn a_reader_that_is_slow_gets_all_and_may_end_after_the_program() {
    let finished = run_reading(
        script("seq 1 500000", MINUTE),
        |_| true,
        |mut output| {
            std::thread::sleep(Duration::from_millis(300));
            let mut bytes = Vec::new();
            let count = output.read_to_end(&mut bytes).unwrap();
            std::thread::sleep(Duration::from_millis(700));
            count
        },
    );
    let finished = finished.await.unwrap();
    assert_eq!(finished.ending, Ending::Exited(0));
    assert_eq!(finished.stdout, 3_388_895);
}

#[tokio::test]
async fn a_reader_that_stops_early_stops_the_program() {
    let finished = run_reading(
        script("yes", MINUTE),
        |_| true,
        |mut output| {
            let mut bytes = [0; 4];
            output.read_exact(&mut bytes).unwrap();
            bytes
        },
    );
    let finished = finished.await.unwrap();
    assert_ne!(finished.ending, Ending::Exited(0));
    assert_eq!(&finished.stdout, b"y\ny\n");
}

#[tokio::test]
#[should_panic(expected = "the reader is wrong")]
async fn a_reader_that_panics_is_not_taken_for_a_program_that_failed() {
    let finished = run_reading(
        script("echo", MINUTE),
        |_| true,
        |_| panic!("the reader is wrong"),
    );
    finished.await.map(|_: Finished<()>| ()).ok();
}

#[tokio::test]
async fn a_reader_comes_to_an_end_at_the_deadline_and_when_only_a_child_is_left() {
    let all = |mut output: std::fs::File| {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    };
    let hanging = script("echo a; sleep 100", SHORT);
    let finished = run_reading(hanging, |_| true, all).await.unwrap();
    assert_eq!(finished.ending, Ending::DeadlinePassed);
    assert_eq!(finished.stdout, "a\n");
    let outlived = script("sleep 100 & echo $!", MINUTE);
    let finished = run_reading(outlived, |_| true, all).await.unwrap();
    assert_eq!(finished.ending, Ending::Exited(0));
    wait_until_dead(&finished.stdout).await;
}

#[tokio::test]
async fn a_program_gets_no_more_memory_than_its_bound() {
    let mebibyte = 1024 * 1024;
    for (bound, code) in [(Some(64 * mebibyte), 1), (None, 0)] {
        let program = Program {
            memory: bound,
            // A string of 100 MiB.
            ..script(
                "head -c 104857600 /dev/zero | tr '\\0' x | tail -n 1 >/dev/null || exit 1",
                MINUTE,
            )
        };
        let finished = run(program, Keep::First(1000)).await.unwrap();
        assert_eq!(finished.ending, Ending::Exited(code), "{finished:?}");
    }
}

#[tokio::test]
async fn a_reader_of_the_log_gets_all_of_it_and_the_output_is_dropped() {
    let program = script(
        "i=0; while [ $i -lt 5000 ]; do echo line-$i-of-a-long-log >&2; echo out; i=$((i+1)); done; exit 3",
        MINUTE,
    );
    let finished = run_reading_log(program, |mut log| {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text.lines().count()
    })
    .await
    .unwrap();
    assert_eq!(finished.ending, Ending::Exited(3));
    assert_eq!(finished.stdout, 5000);
}

#[tokio::test]
async fn a_reader_of_the_log_that_has_enough_ends_the_program() {
    let program = script("while :; do echo line >&2 || exit 0; done", MINUTE);
    let finished = run_reading_log(program, |mut log| {
        let mut first = [0; 4];
        log.read_exact(&mut first).unwrap();
        first
    })
    .await
    .unwrap();
    assert_eq!(&finished.stdout, b"line");
    assert_ne!(finished.ending, Ending::DeadlinePassed);
}
