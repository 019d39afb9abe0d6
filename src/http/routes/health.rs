//! `/health`, from the snapshot alone: a request costs the store and the exchanges nothing.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::operation::Operation;
use super::route::Route;
use crate::api::{BookHealth, BooksHealth, ExchangeHealth, Health, PartHealth, StreamsHealth};
use crate::daemon::{Condition, ExchangeView, Snapshot, StreamView, Trouble, WorkerView, troubles};
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
    let parts = Parts(troubles(&snapshot));
    let exchanges = snapshot.exchanges.iter();
    let exchanges = exchanges.map(|own| parts.of(exchange(own), format!("exchange {}", own.name)));
    let remotes = snapshot.remotes.iter().map(|own| parts.of(own, format!("remote {}", own.name)));
    json(
        status,
        &Health {
            status: condition.name(),
            environment: &snapshot.environment,
            version: env!("CARGO_PKG_VERSION"),
            workers: workers(&snapshot, &unready, &parts),
            store: parts.of(&snapshot.store, "state store".to_owned()),
            disk: parts.of(&snapshot.disk, "disk".to_owned()),
            exchanges: exchanges.collect(),
            streams: streams(&snapshot),
            books: books(&snapshot),
            remotes: remotes.collect(),
            generated_at: snapshot.at.to_string(),
            reasons: unready.into_iter().chain(parts.0).collect(),
        },
    )
}

/// The problems of parts, by their names.
struct Parts(Vec<Trouble>);

impl Parts {
    fn of<T>(&self, part: T, about: String) -> PartHealth<T> {
        let own = self.0.iter().find(|trouble| trouble.about == about);
        let (reason, since) = (own.map(|own| own.why.clone()), own.map(|own| own.since.to_string()));
        PartHealth { part, reason, since }
    }
}

/// This process first, which has every reason for not being ready.
fn workers<'a>(
    snapshot: &'a Snapshot,
    unready: &[Trouble],
    parts: &Parts,
) -> Vec<PartHealth<&'a WorkerView>> {
    let mut all: Vec<PartHealth<&WorkerView>> =
        snapshot.workers.iter().map(|own| parts.of(own, format!("worker {}", own.id))).collect();
    if let (Some(own), Some(since)) = (all.first_mut(), unready.iter().map(|own| own.since).min()) {
        let reasons: Vec<&str> = unready.iter().map(|own| own.why.as_str()).collect();
        (own.reason, own.since) = (Some(reasons.join("; ")), Some(since.to_string()));
    }
    all
}

pub(super) fn books(snapshot: &Snapshot) -> BooksHealth<'_> {
    let is_book = |own: &&StreamView| own.series.ends_with("/orderbook");
    let live = snapshot.streams.iter().filter(is_book).filter(|own| own.state == LiveState::Live.name());
    let mut out_of_step = Vec::new();
    for StreamView { series, out_of_step: fallen, .. } in &snapshot.streams {
        out_of_step.extend(fallen.as_ref().map(|fallen| BookHealth { series, fallen }));
    }
    BooksHealth { in_step: live.filter(|own| own.out_of_step.is_none()).count() as u64, out_of_step }
}

fn streams(snapshot: &Snapshot) -> StreamsHealth<'_> {
    let live = LiveState::Live.name();
    let not_live = snapshot.streams.iter().filter(|stream| stream.state != live).collect();
    StreamsHealth { states: states(snapshot), not_live }
}

/// How many live series are in each state.
pub(super) fn states(snapshot: &Snapshot) -> BTreeMap<&str, u64> {
    let mut states: BTreeMap<&str, u64> = LiveState::ALL.iter().map(|state| (state.name(), 0)).collect();
    for stream in &snapshot.streams {
        *states.entry(stream.state).or_default() += 1;
    }
    states
}

