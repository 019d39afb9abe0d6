//! Faults of single tasks: each costs its series a wait, and no more.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::config::{Surroundings, check};
use crate::engine::streams::admission::ADMITTING;
use crate::exchange::{Instrument, find};
use crate::jobs::stream::LiveSeries;

const WAIT: Duration = Duration::from_secs(5);

/// Streams of one series, over an address where no one answers.
pub(super) async fn streams(folder: &TempDir) -> Streams {
    streams_of(folder, "BTC/USDT").await
}

async fn streams_of(folder: &TempDir, pairs: &str) -> Streams {
    streams_of_jobs(folder, &format!("- {{exchange: binance, pairs: [{pairs}], channels: [trades]}}")).await
}

async fn streams_of_jobs(folder: &TempDir, jobs: &str) -> Streams {
    let text = format!(
        "settings: {{data_path: {}}}\nhttp: {{listen: []}}\nexchanges:\n  \
         binance: {{rest_url: \"http://127.0.0.1:1\", ws_url: \"ws://127.0.0.1:1\"}}\n  \
         kraken: {{rest_url: \"http://127.0.0.1:1\", ws_url: \"ws://127.0.0.1:1\"}}\nstream_jobs:\n  {jobs}\n",
        folder.path().display()
    );
    let config = check(&text, Path::new("config.yml"), &Surroundings::default()).unwrap();
    let engine = Arc::new(Engine::open(&config, "test").await.unwrap());
    let mut streams = Streams::of(engine, &config).await.unwrap();
    streams.adopt(&CancellationToken::new());
    streams
}

fn entry(streams: &mut Streams) -> &mut Entry {
    streams.entries.values_mut().next().unwrap()
}

/// Its only series waits for its next attempt, and its failure was counted.
fn waits_after_a_failure(streams: &mut Streams) -> bool {
    let series = Arc::clone(&entry(streams).job.series);
    let health = streams.engine.telemetry().health().of(&series).unwrap();
    let (now, entry) = (Instant::now(), entry(streams));
    health.consecutive_errors == 1 && !entry.is_due(now, || false) && entry.is_due(now + WAIT, || false)
}

#[tokio::test]
async fn a_series_whose_admission_panics_has_failed_and_is_admitted_again_later() {
    let folder = TempDir::new().unwrap();
    let mut streams = streams(&folder).await;
    let series = Arc::clone(&entry(&mut streams).job.series);
    entry(&mut streams).state = EntryState::Admitting;
    streams.admitting.spawn(series, async { panic!("a fault in admitting") });

    let (series, ended) = streams.admitting.next().await.unwrap();
    streams.admitted(series, ended);

    assert!(waits_after_a_failure(&mut streams));
    streams.end().await;
}

#[tokio::test]
async fn an_exchange_that_does_not_answer_holds_up_the_admission_of_no_other() {
    let (folder, stop) = (TempDir::new().unwrap(), CancellationToken::new());
    let jobs = "- {exchange: binance, pairs: [BTC/USDT, ETH/USDT], channels: [trades]}\n  \
                - {exchange: kraken, pairs: [BTC/USD], channels: [trades]}";
    let mut streams = streams_of_jobs(&folder, jobs).await;
    for number in 0..ADMITTING {
        let series = Arc::new(format!("binance/A{number}-USDT/trades").parse().unwrap());
        streams.admitting.spawn(series, std::future::pending());
    }

    streams.admit(&stop);

    let admitting = |exchange: &str| streams.admitting.count(|own| own.exchange() == exchange);
    assert_eq!((admitting("binance"), admitting("kraken")), (ADMITTING, 1));
    streams.admitting.abort().await;
    streams.end().await;
}

/// Places its only series as if it had been admitted.
async fn place(streams: &mut Streams) -> u64 {
    let series = Arc::clone(&entry(streams).job.series);
    place_one(streams, series).await
}

