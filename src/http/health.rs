//! `/health` and `/health/v2/queues`, from the snapshot alone: asking costs the store and the exchanges nothing.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;

use super::App;
use super::routes::{Reply, json};
use crate::daemon::{
    Condition, DiskView, ExchangeView, QueueView, Snapshot, StoreView, Trouble, WorkerView, troubles,
};
use crate::model::Micros;

#[derive(Serialize)]
struct Health<'a> {
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    environment: &'a str,
    version: &'static str,
    /// Why it is not healthy, and since when.
    reasons: Vec<Trouble>,
    workers: &'a [WorkerView],
    store: &'a StoreView,
    disk: &'a DiskView,
    exchanges: Vec<Exchange<'a>>,
    generated_at: String,
}

#[derive(Serialize)]
struct Exchange<'a> {
    name: &'a str,
    up: bool,
    limited_until: Option<String>,
    banned_until: Option<String>,
}

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

fn exchange(view: &ExchangeView) -> Exchange<'_> {
    let (limited_until, banned_until) = (view.limited_until.map(instant), view.banned_until.map(instant));
    Exchange { name: view.name, up: view.is_up, limited_until, banned_until }
}

#[derive(Serialize)]
struct Queues<'a> {
    broker: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    store: &'a StoreView,
    environment: &'a str,
    queues: BTreeMap<&'a str, Queue<'a>>,
    workers: &'a [WorkerView],
    generated_at: String,
}

#[derive(Serialize)]
struct Queue<'a> {
    name: &'a str,
    /// `active`, or `paused` where every job is.
    status: &'static str,
    depth: u64,
    scheduled: u64,
    in_progress: u64,
    failed: u64,
    exhausted: u64,
    paused: u64,
    oldest_waiting_s: f64,
    rate_limit: Option<RateLimit>,
    paused_until: Option<String>,
}

#[derive(Serialize)]
struct RateLimit {
    limit: u32,
    per_s: f64,
    free_in_s: f64,
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

fn queue<'a>(own: &'a QueueView, snapshot: &'a Snapshot) -> Queue<'a> {
    let at = snapshot.at;
    let exchange = snapshot.exchanges.iter().find(|exchange| exchange.name == own.name);
    let banned = exchange.and_then(|exchange| exchange.banned_until);
    let held = banned.or_else(|| exchange.and_then(|exchange| exchange.limited_until));
    let is_idle = own.depth + own.scheduled + own.in_progress == 0;
    Queue {
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
