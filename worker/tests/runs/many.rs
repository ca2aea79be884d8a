//! A run of many slices: what it costs in requests. `GIFGEN_MANY_SLICES=1000` makes it a thousand.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use gifgen_testkit::{
    clients,
    fault_proxy::{FaultProxy, Faults},
    media,
    test_env::{TestEnv, invocation, worker},
};

use crate::support::*;

const FAIR: Faults = Faults {
    seed: 0,
    rate: 0.0,
    kinds: &[],
    most_per_target: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn many_slices_take_one_listing_each_and_a_few_more_at_the_end() {
    let count = number("GIFGEN_MANY_SLICES").unwrap_or(200);
    let env = TestEnv::start().await;
    let tiny = media::tiny(count as u32, env.directory());
    let etag = env.adopt(KEY, &tiny).await.etag;
    let proxy = FaultProxy::start(&env.stack().s3_endpoint(), FAIR).await;
    let settings = [
        ("SLICE_SECONDS", "1"),
        ("GIF_WIDTH", "16"),
        ("GIF_FPS", "1"),
        ("FRAME_WIDTH", "16"),
        ("FRAMES", "each"),
        ("OVERVIEW", "none"),
    ];
    let (mut slices, mut completions) = (slices(&env), completions(&env));
    let answer = split(&env.splitter(&settings), &etag).await;
    assert_eq!(answer["sources"][0]["slices"], count, "{answer}");
    let (id, secret) = {
        let credentials = env.stack().credentials();
        (&credentials.access_key_id, &credentials.secret_access_key)
    };
    let s3 = clients::s3(&proxy.endpoint(), id, secret);
    let worker = worker(s3, env.bus().clone(), env.temporary(), &settings);
    let events: Vec<_> = std::iter::from_fn(|| slices.try_recv().ok()).collect();
    stream::iter(&events)
        .for_each_concurrent(4, |event| async {
            worker.handle(event, &invocation(MINUTE)).await.unwrap();
        })
        .await;
    assert_whole(&env, "").await;
    assert_eq!(all(&mut completions).len(), 1);

    let requests: BTreeMap<String, usize> = proxy.requests();
    println!("S3 requests for {count} slices: {requests:#?}");
    let count = count as usize;
    let of = |kind: &str| requests.get(kind).copied().unwrap_or(0);
    // One for each worker; a few see all receipts behind their own, and list all; the last one
    // reads them.
    let listings = of("ListObjectsV2 receipts");
    assert!(
        (count..count + 100).contains(&listings),
        "{listings} listings"
    );
    let reads = of("GET receipts");
    assert!((2 * count..6 * count).contains(&reads), "{reads} reads");
}
