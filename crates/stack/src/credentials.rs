//! The key pair of a stack.

use std::fmt;

use crate::ids::{RandomError, random_hex};

/// The access key that both servers of a [`Stack`](crate::Stack) accept. It is random for each
/// start, so that other users of the machine cannot use the ports.
#[derive(Clone)]
pub struct Credentials {
    /// The public half; part of every presigned URL.
    pub access_key_id: String,
    /// The signing key. `Debug` does not print it.
    pub secret_access_key: String,
}

impl Credentials {
    pub(crate) fn random() -> Result<Self, RandomError> {
        Ok(Self {
            access_key_id: format!("AKIA{}", random_hex::<8>()?.to_uppercase()),
            secret_access_key: random_hex::<20>()?,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"(redacted)")
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_does_not_print() {
        let credentials = Credentials::random().unwrap();
        assert!(!format!("{credentials:?}").contains(&credentials.secret_access_key));
    }
}
