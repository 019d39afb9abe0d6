//! `/streams`: the live series.

use axum::extract::State;
use axum::response::Response;

use super::super::history::refuse;
use super::super::operation::Operation;
use super::super::reading::read;
use super::super::route::Route;
use super::super::streams::streams_of;
use super::visit::{Asked, Visit};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, StreamsAsked, View};
use crate::http::reply::html;

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
