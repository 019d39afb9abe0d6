//! `GET /assets/{name}`: the files that pages load.

use axum::extract::{Path, Request};
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use crate::http::auth::Access;
use crate::http::page::asset;
use crate::http::reply::{plain, reply};
use crate::http::routes::operation::Operation;
use crate::http::routes::route::Route;

/// An address with the version of its file never means another.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) fn route() -> Route {
    let operation = Operation::about("Styles, scripts and the icon of the pages").sending(200, "*/*");
    Route::read("/assets/{name}", Access::Open, file).that(operation)
}

async fn file(Path(name): Path<String>, request: Request) -> Response {
    let Some((asset, version)) = asset(&name) else {
        return plain(StatusCode::NOT_FOUND, "there is no such file\n");
    };
    let tag = format!("\"{version}\"");
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag));
    let mut answer = match is_known {
        true => reply(StatusCode::NOT_MODIFIED, asset.content_type, ""),
        false => reply(StatusCode::OK, asset.content_type, asset.body),
    };
    let is_versioned = request.uri().query() == Some(&format!("v={version}"));
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, if is_versioned { FOR_EVER } else { ASK_AGAIN });
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    answer
}
