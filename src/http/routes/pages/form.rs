//! The fields that a form of a page sends.

use axum::body::Body;
use axum::extract::{FromRequest, Query, Request};
use axum::response::Response;
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::http::app::App;
use crate::http::reply::plain;
use crate::http::routes::body::Whole;

/// The fields in the body of a form. One that was left empty counts as absent.
pub(super) struct Form<F>(pub(super) F);

impl<F: DeserializeOwned> FromRequest<App> for Form<F> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let whole = Whole::from_request(request, app).await?;
        let mut bounded = Request::new(Body::from(whole.bytes().to_vec()));
        *bounded.method_mut() = Method::POST;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        bounded.headers_mut().insert(header::CONTENT_TYPE, form);
        let pairs = axum::Form::<Vec<(String, String)>>::from_request(bounded, app).await;
        let pairs = pairs.map_err(|error| plain(StatusCode::BAD_REQUEST, error.body_text()))?;
        filled(&pairs.0).map(Form).map_err(|why| plain(StatusCode::BAD_REQUEST, why))
    }
}

/// Reads fields, without those that were left empty.
fn filled<F: DeserializeOwned>(pairs: &[(String, String)]) -> Result<F, String> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let filled = pairs.iter().filter(|(_, value)| !value.trim().is_empty());
    let query: Vec<String> =
        filled.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let uri = format!("/?{}", query.join("&")).parse().map_err(|_| "this is too long\n".to_owned())?;
    Query::try_from_uri(&uri).map(|Query(read)| read).map_err(|error| error.body_text())
}
