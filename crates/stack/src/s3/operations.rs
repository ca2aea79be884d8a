//! The supported operations. `s3s` answers NotImplemented to all others.

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::{list, read, uploads, write};
use crate::store::Store;

pub(super) struct Operations {
    store: Store,
}

impl Operations {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }
}

macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty = $module:ident;)+) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $module::$name(&self.store, request).await.map(S3Response::new)
            })+
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput = write;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = write;
    put_object(PutObjectInput) -> PutObjectOutput = write;
    copy_object(CopyObjectInput) -> CopyObjectOutput = write;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = write;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = write;

    head_bucket(HeadBucketInput) -> HeadBucketOutput = read;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = read;
    get_object(GetObjectInput) -> GetObjectOutput = read;
    head_object(HeadObjectInput) -> HeadObjectOutput = read;

    list_buckets(ListBucketsInput) -> ListBucketsOutput = list;
    list_objects(ListObjectsInput) -> ListObjectsOutput = list;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = list;

    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = uploads;
    upload_part(UploadPartInput) -> UploadPartOutput = uploads;
    complete_multipart_upload(CompleteMultipartUploadInput)
        -> CompleteMultipartUploadOutput = uploads;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = uploads;
    list_parts(ListPartsInput) -> ListPartsOutput = uploads;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = uploads;
}
