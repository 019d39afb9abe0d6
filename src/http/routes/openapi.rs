//! `GET /api/openapi.json`: the document of all routes.

#![allow(clippy::disallowed_types, reason = "a document of schemas has no shape of its own")]

use axum::extract::State;
use axum::response::Response;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::operation::Operation;
use super::parameters::{Nothing, Parameters};
use super::route::Route;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::tagged_json;

pub(super) fn route() -> Route {
    let about = Operation::about("This document, after OpenAPI 3.1");
    Route::read("/api/openapi.json", Access::Reader, document)
        .that(about.asking::<Nothing>().reading::<Value>())
}

async fn document(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(_): Parameters<Nothing>,
) -> Response {
    tagged_json(&headers, app.document)
}
