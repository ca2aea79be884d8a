//! Network access of a sandboxed program.

/// What a sandboxed program may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Nothing: no sockets at all.
    None,
    /// One TCP port of this machine, by IPv4 stream sockets only.
    ///
    /// The port is not checked if the kernel has no Landlock, or one older than ABI 4 (Linux 6.7).
    Loopback {
        /// TCP port on 127.0.0.1.
        port: u16,
    },
}
