//! `/logs`: the newest lines of the log.

use axum::extract::State;
use axum::response::Response;

use super::visit::{Asked, Visit};
use crate::api::LogsAsked;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, View};
use crate::http::reply::html;
use crate::http::routes::logs::refuse;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::route::Route;

pub(super) fn route() -> Route {
    let operation = Operation::about("The newest lines of the log, as a page").asking::<LogsAsked>();
    Route::read("/logs", Access::Reader, shown).that(operation.sending(200, "text/html"))
}

async fn shown(State(app): State<App>, visit: Visit, Asked(asked): Asked<LogsAsked>) -> Response {
    let question = asked.clone();
    match read(&app, async |control| control.logs(question).await).await {
        Ok(Ok(shown)) => html(page::logs(&visit.frame(View::Logs, "Logs"), Some(&shown), &asked)),
        Ok(Err(error)) => {
            let page = async |visit: &Visit| html(page::logs(&visit.frame(View::Logs, "Logs"), None, &asked));
            visit.unanswered("/logs", refuse(&error), page).await
        }
        Err(refused) => *refused,
    }
}
