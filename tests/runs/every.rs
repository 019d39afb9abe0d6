//! Common to every exchange: an error in the middle of a walk, a stop, and time without data.

use std::time::Duration;

use dccd::exchange::{Bounds, find};
use dccd::jobs::{Order, Retry};
use dccd::model::{Kind, Micros, Series, Window};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use tokio_util::sync::CancellationToken;

use crate::test_daemon::{MINUTE, TestDaemon, at, backfill, error_of, order, run, window};

/// Each exchange's answer to an internal error, and a series to request.
const WORDS: [(&str, &str); 9] = [
    (
        "binance/BTC-USDT/ohlc/1m",
        "Internal error; unable to process your request. Please try again. (code -1001)",
    ),
    (
        "binancecoinm/BTC-USD_PERP/ohlc/1m",
        "Internal error; unable to process your request. Please try again. (code -1001)",
    ),
    ("kraken/BTC-USD/trades", "Unavailable (code EService)"),
    ("krakenfutures/BTC-USD_PERP/trades", "unavailable (code error)"),
    ("coinbase/BTC-USDT/ohlc/1m", "Internal server error"),
    ("bybit/BTC-USDT/ohlc/1m", "Server error. (code 10016)"),
    ("okx/BTC-USDT/ohlc/1m", "Service temporarily unavailable. Please try again later. (code 50001)"),
    ("bitfinex/BTC-USDT/ohlc/1m", "maintenance (code 20060)"),
    (
        "bitmex/BTC-USDT_PERP/ohlc/1m",
        "The system is currently overloaded. Please try again later. (code HTTPError)",
    ),
];

#[tokio::test]
async fn an_error_in_the_middle_of_a_walk_names_the_exchanges_words_and_the_next_run_resumes() {
    assert_eq!(WORDS.map(|(series, _)| series.split('/').next().unwrap()).to_vec(), dccd::exchange::names());
    for (series, words) in WORDS {
        let own: Series = series.parse().unwrap();
        let (exchange, pair, kind) = (own.exchange(), own.pair(), own.kind());
        let span = own.span().map(|span| format!(", span: {}", span.secs())).unwrap_or_default();
        let job = format!(
            "{{exchange: {exchange}, pairs: ['{pair}'], data_type: {kind}{span}, retry_delay: 0.01}}"
        );
        let knobs = Knobs {
            symbols: vec!["BTCUSDT".to_owned(), "BTCUSD".to_owned()],
            listed_from: at("2023-12-01"),
            trades_per_hour: 200,
            page_limit: 10_000,
            ..Knobs::default()
        };
        let window = match exchange {
            // Its pages hold a week of minutes.
            "bitfinex" => window("2024-01-01", "2024-01-31"),
            // It keeps its trades for a week.
            "krakenfutures" => window("2024-01-27", "2024-01-30"),
            _ => window("2024-01-01", "2024-01-06"),
        };
        let setup = TestDaemon::unlimited(&job, "2024-02-01 00:00:30", knobs).await;
        let order = Order { until: Some(window.until), ..backfill(series, &window.from.to_string()) };
        let endpoint = if kind == Kind::Ohlc { Endpoint::Ohlc } else { Endpoint::Trades };

        an_error_body_fails_the_run_and_the_next_one_resumes(&setup, &order, endpoint, words, window).await;
    }
}

/// An error body in place of one page fails the run with the exchange's words; the next run gets the rest and
/// nothing else.
async fn an_error_body_fails_the_run_and_the_next_one_resumes(
    setup: &TestDaemon,
    order: &Order,
    endpoint: Endpoint,
    words: &str,
    window: Window,
) {
    let series = order.series.to_string();
    let once = Order { retry: Retry { attempts: 1, ..order.retry }, ..order.clone() };
    setup.sim.set(|knobs| knobs.faults = vec![Rule::every(Fault::ErrorBody, 5).at(endpoint)]);

    let failed = setup.run(&once).await;

    assert!(error_of(&failed).contains(words), "{}", error_of(&failed));
    let held = setup.stored(&series).len() as u64;
    assert_eq!(failed.rows, held, "what was accepted is kept");
    assert!(held > 0, "pages before the error are kept");
    setup.sim.set(|knobs| knobs.faults.clear());
    let resumed = setup.run(order).await;
    assert_eq!(error_of(&resumed), "");
    assert_eq!(resumed.rows + held, setup.existing(&series, window).len() as u64, "no row twice");
    setup.assert_true(&series, window).await;
}

/// A run that is stopped in the middle keeps what it accepted; the next one leaves no hole and doubles nothing.
pub(crate) async fn a_stop_leaves_no_hole(
    setup: &TestDaemon,
    order: &Order,
    endpoint: Endpoint,
    window: Window,
) {
    let series = order.series.to_string();
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(5));
    let (engine, stop) = (setup.engine().await, CancellationToken::new());
    let interrupt = async {
        while setup.asked(endpoint).len() < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };
    let (stopped, ()) = tokio::join!(engine.run(order, Duration::ZERO, &|_| {}, &stop), interrupt);
    assert!(error_of(&stopped).contains("stopped"), "{}", error_of(&stopped));
    assert_eq!(setup.stored(&series).len() as u64, stopped.rows);
    let rest = run(&engine, order).await;
    engine.close().await;
    assert_eq!(error_of(&rest), "");
    assert_eq!(rest.rows + stopped.rows, setup.existing(&series, window).len() as u64);
    setup.assert_true(&series, window).await;
}

/// Before a market is listed, while it is quiet and after it is delisted there is nothing, which is no failure:
/// each is covered or confirmed empty, and no row is made up. The market trades for two days with half a day of
/// quiet between; history is wanted from three days before.
pub(crate) async fn nothing_is_made_up_where_nothing_was(
    setup: &TestDaemon,
    series: &str,
    listed: Micros,
    now: Micros,
) {
    let day = Duration::from_secs(86_400);
    let quiet = Window::new(listed + day / 2, listed + day).unwrap();
    let delisted = Window::new(listed + day * 2, Micros(i64::MAX / 2)).unwrap();
    setup.sim.set(|knobs| {
        knobs.listed_from = listed;
        knobs.holes = [quiet, delisted].into_iter().collect();
    });
    let before = listed - day * 3;
    let whole = Window::new(before, Micros(now.0 - now.0.rem_euclid(MINUTE))).unwrap();

    let outcome = setup.run(&backfill(series, &before.to_string())).await;

    assert_eq!(error_of(&outcome), "");
    setup.assert_rows(series, whole);
    let ledger = setup.ledger(series);
    let open = ledger.settled().missing(Window::new(before, delisted.from + day).unwrap());
    assert_eq!(open.iter().collect::<Vec<_>>(), [], "every instant is accounted for");
    let empty: Vec<_> = ledger.empty.iter().collect();
    // The very first trade proves what lies before it, where it is found by its id.
    let offer = find(order(series).series.exchange()).unwrap().offer_for(&order(series).series).unwrap();
    let proven = offer.bounds == Bounds::ById && ledger.covered.holds(before);
    let denied = empty.iter().any(|note| note.window.holds(before));
    assert!(proven || denied, "not listed yet: {empty:?}");
    let rows = outcome.rows;
    assert_eq!(setup.run(&backfill(series, &before.to_string())).await.rows, 0, "all {rows} are held");
}
