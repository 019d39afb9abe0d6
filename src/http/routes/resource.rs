//! The id of a resource in a request's path: a series, a task or a run.
//!
//! An id is one segment of the path, percent-encoded: `/api/v1/series/kraken%2FBTC-USDT%2Fohlc%2F1h/gaps`. Ids of tasks
//! have any number of slashes, so that as segments nothing would tell where an id ends and `gaps` or `retry` begins.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::response::Response;
use hyper::StatusCode;
use hyper::http::request::Parts;

use crate::http::reply::problem;

/// An id, decoded.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let refused = |error: PathRejection| {
            let parameter = Some("id".to_owned());
            problem(StatusCode::BAD_REQUEST, error.body_text(), parameter)
        };
        Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| Id(id)).map_err(refused)
    }
}
