//! `GET /api/v1/overview`: the daemon at a glance, from the snapshot alone.

use axum::extract::State;
use axum::response::Response;
use hyper::header::HeaderMap;

use super::operation::Operation;
use super::route::Route;
use crate::api::Overview;
use crate::daemon::overview;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::tagged;

pub(super) fn route() -> Route {
    Route::read("/api/v1/overview", Access::Reader, shown)
        .that(Operation::about("The daemon at a glance, as `dccd top` shows it").reading::<Overview>())
}

async fn shown(State(app): State<App>, headers: HeaderMap) -> Response {
    tagged(&headers, &overview(&app.status.snapshot(), &app.status.jobs(), app.status.troubles()))
}
