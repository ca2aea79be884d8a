//! A TCP proxy that makes connections stale, as peers and NATs do while a function is frozen.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Closes its connections when dropped.
#[derive(Debug)]
pub struct StaleConnectionProxy {
    /// Address: `http://127.0.0.1:PORT`.
    endpoint: String,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Number of calls of [`freeze`](StaleConnectionProxy::freeze).
    era: AtomicUsize,
    opened: AtomicUsize,
    reset: AtomicUsize,
}

impl StaleConnectionProxy {
    /// Starts a proxy for `endpoint` (`http://127.0.0.1:PORT`).
    pub async fn start(endpoint: &str) -> Self {
        let upstream = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                shared.opened.fetch_add(1, Ordering::SeqCst);
                connections.spawn(pass_on(client, upstream.clone(), Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            endpoint,
            state,
            _tasks: tasks,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes all open connections stale. Their clients notice nothing until they send something,
    /// and then see a reset.
    pub fn freeze(&self) {
        self.state.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Number of connections so far.
    pub fn opened(&self) -> usize {
        self.state.opened.load(Ordering::SeqCst)
    }

    /// Number of stale connections that were used, and reset.
    pub fn reset(&self) -> usize {
        self.state.reset.load(Ordering::SeqCst)
    }
}

async fn pass_on(client: TcpStream, upstream: String, state: Arc<State>) {
    let era = state.era.load(Ordering::SeqCst);
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut request, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            // If upstream closes a stale connection, the client does not hear of it.
            biased;
            read = from_client.read(&mut request) => {
                let Ok(count @ 1..) = read else { return };
                if state.era.load(Ordering::SeqCst) != era {
                    state.reset.fetch_add(1, Ordering::SeqCst);
                    let client = from_client.reunite(to_client).unwrap();
                    // Closing without lingering sends a reset.
                    client.set_zero_linger().unwrap();
                    return;
                }
                if to_server.write_all(&request[..count]).await.is_err() {
                    return;
                }
            }
            read = from_server.read(&mut answer) => {
                let Ok(count @ 1..) = read else { return };
                if to_client.write_all(&answer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
