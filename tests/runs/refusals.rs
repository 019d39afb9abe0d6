//! Refusals that concern one series alone: the others go on, and the fault is named.

use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use dccd::store::Layout;
use tokio_util::sync::CancellationToken;

use crate::test_daemon::{
    MINUTE, MINUTELY, TestDaemon, asked_number, assert_same, at, backfill, error_of, run, window,
};

#[tokio::test]
async fn an_unknown_pair_fails_with_the_exchanges_words_and_the_others_go_on() {
    let job = "{exchange: binance, pairs: [MOON/USDT, BTC/USDT], span: 60, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-31 12:00:30", Knobs::default()).await;

    let outcomes = setup.collect().await;

    assert!(error_of(&outcomes[0]).contains("Invalid symbol. (code -1121)"), "{}", error_of(&outcomes[0]));
    assert_eq!((error_of(&outcomes[1]).as_str(), outcomes[1].rows), ("", 1_000));
    assert_eq!(setup.asked(Endpoint::Instruments).len(), 2, "asking again does not help");
    let moon = "binance/MOON-USDT/ohlc/1m".parse().unwrap();
    assert!(!setup.layout().folder(&moon).exists(), "nothing is kept of what is not listed");
}

#[tokio::test]
async fn a_geo_block_names_the_way_round_and_a_web_page_its_first_bytes() {
    for (fault, words) in [
        (Fault::Status403, ["HTTP 403", "https://data-api.binance.vision"]),
        (Fault::Status451, ["HTTP 451", "https://data-api.binance.vision"]),
        (Fault::Html, ["not what is documented", "<!DOCTYPE html><html><body>Just a moment"]),
    ] {
        for endpoint in [Endpoint::Time, Endpoint::Instruments, Endpoint::Ohlc] {
            let setup = TestDaemon::at("2024-01-02 00:00:30", Knobs::default()).await;
            setup.sim.set(|knobs| knobs.faults = vec![Rule::always(fault).at(endpoint)]);

            let said = error_of(&setup.run(&backfill(MINUTELY, "2024-01-01")).await);

            assert!(words.iter().all(|word| said.contains(word)), "{fault} at {endpoint:?}: {said}");
            assert_eq!(setup.stored(MINUTELY).len(), 0, "{fault} at {endpoint:?}");
        }
    }
}

#[tokio::test]
async fn a_stop_in_the_middle_keeps_what_was_accepted_and_the_next_run_asks_for_the_rest() {
    let setup = TestDaemon::at(
        "2024-03-01 00:00:30",
        Knobs { latency: Duration::from_millis(20), ..Knobs::default() },
    )
    .await;
    let (order, stop) = (backfill(MINUTELY, "2024-01-01"), CancellationToken::new());
    let engine = setup.engine().await;
    let interrupt = async {
        while setup.asked(Endpoint::Ohlc).len() < 30 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
        // One answer that never comes must not hold the stop up.
        setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Silent).at(Endpoint::Ohlc)]);
        let asked = setup.asked(Endpoint::Ohlc).len();
        (tokio::time::Instant::now(), asked)
    };

    let (stopped, (stopped_at, asked)) =
        tokio::join!(engine.run(&order, Duration::ZERO, &|_| {}, &stop), interrupt);

    assert!(stopped_at.elapsed() < Duration::from_secs(5), "{:?}", stopped_at.elapsed());
    assert!(setup.asked(Endpoint::Ohlc).len() <= asked + 4, "a page was begun after the stop");
    assert!(error_of(&stopped).contains("stopped"), "{}", error_of(&stopped));
    assert!(stopped.rows >= 20_000, "{}", stopped.rows);
    assert_eq!(setup.stored(MINUTELY).len() as u64, stopped.rows);
    let health = engine.telemetry().health().of(&order.series).unwrap();
    assert_eq!((health.rows, health.consecutive_errors), (stopped.rows, 0), "a stop is no error");
    engine.close().await;

    setup.sim.set(|knobs| knobs.faults.clear());
    let (held, before) = (setup.ledger(MINUTELY).covered, setup.asked(Endpoint::Ohlc).len());
    assert_eq!(error_of(&setup.run(&order).await), "");
    let requests = setup.asked(Endpoint::Ohlc);
    let newest = held.last().unwrap().until.0 - 3 * MINUTE;
    let again = requests[before..].iter().filter(|seen| {
        let start = asked_number(seen, "startTime") * 1_000;
        start != newest && held.holds(dccd::model::Micros(start))
    });
    assert_eq!(again.count(), 0, "nothing that is stored is asked for again");
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-03-01")).await;
}

#[tokio::test]
async fn a_foreign_file_in_the_way_fails_its_series_before_any_request_and_no_other() {
    let job = "{exchange: binance, pairs: [ETH/USDT, BTC/USDT], span: 60, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-31 12:00:30", Knobs::default()).await;
    let layout: Layout = setup.layout();
    let folder = layout.folder(&"binance/ETH-USDT/ohlc/1m".parse().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    write_foreign(&folder.join("2024.parquet"));
    let before = std::fs::read(folder.join("2024.parquet")).unwrap();

    let outcomes = setup.collect().await;

    assert!(error_of(&outcomes[0]).contains("dccd import"), "{}", error_of(&outcomes[0]));
    assert_eq!((error_of(&outcomes[1]).as_str(), outcomes[1].rows), ("", 1_000));
    assert!(setup.sim.requests().iter().all(|seen| !seen.path.contains("ETH")), "asked before it looked");
    assert_eq!(std::fs::read(folder.join("2024.parquet")).unwrap(), before, "it is left alone");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_filled_again_by_the_same_run() {
    let setup = TestDaemon::at("2024-01-16 00:00:30", Knobs::default()).await;
    let order = backfill(MINUTELY, "2023-12-17");
    setup.run(&order).await;
    let path = setup.layout().folder(&order.series).join("2023.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1_000..3_000].fill(0x55);
    std::fs::write(&path, &bytes).unwrap();

    let engine = setup.engine().await;
    let outcome = run(&engine, &order).await;
    engine.close().await;

    assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 15 * 1_440));
    let kept: Vec<_> = std::fs::read_dir(setup.layout().quarantine()).unwrap().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::read(kept[0].as_ref().unwrap().path()).unwrap(), bytes);
    let window = window("2023-12-17", "2024-01-16");
    assert_same(&setup.stored(MINUTELY), &setup.existing(MINUTELY, window));
    assert_eq!(setup.ledger(MINUTELY).gaps(at("2024-01-16")).len(), 0);
}

/// A Parquet file without our entry in its footer.
fn write_foreign(path: &std::path::Path) {
    use parquet::file::writer::SerializedFileWriter;
    let schema =
        parquet::schema::parser::parse_message_type("message schema { REQUIRED INT64 TS; }").unwrap();
    let file = std::fs::File::create(path).unwrap();
    SerializedFileWriter::new(file, schema.into(), std::sync::Arc::default()).unwrap().close().unwrap();
}