fn exchange(view: &ExchangeView) -> ExchangeHealth<'_> {
    let text = |at: Option<Micros>| at.map(|at| at.to_string());
    let (limited_until, banned_until) = (text(view.limited_until), text(view.banned_until));
    ExchangeHealth { name: view.name, up: view.is_up, limited_until, banned_until }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http_body_util::BodyExt;
    use serde::Deserialize;

    use super::*;
    use crate::daemon::{DiskView, OutOfStep, RemoteView, STARTING, Status, StoreView};
    use crate::telemetry::Telemetry;

    const AT: Micros = Micros(1_700_000_000_000_000);

    #[derive(Debug, Deserialize)]
    struct Told {
        status: String,
        environment: String,
        reasons: Vec<About>,
        workers: Vec<Part>,
        store: Part,
        disk: Part,
        exchanges: Vec<Part>,
        streams: Streams,
        books: Books,
        remotes: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    struct About {
        about: String,
    }

    #[derive(Debug, Deserialize)]
    struct Part {
        #[serde(alias = "why")]
        reason: Option<String>,
        since: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    struct Streams {
        not_live: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    struct Books {
        in_step: u64,
        out_of_step: Vec<Part>,
    }

    async fn told(status: Arc<Status>) -> (StatusCode, Told) {
        let reply = health(State(App::new(Telemetry::new(), status))).await;
        let (head, body) = reply.into_parts();
        let told = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        (head.status, told)
    }

    fn worker(id: &str, state: &'static str) -> WorkerView {
        WorkerView { id: id.to_owned(), state, last_seen_s: 70.0, ..WorkerView::default() }
    }

    fn book(pair: &str, out_of_step: Option<OutOfStep>) -> StreamView {
        let series = format!("okx/{pair}/orderbook");
        StreamView { series, state: "live", since: AT, out_of_step, ..StreamView::default() }
    }

    fn unwell() -> Snapshot {
        let fallen = OutOfStep { reason: "checksum".to_owned(), since: AT - Duration::from_secs(61) };
        let refused = StreamView {
            series: "okx/BTC-USDT/trades".to_owned(),
            state: "refused",
            since: AT,
            why: Some("no such market".to_owned()),
            ..StreamView::default()
        };
        let remote = |name: &str, last_error: Option<&str>| RemoteView {
            name: name.to_owned(),
            consecutive_errors: 3,
            last_error: last_error.map(str::to_owned),
            ..RemoteView::default()
        };
        Snapshot {
            at: AT,
            environment: "production".to_owned(),
            workers: vec![worker("own:1:1", "running"), worker("other:2:2", "dead")],
            store: StoreView { error: Some("it does not answer".to_owned()), ..StoreView::default() },
            disk: DiskView { error: Some("no space left".to_owned()), ..DiskView::default() },
            exchanges: vec![
                ExchangeView { name: "okx", is_down: true, ..ExchangeView::default() },
                ExchangeView { name: "kraken", is_up: true, ..ExchangeView::default() },
            ],
            streams: vec![refused, book("BTC-USDT", Some(fallen)), book("ETH-USDT", None)],
            remotes: vec![remote("attic", Some("no route")), remote("cellar", None)],
            ..Snapshot::default()
        }
    }

    #[tokio::test]
    async fn every_part_that_is_not_well_says_why_and_since_when() {
        let status = Arc::new(Status::new());
        status.clear_unready(STARTING);
        status.set_snapshot(unwell());

        let (code, told) = told(status).await;

        assert_eq!((code.as_u16(), &*told.status, &*told.environment), (200, "degraded", "production"));
        for (part, reason) in [
            (&told.store, "it does not answer"),
            (&told.disk, "no space left"),
            (&told.workers[1], "it was last heard of 70 s ago"),
            (&told.exchanges[0], "it did not answer the last request"),
            (&told.remotes[0], "3 syncs failed in a row: no route"),
            (&told.books.out_of_step[0], "checksum"),
            (&told.streams.not_live[0], "no such market"),
        ] {
            assert_eq!(part.reason.as_deref(), Some(reason));
            assert!(
                part.since.as_ref().is_some_and(|since| since.starts_with("2023-11-14T22:1")),
                "{part:?}"
            );
        }
        for well in [&told.workers[0], &told.exchanges[1], &told.remotes[1]] {
            assert!(well.reason.is_none() && well.since.is_none(), "{well:?}");
        }
        assert_eq!(told.books.in_step, 1);
        let about: Vec<&str> = told.reasons.iter().map(|own| own.about.as_str()).collect();
        assert_eq!(
            about,
            [
                "state store",
                "disk",
                "exchange okx",
                "streams of okx",
                "books of okx",
                "remote attic",
                "worker other:2:2"
            ]
        );
    }

    #[tokio::test]
    async fn a_process_that_is_not_ready_has_the_reasons_as_its_own() {
        let status = Arc::new(Status::new());
        let workers = vec![worker("own:1:1", "starting")];
        status.set_snapshot(Snapshot { at: AT, workers, ..Snapshot::default() });

        let (code, told) = told(status).await;

        assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(told.workers[0].reason.as_deref(), Some("the daemon is starting"));
        assert!(told.workers[0].since.is_some());
    }
}
