//! The key of a source object. Only this module decodes keys.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, de};

/// Key of a source object as S3 stores it, not encoded: 1 to [`SourceKey::MAX_BYTES`] bytes of UTF-8,
/// both inclusive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SourceKey(String);

/// Why a text is not a source key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceKeyError {
    /// The key has no bytes.
    #[error("the source key is empty")]
    Empty,
    /// The names of the outputs would exceed S3's 1,024 bytes.
    #[error(
        "the source key has {bytes} bytes; with more than {} the names of its outputs exceed S3's 1024: give the video a shorter key",
        SourceKey::MAX_BYTES
    )]
    TooLong {
        /// Length of the key in bytes.
        bytes: usize,
    },
    /// The form-encoded key is not UTF-8 after decoding.
    #[error("the source key {encoded:?} does not decode to UTF-8")]
    NotUtf8 {
        /// The key as the notification had it.
        encoded: String,
    },
}

impl SourceKey {
    /// Longest key, in bytes, whose outputs have legal names: S3 allows 1,024 bytes. The longest name, that of a picture
    /// in Jellyfin's folders, adds 36, and some more may come.
    pub const MAX_BYTES: usize = 980;

    /// Takes a key without decoding it, as in EventBridge events.
    ///
    /// # Errors
    /// If the key is empty or longer than [`SourceKey::MAX_BYTES`].
    pub fn plain(key: impl Into<String>) -> Result<Self, SourceKeyError> {
        let key = key.into();
        match key.len() {
            0 => Err(SourceKeyError::Empty),
            bytes if bytes > Self::MAX_BYTES => Err(SourceKeyError::TooLong { bytes }),
            _ => Ok(Self(key)),
        }
    }

    /// Decodes a form-encoded key, as in S3 notifications: `+` is a space, `%2B` a plus.
    ///
    /// # Errors
    /// As [`SourceKey::plain`], and if the decoded bytes are not UTF-8.
    pub fn form_encoded(encoded: &str) -> Result<Self, SourceKeyError> {
        let spaced = encoded.replace('+', " ");
        let key =
            percent_decode_str(&spaced)
                .decode_utf8()
                .map_err(|_| SourceKeyError::NotUtf8 {
                    encoded: encoded.to_owned(),
                })?;
        Self::plain(key)
    }

    /// The key as S3 stores it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SourceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::plain(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plus_of_a_notification_is_a_space_and_an_encoded_plus_a_plus() {
        let key = SourceKey::form_encoded("my+holiday%2B%2Bsummer%2F+%C3%BC.mp4").unwrap();
        assert_eq!(key.as_str(), "my holiday++summer/ ü.mp4");
    }

    #[test]
    fn a_plain_key_is_not_decoded() {
        assert_eq!(
            SourceKey::plain("a+b%2Fc.mp4").unwrap().as_str(),
            "a+b%2Fc.mp4"
        );
    }

    #[test]
    fn a_long_key_is_taken_and_one_that_leaves_no_room_for_outputs_is_not() {
        assert!(SourceKey::plain("k".repeat(980)).is_ok());
        assert_eq!(
            SourceKey::plain("k".repeat(981)),
            Err(SourceKeyError::TooLong { bytes: 981 })
        );
        assert_eq!(SourceKey::plain(""), Err(SourceKeyError::Empty));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert!(matches!(
            SourceKey::form_encoded("%FF%FE.mp4"),
            Err(SourceKeyError::NotUtf8 { .. })
        ));
    }

    proptest! {
        #[test]
        fn every_key_comes_back_from_its_form_encoding(key in ".{1,200}") {
            let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
            prop_assert_eq!(SourceKey::form_encoded(&encoded), SourceKey::plain(key));
        }
    }
}
