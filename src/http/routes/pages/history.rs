//! `/history`: the history of metrics.

use axum::extract::State;
use axum::response::Response;

use super::visit::{self, Visit};
use crate::engine::history::Asked;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, View};
use crate::http::reply::html;
use crate::http::routes::history::refuse;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::route::Route;

pub(super) fn route() -> Route {
    let operation = Operation::about("The history of metrics, as a page").asking::<Asked>();
    Route::read("/history", Access::Reader, shown).that(operation.sending(200, "text/html"))
}

async fn shown(State(app): State<App>, visit: Visit, visit::Asked(asked): visit::Asked<Asked>) -> Response {
    match read(&app, async |control| control.history(&asked).await).await {
        Ok(Ok(shown)) => html(page::history(&visit.frame(View::History, "History"), Some(&shown), &asked)),
        Ok(Err(error)) => {
            let page = async |visit: &Visit| {
                html(page::history(&visit.frame(View::History, "History"), None, &asked))
            };
            visit.unanswered("/history", refuse(&error), page).await
        }
        Err(refused) => *refused,
    }
}
