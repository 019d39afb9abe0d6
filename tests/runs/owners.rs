//! A data path has one owner, the program as a whole: a daemon whose lock file is removed ends with 75 and says who
//! has the data path now, a second one waits for that and goes on, and what another holds is named.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use dccd::sim::{Endpoint, Knobs};

use crate::program::{command, configure, dccd, end, signal, terminate, wait_for, wait_for_exit};
use crate::test_daemon::{MINUTELY, TestDaemon, window};

const SLOWLY: &str = "{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2024-01-31, retry_delay: 0.01}";

/// A setup whose backfill takes a while.
async fn setup() -> TestDaemon {
    let knobs = Knobs { latency: Duration::from_millis(100), page_limit: 20, ..Knobs::default() };
    let setup = TestDaemon::with(SLOWLY, "2024-01-31 12:00:30", knobs).await;
    configure(&setup, &setup.text());
    setup
}

async fn until_collecting(setup: &TestDaemon) {
    let asked = setup.asked(Endpoint::Ohlc).len();
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > asked + 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_whose_lock_file_is_removed_ends_with_75_and_the_next_one_takes_over_all_it_accepted() {
    let setup = setup().await;
    let first = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    until_collecting(&setup).await;

    std::fs::remove_file(setup.data_path().join(".dccd/lock")).unwrap();
    let second = command(&setup, &["start"]).spawn().unwrap();
    let winner = second.id().unwrap();
    let ended = end(first).await;

    assert_eq!(ended.code, Some(75), "{ended:?}");
    let said = format!("dccd start (process {winner}) owns this data path now");
    assert!(ended.err.contains(&said), "{ended:?}");
    let whole = window("2024-01-31", "2024-01-31 12:00:00");
    wait_for(|| async { setup.ledger(MINUTELY).settled().missing(whole).is_empty() }).await;
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    terminate(&second).await;
    assert_eq!(end(second).await.code, Some(0));
    setup.assert_true(MINUTELY, whole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_lock_file_is_removed_ends_with_75_and_keeps_what_it_accepted() {
    let setup = setup().await;
    let backfill = command(&setup, &["backfill"]).spawn().unwrap();
    until_collecting(&setup).await;

    std::fs::remove_file(setup.data_path().join(".dccd/lock")).unwrap();
    let ended = end(backfill).await;

    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.err.contains(".dccd/lock is not there any more"), "{ended:?}");
    let asked = setup.asked(Endpoint::Ohlc).len();
    assert_eq!(dccd(&setup, &["backfill"]).await.code, Some(0));
    let again = setup.asked(Endpoint::Ohlc).len() - asked;
    assert!(again <= 38 - (asked - 2), "{asked} pages were taken and {again} asked for after that");
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stands_still_is_not_taken_over_though_its_lock_file_is_gone() {
    let setup = setup().await;
    let first = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    signal(&first, "STOP").await;
    std::fs::remove_file(setup.data_path().join(".dccd/lock")).unwrap();

    let began = Instant::now();
    let refused = dccd(&setup, &["start"]).await;

    assert_eq!(refused.code, Some(75), "{refused:?}");
    assert!(refused.err.contains(&format!("in use by process {}", first.id().unwrap())), "{refused:?}");
    assert!(began.elapsed() > Duration::from_secs(10), "it was not given the time to end");
    signal(&first, "CONT").await;
    assert_eq!(end(first).await.code, Some(75));
}

#[tokio::test]
async fn a_link_in_place_of_our_own_files_is_named_and_nothing_is_written_through_it() {
    let setup = setup().await;
    let (own, victim) = (setup.data_path().join(".dccd"), setup.folder.path().join("victim"));
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(&victim, "precious").unwrap();
    for name in ["lock", "dccd.log"] {
        symlink(&victim, own.join(name)).unwrap();
        for command in ["start", "collect"] {
            let refused = dccd(&setup, &[command]).await;
            assert_eq!(refused.code, Some(74), "{refused:?}");
            assert!(refused.err.contains(name) && refused.err.contains("link"), "{refused:?}");
        }
        std::fs::remove_file(own.join(name)).unwrap();
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }
    assert_eq!(setup.asked(Endpoint::Ohlc).len(), 0);
}
