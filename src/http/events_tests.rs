//! Readers of the feed of events.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;

use super::app::{App, Limits};
use super::auth::{Caller, Via};
use super::routes::Routes;
use crate::daemon::Status;
use crate::model::{Micros, Series};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{HealthChanged, JobStarted, JobStopped, JobsPaused, RowsAccepted, RowsDue};

struct World {
    telemetry: Telemetry,
    routes: Routes,
}

impl World {
    fn new(limits: Limits) -> Self {
        let telemetry = Telemetry::new();
        let app = App::with_limits(telemetry.clone(), Arc::new(Status::new()), limits);
        World { telemetry, routes: Routes::new(app) }
    }

    async fn ask(&self, query: &str, last: Option<&str>) -> Response {
        let mut request =
            Request::builder().uri(format!("/api/v1/events{query}")).header("host", "localhost");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let caller = Caller { peer: None, via: Via::Socket };
        self.routes.answer(caller, request.body(Empty::<Bytes>::new()).unwrap()).await
    }

    fn rows(&self, name: &str, rows: u64) {
        let series = series(name);
        self.telemetry.emit(RowsAccepted { series: &series, fresh: rows });
    }

    fn due(&self) {
        self.telemetry.emit(RowsDue { at: Micros(0) });
    }

    fn paused(&self, name: &str) {
        self.telemetry.emit(JobsPaused { series: &[series(name)], is_paused: true });
    }

    fn metric(&self, name: &str) -> f64 {
        let text = crate::telemetry::exposition::text(self.telemetry.metrics()).unwrap();
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().parse().unwrap()
    }
}

fn series(name: &str) -> Series {
    name.parse().unwrap()
}

