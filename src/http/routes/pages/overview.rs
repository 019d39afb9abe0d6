//! `/`: the overview.

use axum::extract::State;
use axum::response::Response;

use super::visit::Visit;
use crate::daemon::overview;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, View};
use crate::http::reply::html;
use crate::http::routes::operation::Operation;
use crate::http::routes::route::Route;

pub(super) fn route() -> Route {
    Route::read("/", Access::Reader, shown)
        .that(Operation::about("The monitor page: the overview").sending(200, "text/html"))
}

async fn shown(State(app): State<App>, visit: Visit) -> Response {
    let (snapshot, jobs) = (app.status.snapshot(), app.status.jobs());
    let shown = overview(&snapshot, &jobs, app.status.troubles());
    html(page::overview(&visit.frame(View::Overview, "Overview"), &shown))
}
