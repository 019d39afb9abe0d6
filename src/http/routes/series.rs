//! `GET /api/v1/series…`: what is held of series and what is missing.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::operation::Operation;
use super::parameters::{Nothing, Parameters};
use super::reading::{answer, wrong};
use super::resource::Id;
use super::route::Route;
use crate::api::{
    Coverage, CoverageAsked, FilesAsked, FilesPage, GapsAsked, GapsPage, SeriesAsked, SeriesLine, SeriesPage,
};
use crate::engine::series::{OneError, SelectError};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::problem;
use crate::telemetry::events::Chain;

pub(super) fn routes() -> [Route; 5] {
    [
        Route::read("/api/v1/series", Access::Reader, all).that(Operation::about("Series: what is stored of each, what is missing, and how its runs went").asking::<SeriesAsked>().reading::<SeriesPage>()),
        Route::read("/api/v1/series/{id}", Access::Reader, one).that(Operation::about("One series").asking::<Nothing>().reading::<SeriesLine>()),
        Route::read("/api/v1/series/{id}/gaps", Access::Reader, gaps).that(Operation::about("Windows of a series that are not covered, with the reason of each, and rows that were set aside").asking::<GapsAsked>().reading::<GapsPage>()),
        Route::read("/api/v1/series/{id}/coverage", Access::Reader, coverage).that(Operation::about("The coverage of a series: windows that are covered, missing, empty or unfillable").asking::<CoverageAsked>().reading::<Coverage>()),
        Route::read("/api/v1/series/{id}/files", Access::Reader, files).that(Operation::about("Files of a series, the newest first, and the remotes that hold each").asking::<FilesAsked>().reading::<FilesPage>()),
    ]
}

async fn all(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(asked): Parameters<SeriesAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.series(&asked).await, unselected).await
}

async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(_): Parameters<Nothing>,
) -> Response {
    answer(&app, &headers, async |control| control.one_series(&id).await, refuse).await
}

async fn gaps(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(asked): Parameters<GapsAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.gaps(id, asked).await, refuse).await
}

async fn coverage(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(asked): Parameters<CoverageAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.coverage(id, asked).await, refuse).await
}

async fn files(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(asked): Parameters<FilesAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.files(id, asked).await, refuse).await
}

pub(super) fn unselected(error: &SelectError) -> Response {
    match error {
        SelectError::Wrong(part) => wrong(part),
        SelectError::Catalogue(error) => unavailable(error),
    }
}

pub(super) fn refuse(error: &OneError) -> Response {
    match error {
        OneError::Wrong(part) => wrong(part),
        OneError::NoSeries(none) => problem(StatusCode::NOT_FOUND, none.to_string(), Some("id".to_owned())),
        OneError::Unaccounted { .. } => problem(StatusCode::CONFLICT, error.to_string(), None),
        OneError::Catalogue(_) | OneError::Store(_) | OneError::Broken { .. } => unavailable(error),
    }
}

fn unavailable(error: &dyn std::error::Error) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, Chain(error).to_string(), None)
}
