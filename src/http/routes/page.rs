//! `/`: the monitor page.

use axum::extract::State;
use axum::response::Response;

use super::operation::Operation;
use super::route::Route;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{View, landing};
use crate::http::reply::html;

pub(super) fn route() -> Route {
    Route::read("/", Access::Reader, page)
        .that(Operation::about("The monitor page; works without JavaScript").sending(200, "text/html"))
}

async fn page(State(app): State<App>) -> Response {
    let (snapshot, jobs, unready) = (app.status.snapshot(), app.status.jobs(), app.status.unready());
    html(landing(&View { snapshot: &snapshot, jobs: &jobs, unready: &unready }))
}