async fn place_one(streams: &mut Streams, series: Arc<Series>) -> u64 {
    let permit = streams.engine.fleet().enter_live(&series, &CancellationToken::new()).await.unwrap();
    let live = find("binance").unwrap().live().unwrap();
    let instrument = Instrument {
        symbol: series.pair().to_string().replace('/', ""),
        pair: Some(series.pair().clone()),
        is_open: true,
        listed: None,
        ends: None,
        contract: None,
    };
    let topic = connections::NewTopic {
        rows: LiveSeries::open(streams.engine.store(), &series, None).unwrap(),
        offer: live.offer_for(&series).unwrap(),
        instrument: Arc::new(instrument),
        exchange: "binance",
        series: Arc::clone(&series),
        book: None,
        live,
    };
    let place = streams.connections.place(topic).unwrap();
    let connection = place.connection();
    let held = entry::Held { permit, lease: None, is_recording: false, ends: None };
    streams.set(&series, EntryState::Placed { place, held });
    connection
}

#[tokio::test]
async fn the_series_of_a_connection_that_panics_are_listened_to_anew_later() {
    let folder = TempDir::new().unwrap();
    let mut streams = streams(&folder).await;
    let connection = place(&mut streams).await;
    streams.connections.spawn(Part::Connection(connection), async { panic!("a fault in listening") });

    assert_eq!(streams.connections.next_broken().await, Some(connection));
    streams.broken(connection);

    assert!(waits_after_a_failure(&mut streams));
    let left = streams.leaving.next().await;
    assert!(left.is_some_and(|left| left == entry(&mut streams).job.series), "what it accepted is published");
    assert_ne!(place(&mut streams).await, connection, "its next place is on another connection");
    streams.end().await;
}

#[tokio::test]
async fn accepting_and_publishing_begin_anew_where_they_panic() {
    let folder = TempDir::new().unwrap();
    let mut streams = streams(&folder).await;
    let parts =
        |streams: &Streams| [Part::Acceptor, Part::Publisher].map(|part| streams.connections.running(part));
    assert_eq!(parts(&streams), [1, 1]);
    for part in [Part::Acceptor, Part::Publisher] {
        streams.connections.spawn(part, async { panic!("a fault") });
    }
    assert_eq!(parts(&streams), [2, 2]);

    let broken = tokio::time::timeout(Duration::from_millis(300), streams.connections.next_broken()).await;

    assert!(broken.is_err(), "no connection broke off");
    assert_eq!(parts(&streams), [2, 2], "one each in place of the one that panicked");
    streams.end().await;
}

#[tokio::test]
async fn a_quiet_neighbour_of_a_stale_topic_is_asked_for_anew_without_its_check_and_is_not_called_stale() {
    let (folder, stop) = (TempDir::new().unwrap(), CancellationToken::new());
    let mut streams = streams_of(&folder, "BTC/USDT, ETH/USDT, LTC/USDT").await;
    let all: Vec<Arc<Series>> = streams.entries.keys().cloned().collect();
    for series in &all {
        place_one(&mut streams, Arc::clone(series)).await;
    }
    let [stale, quiet, other] = &all[..] else { panic!("three series") };
    // One is under way, so that the next one waits.
    streams.refills.check(quiet, None, &stop);
    streams.refills.check(quiet, None, &stop);

    let place = streams.place(stale).cloned().unwrap();
    streams.begin_anew(stale, &place);

    let state = |series| streams.engine.live_states().of(series).map(|status| status.state);
    assert_eq!((state(stale), state(quiet)), (Some(LiveState::Stale), Some(LiveState::Connecting)));
    assert_ne!(state(other), Some(LiveState::Stale));
    let why = streams.engine.live_states().of(quiet).unwrap().why.unwrap();
    assert_eq!(why, "it is quiet, and another one of its connection is not sent");
    assert!(streams.refills.take_checks(|_| true).is_empty(), "its check is dropped");
    stop.cancel();
    streams.end().await;
}
