//! `GET /api/v1/streams`: the live series, and how much their exchanges send.

use axum::extract::State;
use axum::response::Response;
use hyper::header::HeaderMap;

use super::health::{books, states};
use super::history::refuse;
use super::operation::Operation;
use super::parameters::{Nothing, Parameters};
use super::reading::read;
use super::route::Route;
use crate::api::{StreamRate, Streams};
use crate::daemon::Snapshot;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::tagged;

pub(super) fn route() -> Route {
    Route::read("/api/v1/streams", Access::Reader, streams).that(
        Operation::about("The live series: state, last message, lag and reconnects, and messages a second")
            .asking::<Nothing>()
            .reading::<Streams<'_>>(),
    )
}

async fn streams(State(app): State<App>, headers: HeaderMap, Parameters(_): Parameters<Nothing>) -> Response {
    match read(&app, async |control| control.stream_rates().await).await {
        Ok(Ok(rates)) => tagged(&headers, &streams_of(&app.status.snapshot(), rates)),
        Ok(Err(error)) => refuse(&error),
        Err(refused) => *refused,
    }
}

/// The live series of a snapshot, with what their exchanges send.
pub(super) fn streams_of(snapshot: &Snapshot, exchanges: Vec<StreamRate>) -> Streams<'_> {
    let at = snapshot.at.to_string();
    Streams { at, states: states(snapshot), books: books(snapshot), exchanges, streams: &snapshot.streams }
}
