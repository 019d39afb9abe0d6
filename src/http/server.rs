//! Connections: a bounded number, each with time-outs, all ended soon after stop.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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

async fn accept(listener: TcpListener, app: App, slots: Arc<Semaphore>, stop: CancellationToken) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // A connection that panicked ended nothing but itself.
            Some(_) = open.join_next() => {}
            Some((stream, slot)) = next(&listener, &slots) => {
                open.spawn(converse(stream, slot, app.clone(), stop.clone()));
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
async fn next(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, slot)),
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
async fn converse(stream: TcpStream, slot: OwnedSemaphorePermit, app: App, stop: CancellationToken) {
    // Answers are written at once; without it the last part of one may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Stall::new(stream, app.limits.stall));
    let head = app.limits.head;
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(routes::answer(&app, request).await) }
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
