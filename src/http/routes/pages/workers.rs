//! `/workers`: workers and queues.

use axum::extract::State;
use axum::response::Response;

use super::visit::Visit;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, View};
use crate::http::reply::html;
use crate::http::routes::operation::Operation;
use crate::http::routes::queues::queues_of;
use crate::http::routes::route::Route;

pub(super) fn route() -> Route {
    let operation = Operation::about("The workers and the queue of each exchange, as a page");
    Route::read("/workers", Access::Reader, shown).that(operation.sending(200, "text/html"))
}

async fn shown(State(app): State<App>, visit: Visit) -> Response {
    let snapshot = app.status.snapshot();
    html(page::workers(&visit.frame(View::Workers, "Workers and queues"), &queues_of(&snapshot)))
}
