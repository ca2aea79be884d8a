//! Schedules of faults by seeds: S3 and the bus fail, for a request or for seconds, or never answer;
//! events come twice, at once, late and out of order; workers are killed, or frozen between
//! invocations until nobody remembers their connections. After each, all is as if nothing had happened.
//!
//! `GIFGEN_SOAK_SEEDS=200` runs so many schedules instead of a few, from `GIFGEN_SOAK_FIRST` on, and
//! `GIFGEN_SOAK_SEED=17` that one alone.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use gifgen_shared::work_dir::sweep;
use gifgen_splitter::Splitter;
use gifgen_testkit::{
    clients,
    fault_proxy::{FaultProxy, Faults, Kind},
    lambda::{Lambda, Policy},
    stale_connections::StaleConnectionProxy,
    test_env::{PREVIEWS, TestEnv, settings},
};
use gifgen_worker::Answer;
use tokio::sync::OnceCell;

use crate::support::*;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// Schedules that run if nothing else is asked for.
const FEW: u64 = 8;

/// Schedules at once.
const AT_ONCE: usize = 2;

/// The videos, in turn.
const VIDEOS: [&str; 3] = ["d03", "d26", "d18"];

/// For all of a schedule to be over.
const LIMIT: Duration = Duration::from_secs(240);

const S3_KINDS: &[Kind] = &[
    Kind::Latency,
    Kind::CutRequest,
    Kind::CutAnswer,
    Kind::LostAnswer,
    Kind::Truncate,
    Kind::Status(503),
    Kind::Status(500),
    Kind::Status(429),
    Kind::Status(403),
    Kind::Status(409),
    Kind::IgnoreRange,
];

const BUS_KINDS: &[Kind] = &[
    Kind::Latency,
    Kind::CutRequest,
    Kind::LostAnswer,
    Kind::Status(503),
    Kind::Status(429),
    Kind::FailEntries,
];

/// How often connections that are open are forgotten.
const MEMORY: Duration = Duration::from_millis(700);

/// How long everything is answered with 503, in some schedules.
const OUTAGE: Duration = Duration::from_secs(3);

/// What a schedule came to.
struct Tale {
    faults: usize,
    forgotten: usize,
    kills: usize,
    given_up: usize,
    announced: usize,
}

/// The previews of a run without faults, by the video.
async fn fair_previews(video: &'static str) -> BTreeMap<String, Vec<u8>> {
    static KNOWN: [OnceCell<BTreeMap<String, Vec<u8>>>; VIDEOS.len()] =
        [const { OnceCell::const_new() }; VIDEOS.len()];
    let place = VIDEOS.iter().position(|name| *name == video).unwrap();
    let known = KNOWN[place].get_or_init(|| async {
        let env = TestEnv::start().await;
        let etag = env.adopt_video(KEY, video).await.etag;
        let mut jobs = jobs(&env);
        split(&env.splitter(&ALL), &etag).await;
        let worker = env.worker(&ALL);
        while let Ok(event) = jobs.try_recv() {
            let invocation = gifgen_testkit::test_env::invocation(MINUTE);
            let answer = worker.handle(&event, &invocation).await.unwrap();
            assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
        }
        let manifest = assert_whole(&env, "without faults").await;
        assert!(!manifest.sheets().is_empty() && !manifest.tracks.is_empty());
        previews(&env).await
    });
    known.await.clone()
}

