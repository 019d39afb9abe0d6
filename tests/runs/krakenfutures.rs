//! Kraken Futures from end to end: candles, trades and funding of linear contracts.

use std::time::Duration;

use dccd::jobs::{Order, RunError};
use dccd::model::Series;
use dccd::sim::{Endpoint, Fault, Knobs, RetryAfter, Rule};
use tokio_util::sync::CancellationToken;

use crate::house::{House, Metrics, assert_same, at, backfill, faults_struck, run, said, window};

const MINUTELY: &str = "krakenfutures/BTC-USD_PERP/ohlc/1m";
const QUARTERLY: &str = "krakenfutures/BTC-USD_QUARTER/ohlc/1h";
const TRADES: &str = "krakenfutures/BTC-USD_PERP/trades";
const FUNDING: &str = "krakenfutures/BTC-USD_PERP/funding";
const CANDLES_JOB: &str = "{exchange: krakenfutures, pairs: ['BTC/USD:perp'], span: 60, retry_delay: 0.01}";
const TRADES_JOB: &str =
    "{exchange: krakenfutures, pairs: ['BTC/USD:perp'], data_type: trades, retry_delay: 0.01}";
const FUNDING_JOB: &str =
    "{exchange: krakenfutures, pairs: ['BTC/USD:perp'], data_type: funding, retry_delay: 0.01}";

/// What goes wrong with one answer in ten.
const MIXED: [Fault; 10] = [
    Fault::Status429,
    Fault::Status500,
    Fault::Html,
    Fault::Truncated,
    Fault::ErrorBody,
    Fault::Short,
    Fault::Empty,
    Fault::Shuffled,
    Fault::Doubled,
    Fault::WrongType,
];

fn market() -> Knobs {
    Knobs {
        symbols: vec!["BTCUSD".to_owned()],
        listed_from: at("2023-06-05 07:00:00"),
        page_limit: 2_000,
        ..Knobs::default()
    }
}

fn broken(seed: u64, knobs: Knobs) -> Knobs {
    let share = 0.1 / MIXED.len() as f64;
    let faults = MIXED.iter().map(|fault| Rule::share(*fault, share)).collect();
    Knobs { seed, faults, retry_after: RetryAfter::Seconds(1), ..knobs }
}

