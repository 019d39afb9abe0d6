//! `/health`, from the snapshot alone: a request costs the store and the exchanges nothing.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::operation::Operation;
use super::route::Route;
use crate::api::{ExchangeHealth, Health, StreamsHealth};
use crate::daemon::{Condition, ExchangeView, Snapshot, troubles};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::json;
use crate::model::Micros;
use crate::telemetry::LiveState;

pub(super) fn route() -> Route {
    Route::read("/health", Access::Reader, health).that(Operation::about("Workers, store, disk, exchanges and live series, with what is wrong and since when; 503 if nothing is collected").answering::<Health<'_>>(200).answering::<Health<'_>>(503))
}

/// The overall state; 503 only if nothing is being collected.
async fn health(State(app): State<App>) -> Response {
    let (snapshot, unready) = (app.status.snapshot(), app.status.troubles());
    let condition = Condition::of(&snapshot, &unready);
    let status = match condition {
        Condition::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        Condition::Degraded | Condition::Healthy => StatusCode::OK,
    };
    let exchanges = snapshot.exchanges.iter().map(exchange).collect();
    json(
        status,
        &Health {
            status: condition.name(),
            environment: &snapshot.environment,
            version: env!("CARGO_PKG_VERSION"),
            reasons: unready.into_iter().chain(troubles(&snapshot)).collect(),
            workers: &snapshot.workers,
            store: &snapshot.store,
            disk: &snapshot.disk,
            exchanges,
            streams: streams(&snapshot),
            generated_at: snapshot.at.to_string(),
        },
    )
}

fn streams(snapshot: &Snapshot) -> StreamsHealth<'_> {
    let mut states: BTreeMap<&str, u64> = LiveState::ALL.iter().map(|state| (state.name(), 0)).collect();
    for stream in &snapshot.streams {
        *states.entry(stream.state).or_default() += 1;
    }
    let live = LiveState::Live.name();
    let not_live = snapshot.streams.iter().filter(|stream| stream.state != live).collect();
    StreamsHealth { states, not_live }
}

fn exchange(view: &ExchangeView) -> ExchangeHealth<'_> {
    let text = |at: Option<Micros>| at.map(|at| at.to_string());
    let (limited_until, banned_until) = (text(view.limited_until), text(view.banned_until));
    ExchangeHealth { name: view.name, up: view.is_up, limited_until, banned_until }
}
