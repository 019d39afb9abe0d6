//! Kraken Futures from end to end: candles, trades and funding of linear contracts.

use std::time::Duration;

use dccd::jobs::{Order, RunError, RunErrorKind};
use dccd::sim::{Endpoint, Knobs};
use tokio_util::sync::CancellationToken;

use crate::test_daemon::{TestDaemon, assert_same, at, backfill, error_of, run, window};

const QUARTERLY: &str = "krakenfutures/BTC-USD_QUARTER/ohlc/1h";
const TRADES: &str = "krakenfutures/BTC-USD_PERP/trades";
const FUNDING: &str = "krakenfutures/BTC-USD_PERP/funding";
const CANDLES_JOB: &str = "{exchange: krakenfutures, pairs: ['BTC/USD:perp'], span: 60, retry_delay: 0.01}";
const TRADES_JOB: &str =
    "{exchange: krakenfutures, pairs: ['BTC/USD:perp'], data_type: trades, retry_delay: 0.01}";
const FUNDING_JOB: &str =
    "{exchange: krakenfutures, pairs: ['BTC/USD:perp'], data_type: funding, retry_delay: 0.01}";

fn market() -> Knobs {
    Knobs {
        symbols: vec!["BTCUSD".to_owned()],
        listed_from: at("2023-06-05 07:00:00"),
        page_limit: 2_000,
        ..Knobs::default()
    }
}

#[tokio::test]
async fn an_interrupted_run_goes_on_without_a_hole() {
    let knobs = Knobs { trades_per_hour: 5_000, latency: Duration::from_millis(5), ..market() };
    let setup = TestDaemon::unlimited(TRADES_JOB, "2024-01-02 00:00:10", knobs).await;
    let engine = setup.engine().await;
    let order = Order { until: Some(at("2024-01-01 18:00:00")), ..backfill(TRADES, "2024-01-01") };
    let stop = CancellationToken::new();
    let interrupt = async {
        while setup.asked(Endpoint::Trades).len() < 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };

    let (stopped, ()) = tokio::join!(engine.run(&order, Duration::ZERO, &|_| {}, &stop), interrupt);

    assert!(
        matches!(stopped.error, Some(RunError { kind: RunErrorKind::Stopped, .. })),
        "{}",
        error_of(&stopped)
    );
    let before = setup.asked(Endpoint::Trades).len();
    let rest = run(&engine, &order).await;
    engine.close().await;
    assert_eq!(error_of(&rest), "");
    setup.assert_true(TRADES, window("2024-01-01", "2024-01-01 18:00:00")).await;
    let all = setup.stored(TRADES).len() as u64;
    assert_eq!(stopped.rows + rest.rows, all);
    let asked = (setup.asked(Endpoint::Trades).len() - before) as u64;
    assert!(asked <= rest.rows / 100 * 11 / 10 + 4 * 2 + 3, "{asked} requests for {} rows", rest.rows);
}

#[tokio::test]
async fn trades_of_more_than_a_week_ago_are_unfillable_and_forgotten_ones_stay_a_gap() {
    let knobs = Knobs { trades_per_hour: 20, ..market() };
    let setup = TestDaemon::unlimited(TRADES_JOB, "2024-01-12 00:00:10", knobs).await;
    let order = Order { until: Some(at("2024-01-12")), ..backfill(TRADES, "2024-01-01") };

    assert_eq!(error_of(&setup.run(&order).await), "");

    let ledger = setup.ledger(TRADES);
    let unfillable = &ledger.unfillable[0];
    assert_eq!((ledger.unfillable.len(), unfillable.window.from), (1, at("2024-01-01")));
    let kept = Duration::from_secs(7 * 86_400 - 3_600);
    let reach = unfillable.window.until;
    assert!(at("2024-01-12 00:00:05").since(reach).abs_diff(kept) < Duration::from_secs(60), "{reach}");
    assert_eq!(ledger.gaps(at("2024-01-12")).len(), 0);
    let held = dccd::model::Window::new(reach, at("2024-01-12")).unwrap();
    assert_same(&setup.stored(TRADES), &setup.existing(TRADES, held));

    // A restart of its engine: nothing before this instant is shown any more.
    let restart = window("2024-01-12", "2024-01-14 12:00:00");
    setup.sim.set(|knobs| knobs.holes = window("2023-06-05", "2024-01-14 12:00:00").into());
    setup.move_to("2024-01-15 00:00:10");
    let late = Order { until: Some(at("2024-01-15")), ..backfill(TRADES, "2024-01-01") };
    assert_eq!(error_of(&setup.run(&late).await), "");
    let ledger = setup.ledger(TRADES);
    assert_eq!(ledger.empty, [], "what was forgotten was not empty");
    let gap = ledger.gaps(at("2024-01-15")).first().unwrap();
    assert_eq!(gap.from, restart.from);
    assert!(gap.until >= restart.until && gap.until < at("2024-01-14 13:00:00"), "{gap}");
}

#[tokio::test]
async fn a_year_of_funding_comes_with_one_answer_and_its_repetitions() {
    let setup = TestDaemon::unlimited(FUNDING_JOB, "2024-05-01 00:30:00", market()).await;
    let order = Order { until: Some(at("2024-04-30 20:00:00")), ..backfill(FUNDING, "2024-01-01") };

    assert_eq!(error_of(&setup.run(&order).await), "");

    setup.assert_true(FUNDING, window("2024-01-01", "2024-04-30 20:00:00")).await;
    assert!(setup.asked(Endpoint::Funding).len() <= 3, "{}", setup.asked(Endpoint::Funding).len());
    assert_eq!(error_of(&setup.run(&order).await), "");
}

#[tokio::test]
async fn the_nearest_quarterly_contract_is_found_by_its_end() {
    let setup = TestDaemon::unlimited(CANDLES_JOB, "2024-01-31 00:00:30", market()).await;

    let outcome = setup.run(&backfill(QUARTERLY, "2024-01-10")).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 21 * 24));
    assert!(setup.asked(Endpoint::Ohlc).iter().all(|seen| seen.path.contains("/FF_XBTUSD_240329/")));
    assert_same(&setup.stored(QUARTERLY), &setup.existing(QUARTERLY, window("2024-01-10", "2024-01-31")));
    setup.move_to("2024-04-02 00:00:30");
    let last = setup.asked(Endpoint::Ohlc).len();
    assert_eq!(error_of(&setup.run(&backfill(QUARTERLY, "2024-04-01")).await), "");
    assert!(setup.asked(Endpoint::Ohlc)[last..].iter().all(|seen| seen.path.contains("/FF_XBTUSD_240628/")));
}

#[tokio::test]
async fn a_market_it_does_not_list_is_refused_before_any_page() {
    let setup = TestDaemon::unlimited(CANDLES_JOB, "2024-01-31 00:00:30", market()).await;

    let outcome = setup.run(&backfill("krakenfutures/ETH-EUR_PERP/ohlc/1m", "2024-01-01")).await;

    assert!(error_of(&outcome).contains("ETH/EUR:perp is not listed"), "{}", error_of(&outcome));
    assert!(setup.asked(Endpoint::Ohlc).is_empty());
}
