//! Candles: what one run stores, what the next asks for, and what is known of the time without any.

use std::time::Duration;

use dccd::jobs::{Order, Retry, Since};
use dccd::model::{Micros, Series, Window};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};

use crate::test_daemon::{
    DAY, HOUR, MINUTE, MINUTELY, Metrics, TestDaemon, asked_number, assert_same, at, backfill, error_of,
    grid, order, run, window,
};

#[tokio::test]
async fn thirty_days_are_stored_exactly_and_the_next_run_asks_only_for_the_last_three_candles_again() {
    let setup = TestDaemon::at("2024-01-31 00:00:30", Knobs::default()).await;
    let month = window("2024-01-01", "2024-01-31");
    let engine = setup.engine().await;

    let outcome = run(&engine, &backfill(MINUTELY, "2024-01-01")).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows, outcome.revised), ("", 43_200, 0));
    assert_eq!(setup.asked(Endpoint::Ohlc).len(), 44 + 2, "its pages and two looks for the first row");
    let series: Series = MINUTELY.parse().unwrap();
    let metrics = Metrics::of(&engine);
    assert_eq!(metrics.of_series("dccd_rows_written_total", &series), 43_200.0);
    assert_eq!(metrics.of_series("dccd_series_gap_seconds", &series), 0.0);
    engine.close().await;
    setup.assert_true(MINUTELY, month).await;

    let again = setup.run(&backfill(MINUTELY, "2024-01-01")).await;

    assert_eq!((error_of(&again).as_str(), again.rows, again.revised), ("", 0, 0));
    let asked = setup.asked(Endpoint::Ohlc);
    assert_eq!(asked.len(), 47);
    assert_eq!(asked_number(&asked[46], "startTime") * 1_000, month.until.0 - 3 * MINUTE);
    assert_eq!(asked_number(&asked[45], "endTime") * 1_000, month.until.0 - 1_000);
    setup.assert_true(MINUTELY, month).await;
}

#[tokio::test]
async fn a_file_that_was_deleted_is_fetched_again_and_nothing_else_is() {
    let setup = TestDaemon::at("2024-01-16 00:00:30", Knobs::default()).await;
    let order = backfill(MINUTELY, "2023-12-17");
    setup.run(&order).await;
    let before = setup.asked(Endpoint::Ohlc).len();
    std::fs::remove_file(setup.layout().folder(&order.series).join("2023.parquet")).unwrap();

    let outcome = setup.run(&order).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 15 * 1_440));
    let asked = &setup.asked(Endpoint::Ohlc)[before..];
    let inner = |start: i64| (at("2024-01-01").0..at("2024-01-16").0 - 3 * MINUTE).contains(&(start * 1_000));
    assert_eq!(asked.iter().filter(|seen| inner(asked_number(seen, "startTime"))).count(), 0);
    assert_eq!(asked.len(), 22 + 2 + 1, "its pages, two looks for the first row, the last three candles");
    let (stored, window) = (setup.stored(MINUTELY), window("2023-12-17", "2024-01-16"));
    assert_same(&stored, &setup.existing(MINUTELY, window));
    assert_eq!(setup.ledger(MINUTELY).settled().missing(window).len(), 0);
}

