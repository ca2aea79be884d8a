//! Listings.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;

use super::put;

pub async fn pages_follow_each_other_without_gaps(client: &Client, bucket: &str) {
    let keys: Vec<_> = (0..25).map(|at| format!("pages/{at:03}")).collect();
    let mut etags = Vec::new();
    for key in &keys {
        etags.push(put(client, bucket, key, key.as_bytes()).await);
    }
    let pages = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix("pages/")
        .max_keys(7);
    let mut pages = pages.into_paginator().send();
    let mut sizes = Vec::new();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.key_count(), Some(page.contents().len() as i32));
        assert_eq!(
            page.is_truncated(),
            Some(page.next_continuation_token().is_some())
        );
        sizes.push(page.contents().len());
        listed.extend_from_slice(page.contents());
    }
    assert_eq!(sizes, [7, 7, 7, 4]);
    for (at, object) in listed.iter().enumerate() {
        assert_eq!(object.key(), Some(&*keys[at]));
        assert_eq!(object.size(), Some(9));
        assert_eq!(object.e_tag(), Some(&*etags[at]));
        assert!(object.last_modified().is_some());
    }
}

pub async fn a_delimiter_rolls_up_what_is_below(client: &Client, bucket: &str) {
    for key in [
        "tree/a",
        "tree/b/1",
        "tree/b/2",
        "tree/b/c/3",
        "tree/d/4",
        "tree/e",
    ] {
        put(client, bucket, key, b"x").await;
    }
    for max_keys in [1, 2, 3, 1000] {
        let pages = client
            .list_objects_v2()
            .bucket(bucket)
            .prefix("tree/")
            .delimiter("/");
        let mut pages = pages.max_keys(max_keys).into_paginator().send();
        let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            keys.extend(
                page.contents()
                    .iter()
                    .map(|object| object.key().unwrap().to_owned()),
            );
            let rolled_up = page.common_prefixes().iter();
            prefixes.extend(rolled_up.map(|common| common.prefix().unwrap().to_owned()));
        }
        assert_eq!(keys, ["tree/a", "tree/e"]);
        assert_eq!(prefixes, ["tree/b/", "tree/d/"]);
    }
}

pub async fn start_after_is_exclusive(client: &Client, bucket: &str) {
    for key in ["after/a", "after/b", "after/c"] {
        put(client, bucket, key, b"x").await;
    }
    let listed = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix("after/")
        .start_after("after/a");
    let listed = listed.send().await.unwrap();
    let keys: Vec<_> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap())
        .collect();
    assert_eq!(keys, ["after/b", "after/c"]);
}

pub async fn a_listing_can_be_url_encoded(client: &Client, bucket: &str) {
    put(client, bucket, "encoded/a +é/x", b"x").await;
    let list = || {
        let list = client.list_objects_v2().bucket(bucket).prefix("encoded/");
        list.encoding_type(EncodingType::Url)
    };
    let listed = list().send().await.unwrap();
    let key = listed.contents()[0].key().unwrap();
    // S3 encodes a space as `+`, others as `%20`: both are form encoding.
    assert_eq!(key.replace("%20", "+"), "encoded/a+%2B%C3%A9/x");
    assert_eq!(listed.encoding_type(), Some(&EncodingType::Url));
    let listed = list().delimiter("/").send().await.unwrap();
    let prefix = listed.common_prefixes()[0].prefix().unwrap();
    assert_eq!(prefix.replace("%20", "+"), "encoded/a+%2B%C3%A9/");
}

pub async fn the_first_version_of_the_list_call_works_too(client: &Client, bucket: &str) {
    for key in ["first/a", "first/b/1", "first/b/2", "first/c"] {
        put(client, bucket, key, b"x").await;
    }
    let mut marker = None;
    let mut names = Vec::new();
    loop {
        let page = client
            .list_objects()
            .bucket(bucket)
            .prefix("first/")
            .delimiter("/");
        let page = page.max_keys(1).set_marker(marker).send().await.unwrap();
        names.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
        let rolled_up = page.common_prefixes().iter();
        names.extend(rolled_up.map(|common| common.prefix().unwrap().to_owned()));
        if page.is_truncated() != Some(true) {
            break;
        }
        marker = Some(page.next_marker().unwrap().to_owned());
    }
    assert_eq!(names, ["first/a", "first/b/", "first/c"]);
}
