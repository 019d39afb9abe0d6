//! Connections: a bounded number, each with time-outs, all ended soon after stop.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::auth::Via;
use super::stall::Stall;
use super::{App, routes};

/// A request's head is no larger.
const HEAD_LIMIT_BYTES: usize = 32 * 1024;

/// How long to wait when a connection cannot be accepted, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, then gives open connections their grace and ends.
pub async fn serve(listeners: Vec<TcpListener>, app: App, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.limits.connections));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, app.clone(), Arc::clone(&slots), stop.clone()));
    }
    while accepting.join_next().await.is_some() {}
}

/// Serves on the unix socket until `stop`, with connections of its own: a network that takes all others does not
/// shut out who runs the daemon.
pub async fn serve_socket(listener: UnixListener, app: App, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.limits.connections));
    accept(listener, app, slots, stop).await;
}

/// What connections come from.
trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The way its connections come.
    fn via(&self) -> Via;

    /// The next connection.
    fn next(&self) -> impl Future<Output = std::io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn via(&self) -> Via {
        let is_loopback = self.local_addr().is_ok_and(|address| address.ip().is_loopback());
        if is_loopback { Via::Loopback } else { Via::Network }
    }

    async fn next(&self) -> std::io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Answers are written at once; without it the last part of one may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    fn via(&self) -> Via {
        Via::Socket
    }

    async fn next(&self) -> std::io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

async fn accept<L: Listener + Sync>(listener: L, app: App, slots: Arc<Semaphore>, stop: CancellationToken) {
    let mut open = JoinSet::new();
    let via = listener.via();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // A connection that panicked ended nothing but itself.
            Some(_) = open.join_next() => {}
            Some((stream, slot)) = next(&listener, &slots) => {
                open.spawn(converse(stream, via, slot, app.clone(), stop.clone()));
            }
        }
    }
    drop(listener);
    let drained = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(app.limits.grace, drained).await.is_err() {
        tracing::debug!(connections = open.len(), "connections cut off at the end");
    }
    open.shutdown().await;
}

/// The next connection, once there is room for one.
async fn next<L: Listener>(
    listener: &L,
    slots: &Arc<Semaphore>,
) -> Option<(L::Stream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    let mut told = false;
    loop {
        match listener.next().await {
            Ok(stream) => return Some((stream, slot)),
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "a connection cannot be accepted; it is tried again");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from its first request to its last.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    via: Via,
    slot: OwnedSemaphorePermit,
    app: App,
    stop: CancellationToken,
) {
    let io = TokioIo::new(Stall::new(stream, app.limits.stall));
    let head = app.limits.head;
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(routes::answer(&app, via, request).await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_LIMIT_BYTES)
        .serve_connection(io, service);
    let mut conversation = pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection broke");
    }
    drop(slot);
}
