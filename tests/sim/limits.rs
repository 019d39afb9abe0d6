//! The simulator's listing, weights and clock, and its memory of requests.

use std::time::Duration;

use dccd::exchange::{Answer, Budget, Listing, Quota, find};
use dccd::model::Micros;
use dccd::sim::{Endpoint, Knobs, Sim};

use crate::http::{at, body, fetch, knobs_at, sim};

const NOON: &str = "2024-06-05 12:30:30";

async fn status(sim: &Sim, path: &str) -> u16 {
    fetch(sim, path).await.unwrap().status
}

#[tokio::test]
async fn symbols_and_the_weight_limit_are_announced_and_can_change() {
    let sim = sim(Knobs { weight_limit: 1_200, ..knobs_at(NOON) }).await;
    let binance = find("binance").unwrap();
    let all = binance.parse_listing(&body(&sim, "/api/v3/exchangeInfo").await).unwrap();
    let one = binance.parse_listing(&body(&sim, "/api/v3/exchangeInfo?symbol=ETHUSDT").await).unwrap();
    let symbols = |listing: &Listing| {
        let open = listing.instruments.iter().filter(|instrument| instrument.is_open);
        open.map(|instrument| instrument.symbol.clone()).collect::<Vec<_>>()
    };

    assert_eq!(symbols(&all), ["BTCUSDT", "ETHUSDT"]);
    assert_eq!(symbols(&one), ["ETHUSDT"]);
    assert_eq!(all.quotas, [(Budget::named("spot"), Quota { weight: 1_200, per: Duration::from_secs(60) })]);

    sim.set(|knobs| knobs.symbols = vec!["XRPUSDT".to_owned()]);
    assert_eq!(status(&sim, "/api/v3/depth?symbol=XRPUSDT").await, 200);
    assert_eq!(status(&sim, "/api/v3/depth?symbol=BTCUSDT").await, 400, "a delisted symbol is refused");
}

#[tokio::test]
async fn the_time_it_tells_is_its_clock_and_the_skew() {
    let sim = sim(Knobs { skew_ms: -90_000, ..knobs_at(NOON) }).await;
    let raw = fetch(&sim, "/api/v3/time").await.unwrap();
    let told = find("binance").unwrap().parse_clock(&Answer::of(&raw.body, Micros(0))).unwrap();

    assert_eq!(told, Micros(at(NOON).0 - 90_000_000));
    assert_eq!(raw.header("date"), Some("Wed, 05 Jun 2024 12:29:00 GMT"));
}

#[tokio::test]
async fn used_weight_is_reported_as_the_documentation_weighs_requests() {
    let sim = sim(knobs_at(NOON)).await;
    let mut expected = 0;
    for (path, weight) in [
        ("/api/v3/time", 1),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m", 2),
        ("/api/v3/aggTrades?symbol=BTCUSDT", 4),
        ("/api/v3/exchangeInfo", 20),
        ("/api/v3/depth?symbol=BTCUSDT", 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=101", 25),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1000", 50),
        ("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250),
    ] {
        expected += weight;
        let raw = fetch(&sim, path).await.unwrap();
        assert_eq!(raw.header("x-mbx-used-weight-1m"), Some(expected.to_string().as_str()), "{path}");
    }
}

#[tokio::test]
async fn too_much_weight_is_refused_and_hammering_on_is_banned() {
    let sim = sim(Knobs {
        weight_limit: 5,
        ban_after: 2,
        weight_window: Duration::from_secs(3_600),
        ban: Duration::from_secs(120),
        ..knobs_at(NOON)
    })
    .await;
    let klines = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1";
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(status(&sim, klines).await);
    }
    assert_eq!(statuses, [200, 200, 429, 429, 418, 418]);

    let banned = fetch(&sim, klines).await.unwrap();
    let wait: u64 = banned.header("retry-after").unwrap().parse().unwrap();
    assert!((100..=120).contains(&wait), "{wait}");
    let refusal = find("binance").unwrap().refusal(418, &banned.body).unwrap();
    assert_eq!(refusal.code, "-1003");
}

#[tokio::test]
async fn requests_are_remembered_in_order_and_counted_by_endpoint_and_status() {
    let sim = sim(knobs_at(NOON)).await;
    for path in ["/api/v3/time", "/api/v3/depth?symbol=NO", "/api/v3/time", "/nowhere"] {
        fetch(&sim, path).await.unwrap();
    }
    let seen: Vec<_> =
        sim.requests().into_iter().map(|seen| (seen.endpoint, seen.path, seen.status)).collect();
    let time = || (Endpoint::Time, "/api/v3/time".to_owned(), 200);
    let expected = [
        time(),
        (Endpoint::BookSnapshot, "/api/v3/depth?symbol=NO".to_owned(), 400),
        time(),
        (Endpoint::Unknown, "/nowhere".to_owned(), 404),
    ];
    assert_eq!(seen, expected);
    assert_eq!(sim.counts()[&(Endpoint::Time, 200)], 2);
    assert!(sim.requests().is_sorted_by_key(|seen| seen.at));
}

#[tokio::test]
async fn latency_delays_every_answer() {
    let sim = sim(Knobs { latency: Duration::from_millis(80), ..knobs_at(NOON) }).await;
    let asked = std::time::Instant::now();
    assert_eq!(status(&sim, "/api/v3/time").await, 200);
    assert!(asked.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_ends_when_the_exchange_stops() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sim = sim(knobs_at(NOON)).await;
    let mut stream = tokio::net::TcpStream::connect(sim.address()).await.unwrap();
    let mut chunk = [0; 4_096];
    for _ in 0..3 {
        stream.write_all(b"GET /api/v3/time HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(chunk[..read].starts_with(b"HTTP/1.1 200"));
    }
    sim.stop().await;
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut chunk)).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)));
}