async fn schedule(seed: u64) -> Tale {
    let what = format!("seed {seed} (to replay: GIFGEN_SOAK_SEED={seed})");
    let video = VIDEOS[seed as usize % VIDEOS.len()];
    let env = TestEnv::start().await;
    let stack = env.stack();
    let faults = |kinds, rate, most_per_target| Faults {
        seed,
        rate,
        kinds,
        most_per_target,
    };
    let s3 = FaultProxy::start(&stack.s3_endpoint(), faults(S3_KINDS, 0.12, 2)).await;
    let bus = FaultProxy::start(&stack.eventbridge_endpoint(), faults(BUS_KINDS, 0.3, 8)).await;
    // Between the workers and the proxies: what is forgotten is no answer that gets lost.
    let before_s3 = StaleConnectionProxy::start(&s3.endpoint()).await;
    let before_bus = StaleConnectionProxy::start(&bus.endpoint()).await;
    let mut completions = completions(&env);
    let mut overviews = overviews(&env);
    let jobs = jobs(&env);
    let mut first = env.our_events();

    let mut environment = env.environment();
    let own = [
        ("AWS_ENDPOINT_URL_S3", before_s3.endpoint()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", before_bus.endpoint()),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment.extend(ALL.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let policy = Policy {
        seed,
        delay: Duration::from_millis(300),
        reorder: true,
        freeze: true,
        duplicate: 0.3,
        kill: 0.2,
        kill_within: Duration::from_millis(1500),
        most_kills: 4,
        ..Policy::default()
    };
    let mut lambda = Lambda::start(WORKER, &environment, policy);
    lambda.feed(jobs);

    let etag = env.adopt_video(KEY, video).await.etag;
    let (id, secret) = {
        let credentials = stack.credentials();
        (&credentials.access_key_id, &credentials.secret_access_key)
    };
    let splitter = Splitter::new(
        clients::s3(&s3.endpoint(), id, secret),
        clients::event_bridge(&bus.endpoint(), id, secret),
        settings(&ALL),
    )
    .unwrap();
    let story = async {
        // The notification comes twice at once.
        tokio::join!(split(&splitter, &etag), split(&splitter, &etag));
        lambda.idle(LIMIT).await;
    };
    // When the first job is on the bus, so that it is the workers who meet it.
    let arming = async {
        first.recv().await.unwrap();
        match seed % 4 {
            1 => s3.outage(OUTAGE),
            2 => bus.outage(OUTAGE),
            3 => {
                // Each costs up to a quarter of a minute.
                s3.deal_next("PUT gifs", Kind::Silence, 1);
                s3.deal_next("PUT receipts", Kind::Silence, 1);
                bus.deal_next("PutEvents", Kind::Silence, 1);
            }
            _ => {}
        }
    };
    let forgetting = async {
        loop {
            tokio::time::sleep(MEMORY).await;
            before_s3.freeze();
            before_bus.freeze();
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(story, arming) } => {}
        () = forgetting => {}
    }

    let silences = |proxy: &FaultProxy| {
        let dealt = proxy.dealt();
        dealt.iter().filter(|d| d.kind == Kind::Silence).count()
    };
    match seed % 4 {
        1 => assert!(s3.refused_in_outage() > 0, "{what}"),
        3 => assert_eq!((silences(&s3), silences(&bus)), (2, 1), "{what}"),
        // While the bus is out there may be nothing to send.
        _ => {}
    }
    let given_up = lambda.report().failed.len();
    s3.heal();
    bus.heal();
    let first = manifest(&env).await;
    let first = first.unwrap_or_else(|| panic!("{what}: the run has no end\n{}", lambda.log()));
    if first.failed().count() > 0 {
        assert!(given_up > 0, "{what}: {first:?} without a reason");
        // What an operator does then.
        let (ledger, run) = (ledger(&env), run(&env).await);
        for (job, attempt) in ledger.unfinished(&run).await.unwrap() {
            lambda.invoke(event_of(&run, &job, attempt));
        }
        lambda.idle(LIMIT).await;
    }
    assert_whole(&env, &what).await;
    let found = previews(&env).await;
    let wanted = fair_previews(video).await;
    let names = |previews: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
        previews.keys().cloned().collect()
    };
    assert_eq!(names(&found), names(&wanted), "{what}");
    for (key, bytes) in &wanted {
        assert!(found[key] == *bytes, "{what}: {key} has other bytes");
    }

    let report = lambda.report();
    let announced = all(&mut completions);
    let complete = announced
        .iter()
        .filter(|event| event["status"] == "complete");
    let complete: Vec<_> = complete.collect();
    // Of one manifest: another one would have its own time.
    for event in &complete {
        assert_eq!(event, &complete[0], "{what}");
    }
    let complete = complete.len();
    // An event whose acknowledgement was lost, by a fault or by its sender's death, comes again.
    let excused = s3.lost_acknowledgements() + bus.lost_acknowledgements() + report.kills;
    assert!(
        complete >= 1 && complete <= 1 + excused,
        "{what}: {announced:?}, {excused} excused"
    );
    let whole = all(&mut overviews);
    assert!(
        !whole.is_empty() && whole.len() <= 1 + excused,
        "{what}: {whole:?}, {excused} excused"
    );
    for event in &whole {
        assert_eq!(event, &whole[0], "{what}");
    }
    // Each partial end has a job that was given up; it may have turned out well in the end.
    assert!(
        announced.len() - complete <= given_up + excused,
        "{what}: {announced:?}"
    );
    let uploads = env.s3().list_multipart_uploads().bucket(PREVIEWS).send();
    assert!(uploads.await.unwrap().uploads().is_empty(), "{what}");
    assert_nothing_left(&env.temporary(), &what).await;
    Tale {
        faults: s3.dealt().len() + bus.dealt().len(),
        forgotten: before_s3.reset() + before_bus.reset(),
        kills: report.kills,
        given_up,
        announced: announced.len(),
    }
}

/// Waits until there is no work directory with anything in it, and no FFmpeg in one, but for what
/// the next worker sweeps away when it starts. An empty directory may be somebody's who is about to
/// lock it, so it only goes when it is a minute old.
async fn assert_nothing_left(temporary: &Path, what: &str) {
    let start = Instant::now();
    loop {
        sweep(temporary).unwrap();
        let left: Vec<_> = std::fs::read_dir(temporary)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|directory| std::fs::read_dir(directory).is_ok_and(|mut d| d.next().is_some()))
            .collect();
        let working = processes_in(temporary);
        if left.is_empty() && working.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{what}: {left:?} and the processes {working:?} are left"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Processes whose working directory lies in `folder`.
fn processes_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            let directory = std::fs::read_link(process.path().join("cwd"));
            directory.is_ok_and(|directory| directory.starts_with(folder))
        })
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_schedule_of_faults_all_is_as_if_nothing_had_happened() {
    let seeds: Vec<u64> = match number("GIFGEN_SOAK_SEED") {
        Some(seed) => vec![seed],
        None => {
            let first = number("GIFGEN_SOAK_FIRST").unwrap_or(0);
            (first..first + number("GIFGEN_SOAK_SEEDS").unwrap_or(FEW)).collect()
        }
    };
    let count = seeds.len();
    let start = Instant::now();
    let tales: Vec<Tale> = stream::iter(seeds)
        .map(|seed| async move {
            println!("seed {seed}");
            schedule(seed).await
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let sum = |of: fn(&Tale) -> usize| tales.iter().map(of).sum::<usize>();
    println!(
        "{count} schedules in {:.0} s: {} faults, {} forgotten connections, {} kills, {} slices given up, {} completions",
        start.elapsed().as_secs_f64(),
        sum(|tale| tale.faults),
        sum(|tale| tale.forgotten),
        sum(|tale| tale.kills),
        sum(|tale| tale.given_up),
        sum(|tale| tale.announced),
    );
}
