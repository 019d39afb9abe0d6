//! `/health` and `/health/v2/queues`, from the snapshot alone: asking costs the store and the exchanges nothing.

use hyper::StatusCode;

use super::App;
use super::routes::{Reply, json};
use crate::api::{ExchangeHealth, Health, QueueHealth, Queues, RateLimit};
use crate::daemon::{Condition, ExchangeView, QueueView, Snapshot, troubles};
use crate::model::Micros;

/// Everything at a glance; 503 only where nothing is collected.
pub(super) fn health(app: &App) -> Reply {
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
            generated_at: instant(snapshot.at),
        },
    )
}

fn exchange(view: &ExchangeView) -> ExchangeHealth<'_> {
    let (limited_until, banned_until) = (view.limited_until.map(instant), view.banned_until.map(instant));
    ExchangeHealth { name: view.name, up: view.is_up, limited_until, banned_until }
}

/// The queues; 503 with the same body where the store is out of reach.
pub(super) fn queues(app: &App) -> Reply {
    let snapshot = app.status.snapshot();
    let error = snapshot.store.error.as_deref();
    let status = if error.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let queues = snapshot.queues.iter().map(|own| (&*own.name, queue(own, &snapshot))).collect();
    json(
        status,
        &Queues {
            broker: if error.is_some() { "error" } else { "connected" },
            error,
            store: &snapshot.store,
            environment: &snapshot.environment,
            queues,
            workers: &snapshot.workers,
            generated_at: instant(snapshot.at),
        },
    )
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
        paused_until: banned.map(instant),
    }
}

fn instant(at: Micros) -> String {
    at.to_string()
}