#[tokio::test]
async fn the_running_candle_is_never_stored_and_a_revised_one_ends_as_its_last_answer() {
    let setup = TestDaemon::at("2024-01-01 12:00:30", Knobs { revise_spans: 2, ..Knobs::default() }).await;
    setup.run(&backfill(MINUTELY, "2024-01-01 10:00:00")).await;
    let first = setup.stored(MINUTELY);
    assert_eq!(first.ends().unwrap().1, at("2024-01-01 11:59:00"), "the candle of 12:00 still runs");
    let grid = grid(&MINUTELY.parse().unwrap());
    let market = setup.sim.market("BTCUSDT").unwrap();
    let provisional = market.provisional(grid, at("2024-01-01 11:59:00")).stored();
    assert_eq!(first.candles().get(first.len() - 1), provisional);

    // A candle counts as closed two seconds after its end.
    setup.move_to("2024-01-01 12:01:01");
    let early = setup.run(&order(MINUTELY)).await;
    assert_eq!(early.rows, 0);
    let mut revised = early.revised;
    for now in ["2024-01-01 12:02:10", "2024-01-01 12:03:10", "2024-01-01 12:04:10", "2024-01-01 12:05:10"] {
        setup.move_to(now);
        let outcome = setup.run(&order(MINUTELY)).await;
        assert_eq!(error_of(&outcome), "");
        revised += outcome.revised;
        assert_eq!(setup.stored(MINUTELY).ends().unwrap().1, Micros(grid.floor(at(now)).0 - MINUTE));
    }

    // The last two are provisional still; all before are final: 11:58 to 12:02.
    let stored = setup.stored(MINUTELY);
    let settled = window("2024-01-01 10:00:00", "2024-01-01 12:03:00");
    assert_same(&stored.slice(0..stored.len() - 2), &setup.existing(MINUTELY, settled));
    assert_eq!(revised, 5);
    assert_eq!(setup.ledger(MINUTELY).rows(), stored.len() as u64);
}

#[tokio::test]
async fn longer_spans_stand_on_their_anchors() {
    let setup = TestDaemon::at("2024-03-14 15:09:26", Knobs::default()).await;
    for (span, from, last) in [
        ("4h", "2023-11-01 04:00:00", "2024-03-14 08:00:00"),
        ("1d", "2022-02-03", "2024-03-13"),
        ("1w", "2020-01-06", "2024-03-04"),
        ("1mo", "2019-05-01", "2024-02-01"),
    ] {
        let series = format!("binance/BTC-USDT/ohlc/{span}");
        let outcome = setup.run(&backfill(&series, from)).await;

        assert_eq!(error_of(&outcome), "", "{span}");
        let until = grid(&series.parse().unwrap()).next(at(last));
        let stored = setup.stored(&series);
        assert_same(&stored, &setup.existing(&series, Window::new(at(from), until).unwrap()));
        assert_eq!(stored.ends(), Some((at(from), at(last))), "{span}");
        assert_eq!(setup.ledger(&series).gaps(until).len(), 0, "{span}");
    }
}

#[tokio::test]
async fn collecting_into_an_empty_store_takes_one_page_and_then_appends() {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;

    assert_eq!(setup.collect().await[0].rows, 1_000);

    let first = Micros(at("2024-01-31 12:00:00").0 - 1_000 * MINUTE);
    assert_eq!(setup.asked(Endpoint::Ohlc).len(), 1);
    setup.assert_true(MINUTELY, Window::new(first, at("2024-01-31 12:00:00")).unwrap()).await;

    // Down for two days: everything since is wanted, and so is what is asked for once by hand.
    setup.move_to("2024-02-02 12:00:30");
    assert_eq!(setup.collect().await[0].rows, 2_880);
    let earlier = Order {
        since: Since::Exactly(at("2024-01-30")),
        until: Some(at("2024-01-30 01:00:00")),
        ..order(MINUTELY)
    };
    assert_eq!(setup.run(&earlier).await.rows, 60);
    setup.collect().await;
    setup.assert_true(MINUTELY, window("2024-01-30", "2024-02-02 12:00:00")).await;
}

#[tokio::test]
async fn a_start_in_the_future_wants_nothing_and_spoils_nothing() {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;

    let future = setup.run(&Order { since: Since::Exactly(at("2030-01-01")), ..order(MINUTELY) }).await;

    assert_eq!((error_of(&future).as_str(), future.rows), ("", 0));
    setup.move_to("2024-01-31 12:03:30");
    assert_eq!(setup.run(&order(MINUTELY)).await.rows, 3, "wanted from the moment it was asked for");
}

