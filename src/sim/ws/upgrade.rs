//! The request that turns an HTTP connection into a socket.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response, StatusCode, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::sim::body::ReplyBody;
use crate::sim::knobs::Knobs;
use crate::sim::query::Query;
use crate::sim::registry::route;
use crate::sim::ws::counters::Counters;
use crate::sim::ws::protocol::Protocol;

/// A connection that is about to become a socket.
pub(in crate::sim) struct Upgrade {
    pub(super) exchange: &'static str,
    pub(super) path: String,
    pub(super) protocol: Box<dyn Protocol>,
}

/// The answer to a request for a socket, and what becomes of the connection; none where it is an ordinary request.
pub(in crate::sim) fn upgrade(
    request: &Request<Incoming>,
    knobs: &Knobs,
    counters: &Counters,
) -> Option<(Response<ReplyBody>, Option<Upgrade>)> {
    let key = key(request.headers())?;
    let uri = request.uri();
    let (venue, own) = route(uri.path());
    let Some(protocol) = venue.socket(own, Query(uri.query().unwrap_or_default())) else {
        return Some((empty(StatusCode::NOT_FOUND), None));
    };
    let exchange = venue.name();
    if counters.connects_too_often(exchange, &protocol.limits(), knobs.clock.now()) {
        return Some((empty(StatusCode::TOO_MANY_REQUESTS), None));
    }
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(&key).parse().ok()?);
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    Some((answer, Some(Upgrade { exchange, path, protocol })))
}

/// The key of a request for a socket.
fn key(headers: &HeaderMap) -> Option<Vec<u8>> {
    let wanted = headers.get(header::UPGRADE)?.to_str().ok()?;
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    wanted.eq_ignore_ascii_case("websocket").then(|| key.as_bytes().to_vec())
}

fn empty(status: StatusCode) -> Response<ReplyBody> {
    let mut answer = Response::new(ReplyBody::Whole(Bytes::new()));
    *answer.status_mut() = status;
    answer
}
