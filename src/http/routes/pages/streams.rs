//! `/streams`: the live series.

use axum::extract::State;
use axum::response::Response;

use super::visit::{Asked, Visit};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, StreamsAsked, View};
use crate::http::reply::html;
use crate::http::routes::history::refuse;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::route::Route;
use crate::http::routes::streams::streams_of;

pub(super) fn route() -> Route {
    let operation = Operation::about("The live series, as a page").asking::<StreamsAsked>();
    Route::read("/streams", Access::Reader, shown).that(operation.sending(200, "text/html"))
}

async fn shown(State(app): State<App>, visit: Visit, Asked(asked): Asked<StreamsAsked>) -> Response {
    match read(&app, async |control| control.stream_rates().await).await {
        Ok(Ok(rates)) => {
            let snapshot = app.status.snapshot();
            let streams = streams_of(&snapshot, rates);
            html(page::streams(&visit.frame(View::Streams, "Streams"), &streams, &asked))
        }
        Ok(Err(error)) => refuse(&error),
        Err(refused) => *refused,
    }
}