#[tokio::test]
async fn the_years_before_the_first_row_cost_two_requests_and_are_confirmed_empty() {
    let listed = at("2024-01-10 07:00:00");
    let setup =
        TestDaemon::at("2024-01-12 00:00:30", Knobs { listed_from: listed, ..Knobs::default() }).await;

    let outcome = setup.run(&backfill(MINUTELY, "2023-01-01")).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", (DAY + 17 * HOUR) as u64 / MINUTE as u64));
    assert_eq!(setup.asked(Endpoint::Ohlc).len(), 2 + 3, "two looks for the first row and three pages");
    setup.assert_true(MINUTELY, window("2023-01-01", "2024-01-12")).await;
    let empty = setup.ledger(MINUTELY).empty;
    assert_eq!(empty.len(), 1);
    assert_eq!(Some(empty[0].window), Window::new(at("2023-01-01"), listed));
    assert!(empty[0].reason.contains("first row"), "{}", empty[0].reason);

    let before = setup.asked(Endpoint::Ohlc).len();
    let earlier = setup.run(&backfill(MINUTELY, "2019-01-01")).await;

    assert_eq!((error_of(&earlier).as_str(), earlier.rows), ("", 0));
    assert_eq!(setup.asked(Endpoint::Ohlc).len() - before, 3, "two looks and the last three candles");
    setup.assert_true(MINUTELY, window("2019-01-01", "2024-01-12")).await;
}

#[tokio::test]
async fn an_earlier_start_given_later_fills_the_time_between() {
    let setup = TestDaemon::at("2024-01-12 00:00:30", Knobs::default()).await;
    setup.run(&backfill(MINUTELY, "2024-01-11")).await;

    let outcome = setup.run(&backfill(MINUTELY, "2024-01-05")).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 6 * 1_440));
    setup.assert_true(MINUTELY, window("2024-01-05", "2024-01-12")).await;
    setup.move_to("2024-01-12 00:10:30");
    setup.run(&order(MINUTELY)).await;
    setup.assert_true(MINUTELY, window("2024-01-05", "2024-01-12 00:10:00")).await;
}

#[tokio::test]
async fn an_outage_of_the_exchange_is_covered_or_confirmed_empty_and_never_filled_with_inventions() {
    let holes =
        [window("2024-01-03 02:00:00", "2024-01-04 01:00:00"), window("2024-01-05", "2024-01-05 00:07:00")];
    let knobs = Knobs { holes: holes.into_iter().collect(), ..Knobs::default() };
    let setup = TestDaemon::at("2024-01-07 00:00:30", knobs).await;

    let outcome = setup.run(&backfill(MINUTELY, "2024-01-01")).await;

    assert_eq!(error_of(&outcome), "");
    let pages = setup.asked(Endpoint::Ohlc).len();
    assert!(pages <= 9 + 1 + 4, "{pages} requests");
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-07")).await;
}

#[tokio::test]
async fn nothing_is_confirmed_empty_near_the_present_and_late_rows_are_fetched() {
    let outage = window("2024-01-06 20:00:00", "2024-01-09");
    let setup =
        TestDaemon::at("2024-01-07 00:00:30", Knobs { holes: outage.into(), ..Knobs::default() }).await;

    let outcome = setup.run(&backfill(MINUTELY, "2024-01-06")).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 20 * 60));
    let ledger = setup.ledger(MINUTELY);
    let open = ledger.gaps(at("2024-01-07")).iter().collect::<Vec<_>>();
    assert_eq!(open, [window("2024-01-06 23:00:00", "2024-01-07")], "the last hour stays open");

    // The exchange comes back, and the rows of its outage with it.
    setup.sim.set(|knobs| knobs.holes = dccd::model::Windows::new());
    setup.move_to("2024-01-07 00:05:30");
    assert_eq!(error_of(&setup.run(&order(MINUTELY)).await), "");
    setup.assert_true(MINUTELY, window("2024-01-06", "2024-01-07 00:05:00")).await;
}

