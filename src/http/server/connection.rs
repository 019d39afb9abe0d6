//! One connection, from its handshake to its last request.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::crowd::Guest;
use super::stall::Stall;
use crate::http::auth::{Caller, Via};
use crate::http::routes::Routes;
use crate::telemetry::events::{ConnectionStalled, ConnectionsChanged, RequestRefused};
use crate::telemetry::{Refusal, Telemetry};

/// Larger request heads are rejected.
const HEAD_LIMIT_BYTES: usize = 32 * 1024;

/// Counts a connection while it is open.
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
pub(super) async fn connected(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (caller, guest): (Caller, Guest),
    slot: OwnedSemaphorePermit,
    routes: Routes,
    stop: CancellationToken,
) {
    let app = &routes.app;
    let _counted = Counted::new(&app.telemetry);
    let stream = Stall::new(stream, app.limits.stall);
    let config = app.auth.web_config();
    // Socket traffic stays on this machine and needs no TLS.
    let tls = config.as_ref().and_then(|config| config.tls.as_ref()).filter(|_| caller.via != Via::Socket);
    let Some(tls) = tls else {
        return converse(stream, (caller, guest), slot, routes, stop).await;
    };
    let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(app.limits.head, handshake) => shaken,
        () = stop.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => converse(stream, (caller, guest), slot, routes, stop).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = ?caller.peer, "no TLS with a client");
            app.telemetry.emit(RequestRefused { reason: Refusal::Handshake, peer: caller.peer });
        }
        Err(_) => {
            app.telemetry.emit(RequestRefused { reason: Refusal::Handshake, peer: caller.peer });
        }
    }
}

/// Serves the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    (caller, guest): (Caller, Guest),
    slot: OwnedSemaphorePermit,
    routes: Routes,
    stop: CancellationToken,
) {
    let (head, telemetry) = (routes.app.limits.head, routes.app.telemetry.clone());
    let asked = guest.clone();
    let service = service_fn(move |request| {
        asked.has_asked();
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(routes.answer(caller, request).await) }
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
        if is_stall(&error) {
            telemetry.emit(ConnectionStalled { peer: caller.peer });
        }
        tracing::debug!(%error, "a client's connection broke");
    }
    drop(slot);
}

/// Whether a write was given up because the client took nothing.
fn is_stall(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}
