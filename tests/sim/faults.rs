//! Each fault does what its name says, strikes as its rule says, and can be healed.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::Duration;

use dccd::exchange::{ParseError, find};
use dccd::model::{Batch, Span};
use dccd::sim::{Endpoint, Fault, Knobs, RetryAfter, Rule, Sim};

use crate::http::{Raw, body, fetch, fetch_for, has_odd, knobs_at, ms, parsed, sim, window};

const NOON: &str = "2024-06-05 12:30:30";
const SERIES: &str = "binance/BTC-USDT/ohlc/1m";

async fn faulty(fault: Fault) -> Sim {
    sim(Knobs { faults: vec![Rule::always(fault)], ..knobs_at(NOON) }).await
}

/// A hundred minutes from the first of June.
fn klines() -> String {
    format!("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=100", ms("2024-06-01"))
}

fn truth(sim: &Sim) -> Batch {
    let asked = window("2024-06-01", "2024-06-01 01:40:00");
    sim.market("BTCUSDT").unwrap().candles(Span::MINUTE.grid(), asked)
}

/// The answer to the hundred minutes under a fault.
async fn struck(fault: Fault) -> Raw {
    fetch(&faulty(fault).await, &klines()).await.unwrap()
}

/// The rows of the hundred minutes under a fault, and the right ones.
async fn bent(fault: Fault) -> (Batch, Batch) {
    let sim = faulty(fault).await;
    (parsed(SERIES, &body(&sim, &klines()).await).unwrap().0, truth(&sim))
}

#[tokio::test]
async fn a_status_fault_answers_with_its_status_and_a_body_of_its_kind() {
    for (fault, status, is_json) in [
        (Fault::Status429, 429, true),
        (Fault::Status418, 418, true),
        (Fault::Status403, 403, false),
        (Fault::Status451, 451, true),
        (Fault::Status500, 500, true),
        (Fault::Status503, 503, false),
    ] {
        let raw = struck(fault).await;
        assert_eq!(raw.status, status);
        let kind = raw.header("content-type").unwrap();
        assert_eq!(kind.starts_with("application/json"), is_json, "{fault}");
        assert_eq!(find("binance").unwrap().refusal(status, &raw.body).is_some(), is_json, "{fault}");
    }
}

#[tokio::test]
async fn retry_after_is_missing_seconds_or_a_date() {
    for (retry_after, expected) in [
        (RetryAfter::Missing, None),
        (RetryAfter::Seconds(7), Some("7")),
        (RetryAfter::Date(30), Some("Wed, 05 Jun 2024 12:31:00 GMT")),
    ] {
        let faults = vec![Rule::always(Fault::Status429)];
        let sim = sim(Knobs { retry_after, faults, ..knobs_at(NOON) }).await;
        let raw = fetch(&sim, &klines()).await.unwrap();
        assert_eq!((raw.status, raw.header("retry-after")), (429, expected));
    }
}

#[tokio::test]
async fn a_web_page_and_an_error_object_come_with_status_200() {
    let page = struck(Fault::Html).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    let malformed = parsed(SERIES, &page.body).unwrap_err();
    assert!(matches!(malformed, ParseError::Malformed { .. }), "{malformed}");

    let error = struck(Fault::ErrorBody).await;
    assert_eq!(error.status, 200);
    let refused = parsed(SERIES, &error.body).unwrap_err();
    assert!(matches!(&refused, ParseError::Refused(refusal) if refusal.code == "-1001"), "{refused}");
}

#[tokio::test]
async fn a_redirect_points_at_another_host() {
    let raw = struck(Fault::Redirect).await;
    assert_eq!((raw.status, raw.header("location")), (302, Some("http://elsewhere.invalid/")));
}

#[tokio::test]
async fn a_truncated_body_announces_more_than_it_holds() {
    let raw = struck(Fault::Truncated).await;
    assert_eq!(raw.status, 200);
    assert!(!raw.is_whole() && !raw.body.is_empty());
    assert!(parsed(SERIES, &raw.body).is_err());
}

