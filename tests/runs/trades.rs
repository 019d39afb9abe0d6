//! Trades: every id once, in order, however many share an instant.

use std::time::Duration;

use dccd::jobs::Order;
use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use tokio_util::sync::CancellationToken;

use crate::test_daemon::{TestDaemon, at, backfill, error_of, order, run, window};

const TRADES: &str = "binance/BTC-USDT/trades";
const JOB: &str = "{exchange: binance, pairs: [BTC/USDT], data_type: trades, retry_delay: 0.01}";

/// Twenty thousand an hour, some clusters of which fill more than two pages with one millisecond.
fn busy() -> Knobs {
    Knobs { trades_per_hour: 20_000, cluster: 2_500, listed_from: at("2024-01-01"), ..Knobs::default() }
}

/// The clock runs on while trades are fetched, so the end is an instant that is past from the start.
fn ending_at(order: Order, until: &str) -> Order {
    Order { until: Some(at(until)), ..order }
}

#[tokio::test]
async fn every_trade_is_stored_once_and_in_order_over_midnight_and_through_crowded_instants() {
    let setup = TestDaemon::with(JOB, "2024-01-02 02:00:10", busy()).await;

    let wanted = ending_at(backfill(TRADES, "2024-01-01 23:00:00"), "2024-01-02 02:00:00");

    let outcome = setup.run(&wanted).await;

    assert_eq!(error_of(&outcome), "");
    setup.assert_true(TRADES, window("2024-01-01 23:00:00", "2024-01-02 02:00:00")).await;
    let stored = setup.stored(TRADES);
    let crowd = stored.ts().chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
    assert!(crowd > 1_000, "no instant was more crowded than a page: {crowd}");
    let ids: Vec<u64> = stored.trades().iter().map(|trade| trade.id.unwrap().parse().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "ids in order without a break");
    let folder = setup.layout().folder(&TRADES.parse().unwrap());
    for day in ["2024-01-01", "2024-01-02"] {
        assert!(folder.join(format!("{day}.parquet")).is_file(), "{day}");
    }
    let requests = setup.asked(Endpoint::Trades).len();
    assert!(requests <= stored.len() / 1_000 + 1 + 3 * 5, "{requests} requests for {} trades", stored.len());

    assert_eq!(setup.run(&wanted).await.rows, 0);
    assert_eq!(setup.asked(Endpoint::Trades).len(), requests, "all of it is held");
    setup.move_to("2024-01-02 02:10:10");
    assert_eq!(error_of(&setup.run(&ending_at(order(TRADES), "2024-01-02 02:10:00")).await), "");
    setup.assert_true(TRADES, window("2024-01-01 23:00:00", "2024-01-02 02:10:00")).await;
}

#[tokio::test]
async fn a_run_of_trades_cut_short_goes_on_where_it_was() {
    let setup = TestDaemon::with(JOB, "2024-01-01 06:00:10", busy()).await;
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(5));
    let engine = setup.engine().await;
    let (order, stop) =
        (ending_at(backfill(TRADES, "2024-01-01"), "2024-01-01 06:00:00"), CancellationToken::new());
    let interrupt = async {
        while setup.asked(Endpoint::Trades).len() < 40 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
        setup.asked(Endpoint::Trades).len()
    };

    let (stopped, asked) = tokio::join!(engine.run(&order, Duration::ZERO, &|_| {}, &stop), interrupt);

    assert!(
        error_of(&stopped).contains("stopped") && stopped.rows > 10_000,
        "{} {}",
        error_of(&stopped),
        stopped.rows
    );
    assert!(setup.asked(Endpoint::Trades).len() <= asked + 4, "a page was begun after the stop");
    assert_eq!(setup.stored(TRADES).len() as u64, stopped.rows);
    let (held, before) = (stopped.rows, setup.asked(Endpoint::Trades).len());
    let rest = run(&engine, &order).await;
    engine.close().await;
    setup.assert_true(TRADES, window("2024-01-01", "2024-01-01 06:00:00")).await;
    let all = setup.stored(TRADES).len() as u64;
    assert_eq!(rest.rows, all - held);
    let asked = setup.asked(Endpoint::Trades).len() - before;
    // A page a worker again, and what a crowded instant at its end makes unproven: at most its cluster.
    assert!(asked as u64 <= (all - held) / 1_000 + 4 * (1 + 3) + 7, "{asked} requests for {}", all - held);
}

#[tokio::test]
async fn broken_answers_lose_no_trade_and_double_none() {
    let faults = [
        Fault::Status500,
        Fault::Short,
        Fault::Empty,
        Fault::Shuffled,
        Fault::Doubled,
        Fault::Truncated,
        Fault::WrongType,
        Fault::ErrorBody,
        Fault::Stuck,
    ];
    let setup = TestDaemon::with(JOB, "2024-01-01 06:00:10", busy()).await;
    setup.sim.set(|knobs| knobs.faults = faults.iter().map(|fault| Rule::share(*fault, 0.015)).collect());

    setup.run_until_complete(&ending_at(backfill(TRADES, "2024-01-01"), "2024-01-01 06:00:00"), 6).await;

    let struck = setup.asked(Endpoint::Trades).iter().filter(|seen| seen.fault.is_some()).count();
    assert!(struck > 8, "{struck}");
    setup.assert_true(TRADES, window("2024-01-01", "2024-01-01 06:00:00")).await;
}
