//! A state store that is not what was written: it is a cache, so whoever starts next sets it aside, says what is lost
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

use crate::house::{House, MINUTELY, window};
use crate::postgres;
use crate::program::{Ended, command, configure, dccd, end, said, terminate, until};

const JOB: &str = "{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2024-01-31, retry_delay: 0.01}";
/// How soon a daemon is ready on a store that it has to make anew.
const READY_WITHIN: Duration = Duration::from_secs(2);
const PAGE: usize = 4_096;

/// What can become of the file, and a word of what is said of it.
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

/// A house that has collected half a day, whose exchange then stands still.
async fn house() -> House {
    let house = House::with(JOB, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&house, &house.text());
    assert_eq!(dccd(&house, &["collect"]).await.code, Some(0));
    house
}

fn store(house: &House) -> PathBuf {
    house.data_path().join(".dccd/state.db")
}

/// Puts a damaged store in the place of the one there is.
fn damage(house: &House, how: fn(&Path)) {
    let (file, kept) = (store(house), store(house).with_extension("kept"));
    fs::rename(&file, kept).unwrap();
    how(&file);
    let _ = fs::remove_file(store(house).with_extension("kept"));
}

/// Every file of the data path but our own, and metrics.json, with what is in it.
fn held(house: &House) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![house.data_path().join("binance")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => drop(found.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    let metrics = house.data_path().join(".dccd/metrics.json");
    found.insert(metrics.clone(), fs::read(metrics).unwrap());
    found
}

fn set_aside(house: &House) -> usize {
    fs::read_dir(house.data_path().join(".dccd/quarantine")).map_or(0, |found| {
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
        let house = house().await;
        let before = held(&house);
        damage(&house, how);
        house.move_to("2024-01-31 13:00:30");

        let began = Instant::now();
        let daemon = command(&house, &["start"]).spawn().unwrap();
        let socket = house.data_path().join(".dccd/daemon.sock");
        until(|| async { UnixStream::connect(&socket).await.is_ok() }).await;
        until(|| async { said(&house, "GET", "/-/ready", "").await.status == 200 }).await;
        let took = began.elapsed();
        let whole = window("2024-01-31", "2024-01-31 13:00:00");
        until(|| async { house.ledger(MINUTELY).settled().missing(whole).is_empty() }).await;
        let metrics = said(&house, "GET", "/metrics", "").await.body;
        terminate(&daemon).await;
        let ended = end(daemon).await;

        assert!(took < READY_WITHIN, "{way}: {took:?}");
        assert_eq!(ended.code, Some(0), "{way}: {ended:?}");
        assert_told(&ended, why, way);
        let sample = metrics
            .lines()
            .find_map(|line| line.strip_prefix("dccd_state_store_set_aside_timestamp_seconds "));
        assert!(sample.unwrap().parse::<f64>().unwrap() > 1.7e9, "{way}: {sample:?}");
        assert_eq!(set_aside(&house), 1, "{way}");
        let log = fs::read_to_string(house.data_path().join(".dccd/dccd.log")).unwrap();
        assert!(log.contains("the state store was damaged"), "{way}");
        house.assert_true(MINUTELY, whole).await;
        let rows = |bytes: &[u8]| {
            let pairs: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            pairs["binance/BTC/USDT"]["rows_collected"].as_u64().unwrap()
        };
        let metrics_file = house.data_path().join(".dccd/metrics.json");
        assert_eq!(rows(&before[&metrics_file]) + 60, rows(&fs::read(&metrics_file).unwrap()), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_on_a_damaged_store_sets_it_aside_and_touches_nothing_else() {
    for (way, how, why) in WAYS {
        let house = house().await;
        for (number, args) in
            [["jobs", "ls"].as_slice(), &["status", "--wide"], &["collect"]].into_iter().enumerate()
        {
            let before = held(&house);
            damage(&house, how);
            let asked = house.asked(Endpoint::Ohlc).len();

            let ended = dccd(&house, args).await;

            assert_eq!(ended.code, Some(0), "{way}, {args:?}: {ended:?}");
            assert_told(&ended, why, way);
            assert_eq!(set_aside(&house), number + 1, "{way}, {args:?}");
            if *args != ["collect"] {
                assert_eq!(held(&house), before, "{way}, {args:?}");
                assert_eq!(house.asked(Endpoint::Ohlc).len(), asked);
            }
        }
        house.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_holds_something_else_is_refused_and_never_touched() {
    let Some(url) = postgres::database().await else { return };
    let mut server = PgConnection::connect(&url).await.unwrap();
    for statement in ["CREATE TABLE task (id TEXT)", "INSERT INTO task VALUES ('precious')"] {
        sqlx::query(statement).execute(&mut server).await.unwrap();
    }
    let house = house().await;
    let before = held(&house);
    configure(&house, &format!("{}store: {url}\n", house.text()));
    damage(&house, WAYS[0].1);

    for args in [["start"].as_slice(), &["collect"], &["jobs", "ls"], &["status", "--wide"]] {
        let ended = dccd(&house, args).await;
        assert_eq!(ended.code, Some(74), "{args:?}: {ended:?}");
        assert!(ended.err.contains("already exists"), "{args:?}: {ended:?}");
    }

    let rows: Vec<String> = sqlx::query_scalar("SELECT id FROM task").fetch_all(&mut server).await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut server)
        .await
        .unwrap();
    assert_eq!((rows, tables), (vec!["precious".to_owned()], 1));
    assert_eq!(held(&house), before);
    assert_eq!(set_aside(&house), 0, "the file is not the store of this configuration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_daemon_a_command_names_the_damage_and_moves_nothing() {
    let house = house().await;
    let _lock = dccd::store::DataLock::take(&house.layout(), "start").unwrap();
    damage(&house, WAYS[0].1);

    for args in [["jobs", "ls"].as_slice(), &["status", "--wide"]] {
        let ended = dccd(&house, args).await;
        assert_eq!(ended.code, Some(74), "{ended:?}");
        assert!(
            ended.err.contains("is damaged") && ended.err.contains("the next start sets it aside"),
            "{ended:?}"
        );
    }

    assert_eq!(set_aside(&house), 0);
}