/// Requests inside a wait of a second that an answer before them asked for, but those that were on their way.
fn inside_a_wait(house: &House) -> usize {
    let requests = house.sim.requests();
    let limits = requests.iter().filter(|seen| seen.fault == Some(Fault::Status429));
    let asked: Vec<Duration> = limits.map(|seen| seen.at).collect();
    let (wait, on_their_way) = (Duration::from_secs(1), Duration::from_millis(150));
    let early =
        |at: Duration| asked.iter().any(|from| at > *from + on_their_way && at + on_their_way < *from + wait);
    requests.iter().filter(|seen| early(seen.at)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_days_of_minutes_survive_one_broken_answer_in_ten() {
    let mut struck = 0;
    for seed in [1, 2, 3, 4] {
        let house = House::unlimited(CANDLES_JOB, "2024-01-31 00:00:30", broken(seed, market())).await;

        let runs = house.run_until_complete(&backfill(MINUTELY, "2024-01-01"), 6).await;

        house.assert_true(MINUTELY, window("2024-01-01", "2024-01-31")).await;
        let (asked, faults) = (house.asked(Endpoint::Ohlc).len(), faults_struck(&house, Endpoint::Ohlc));
        let least = 43_200 / 2_000 + 1 + 1;
        assert!(
            asked <= least * 3 / 2 + faults + 2 * (runs - 1),
            "seed {seed}: {asked} requests, {faults} faults, {runs} runs"
        );
        assert_eq!(inside_a_wait(&house), 0, "seed {seed}");
        struck += faults;
    }
    assert!(struck > 5, "{struck} faults");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_trades_survive_one_broken_answer_in_ten_and_crowded_milliseconds() {
    let knobs = Knobs { trades_per_hour: 20_000, cluster: 60, ..broken(1, market()) };
    let house = House::unlimited(TRADES_JOB, "2024-01-02 00:00:10", knobs).await;
    let wanted = Order { until: Some(at("2024-01-01 02:30:00")), ..backfill(TRADES, "2024-01-01") };

    let runs = house.run_until_complete(&wanted, 8).await;

    house.assert_true(TRADES, window("2024-01-01", "2024-01-01 02:30:00")).await;
    let stored = house.stored(TRADES);
    assert!((49_000..51_000).contains(&stored.len()), "{}", stored.len());
    let crowd = stored.ts().chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
    assert!(crowd > 50, "{crowd}");
    let (asked, faults) = (house.asked(Endpoint::Trades).len(), faults_struck(&house, Endpoint::Trades));
    let least = least_pages(stored.ts());
    assert!(faults > 20 && runs > 0, "{faults} faults");
    assert!(asked <= least * 3 / 2 + faults, "{asked} requests, {faults} faults, {runs} runs, {least} least");
    assert_eq!(inside_a_wait(&house), 0);
}

/// The pages of 100 that show every row, where the next page can only name the millisecond the last one ended in,
/// so that the rows of that are answered again.
fn least_pages(ts: &[i64]) -> usize {
    let (mut pages, mut until) = (0, ts.len());
    while until > 0 {
        pages += 1;
        let first = until.saturating_sub(100);
        if first == 0 {
            break;
        }
        until = ts.partition_point(|at| *at <= ts[first]);
    }
    pages
}

#[tokio::test]
async fn an_interrupted_run_goes_on_without_a_hole() {
    let knobs = Knobs { trades_per_hour: 5_000, latency: Duration::from_millis(5), ..market() };
    let house = House::unlimited(TRADES_JOB, "2024-01-02 00:00:10", knobs).await;
    let site = house.site().await;
    let order = Order { until: Some(at("2024-01-01 18:00:00")), ..backfill(TRADES, "2024-01-01") };
    let stop = CancellationToken::new();
    let interrupt = async {
        while house.asked(Endpoint::Trades).len() < 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };

    let (stopped, ()) = tokio::join!(site.run(&order, Duration::ZERO, &|_| {}, &stop), interrupt);

    assert!(matches!(stopped.error, Some(RunError::Stopped { .. })), "{}", said(&stopped));
    let before = house.asked(Endpoint::Trades).len();
    let rest = run(&site, &order).await;
    site.close().await;
    assert_eq!(said(&rest), "");
    house.assert_true(TRADES, window("2024-01-01", "2024-01-01 18:00:00")).await;
    let all = house.stored(TRADES).len() as u64;
    assert_eq!(stopped.rows + rest.rows, all);
    let asked = (house.asked(Endpoint::Trades).len() - before) as u64;
    assert!(asked <= rest.rows / 100 * 11 / 10 + 4 * 2 + 3, "{asked} requests for {} rows", rest.rows);
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_walk_fails_the_run_by_its_name_and_the_next_run_goes_on() {
    let knobs = Knobs { trades_per_hour: 5_000, latency: Duration::from_millis(5), ..market() };
    let house = House::unlimited(TRADES_JOB, "2024-01-02 00:00:10", knobs).await;
    let site = house.site().await;
    let order = Order { until: Some(at("2024-01-01 18:00:00")), ..backfill(TRADES, "2024-01-01") };
    let fail = async {
        while house.asked(Endpoint::Trades).len() < 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        house.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::ErrorBody).at(Endpoint::Trades)]);
    };

    let (outcome, ()) = tokio::join!(run(&site, &order), fail);

    assert!(said(&outcome).contains("unavailable"), "{}", said(&outcome));
    let series: Series = TRADES.parse().unwrap();
    assert_eq!(Metrics::of(&site).of_series("dccd_job_consecutive_errors", &series), 1.0);
    assert!(outcome.rows > 1_000, "what came before the error is kept");
    house.sim.set(|knobs| knobs.faults.clear());
    assert_eq!(said(&run(&site, &order).await), "");
    site.close().await;
    house.assert_true(TRADES, window("2024-01-01", "2024-01-01 18:00:00")).await;
}

#[tokio::test]
async fn trades_of_more_than_a_week_ago_are_unfillable_and_forgotten_ones_stay_a_gap() {
    let knobs = Knobs { trades_per_hour: 20, ..market() };
    let house = House::unlimited(TRADES_JOB, "2024-01-12 00:00:10", knobs).await;
    let order = Order { until: Some(at("2024-01-12")), ..backfill(TRADES, "2024-01-01") };

    assert_eq!(said(&house.run(&order).await), "");

    let ledger = house.ledger(TRADES);
    let unfillable = &ledger.unfillable[0];
    assert_eq!((ledger.unfillable.len(), unfillable.window.from), (1, at("2024-01-01")));
    let kept = Duration::from_secs(7 * 86_400 - 3_600);
    let reach = unfillable.window.until;
    assert!(at("2024-01-12 00:00:05").since(reach).abs_diff(kept) < Duration::from_secs(60), "{reach}");
    assert_eq!(ledger.gaps(at("2024-01-12")).len(), 0);
    let held = dccd::model::Window::new(reach, at("2024-01-12")).unwrap();
    assert_same(&house.stored(TRADES), &house.existing(TRADES, held));

    // A restart of its engine: nothing before this instant is shown any more.
    let restart = window("2024-01-12", "2024-01-14 12:00:00");
    house.sim.set(|knobs| knobs.listed_from = restart.until);
    house.move_to("2024-01-15 00:00:10");
    let late = Order { until: Some(at("2024-01-15")), ..backfill(TRADES, "2024-01-01") };
    assert_eq!(said(&house.run(&late).await), "");
    let ledger = house.ledger(TRADES);
    assert_eq!(ledger.empty, [], "what was forgotten was not empty");
    let gap = ledger.gaps(at("2024-01-15")).first().unwrap();
    assert_eq!(gap.from, restart.from);
    assert!(gap.until >= restart.until && gap.until < at("2024-01-14 13:00:00"), "{gap}");
}

#[tokio::test]
async fn a_year_of_funding_comes_with_one_answer_and_its_repetitions() {
    let house = House::unlimited(FUNDING_JOB, "2024-05-01 00:30:00", market()).await;
    let order = Order { until: Some(at("2024-04-30 20:00:00")), ..backfill(FUNDING, "2024-01-01") };

    assert_eq!(said(&house.run(&order).await), "");

    house.assert_true(FUNDING, window("2024-01-01", "2024-04-30 20:00:00")).await;
    assert!(house.asked(Endpoint::Funding).len() <= 3, "{}", house.asked(Endpoint::Funding).len());
    assert_eq!(said(&house.run(&order).await), "");
}

#[tokio::test]
async fn the_nearest_quarterly_contract_is_found_by_its_end() {
    let house = House::unlimited(CANDLES_JOB, "2024-01-31 00:00:30", market()).await;

    let outcome = house.run(&backfill(QUARTERLY, "2024-01-10")).await;

    assert_eq!((said(&outcome).as_str(), outcome.rows), ("", 21 * 24));
    assert!(house.asked(Endpoint::Ohlc).iter().all(|seen| seen.path.contains("/FF_XBTUSD_240329/")));
    assert_same(&house.stored(QUARTERLY), &house.existing(QUARTERLY, window("2024-01-10", "2024-01-31")));
    house.move_to("2024-04-02 00:00:30");
    let last = house.asked(Endpoint::Ohlc).len();
    assert_eq!(said(&house.run(&backfill(QUARTERLY, "2024-04-01")).await), "");
    assert!(house.asked(Endpoint::Ohlc)[last..].iter().all(|seen| seen.path.contains("/FF_XBTUSD_240628/")));
}

#[tokio::test]
async fn a_market_it_does_not_list_is_refused_before_any_page() {
    let house = House::unlimited(CANDLES_JOB, "2024-01-31 00:00:30", market()).await;

    let outcome = house.run(&backfill("krakenfutures/ETH-EUR_PERP/ohlc/1m", "2024-01-01")).await;

    assert!(said(&outcome).contains("ETH/EUR:perp is not listed"), "{}", said(&outcome));
    assert!(house.asked(Endpoint::Ohlc).is_empty());
}
