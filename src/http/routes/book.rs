//! `GET /api/v1/series/{id}/book`: a stored order book as of an instant.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::operation::Operation;
use super::parameters::Parameters;
use super::reading::{answer, wrong};
use super::resource::Id;
use super::route::Route;
use crate::api::{BookAnswer, BookAsked};
use crate::engine::book::{AskError, Asked, BookError, uncovered};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::{problem, uncovered_problem};
use crate::telemetry::events::Chain;

pub(super) fn route() -> Route {
    Route::read("/api/v1/series/{id}/book", Access::Reader, book).that(
        Operation::about("A stored order book as of an instant; 409 with the window where it is not known")
            .asking::<BookAsked>()
            .reading::<BookAnswer>(),
    )
}

async fn book(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(asked): Parameters<BookAsked>,
) -> Response {
    let BookAsked { at, levels } = asked;
    let asked = Asked { series: Some(id), at, levels };
    answer(&app, &headers, async |control| control.book(asked).await, refuse).await
}

fn refuse(error: &AskError) -> Response {
    let why = Chain(error).to_string();
    match error {
        AskError::Wrong(part) => wrong(part),
        AskError::NoSeries(_) => problem(StatusCode::NOT_FOUND, why, Some("id".to_owned())),
        AskError::Book(BookError::NotCovered { uncovered: hole, .. }) => {
            uncovered_problem(why, uncovered(hole))
        }
        AskError::Broken { .. } | AskError::Book(_) => problem(StatusCode::SERVICE_UNAVAILABLE, why, None),
    }
}
