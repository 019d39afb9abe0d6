//! A damaged state store: it is a cache, so the next process to start sets it aside, says what is lost
//! with it, and works on. Rows, coverage and metrics.json are not touched.

#![allow(clippy::disallowed_types, reason = "a test may read any JSON as a tree")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dccd::sim::{Endpoint, Knobs};
use sqlx::{Connection as _, PgConnection};
use tokio::net::UnixStream;

use crate::postgres;
use crate::program::{Ended, command, configure, dccd, end, request, terminate, wait_for};
use crate::test_daemon::{MINUTELY, TestDaemon, window};

const JOB: &str = "{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2024-01-31, retry_delay: 0.01}";
/// How soon a daemon is ready on a store that it has to make anew.
const READY_WITHIN: Duration = Duration::from_secs(2);
const PAGE: usize = 4_096;

/// The damage done to the file, and a word of the message about it.
type Way = (&'static str, fn(&Path), &'static str);

const WAYS: [Way; 11] = [
    ("garbage", |file| fs::write(file, noise(20_000)).unwrap(), "does not begin"),
    (
        "a text",
        |file| fs::write(file, "not a database, however long it may be".repeat(9)).unwrap(),
        "does not begin",
    ),
    ("emptied", |file| fs::write(file, "").unwrap(), "it is empty"),
    ("a damaged head", |file| change(file, |bytes| bytes[16..28].fill(0xEE)), "head is damaged"),
    ("a damaged first word", |file| change(file, |bytes| bytes[3] ^= 1), "does not begin"),
    ("a zeroed page", |file| change(file, |bytes| bytes[PAGE..2 * PAGE].fill(0)), ""),
    ("zeroed but for its head", |file| change(file, |bytes| bytes[100..].fill(0)), ""),
    ("cut in half", |file| change(file, |bytes| bytes.truncate(bytes.len() / 2 / PAGE * PAGE)), ""),
    ("cut within its head", |file| change(file, |bytes| bytes.truncate(60)), "cut off"),
    ("a folder", |file| fs::create_dir_all(file.join("something")).unwrap(), "is no file"),
    ("a link to nothing", |file| symlink("gone", file).unwrap(), "is no file"),
];

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .scan(7_u64, |state, _| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Some((*state >> 33) as u8)
        })
        .collect()
}

/// Changes a copy that takes the file's place.
fn change(file: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file.with_extension("kept")).unwrap();
    how(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// A setup that has collected half a day, whose exchange then stands still.
async fn setup() -> TestDaemon {
    let setup = TestDaemon::with(JOB, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0));
    setup
}

fn store(setup: &TestDaemon) -> PathBuf {
    setup.data_path().join(".dccd/state.db")
}

/// Puts a damaged store in the place of the one there is.
fn damage(setup: &TestDaemon, how: fn(&Path)) {
    let (file, kept) = (store(setup), store(setup).with_extension("kept"));
    fs::rename(&file, kept).unwrap();
    how(&file);
    let _ = fs::remove_file(store(setup).with_extension("kept"));
}

/// Every file of the data path but our own, and metrics.json, with what is in it.
fn held(setup: &TestDaemon) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![setup.data_path().join("binance")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => drop(found.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    let metrics = setup.data_path().join(".dccd/metrics.json");
    found.insert(metrics.clone(), fs::read(metrics).unwrap());
    found
}

fn set_aside(setup: &TestDaemon) -> usize {
    fs::read_dir(setup.data_path().join(".dccd/quarantine")).map_or(0, |found| {
        found.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("state.db.")).count()
    })
}