#[tokio::test]
async fn empty_answers_that_a_later_row_contradicts_are_not_believed() {
    let setup = TestDaemon::at("2024-01-12 00:00:30", Knobs::default()).await;
    // The first eight pages, two for each of the windows walked side by side, claim that nothing is there.
    setup.sim.set(|knobs| {
        knobs.latency = std::time::Duration::from_millis(20);
        knobs.faults = vec![Rule::always(Fault::Empty).at(Endpoint::Ohlc)];
    });
    let engine = setup.engine().await;
    let order = backfill(MINUTELY, "2024-01-01");
    let heal = async {
        while setup.asked(Endpoint::Ohlc).len() < 9 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        setup.sim.set(|knobs| knobs.faults.clear());
    };

    let (outcome, ()) = tokio::join!(run(&engine, &order), heal);

    engine.close().await;
    assert_eq!(error_of(&outcome), "");
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-12")).await;
}

#[tokio::test]
async fn an_exchange_that_ignores_what_it_is_asked_confirms_nothing() {
    let setup = TestDaemon::at("2024-01-12 00:00:30", Knobs::default()).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Stuck).at(Endpoint::Ohlc)]);

    let outcome = setup.run(&backfill(MINUTELY, "2024-01-11")).await;

    assert!(outcome.error.is_some(), "rows of 2017 are no answer");
    assert_eq!(setup.ledger(MINUTELY).empty, []);
    setup.sim.set(|knobs| knobs.faults.clear());
    assert_eq!(error_of(&setup.run(&backfill(MINUTELY, "2024-01-11")).await), "");
    setup.assert_true(MINUTELY, window("2024-01-11", "2024-01-12")).await;
}

#[tokio::test]
async fn one_empty_answer_confirms_nothing() {
    let setup = TestDaemon::at("2024-02-01 00:00:30", Knobs::default()).await;
    setup.sim.set(|knobs| {
        knobs.latency = std::time::Duration::from_millis(50);
        knobs.faults = vec![Rule::always(Fault::Empty).at(Endpoint::Ohlc)];
    });
    let engine = setup.engine().await;
    let order = Order { until: Some(at("2024-01-01 12:00:00")), ..backfill(MINUTELY, "2024-01-01") };
    let heal = async {
        while setup.asked(Endpoint::Ohlc).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        setup.sim.set(|knobs| knobs.faults.clear());
    };

    let (outcome, ()) = tokio::join!(run(&engine, &order), heal);

    engine.close().await;
    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 720));
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-01 12:00:00")).await;
}

#[tokio::test]
async fn no_number_of_empty_answers_outweighs_a_later_row_that_is_held() {
    let setup = TestDaemon::at("2024-01-12 00:00:30", Knobs::default()).await;
    setup.run(&backfill(MINUTELY, "2024-01-11")).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Empty).at(Endpoint::Ohlc)]);

    for _ in 0..2 {
        let outcome = setup.run(&backfill(MINUTELY, "2024-01-10 12:00:00")).await;
        assert!(error_of(&outcome).contains("contradicting"), "{:?}", error_of(&outcome));
    }

    assert_eq!(setup.ledger(MINUTELY).empty, []);
    setup.sim.set(|knobs| knobs.faults.clear());
    assert_eq!(setup.run(&backfill(MINUTELY, "2024-01-10 12:00:00")).await.rows, 720);
    setup.assert_true(MINUTELY, window("2024-01-10 12:00:00", "2024-01-12")).await;
}

#[tokio::test]
async fn a_full_row_group_waits_for_the_page_in_flight_rather_than_be_encoded_again_for_it() {
    let faults = vec![Rule::nth(Fault::Status500, 122).at(Endpoint::Ohlc)];
    let setup = TestDaemon::at("2024-04-25 00:00:30", Knobs { faults, ..Knobs::default() }).await;
    let engine = setup.engine().await;
    let mut order = backfill(MINUTELY, "2024-01-01");
    // Long enough for the walks beside it to fill the group.
    order.retry = Retry { attempts: 3, delay: Duration::from_secs(1) };

    let outcome = run(&engine, &order).await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 115 * 1_440));
    let metrics = Metrics::of(&engine);
    assert_eq!(metrics.sum("dccd_http_retries_total"), 1.0);
    assert_eq!(metrics.sum("dccd_storage_folds_total"), 0.0, "no row came after its group was published");
    engine.close().await;
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-04-25")).await;
}