/// The next text of an answer; none after the last.
async fn next(reply: &mut Response) -> Option<String> {
    let frame = reply.body_mut().frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

/// The ids of the events in a text.
fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

const TRADES: &str = "binance/BTC-USDT/trades";
const CANDLES: &str = "kraken/BTC-USD/ohlc/1h";

#[tokio::test(start_paused = true)]
async fn events_are_sent_as_they_happen_each_with_its_id() {
    let world = World::new(Limits::default());
    let mut reply = world.ask("", None).await;
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let hello = next(&mut reply).await.unwrap();
    let id = ids(&hello)[0].to_owned();
    assert_eq!((hello.as_str(), id.ends_with("-0")), (&*format!("retry: 3000\nid: {id}\n\n"), true));
    let epoch = id.trim_end_matches("-0");

    let candles = series(CANDLES);
    world.telemetry.emit(JobStarted { series: &candles, delay: Duration::ZERO });
    world.telemetry.emit(JobStopped { series: &candles, rows: 3, took: Duration::ZERO });
    world.rows(TRADES, 5);
    world.rows(CANDLES, 2);
    world.rows(TRADES, 1);
    world.due();
    let reasons = vec!["disk: full".to_owned()];
    world.telemetry.emit(HealthChanged { status: "degraded", reasons, at: Micros(0) });

    let text = next(&mut reply).await.unwrap();
    let events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    assert_eq!(events.len(), 4, "{text}");
    assert!(events[0].starts_with(&format!("id: {epoch}-1\nevent: run\ndata: {{\"at\":\"")), "{text}");
    assert!(
        events[0]
            .ends_with(r#""series":"kraken/BTC-USD/ohlc/1h","state":"started","rows":null,"error":null}"#)
    );
    assert!(events[1].contains(r#""state":"stopped","rows":3,"#), "{text}");
    let rows = r#"{"at":"1970-01-01T00:00:00Z","rows":8,"series":{"binance/BTC-USDT/trades":6,"kraken/BTC-USD/ohlc/1h":2}}"#;
    assert_eq!(events[2], format!("id: {epoch}-3\nevent: rows\ndata: {rows}"));
    assert!(events[3].ends_with(r#""status":"degraded","reasons":["disk: full"]}"#), "{text}");
    assert_eq!(next(&mut reply).await.unwrap(), ": alive\n\n", "once nothing happens for a while");
    assert_eq!(world.metric("dccd_server_event_readers"), 1.0);
    drop(reply);
    assert_eq!(world.metric("dccd_server_event_readers"), 0.0);
    assert_eq!(world.metric("dccd_server_event_readers_cut_off_total"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_comes_back_to_its_place_and_learns_what_is_gone() {
    let world = World::new(Limits::default());
    let hello = next(&mut world.ask("", None).await).await.unwrap();
    let epoch = ids(&hello)[0].trim_end_matches("-0").to_owned();
    (0..10).for_each(|_| world.paused(TRADES));
    let come_back = async |last: String| {
        let mut reply = world.ask("", Some(&last)).await;
        (next(&mut reply).await.unwrap(), next(&mut reply).await.unwrap())
    };

    let (hello, rest) = come_back(format!("{epoch}-7")).await;
    assert!(!hello.contains("missed"), "{hello}");
    assert_eq!(ids(&rest), [8, 9, 10].map(|number| format!("{epoch}-{number}")));

    (0..5_000).for_each(|_| world.paused(TRADES));
    let (told, rest) = come_back(format!("{epoch}-7")).await;
    // The ring holds 4 096 of 5 010.
    assert!(
        told.ends_with(&format!("id: {epoch}-914\nevent: missed\ndata: {{\"missed\":907}}\n\n")),
        "{told}"
    );
    assert_eq!(ids(&rest)[0], format!("{epoch}-915"));
    assert_eq!(world.metric("dccd_server_events_missed_total"), 907.0);

    for other in ["abc-7".to_owned(), "nonsense".to_owned(), format!("{epoch}-99999")] {
        let mut reply = world.ask("", Some(&other)).await;
        let told = next(&mut reply).await.unwrap();
        assert!(told.ends_with("event: missed\ndata: {\"missed\":null}\n\n"), "{other}: {told}");
        assert_eq!(next(&mut reply).await.unwrap(), ": alive\n\n", "it goes on with what comes next");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_gets_the_series_and_kinds_that_it_asks_for() {
    let world = World::new(Limits::default());
    let mut of_series = world.ask("?series=binance/*/trades", None).await;
    let mut of_kinds = world.ask("?kind=job,health&kind=stream", None).await;
    for reply in [&mut of_series, &mut of_kinds] {
        next(reply).await.unwrap();
    }

    world.paused(TRADES);
    world.paused(CANDLES);
    world.rows(TRADES, 5);
    world.rows(CANDLES, 2);
    world.due();
    world.telemetry.emit(HealthChanged { status: "healthy", reasons: Vec::new(), at: Micros(0) });

    let text = next(&mut of_series).await.unwrap();
    assert_eq!(ids(&text).len(), 2, "{text}");
    assert!(text.contains(r#""rows":5,"series":{"binance/BTC-USDT/trades":5}"#), "{text}");
    assert!(!text.contains("kraken"), "{text}");
    let text = next(&mut of_kinds).await.unwrap();
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(kinds, ["job", "job", "health"]);
    for wrong in ["?kind=jobs", "?sieres=x"] {
        assert_eq!(world.ask(wrong, None).await.status(), 400, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_keep_up_is_cut_off_and_one_too_many_is_refused() {
    let world = World::new(Limits { event_readers: 2, ..Limits::default() });
    let mut slow = world.ask("", None).await;
    let mut other = world.ask("", None).await;
    assert_eq!(world.ask("", None).await.status(), 503);
    next(&mut slow).await.unwrap();
    next(&mut other).await.unwrap();

    for _ in 0..100 {
        (0..60).for_each(|_| world.paused(TRADES));
        assert_eq!(ids(&next(&mut other).await.unwrap()).len(), 60, "one that reads is not disturbed");
    }

    assert_eq!(next(&mut slow).await, None);
    assert_eq!(world.metric("dccd_server_event_readers_cut_off_total"), 1.0);
    assert_eq!(world.metric("dccd_server_event_readers_refused_total"), 1.0);
    drop(slow);
    assert_eq!(world.ask("", None).await.status(), 200, "there is room again");
}
