//! Accepts connections: a limited number at a time, and none after a stop.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::connected;
use super::crowd::Crowd;
use super::listener::Listener;
use crate::http::app::App;
use crate::http::auth::{Caller, Via};
use crate::http::routes::Routes;

/// How long to wait if a connection cannot be accepted, most often for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, then waits for open connections to end within their grace.
pub async fn serve(listeners: Vec<TcpListener>, app: App, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.limits.connections));
    let mut serving = JoinSet::new();
    if let Some(web) = app.auth.web() {
        serving.spawn(Arc::clone(web).keep(app.telemetry.clone(), stop.clone()));
    }
    let routes = Routes::new(app);
    for listener in listeners {
        serving.spawn(accept(listener, routes.clone(), Arc::clone(&slots), stop.clone()));
    }
    while serving.join_next().await.is_some() {}
}

/// Serves the unix socket until `stop`, with its own limit on connections: clients on the network cannot lock out
/// the user who runs the daemon.
pub(crate) async fn serve_socket(listener: UnixListener, app: App, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.limits.connections));
    accept(listener, Routes::new(app), slots, stop).await;
}

async fn accept<L: Listener + Sync>(
    listener: L,
    routes: Routes,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let mut open = JoinSet::new();
    let via = listener.via();
    let crowd = Crowd::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // A panic in a connection ends only that connection.
            Some(_) = open.join_next() => {}
            Some((stream, peer, slot)) = next(&listener, &slots, &crowd) => {
                let (caller, guest) = (Caller { peer, via }, crowd.enter());
                open.spawn(connected(stream, (caller, guest), slot, routes.clone(), stop.clone()));
            }
        }
    }
    drop(listener);
    let drained = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(routes.app.limits.grace, drained).await.is_err() {
        tracing::debug!(connections = open.len(), "connections cut off at the end");
    }
    open.shutdown().await;
}

/// The next connection, once there is room. On the unix socket the longest idle connection without a request is
/// closed to make room, so that silent clients cannot block a command.
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
