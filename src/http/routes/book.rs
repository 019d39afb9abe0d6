//! `GET /api/v1/book`: a stored order book as of an instant.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::reading::{answer, wrong};
use super::route::Route;
use crate::engine::book::{AskError, Asked, BookError, uncovered};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::{problem, uncovered_problem};
use crate::telemetry::events::Chain;

pub(super) fn route() -> Route {
    Route::read("/api/v1/book", Access::Reader, book)
}

async fn book(
    State(app): State<App>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    answer(&app, &headers, asked, async |control, asked| control.book(asked).await, refuse).await
}

fn refuse(error: &AskError) -> Response {
    let why = Chain(error).to_string();
    match error {
        AskError::Wrong(part) => wrong(part),
        AskError::NoSeries(_) => problem(StatusCode::NOT_FOUND, why, Some("series")),
        AskError::Book(BookError::NotCovered { uncovered: hole, .. }) => {
            uncovered_problem(why, uncovered(hole))
        }
        AskError::Broken { .. } | AskError::Book(_) => problem(StatusCode::SERVICE_UNAVAILABLE, why, None),
    }
}