fn assert_told(ended: &Ended, why: &str, way: &str) {
    let told = ["the state store was damaged", why, "the attempts of tasks", "which jobs were paused"];
    assert!(told.iter().all(|part| ended.err.contains(part)), "{way}: {ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_on_a_damaged_store_is_ready_within_two_seconds_and_says_what_is_lost() {
    for (way, how, why) in WAYS {
        let setup = setup().await;
        let before = held(&setup);
        damage(&setup, how);
        setup.move_to("2024-01-31 13:00:30");

        let began = Instant::now();
        let daemon = command(&setup, &["start"]).spawn().unwrap();
        let socket = setup.data_path().join(".dccd/daemon.sock");
        wait_for(|| async { UnixStream::connect(&socket).await.is_ok() }).await;
        wait_for(|| async { request(&setup, "GET", "/-/ready", "").await.status == 200 }).await;
        let took = began.elapsed();
        let whole = window("2024-01-31", "2024-01-31 13:00:00");
        wait_for(|| async { setup.ledger(MINUTELY).settled().missing(whole).is_empty() }).await;
        let metrics = request(&setup, "GET", "/metrics", "").await.body;
        terminate(&daemon).await;
        let ended = end(daemon).await;

        assert!(took < READY_WITHIN, "{way}: {took:?}");
        assert_eq!(ended.code, Some(0), "{way}: {ended:?}");
        assert_told(&ended, why, way);
        let sample = metrics
            .lines()
            .find_map(|line| line.strip_prefix("dccd_state_store_set_aside_timestamp_seconds "));
        assert!(sample.unwrap().parse::<f64>().unwrap() > 1.7e9, "{way}: {sample:?}");
        assert_eq!(set_aside(&setup), 1, "{way}");
        let log = fs::read_to_string(setup.data_path().join(".dccd/dccd.log")).unwrap();
        assert!(log.contains("the state store was damaged"), "{way}");
        setup.assert_true(MINUTELY, whole).await;
        let rows = |bytes: &[u8]| {
            let pairs: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            pairs["binance/BTC/USDT"]["rows_collected"].as_u64().unwrap()
        };
        let metrics_file = setup.data_path().join(".dccd/metrics.json");
        assert_eq!(rows(&before[&metrics_file]) + 60, rows(&fs::read(&metrics_file).unwrap()), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_on_a_damaged_store_sets_it_aside_and_touches_nothing_else() {
    for (way, how, why) in WAYS {
        let setup = setup().await;
        for (number, args) in
            [["jobs", "ls"].as_slice(), &["status", "--wide"], &["collect"]].into_iter().enumerate()
        {
            let before = held(&setup);
            damage(&setup, how);
            let asked = setup.asked(Endpoint::Ohlc).len();

            let ended = dccd(&setup, args).await;

            assert_eq!(ended.code, Some(0), "{way}, {args:?}: {ended:?}");
            assert_told(&ended, why, way);
            assert_eq!(set_aside(&setup), number + 1, "{way}, {args:?}");
            if *args != ["collect"] {
                assert_eq!(held(&setup), before, "{way}, {args:?}");
                assert_eq!(setup.asked(Endpoint::Ohlc).len(), asked);
            }
        }
        setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_holds_something_else_is_refused_and_never_touched() {
    let Some(url) = postgres::database().await else { return };
    let mut server = PgConnection::connect(&url).await.unwrap();
    for statement in ["CREATE TABLE task (id TEXT)", "INSERT INTO task VALUES ('precious')"] {
        sqlx::query(statement).execute(&mut server).await.unwrap();
    }
    let setup = setup().await;
    let before = held(&setup);
    configure(&setup, &format!("{}store: {url}\n", setup.text()));
    damage(&setup, WAYS[0].1);

    for args in [["start"].as_slice(), &["collect"], &["jobs", "ls"], &["status", "--wide"]] {
        let ended = dccd(&setup, args).await;
        assert_eq!(ended.code, Some(74), "{args:?}: {ended:?}");
        assert!(ended.err.contains("already exists"), "{args:?}: {ended:?}");
    }

    let rows: Vec<String> = sqlx::query_scalar("SELECT id FROM task").fetch_all(&mut server).await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut server)
        .await
        .unwrap();
    assert_eq!((rows, tables), (vec!["precious".to_owned()], 1));
    assert_eq!(held(&setup), before);
    assert_eq!(set_aside(&setup), 0, "the file is not the store of this configuration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_daemon_a_command_names_the_damage_and_moves_nothing() {
    let setup = setup().await;
    let _lock = dccd::store::DataLock::take(&setup.layout(), "start").unwrap();
    damage(&setup, WAYS[0].1);

    for args in [["jobs", "ls"].as_slice(), &["status", "--wide"]] {
        let ended = dccd(&setup, args).await;
        assert_eq!(ended.code, Some(74), "{ended:?}");
        assert!(
            ended.err.contains("is damaged") && ended.err.contains("the next start sets it aside"),
            "{ended:?}"
        );
    }

    assert_eq!(set_aside(&setup), 0);
}
