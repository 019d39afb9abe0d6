//! Dated pairs over the end of a contract: each row is of the contract that had the name when it happened.

use dccd::engine::Engine;
use dccd::jobs::Order;
use dccd::model::{Batch, Kind, Market, Micros, Series, Window};
use dccd::sim::{Endpoint, Knobs};
use tokio_util::sync::CancellationToken;

use crate::reported;
use crate::test_daemon::{
    MINUTE, Metrics, TestDaemon, assert_same, at, backfill, error_of, grid, run, window,
};

/// When the contract of March ends and that of June becomes the nearest.
const ROLLOVER: &str = "2024-03-29 08:00:00";
/// When that of June ends.
const NEXT_ROLLOVER: &str = "2024-06-28 08:00:00";

/// Every contract has prices of its own.
fn contracts() -> Knobs {
    let dates = ["", "240329", "240628", "240927", "241227"];
    let names = |pair: &'static str| dates.iter().map(move |date| format!("{pair}{date}"));
    let symbols = names("BTCUSDT").chain(names("BTCUSD")).collect();
    Knobs { symbols, trades_per_hour: 60, listed_from: at("2023-06-01"), ..Knobs::default() }
}

async fn setup(series: &str, now: &str) -> TestDaemon {
    let own: Series = series.parse().unwrap();
    let span = own.span().map(|span| format!(", span: {}", span.secs())).unwrap_or_default();
    let (exchange, pair, kind) = (own.exchange(), own.pair(), own.kind());
    let job =
        format!("{{exchange: {exchange}, pairs: ['{pair}'], data_type: {kind}{span}, retry_delay: 0.01}}");
    TestDaemon::unlimited(&job, now, contracts()).await
}

/// The rows of a series' contracts in a window, each in its own time.
fn truth(setup: &TestDaemon, series: &str, whole: Window) -> Batch {
    let own: Series = series.parse().unwrap();
    let dates = match own.pair().market() {
        Market::Quarter => ["240329", "240628", "240927"],
        _ => ["240628", "240927", "241227"],
    };
    let mut rows = Batch::of(own.kind());
    let ends = [Micros::OLDEST, at(ROLLOVER), at(NEXT_ROLLOVER), Micros(i64::MAX)];
    let parts = ends.windows(2).map(|pair| Window::new(whole.from.max(pair[0]), whole.until.min(pair[1])));
    for (date, part) in dates.into_iter().zip(parts) {
        let Some(part) = part else { continue };
        let market = setup.sim.market(&format!("{}{}{date}", own.pair().base(), own.pair().quote())).unwrap();
        rows.take_all(&match own.kind() {
            Kind::Ohlc => market.candles(grid(&own), part),
            _ => market.trades(part),
        });
    }
    reported::by(&own, rows)
}

/// The exchange's time goes on, and the process notices.
async fn later(setup: &TestDaemon, engine: &Engine, series: &str, now: &str) {
    setup.move_to(now);
    let exchange = series.split('/').next().unwrap();
    engine.client(exchange).unwrap().measure_clock(&CancellationToken::new()).await.unwrap();
}

#[tokio::test]
async fn a_process_that_sees_the_rollover_gets_the_rest_of_the_old_contract_and_all_of_the_new() {
    for series in [
        "binance/BTC-USDT_QUARTER/ohlc/1h",
        "binance/BTC-USDT_QUARTER/trades",
        "binance/BTC-USDT_NEXT_QUARTER/trades",
        "binancecoinm/BTC-USD_QUARTER/ohlc/1h",
        "bybit/BTC-USD_QUARTER/ohlc/1h",
        "bybit/BTC-USD_NEXT_QUARTER/ohlc/1h",
    ] {
        let setup = setup(series, "2024-03-28 00:10:30").await;
        let engine = setup.engine().await;
        let order = backfill(series, "2024-03-26");
        for now in
            ["2024-03-28 00:10:30", "2024-03-29 05:20:30", "2024-03-29 10:30:30", "2024-03-31 00:10:30"]
        {
            later(&setup, &engine, series, now).await;
            let until = Some(at(now) - std::time::Duration::from_secs(630));
            assert_eq!(
                error_of(&run(&engine, &Order { until, ..order.clone() }).await),
                "",
                "{series} {now}"
            );
        }
        let own: Series = series.parse().unwrap();
        let is_continued = series.contains("binance") && own.kind() == Kind::Ohlc;
        let rolled = Metrics::of(&engine).of_kind("dccd_contract_rollovers_total", &own);
        assert!(is_continued || rolled == 1.0, "{series}: {rolled}");
        engine.close().await;

        let whole = window("2024-03-26", "2024-03-31");
        assert_same(&setup.stored(series), &truth(&setup, series, whole));
        let ledger = setup.ledger(series);
        assert_eq!(ledger.settled().missing(whole).iter().collect::<Vec<_>>(), [], "{series}");
        assert_eq!(ledger.unfillable, [], "{series}");
    }
}

