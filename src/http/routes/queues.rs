//! `/health/v2/queues`, from the snapshot alone: a request costs the store and the exchanges nothing.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::operation::Operation;
use super::route::Route;
use crate::api::{QueueHealth, Queues, RateLimit};
use crate::daemon::{QueueView, Snapshot};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::json;

pub(super) fn route() -> Route {
    Route::read("/health/v2/queues", Access::Reader, queues).that(
        Operation::about("The queue of each exchange; 503 if the state store is unreachable")
            .answering::<Queues<'_>>(200)
            .answering::<Queues<'_>>(503),
    )
}

/// The queues; 503 with the same body if the store is unreachable.
async fn queues(State(app): State<App>) -> Response {
    let snapshot = app.status.snapshot();
    let queues = queues_of(&snapshot);
    let status = if queues.error.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    json(status, &queues)
}

/// The queues of a snapshot.
pub(super) fn queues_of(snapshot: &Snapshot) -> Queues<'_> {
    let error = snapshot.store.error.as_deref();
    Queues {
        broker: if error.is_some() { "error" } else { "connected" },
        error,
        store: &snapshot.store,
        environment: &snapshot.environment,
        queues: snapshot.queues.iter().map(|own| (&*own.name, queue(own, snapshot))).collect(),
        workers: &snapshot.workers,
        generated_at: snapshot.at.to_string(),
    }
}

fn queue<'a>(own: &'a QueueView, snapshot: &'a Snapshot) -> QueueHealth<'a> {
    let at = snapshot.at;
    let exchange = snapshot.exchanges.iter().find(|exchange| exchange.name == own.name);
    let banned = exchange.and_then(|exchange| exchange.banned_until);
    let held = banned.or_else(|| exchange.and_then(|exchange| exchange.limited_until));
    let is_idle = own.depth + own.scheduled + own.in_progress == 0;
    QueueHealth {
        name: &own.name,
        status: if own.paused > 0 && is_idle { "paused" } else { "active" },
        depth: own.depth,
        scheduled: own.scheduled,
        in_progress: own.in_progress,
        failed: own.failed,
        exhausted: own.exhausted,
        paused: own.paused,
        oldest_waiting_s: own.oldest_due.map_or(0.0, |due| at.since(due).as_secs_f64()),
        rate_limit: exchange.map(|exchange| RateLimit {
            limit: exchange.limit,
            per_s: exchange.per_secs,
            free_in_s: held.map_or(0.0, |until| until.since(at).as_secs_f64()),
        }),
        paused_until: banned.map(|until| until.to_string()),
    }
}
