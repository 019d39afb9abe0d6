//! The daemon behind the actions, and the answers for its refusals.

use axum::response::Response;
use hyper::StatusCode;

use crate::daemon::{Control, Refusal};
use crate::http::app::App;
use crate::http::reply::{plain, problem};
use crate::telemetry::events::Chain;

/// The daemon; the error is the answer that there is none.
pub(super) fn control(app: &App) -> Result<&Control, Box<Response>> {
    app.control
        .as_ref()
        .ok_or_else(|| Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, "no daemon is behind this server\n")))
}

pub(super) fn bad(error: String) -> Box<Response> {
    Box::new(problem(StatusCode::BAD_REQUEST, error, None))
}

pub(super) fn refused(refusal: &Refusal) -> Box<Response> {
    let status = match refusal {
        Refusal::NoSuchJob { .. } => StatusCode::NOT_FOUND,
        Refusal::NoRemote => StatusCode::CONFLICT,
        Refusal::TooMuch | Refusal::NoAnswer => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Db(_) | Refusal::Engine(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Box::new(problem(status, Chain(refusal).to_string(), None))
}

/// The answer of an action that may fail.
pub(super) fn answer(done: Result<Response, Box<Response>>) -> Response {
    done.unwrap_or_else(|refused| *refused)
}
