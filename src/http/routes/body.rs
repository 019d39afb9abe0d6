//! The body of an action: whole in memory, within the server's limits.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use serde::de::DeserializeOwned;

use super::control::bad;
use crate::http::app::App;
use crate::http::reply::plain;

pub(super) struct Whole(Bytes);

impl Whole {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Parses the body as JSON; the error is the answer that explains the problem.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Box<Response>> {
        serde_json::from_slice(&self.0).map_err(|error| bad(error.to_string()))
    }
}

impl FromRequest<App> for Whole {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let whole = Limited::new(request.into_body(), app.limits.body_bytes).collect();
        match tokio::time::timeout(app.limits.head, whole).await {
            Ok(Ok(whole)) => Ok(Whole(whole.to_bytes())),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("at most {} bytes here\n", app.limits.body_bytes),
            )),
            Ok(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "the body broke off\n")),
            Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "the body did not come\n")),
        }
    }
}
