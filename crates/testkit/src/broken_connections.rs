//! A TCP proxy that breaks connections to the embedded S3 server on demand. Clients and presigned
//! URLs name the proxy, so signatures stay valid.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Passes it through.
    None,
    /// Answers `503 Slow Down`.
    Unavailable,
    /// Breaks it off after this many bytes of the answer.
    CutAfter(usize),
    /// Throttles the answer to 1 KB per 100 ms.
    Trickle,
}

/// Closes its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Address: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy for `endpoint`. The `n`th connection, counted from 0, gets `fault(n)`.
    pub async fn start(endpoint: &str, fault: fn(usize) -> Fault) -> Self {
        let upstream = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut pumps = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let fault = fault(count.fetch_add(1, Ordering::SeqCst));
                pumps.spawn(serve(client, upstream.clone(), fault));
            }
        });
        Self {
            endpoint,
            connections,
            _tasks: tasks,
        }
    }

    /// Number of connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut client: TcpStream, upstream: String, fault: Fault) {
    let mut block = vec![0; 1024];
    if matches!(fault, Fault::Unavailable) {
        // The request is read first; otherwise its sender sees a reset instead of the answer.
        if client.read(&mut block).await.is_err() {
            return;
        }
        let answer = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        client.write_all(answer).await.ok();
        return;
    }
    let server = TcpStream::connect(upstream).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut requests = JoinSet::new();
    requests.spawn(async move {
        tokio::io::copy(&mut from_client, &mut to_server).await.ok();
    });
    let mut left = match fault {
        Fault::CutAfter(bytes) => bytes,
        _ => usize::MAX,
    };
    while let Ok(count @ 1..) = from_server.read(&mut block).await {
        let count = count.min(left);
        if to_client.write_all(&block[..count]).await.is_err() {
            return;
        }
        left -= count;
        if left == 0 {
            return;
        }
        if matches!(fault, Fault::Trickle) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
