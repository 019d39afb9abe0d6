//! Connections: a bounded number, each with time-outs, all ended soon after stop.

use std::convert::Infallible;
use std::net::IpAddr;
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
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::auth::{Caller, Via};
use super::crowd::{Crowd, Guest};
use super::stall::Stall;
use super::{App, routes};
use crate::telemetry::events::{ConnectionsChanged, RequestRefused};
use crate::telemetry::{Refusal, Telemetry};

/// A request's head is no larger.
const HEAD_LIMIT_BYTES: usize = 32 * 1024;

/// How long to wait when a connection cannot be accepted, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, then gives open connections their grace and ends.
pub async fn serve(listeners: Vec<TcpListener>, app: App, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.limits.connections));
    let mut serving = JoinSet::new();
    if let Some(web) = app.auth.web() {
        serving.spawn(Arc::clone(web).keep(app.telemetry.clone(), stop.clone()));
    }
    for listener in listeners {
        serving.spawn(accept(listener, app.clone(), Arc::clone(&slots), stop.clone()));
    }
    while serving.join_next().await.is_some() {}
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

    /// The next connection, and the address it comes from where it has one.
    fn next(&self) -> impl Future<Output = std::io::Result<(Self::Stream, Option<IpAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn via(&self) -> Via {
        let is_loopback = self.local_addr().is_ok_and(|address| address.ip().is_loopback());
        if is_loopback { Via::Loopback } else { Via::Network }
    }

    async fn next(&self) -> std::io::Result<(TcpStream, Option<IpAddr>)> {
        let (stream, peer) = self.accept().await?;
        // Answers are written at once; without it the last part of one may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        Ok((stream, Some(peer.ip())))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    fn via(&self) -> Via {
        Via::Socket
    }

    async fn next(&self) -> std::io::Result<(UnixStream, Option<IpAddr>)> {
        self.accept().await.map(|(stream, _)| (stream, None))
    }
}

async fn accept<L: Listener + Sync>(listener: L, app: App, slots: Arc<Semaphore>, stop: CancellationToken) {
    let mut open = JoinSet::new();
    let via = listener.via();
    let crowd = Crowd::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // A connection that panicked ended nothing but itself.
            Some(_) = open.join_next() => {}
            Some((stream, peer, slot)) = next(&listener, &slots, &crowd) => {
                let (caller, guest) = (Caller { peer, via }, crowd.enter());
                open.spawn(connected(stream, (caller, guest), slot, app.clone(), stop.clone()));
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

/// The next connection, once there is room for one. On our own socket whoever waits longest without having asked for
/// anything makes room: a command is not held up by clients that say nothing.
async fn next<L: Listener>(
    listener: &L,
    slots: &Arc<Semaphore>,
    crowd: &Crowd,
) -> Option<(L::Stream, Option<IpAddr>, OwnedSemaphorePermit)> {
    let slot = match Arc::clone(slots).try_acquire_owned() {
        Ok(slot) => slot,
        Err(_) => {
            if listener.via() == Via::Socket {
                crowd.make_room();
            }
            Arc::clone(slots).acquire_owned().await.ok()?
        }
    };
    let mut told = false;
    loop {
        match listener.next().await {
            Ok((stream, peer)) => return Some((stream, peer, slot)),
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "a connection cannot be accepted; it is tried again");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Counts a connection for as long as it lives.
struct Counted(Telemetry);

impl Counted {
    fn new(telemetry: &Telemetry) -> Self {
        telemetry.emit(ConnectionsChanged { opened: true });
        Counted(telemetry.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.emit(ConnectionsChanged { opened: false });
    }
}

/// One connection, from its handshake to its last request.
async fn connected(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (caller, guest): (Caller, Guest),
    slot: OwnedSemaphorePermit,
    app: App,
    stop: CancellationToken,
) {
    let _counted = Counted::new(&app.telemetry);
    let stream = Stall::new(stream, app.limits.stall);
    let config = app.auth.web_config();
    // The socket is this machine's own: nobody listens in between.
    let tls = config.as_ref().and_then(|config| config.tls.as_ref()).filter(|_| caller.via != Via::Socket);
    let Some(tls) = tls else {
        return converse(stream, (caller, guest), slot, app, stop).await;
    };
    let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(app.limits.head, handshake) => shaken,
        () = stop.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => converse(stream, (caller, guest), slot, app, stop).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = ?caller.peer, "no TLS with a client");
            app.telemetry.emit(RequestRefused { reason: Refusal::Handshake, peer: caller.peer });
        }
        Err(_) => {
            app.telemetry.emit(RequestRefused { reason: Refusal::Handshake, peer: caller.peer });
        }
    }
}

/// A conversation, from its first request to its last.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    (caller, guest): (Caller, Guest),
    slot: OwnedSemaphorePermit,
    app: App,
    stop: CancellationToken,
) {
    let head = app.limits.head;
    let asked = guest.clone();
    let service = service_fn(move |request| {
        asked.has_asked();
        let app = app.clone();
        async move { Ok::<_, Infallible>(routes::answer(&app, caller, request).await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_LIMIT_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut conversation = pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
        () = guest.is_shown_out() => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection broke");
    }
    drop(slot);
}