#[tokio::test]
async fn a_reset_connection_gives_no_answer() {
    let error = fetch(&faulty(Fault::Reset).await, &klines()).await.err().expect("there is no answer");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_short_page_holds_the_older_half_and_an_empty_one_nothing() {
    let (short, truth) = bent(Fault::Short).await;
    assert_eq!(short, truth.slice(0..50));
    let (empty, _) = bent(Fault::Empty).await;
    assert!(empty.is_empty());
}

#[tokio::test]
async fn a_holed_page_lacks_rows_of_its_middle() {
    let (holed, truth) = bent(Fault::Holed).await;
    assert_eq!(holed, truth.gather(&(0..50).chain(61..100).collect::<Vec<_>>()));
}

#[tokio::test]
async fn a_shuffled_page_holds_the_right_rows_in_another_order() {
    let (shuffled, truth) = bent(Fault::Shuffled).await;
    assert!(!shuffled.in_order());
    let mut order: Vec<usize> = (0..shuffled.len()).collect();
    order.sort_by_key(|row| shuffled.ts()[*row]);
    assert_eq!(shuffled.gather(&order), truth);
}

#[tokio::test]
async fn a_doubled_page_holds_every_tenth_row_twice() {
    let (doubled, truth) = bent(Fault::Doubled).await;
    assert_eq!(doubled.len(), 110);
    let once: Vec<usize> =
        (0..110).filter(|row| *row == 0 || doubled.ts()[*row] != doubled.ts()[row - 1]).collect();
    assert_eq!(doubled.gather(&once), truth);
}

#[tokio::test]
async fn a_stuck_exchange_answers_its_first_rows_whatever_is_asked() {
    let sim = faulty(Fault::Stuck).await;
    let first = sim.knobs().listed_from.0;
    let candles = parsed(SERIES, &body(&sim, &klines()).await).unwrap().0;
    assert_eq!(candles.ts()[0], first);

    let trades = body(&sim, "/api/v3/aggTrades?symbol=BTCUSDT&fromId=5000&limit=3").await;
    let (trades, _) = parsed("binance/BTC-USDT/trades", &trades).unwrap();
    assert_eq!(trades.trades().iter().filter_map(|trade| trade.id).collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[tokio::test]
async fn an_impossible_row_is_odd_and_a_number_in_another_form_is_not() {
    for path in [klines(), "/api/v3/aggTrades?symbol=BTCUSDT&limit=100".to_owned()] {
        let series = if path.contains("klines") { SERIES } else { "binance/BTC-USDT/trades" };
        for fault in [Fault::WrongType, Fault::Impossible] {
            let sim = faulty(fault).await;
            // Sixteen draws meet every way of bending a row, some of which change its form alone.
            let (mut bent_rows, mut odd) = (HashSet::new(), HashSet::new());
            for _ in 0..16 {
                let bytes = body(&sim, &path).await;
                if has_odd(series, &bytes) {
                    odd.insert(bytes.clone());
                }
                bent_rows.insert(bytes);
            }
            let is_form_alone = fault == Fault::WrongType;
            assert_eq!(bent_rows.len(), 16, "{fault} of {series}: another row in each answer");
            assert!(
                if is_form_alone { (1..16).contains(&odd.len()) } else { odd.len() == 16 },
                "{fault}: {}",
                odd.len()
            );
        }
    }
}

#[tokio::test]
async fn a_huge_body_is_as_large_as_the_knob_says() {
    let faults = vec![Rule::always(Fault::Huge)];
    let sim = sim(Knobs { huge_bytes: 3 << 20, faults, ..knobs_at(NOON) }).await;
    let raw = fetch(&sim, &klines()).await.unwrap();
    assert!(raw.header("content-length").is_none());
    assert!(((3 << 20)..(3 << 20) + 4_096).contains(&raw.body.len()), "{}", raw.body.len());
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire_and_huge_when_unpacked() {
    let faults = vec![Rule::always(Fault::Bomb)];
    let sim = sim(Knobs { huge_bytes: 8 << 20, faults, ..knobs_at(NOON) }).await;
    let raw = fetch(&sim, &klines()).await.unwrap();
    assert_eq!(raw.header("content-encoding"), Some("gzip"));
    assert!(raw.body.len() < 100_000, "{}", raw.body.len());

    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut answer = reqwest::get(sim.url() + &klines()).await.unwrap();
    let mut unpacked = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        unpacked += chunk.len();
    }
    assert_eq!(unpacked, 8 << 20);
}

#[tokio::test]
async fn a_slow_body_drips_a_hung_one_never_begins_and_a_silent_exchange_says_nothing() {
    let patience = Duration::from_millis(150);
    let faults = vec![Rule::always(Fault::Slow)];
    let slow = sim(Knobs { drip: Duration::from_millis(10), faults, ..knobs_at(NOON) }).await;
    let dripped = fetch_for(&slow, &klines(), patience).await;
    let whole = truth(&slow).len() * 150;
    assert!(dripped.windows(6).any(|bytes| bytes == b"[[1717"), "some bytes came");
    assert!(dripped.len() < whole, "not all came: {}", dripped.len());

    let hung = fetch_for(&faulty(Fault::Hang).await, &klines(), patience).await;
    assert!(hung.starts_with(b"HTTP/1.1 200") && hung.ends_with(b"\r\n\r\n"));

    assert_eq!(fetch_for(&faulty(Fault::Silent).await, &klines(), patience).await, b"");
}

#[tokio::test]
async fn a_slow_body_is_whole_in_the_end() {
    let faults = vec![Rule::always(Fault::Slow)];
    let sim = sim(Knobs { drip: Duration::from_millis(1), faults, ..knobs_at(NOON) }).await;
    let raw = fetch(&sim, "/api/v3/time").await.unwrap();
    assert!(raw.is_whole());
}

#[tokio::test]
async fn faults_strike_the_same_requests_of_every_run_and_can_be_healed() {
    let rules = || vec![Rule::share(Fault::Status500, 0.3), Rule::every(Fault::Html, 5).at(Endpoint::Ohlc)];
    let mut runs = Vec::new();
    for _ in 0..2 {
        let sim = sim(Knobs { seed: 4, faults: rules(), ..knobs_at(NOON) }).await;
        for _ in 0..40 {
            fetch(&sim, &klines()).await.unwrap();
        }
        let struck: Vec<_> = sim.requests().into_iter().map(|seen| seen.fault).collect();
        assert!(struck.contains(&Some(Fault::Status500)) && struck.contains(&Some(Fault::Html)));
        runs.push(struck);

        sim.set(|knobs| knobs.faults.clear());
        assert_eq!(parsed(SERIES, &body(&sim, &klines()).await).unwrap().0, truth(&sim));
    }
    assert_eq!(runs[0], runs[1]);
}
