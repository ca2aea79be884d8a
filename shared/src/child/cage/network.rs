//! What a caged program may connect to.

use crate::presigned_url::PresignedUrl;

/// What a caged program may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Nothing: it has no sockets at all.
    None,
    /// One TCP port of this machine: it has IPv4 stream sockets, and nothing else.
    ///
    /// Where the kernel has no Landlock, or one before ABI 4 (Linux 6.7), the port is not checked.
    Loopback {
        /// The port.
        port: u16,
    },
    /// Everything: it resolves names, and speaks TLS.
    Anywhere,
}

impl Network {
    /// The least that a program needs to read `url`.
    pub fn to_read(url: &PresignedUrl) -> Self {
        let port = url
            .expose()
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.split('/').next()?.parse().ok());
        port.map_or(Self::Anywhere, |port| Self::Loopback { port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_this_machine_needs_no_more_than_loopback() {
        let network = |url| Network::to_read(&PresignedUrl::new(url));
        let loopback = Network::Loopback { port: 8080 };
        assert_eq!(network("http://127.0.0.1:8080/films/a.mp4?b=c"), loopback);
        for url in [
            "https://films.s3.amazonaws.com/a.mp4",
            "http://127.0.0.1:8080@films.example/a.mp4",
            "http://127.0.0.1.example:8080/a.mp4",
        ] {
            assert_eq!(network(url), Network::Anywhere, "{url}");
        }
    }
}
