//! Short answers: text and JSON, whole in memory.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use serde::Serialize;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => reply(status, JSON, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be encoded");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be encoded; see the log\n")
        }
    }
}

pub(super) fn html(text: String) -> Response {
    reply(StatusCode::OK, HTML, text)
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    reply(status, TEXT, text)
}

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut reply = Response::new(Body::from(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
