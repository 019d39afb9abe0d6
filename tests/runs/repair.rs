//! Repairs: damage found and made good on command, holes filled by the runs themselves.

use dccd::jobs::{Order, Precedence};
use dccd::sim::Knobs;
use dccd::telemetry::exposition;

use crate::program::{configure, dccd};
use crate::test_daemon::{MINUTELY, TestDaemon, assert_same, at, backfill, run, window};

#[tokio::test]
async fn repair_finds_a_flipped_byte_that_no_run_looks_at_sets_the_file_aside_and_fetches_it_again() {
    let setup = TestDaemon::at("2024-01-03 00:00:30", Knobs::default()).await;
    setup.run(&backfill(MINUTELY, "2024-01-01")).await;
    configure(&setup, &setup.text());
    let file = setup.layout().folder(&MINUTELY.parse().unwrap()).join("2024.parquet");
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    // As rot does it: length and time are as they were.
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();

    let repaired = dccd(&setup, &["repair"]).await;

    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    assert!(repaired.out.contains("1 damaged file(s) set aside"), "{repaired:?}");
    let whole = window("2024-01-01", "2024-01-03");
    assert_same(&setup.stored(MINUTELY), &setup.existing(MINUTELY, whole));
    assert!(setup.ledger(MINUTELY).settled().missing(whole).is_empty());
    let aside = std::fs::read_dir(setup.layout().quarantine()).unwrap().count();
    assert_eq!(aside, 1, "set aside, not deleted");
    let again = dccd(&setup, &["repair", "--json"]).await;
    assert!(again.code == Some(0) && again.out.contains("\"set_aside\": []"), "{again:?}");
}

#[tokio::test]
async fn a_run_of_the_daemon_fills_a_hole_after_what_is_new_and_counts_it() {
    let setup = TestDaemon::at("2024-01-02 00:00:30", Knobs::default()).await;
    setup.run(&backfill(MINUTELY, "2024-01-01")).await;
    let series = MINUTELY.parse().unwrap();
    let mut ledger = setup.ledger(MINUTELY);
    ledger.forget(window("2024-01-01 06:00:00", "2024-01-01 07:00:00"), "the test says so");
    ledger.write(&setup.layout().ledger(&series), &series).unwrap();
    setup.move_to("2024-01-02 00:10:30");
    let asked_before = setup.sim.requests().len();
    let engine = setup.engine().await;
    let order = Order { precedence: Precedence::RepairsLast, ..backfill(MINUTELY, "2024-01-01") };

    let outcome = run(&engine, &order).await;

    assert!(outcome.error.is_none(), "{outcome:?}");
    assert_eq!(outcome.rows, 10, "the hour was there");
    let text = exposition::text(engine.telemetry().metrics()).unwrap();
    let counted = r#"dccd_holes_repaired_total{exchange="binance",kind="ohlc",outcome="filled"} 1"#;
    assert!(text.contains(counted), "{text}");
    let asked: Vec<i64> = setup.sim.requests()[asked_before..]
        .iter()
        .filter_map(|seen| seen.path.split("startTime=").nth(1)?.split('&').next()?.parse().ok())
        .collect();
    let hole = at("2024-01-01 06:00:00").0 / 1_000;
    assert_eq!(asked.iter().position(|from| *from == hole), Some(asked.len() - 1), "{asked:?}");
    engine.close().await;
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-02 00:10:00")).await;
}
