//! `GET /api/v1/logs`: the newest lines of the log.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::operation::Operation;
use super::parameters::Parameters;
use super::reading::{answer, wrong};
use super::route::Route;
use crate::api::{LogsAsked, LogsPage};
use crate::engine::LogsError;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::problem;

pub(super) fn route() -> Route {
    Route::read("/api/v1/logs", Access::Reader, logs).that(
        Operation::about("The newest lines of the log, of everything or of some series, by level and words")
            .asking::<LogsAsked>()
            .reading::<LogsPage>(),
    )
}

async fn logs(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(asked): Parameters<LogsAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.logs(asked).await, refuse).await
}

pub(super) fn refuse(error: &LogsError) -> Response {
    match error {
        LogsError::Wrong(part) => wrong(part),
        LogsError::Unreadable(_) => problem(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), None),
    }
}
