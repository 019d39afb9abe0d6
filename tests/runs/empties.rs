//! Answers without a row where rows are: however many come in a row, nothing is confirmed empty by them once a row
//! of the series is known, and what is really empty is confirmed by answers that show the row beside it.

use std::time::Duration;

use dccd::jobs::Order;
use dccd::model::{Kind, Series, Window};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};

use crate::test_daemon::{TestDaemon, at, backfill, error_of, run, window};

/// Series whose walks go down and up, with and without a look for their first row.
const SERIES: [(&str, Endpoint, &str, &str); 7] = [
    ("okx/BTC-USDT_PERP/open_interest/1h", Endpoint::OpenInterest, "2024-01-02", "2024-02-20"),
    ("okx/BTC-USDT/ohlc/1m", Endpoint::Ohlc, "2024-02-18", "2024-02-20"),
    ("bybit/BTC-USDT_PERP/funding", Endpoint::Funding, "2023-06-05", "2024-02-20"),
    ("binance/BTC-USDT_PERP/funding", Endpoint::Funding, "2023-06-05", "2024-02-20"),
    ("bitmex/BTC-USD_PERP/funding", Endpoint::Funding, "2023-06-05", "2024-02-20"),
    ("coinbase/BTC-USD/trades", Endpoint::Trades, "2024-02-19", "2024-02-20"),
    ("okx/BTC-USDT/trades", Endpoint::Trades, "2024-02-19", "2024-02-20"),
];

async fn setup(series: &str, knobs: Knobs) -> TestDaemon {
    let own: Series = series.parse().unwrap();
    let span = own.span().map(|span| format!(", span: {}", span.secs())).unwrap_or_default();
    let (exchange, pair, kind) = (own.exchange(), own.pair(), own.kind());
    let job =
        format!("{{exchange: {exchange}, pairs: ['{pair}'], data_type: {kind}{span}, retry_delay: 0.01}}");
    let knobs = Knobs {
        symbols: ["BTCUSDT", "BTCUSD"].map(str::to_owned).to_vec(),
        latency: Duration::from_millis(3),
        trades_per_hour: 60,
        ..knobs
    };
    TestDaemon::unlimited(&job, "2024-02-20 06:00:00", knobs).await
}

#[tokio::test]
async fn two_false_empties_in_a_row_lose_no_row_at_either_end_of_history() {
    for (series, endpoint, from, until) in SERIES {
        for lies in [2, 3, 5] {
            let setup = setup(series, Knobs { listed_from: at("2022-06-05"), ..Knobs::default() }).await;
            setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Empty).at(endpoint)]);
            let engine = setup.engine().await;
            let order = Order { until: Some(at(until)), ..backfill(series, from) };
            let honest = async {
                while setup.asked(endpoint).len() < lies {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                setup.sim.set(|knobs| knobs.faults.clear());
            };

            let mut running = Box::pin(run(&engine, &order));
            let outcome = tokio::select! {
                outcome = &mut running => outcome,
                () = honest => (&mut running).await,
            };

            drop(running);
            engine.close().await;
            assert_eq!(error_of(&outcome), "", "{series} after {lies}");
            let whole = window(from, until);
            setup.assert_rows(series, whole);
            let ledger = setup.ledger(series);
            assert_eq!(ledger.settled().missing(whole).iter().collect::<Vec<_>>(), [], "{series}");
            let denied: Vec<_> =
                ledger.empty.iter().filter(|note| note.window.intersection(whole).is_some()).collect();
            assert!(denied.is_empty(), "{series} after {lies}: {denied:?}");
        }
    }
}

#[tokio::test]
async fn what_came_empty_is_asked_for_once_more_together_with_the_row_beside_it() {
    let series = "okx/BTC-USDT_PERP/open_interest/1h";
    let knobs = Knobs { listed_from: at("2024-02-10 07:00:00"), ..Knobs::default() };
    let setup = setup(series, knobs).await;
    let order = Order { until: Some(at("2024-02-20")), ..backfill(series, "2024-01-02") };

    assert_eq!(error_of(&setup.run(&order).await), "");

    setup.assert_true(series, window("2024-01-02", "2024-02-20")).await;
    let empty = setup.ledger(series).empty;
    // A month before the listing is settled by its date, and the month itself by what came.
    let (asked_for, first) = (at("2024-01-11 07:00:00"), at("2024-02-10 07:00:00"));
    let confirmed = Window::new(asked_for, first).unwrap();
    assert!(empty.iter().any(|note| note.window == confirmed && note.reason.contains("twice")), "{empty:?}");
    let asked = setup.asked(Endpoint::OpenInterest);
    let together = |path: &str| path.contains(&format!("end={}&", first.millis_floor() + 1));
    assert!(asked.iter().any(|seen| together(&seen.path)), "{:?}", asked.last());
    // Three pages with rows and a look below them, two at each of the eight before, and two at all those together.
    let paths: Vec<_> = asked.iter().map(|seen| seen.path.split("&period").last()).collect();
    assert!(asked.len() <= 3 + 1 + 16 + 2, "{} requests: {paths:#?}", asked.len());
    let again = setup.run(&order).await;
    assert_eq!((error_of(&again).as_str(), again.rows), ("", 0));
}

#[tokio::test]
async fn a_market_without_any_row_is_confirmed_empty_by_two_runs_and_doubted_once_it_has_one() {
    let series = "okx/BTC-USDT_PERP/open_interest/1h";
    assert_eq!(series.parse::<Series>().unwrap().kind(), Kind::OpenInterest);
    let knobs = Knobs { listed_from: at("2024-02-01"), ..Knobs::default() };
    let setup = setup(series, knobs).await;
    let order = Order { until: Some(at("2024-02-10")), ..backfill(series, "2024-01-02") };
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Empty).at(Endpoint::OpenInterest)]);

    assert_eq!(error_of(&setup.run(&order).await), "");

    let whole = window("2024-01-02", "2024-02-10");
    let open = setup.ledger(series);
    assert_eq!(open.settled().missing(whole), whole.into(), "one run alone does not show it");
    assert!(open.reason(whole).unwrap().contains("the next run asks again"), "{:?}", open.notes);
    assert_eq!(error_of(&setup.run(&order).await), "");
    assert!(setup.ledger(series).settled().missing(whole).is_empty(), "nothing spoke against it");
    setup.sim.set(|knobs| knobs.faults.clear());
    let later = Order { until: Some(at("2024-02-20")), ..order };
    assert_eq!(error_of(&setup.run(&later).await), "");
    setup.assert_true(series, window("2024-01-02", "2024-02-20")).await;
}
