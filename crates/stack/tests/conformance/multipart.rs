//! Multipart uploads.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::{failure, get, pattern, put};

/// Least size of a part other than the last, in bytes.
const PART: usize = 5 * 1024 * 1024;

async fn start(client: &Client, bucket: &str, key: &str) -> String {
    let upload = client.create_multipart_upload().bucket(bucket).key(key);
    let upload = upload
        .content_type("video/mp4")
        .metadata("made", "in parts");
    upload.send().await.unwrap().upload_id.unwrap()
}

async fn part(
    client: &Client,
    (bucket, key, id): (&str, &str, &str),
    number: i32,
    body: &[u8],
) -> CompletedPart {
    let part = client.upload_part().bucket(bucket).key(key).upload_id(id);
    let part = part
        .part_number(number)
        .body(ByteStream::from(body.to_vec()));
    let etag = part.send().await.unwrap().e_tag.unwrap();
    CompletedPart::builder()
        .part_number(number)
        .e_tag(etag)
        .build()
}

fn all(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.to_vec()))
        .build()
}

pub async fn parts_become_one_object(client: &Client, bucket: &str) {
    let key = "parts/whole";
    let body = pattern(2 * PART + 12_345);
    let id = &start(client, bucket, key).await;
    let upload = (bucket, key, &**id);
    // Out of order, as parallel clients do.
    let third = part(client, upload, 3, &body[2 * PART..]).await;
    let first = part(client, upload, 1, &body[..PART]).await;
    let second = part(client, upload, 2, &body[PART..2 * PART]).await;
    let listed = client
        .list_parts()
        .bucket(bucket)
        .key(key)
        .upload_id(id)
        .send()
        .await;
    let listed = listed.unwrap();
    let numbers: Vec<_> = listed
        .parts()
        .iter()
        .map(|part| part.part_number().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(listed.parts()[2].size(), Some(12_345));
    assert_eq!(listed.parts()[0].e_tag(), first.e_tag());
    let uploads = client
        .list_multipart_uploads()
        .bucket(bucket)
        .prefix(key)
        .send()
        .await;
    assert_eq!(uploads.unwrap().uploads()[0].upload_id(), Some(&**id));
    let got = client.get_object().bucket(bucket).key(key).send().await;
    assert_eq!(failure(got).0, 404, "an upload under way is no object");
    let complete = client
        .complete_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(id);
    let complete = complete.multipart_upload(all(&[first, second, third]));
    let etag = complete.send().await.unwrap().e_tag.unwrap();
    assert!(etag.ends_with("-3\"") && etag.len() == 36, "{etag}");
    let head = client
        .head_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag(), Some(&*etag));
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert_eq!(head.metadata().unwrap()["made"], "in parts");
    assert!(get(client, bucket, key).await == body);
    let over_the_seam = client.get_object().bucket(bucket).key(key);
    let over_the_seam = over_the_seam.range(format!("bytes={}-{}", PART - 3, PART + 2));
    let bytes = over_the_seam
        .send()
        .await
        .unwrap()
        .body
        .collect()
        .await
        .unwrap();
    assert_eq!(&bytes.into_bytes()[..], &body[PART - 3..PART + 3]);
    let uploads = client
        .list_multipart_uploads()
        .bucket(bucket)
        .prefix(key)
        .send()
        .await;
    assert_eq!(uploads.unwrap().uploads().len(), 0);
}

pub async fn a_part_can_be_replaced_before_the_end(client: &Client, bucket: &str) {
    let key = "parts/replaced";
    let id = &start(client, bucket, key).await;
    let old = part(client, (bucket, key, id), 1, b"old").await;
    let new = part(client, (bucket, key, id), 1, b"new").await;
    let complete = |part: CompletedPart| {
        let complete = client.complete_multipart_upload().bucket(bucket).key(key);
        complete.upload_id(id).multipart_upload(all(&[part])).send()
    };
    assert_eq!(failure(complete(old).await), (400, "InvalidPart".into()));
    complete(new).await.unwrap();
    assert_eq!(&get(client, bucket, key).await[..], b"new");
}

pub async fn a_single_small_part_is_enough(client: &Client, bucket: &str) {
    let key = "parts/single";
    let id = &start(client, bucket, key).await;
    let only = part(client, (bucket, key, id), 7, b"only").await;
    let complete = client.complete_multipart_upload().bucket(bucket).key(key);
    let complete = complete.upload_id(id).multipart_upload(all(&[only]));
    assert!(
        complete
            .send()
            .await
            .unwrap()
            .e_tag
            .unwrap()
            .ends_with("-1\"")
    );
    assert_eq!(&get(client, bucket, key).await[..], b"only");
}

pub async fn wrong_parts_are_refused(client: &Client, bucket: &str) {
    let key = "parts/wrong";
    let id = &start(client, bucket, key).await;
    let first = part(client, (bucket, key, id), 1, b"too small").await;
    let second = part(client, (bucket, key, id), 2, b"fine, as the last").await;
    let missing = CompletedPart::builder()
        .part_number(9)
        .e_tag("\"none\"")
        .build();
    for (parts, code) in [
        (vec![second.clone(), first.clone()], "InvalidPartOrder"),
        (vec![first, second.clone()], "EntityTooSmall"),
        (vec![second, missing], "InvalidPart"),
    ] {
        let complete = client.complete_multipart_upload().bucket(bucket).key(key);
        let complete = complete
            .upload_id(id)
            .multipart_upload(all(&parts))
            .send()
            .await;
        assert_eq!(failure(complete), (400, code.into()));
    }
}

pub async fn an_aborted_upload_is_gone(client: &Client, bucket: &str) {
    let key = "parts/aborted";
    let id = &start(client, bucket, key).await;
    let only = part(client, (bucket, key, id), 1, b"x").await;
    let abort = client
        .abort_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(id);
    abort.send().await.unwrap();
    let complete = client.complete_multipart_upload().bucket(bucket).key(key);
    let complete = complete
        .upload_id(id)
        .multipart_upload(all(&[only]))
        .send()
        .await;
    assert_eq!(failure(complete), (404, "NoSuchUpload".into()));
    let late = client
        .upload_part()
        .bucket(bucket)
        .key(key)
        .upload_id(id)
        .part_number(1);
    let late = late.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(failure(late), (404, "NoSuchUpload".into()));
}

pub async fn a_multipart_upload_can_be_conditional(client: &Client, bucket: &str) {
    let key = "parts/conditional";
    let id = &start(client, bucket, key).await;
    let only = part(client, (bucket, key, id), 1, b"parts").await;
    put(client, bucket, key, b"first").await;
    let complete = client
        .complete_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(id);
    let complete = complete
        .multipart_upload(all(&[only]))
        .if_none_match("*")
        .send()
        .await;
    assert_eq!(failure(complete), (412, "PreconditionFailed".into()));
    assert_eq!(&get(client, bucket, key).await[..], b"first");
}