#[tokio::test]
async fn the_last_trades_of_a_contract_are_known_to_be_the_last_soon_after_it_expired() {
    for series in [
        "binance/BTC-USDT_QUARTER/trades",
        "binancecoinm/BTC-USD_QUARTER/trades",
        "bybit/BTC-USDT_QUARTER/trades",
    ] {
        let setup = setup(series, "2024-03-29 07:58:30").await;
        // A trade a second around the end of each contract, and one an hour between.
        let rushes = [ROLLOVER, NEXT_ROLLOVER]
            .map(|end| (Window { from: minutes(end, -5), until: minutes(end, 5) }, 1));
        setup.sim.set(|knobs| (knobs.trades_per_hour, knobs.ws_rushes) = (1, rushes.to_vec()));
        let engine = setup.engine().await;
        let order = backfill(series, "2024-03-29 07:56:00");
        for now in ["2024-03-29 07:58:30", "2024-03-29 08:00:40", "2024-03-29 08:01:30"] {
            later(&setup, &engine, series, now).await;
            run(&engine, &order).await;
        }
        // Neither the oldest row nor the newest is of the contract that ends then.
        for now in ["2024-06-28 07:58:30", "2024-06-28 08:00:40", "2024-06-28 08:01:30"] {
            later(&setup, &engine, series, now).await;
            run(&engine, &order).await;
        }
        engine.close().await;

        let (ledger, stored) = (setup.ledger(series), setup.stored(series));
        for end in [ROLLOVER, NEXT_ROLLOVER] {
            let last = Window { from: minutes(end, -2), until: at(end) };
            assert_eq!(ledger.settled().missing(last).iter().collect::<Vec<_>>(), [], "{series}");
            let of_it: Vec<usize> =
                (0..stored.len()).filter(|row| last.holds(Micros(stored.ts()[*row]))).collect();
            assert_same(&stored.gather(&of_it), &truth(&setup, series, last));
        }
    }
}

fn minutes(beside: &str, minutes: i64) -> Micros {
    Micros(at(beside).0 + minutes * MINUTE)
}

#[tokio::test]
async fn what_only_an_earlier_contract_had_is_unfillable_and_no_row_of_the_new_one_takes_its_place() {
    let series = "bybit/BTC-USD_QUARTER/ohlc/1h";
    let setup = setup(series, "2024-03-28 00:10:30").await;
    assert_eq!(error_of(&setup.run(&backfill(series, "2024-03-26")).await), "");

    // Another process, which has never seen the contract that ended meanwhile.
    setup.move_to("2024-03-31 00:10:30");
    assert_eq!(error_of(&setup.run(&backfill(series, "2024-03-26")).await), "");

    let mut rows = truth(&setup, series, window("2024-03-26", "2024-03-28"));
    rows.take_all(&truth(&setup, series, window(ROLLOVER, "2024-03-31")));
    assert_same(&setup.stored(series), &rows);
    let unfillable = setup.ledger(series).unfillable;
    assert_eq!(unfillable.len(), 1, "{unfillable:?}");
    assert_eq!(unfillable[0].window, window("2024-03-28", ROLLOVER));
    let reason = &unfillable[0].reason;
    assert!(reason.contains("earlier contract") && reason.contains("BTCUSDM24"), "{reason}");
}

#[tokio::test]
async fn candles_that_the_exchange_continues_over_its_contracts_are_asked_for_as_far_back_as_they_go() {
    let series = "binance/BTC-USDT_QUARTER/ohlc/1d";
    let setup = setup(series, "2024-05-02 00:10:00").await;

    assert_eq!(error_of(&setup.run(&backfill(series, "2024-01-01")).await), "");

    assert_same(&setup.stored(series), &truth(&setup, series, window("2024-01-01", "2024-05-02")));
    assert_eq!(setup.ledger(series).unfillable, []);
    assert!(setup.asked(Endpoint::Ohlc).iter().all(|seen| seen.path.contains("CURRENT_QUARTER")));
}
