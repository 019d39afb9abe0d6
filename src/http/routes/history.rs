//! `GET /api/v1/metrics`: the history of metrics, of all workers of the state store.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::operation::Operation;
use super::parameters::Parameters;
use super::reading::{answer, wrong};
use super::route::Route;
use crate::api::HistoryAnswer;
use crate::engine::history::{AskError, Asked};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::problem;
use crate::telemetry::events::Chain;

pub(super) fn route() -> Route {
    Route::read("/api/v1/metrics", Access::Reader, metrics).that(
        Operation::about("The history of metrics of all workers, from the state store")
            .asking::<Asked>()
            .reading::<HistoryAnswer>(),
    )
}

async fn metrics(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(asked): Parameters<Asked>,
) -> Response {
    answer(&app, &headers, async |control| control.history(&asked).await, refuse).await
}

pub(super) fn refuse(error: &AskError) -> Response {
    match error {
        AskError::Wrong(part) => wrong(part),
        AskError::Store(error) => problem(StatusCode::SERVICE_UNAVAILABLE, Chain(error).to_string(), None),
    }
}
