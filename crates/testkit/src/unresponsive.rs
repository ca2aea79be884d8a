//! A server that accepts connections and never answers.

use std::fs;

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// Closes its connections when dropped.
#[derive(Debug)]
pub struct UnresponsiveServer {
    authority: String,
    accepted: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl UnresponsiveServer {
    /// Starts listening.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (count, accepted) = watch::channel(0);
        let accepting = tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.push(connection);
                count.send_replace(connections.len());
            }
        });
        Self {
            authority,
            accepted,
            accepting,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Waits for a connection.
    pub async fn connected(&self) {
        let mut accepted = self.accepted.clone();
        accepted.wait_for(|count| *count > 0).await.unwrap();
    }

    /// Command lines of the processes whose arguments contain this server's address, such as an
    /// FFmpeg that reads from it.
    pub fn named_by(&self) -> Vec<String> {
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&self.authority))
            .collect()
    }
}

impl Drop for UnresponsiveServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
