//! What a sandboxed program may connect to.

/// What a sandboxed program may connect to.
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
}
