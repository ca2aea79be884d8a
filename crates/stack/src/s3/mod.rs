//! The S3 server: `s3s` implements the protocol and checks signatures, the [`Store`] keeps the
//! objects, and this module translates.

mod checksums;
mod conditions;
mod errors;
mod headers;
mod list;
mod operations;
mod read;
mod stream;
mod uploads;
mod write;

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::credentials::Credentials;
use crate::store::Store;

/// The S3 service. Each request must be signed with these credentials.
pub(crate) fn service(store: Store, credentials: &Credentials) -> S3Service {
    let mut builder = S3ServiceBuilder::new(operations::Operations::new(store));
    builder.set_auth(SimpleAuth::from_single(
        credentials.access_key_id.clone(),
        credentials.secret_access_key.clone(),
    ));
    builder.build()
}
