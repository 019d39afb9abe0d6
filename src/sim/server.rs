//! The simulated exchange's sockets: loopback HTTP, bounded, with every connection owned.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::body::{HELD, ReplyBody};
use super::control;
use super::fault::Endpoint;
use super::knobs::Knobs;
use super::market::Market;
use super::request_handler::{RequestHandler, Served};
use super::seen::Seen;
use super::ws::{self, SocketCounts, SocketSeen, Upgrade, WsFault};

/// The most connections at once.
const CONNECTIONS: usize = 1_024;
/// How long a client may take for its headers, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest request head.
const HEAD_BYTES: usize = 16 * 1_024;
/// The pause after a failure to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running simulated exchange; dropping it ends it.
pub struct Sim {
    address: SocketAddr,
    request_handler: Arc<RequestHandler>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Sim {
    /// Starts one; port 0 picks a free port.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(address: SocketAddr, knobs: Knobs) -> io::Result<Sim> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (request_handler, stop) = (Arc::new(RequestHandler::new(knobs)), CancellationToken::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&request_handler), stop.clone()));
        Ok(Sim { address, request_handler, stop, tasks })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the knobs for requests that arrive from now on.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub fn set(&self, turn: impl FnOnce(&mut Knobs)) {
        self.request_handler.set(turn);
    }

    /// The present knobs.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.request_handler.world().knobs.clone()
    }

    /// The market of a listed symbol, the oracle for stored rows.
    #[must_use]
    pub fn market(&self, symbol: &str) -> Option<Market> {
        self.request_handler.world().market(symbol).cloned()
    }

    /// The newest 100 000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.request_handler.requests()
    }

    /// The number of requests by endpoint and status since the start; status 0 is no answer.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Endpoint, u16), u64> {
        self.request_handler.counts()
    }

    /// Stops it, dropping every connection.
    #[must_use]
    pub fn sockets(&self) -> BTreeMap<&'static str, SocketCounts> {
        self.request_handler.sockets.counts()
    }

    #[must_use]
    pub fn socket_connections(&self) -> Vec<SocketSeen> {
        self.request_handler.sockets.seen()
    }

    pub fn strike(&self, fault: WsFault) {
        self.request_handler.sockets.order(fault);
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Accepts connections until stopped; dropping their set ends them.
async fn accept(listener: TcpListener, request_handler: Arc<RequestHandler>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&request_handler)));
                }
                Err(_) => tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                },
            },
        }
    }
    connections.shutdown().await;
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, request_handler: Arc<RequestHandler>) {
    // Otherwise an answer in two writes waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let asked = Arc::new(Mutex::new(None));
    let service = {
        let (request_handler, asked) = (Arc::clone(&request_handler), Arc::clone(&asked));
        service_fn(move |request| Box::pin(answer(Arc::clone(&request_handler), Arc::clone(&asked), request)))
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let is_reset = ended.is_err_and(|error| error.source().is_some_and(|cause| cause.is::<Reset>()));
    let parts = connection.into_parts();
    if is_reset {
        // Closing without lingering sends a reset.
        let _ = parts.io.into_inner().set_zero_linger();
        return;
    }
    let upgrade = asked.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(upgrade) = upgrade {
        ws::serve(parts.io.into_inner(), parts.read_buf, upgrade, &request_handler.sockets, || {
            request_handler.world()
        })
        .await;
    }
}

async fn answer(
    request_handler: Arc<RequestHandler>,
    asked: Arc<Mutex<Option<Upgrade>>>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Reset> {
    if let Some((answer, upgrade)) =
        ws::upgrade(&request, &request_handler.world().knobs, &request_handler.sockets)
    {
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = upgrade;
        return Ok(answer);
    }
    if let Some(answer) = control::answer(&request_handler, request.method(), request.uri()) {
        return Ok(answer);
    }
    let (outcome, latency) = request_handler.handle(request.method(), request.uri());
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match outcome {
        Served::Answer(answer) => Ok(*answer),
        Served::Reset => Err(Reset),
        Served::Silence => {
            tokio::time::sleep(HELD).await;
            Err(Reset)
        }
    }
}

/// The connection is to be reset.
#[derive(Debug)]
struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reset on purpose")
    }
}

impl Error for Reset {}
