//! Every command on both stores, before, during and after failures: what is said is the same but for the names of
//! workers and the time.

use std::time::{SystemTime, UNIX_EPOCH};

use dccd::sim::{Endpoint, Fault, Knobs, Rule};

use crate::postgres;
use crate::program::{command, configure, dccd, end, terminate, wait_for_exit};
use crate::test_daemon::TestDaemon;

const JOBS: &str = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01, max_retries: 2}\n\
    {exchange: okx, pairs: [BTC/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01, max_retries: 2}";
const BTC: &str = "binance/BTC-USDT/ohlc/1h";
const ETH: &str = "binance/ETH/USDT";

/// Commands that only read, run in each state.
const LOOKS: [&[&str]; 27] = [
    &["validate"],
    &["status"],
    &["status", "--json"],
    &["status", "--wide"],
    &["status", "--wide", "--json"],
    &["inventory"],
    &["inventory", "--json"],
    &["gaps"],
    &["gaps", "--json"],
    &["verify"],
    &["verify", "--json"],
    &["backfill", "--dry-run"],
    &["jobs", "ls"],
    &["jobs", "ls", "--json"],
    &["jobs", "ls", "--status", "failed"],
    &["jobs", "ls", "--kind", "backfill"],
    &["jobs", "show", BTC],
    &["jobs", "show", BTC, "--json"],
    &["jobs", "why", BTC],
    &["jobs", "why", "okx/BTC/USDT"],
    &["jobs", "show", "nothing"],
    &["healthcheck"],
    &["export", BTC, "-o", "-"],
    &["exchanges"],
    &["metrics"],
    &["alerts", "runbook", "DccdWorkerDead"],
    &["purge", "--dry-run", "--min-free-gb", "1"],
];

/// Commands that change something, run between the others: with an exchange that answers, fails, and answers again.
const BEFORE: [&[&str]; 4] =
    [&["jobs", "pause", ETH], &["jobs", "resume", ETH], &["jobs", "run", BTC], &["sync"]];
const DURING: [&[&str]; 12] = [
    &["collect"],
    &["collect"],
    &["backfill"],
    &["repair"],
    &["jobs", "run", "okx/BTC-USDT/ohlc/1h"],
    &["jobs", "ignore", ETH, "--reason", "delisted"],
    &["jobs", "pause", BTC],
    &["jobs", "cancel", BTC],
    &["jobs", "unlock", BTC],
    &["jobs", "retry", "nothing"],
    &["restore"],
    &["export", BTC, "-o", "btc.xlsx"],
];
const AFTER: [&[&str]; 12] = [
    &["jobs", "retry", ETH],
    &["jobs", "resume", BTC],
    &["collect"],
    &["backfill", "--start", "2024-01-28"],
    &["repair"],
    &["jobs", "prune", "--days", "0"],
    &["alerts", "init", "rules"],
    &["import", "."],
    &["add", "-e", "kraken", "-p", "BTC/USDT", "-s", "1h"],
    &["remove", "-e", "kraken", "-p", "BTC/USDT", "-s", "1h"],
    &["init"],
    &["logs", "-n", "0"],
];

type Reported = Vec<(String, String)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_says_the_same_on_both_stores_before_during_and_after_failures() {
    let (embedded, server) = loop {
        let Some(url) = postgres::database().await else { return };
        let began = hour();
        let both = tokio::join!(script("sqlite"), script(&url));
        // Where the hour turned between the two, the second misses a candle more.
        if began == hour() {
            break both;
        }
    };

    assert_eq!(embedded.len(), server.len());
    assert!(embedded.iter().any(|(_, said)| said.contains("failed")), "nothing ever failed");
    let other: Vec<_> = embedded.iter().zip(&server).filter(|(one, other)| one != other).collect();
    for ((asked, one), (_, other)) in &other {
        eprintln!("{asked}\n--- sqlite\n{one}\n--- postgres\n{other}");
    }
    assert!(other.is_empty(), "{} of {} commands differ", other.len(), server.len());
}

/// The hour of the clock.
fn hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 3_600
}

/// Runs everything on one store.
async fn script(store: &str) -> Reported {
    let setup = TestDaemon::with(JOBS, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &format!("{}store: {store}\n", setup.text()));
    let mut told = Reported::new();
    looks(&setup, "untouched", &mut told).await;
    ask(&setup, "before", &BEFORE, &mut told).await;
    looks(&setup, "before", &mut told).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)]);
    ask(&setup, "during", &DURING, &mut told).await;
    looks(&setup, "during", &mut told).await;
    setup.sim.set(|knobs| knobs.faults.clear());
    ask(&setup, "after", &AFTER, &mut told).await;
    looks(&setup, "after", &mut told).await;
    beside_a_daemon(&setup, &mut told).await;
    told
}

/// The same through a daemon that has nothing left to do.
async fn beside_a_daemon(setup: &TestDaemon, told: &mut Reported) {
    let daemon = command(setup, &["start"]).spawn().unwrap();
    wait_for_exit(setup, &["healthcheck"], 0).await;
    assert_eq!(dccd(setup, &["jobs", "run", "binance"]).await.code, Some(0));
    let asked: [&[&str]; 9] = [
        &["jobs", "pause", ETH],
        &["status", "--wide"],
        &["jobs", "why", ETH],
        &["jobs", "resume", ETH],
        // In the order in which they ended.
        &["jobs", "ls", "--exchange", "okx"],
        &["collect"],
        &["repair"],
        &["sync"],
        &["gaps"],
    ];
    ask(setup, "daemon", &asked, told).await;
    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
}

async fn looks(setup: &TestDaemon, state: &str, told: &mut Reported) {
    ask(setup, state, &LOOKS, told).await;
}

async fn ask(setup: &TestDaemon, state: &str, all: &[&[&str]], told: &mut Reported) {
    for args in all {
        let ended = dccd(setup, args).await;
        let said = format!("{:?}\n{}\n{}", ended.code, ended.out, ended.err);
        told.push((format!("{state}: {}", args.join(" ")), masked(setup, &said)));
    }
}

/// The output without the parts in which two runs must differ.
fn masked(setup: &TestDaemon, said: &str) -> String {
    let folder = setup.folder.path().display().to_string();
    let said = said.replace(&folder, "FOLDER").replace(&setup.sim.url(), "EXCHANGE");
    let is_end = |char: char| char.is_whitespace() || "\"'(),;[]{}".contains(char);
    let mut masked = String::new();
    for word in said.split_inclusive(is_end) {
        let bare = word.strip_suffix(is_end).unwrap_or(word);
        masked.push_str(&shown(bare));
        masked.push_str(&word[bare.len()..]);
    }
    // A table is as wide as what stands in it.
    masked.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A line without how long something takes, and how large a file is whose footer names instants.
fn line(line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    for at in 1..words.len() {
        let is_of_unit = ["s", "B", "KiB"].contains(&words[at].trim_end_matches([',', '.', ';']));
        if is_of_unit || words[at - 1] == "\"bytes\":" {
            let number = if is_of_unit { at - 1 } else { at };
            words[number] = "SOME";
        }
    }
    words.join(" ")
}

/// A word, or what stands for an instant of now, the name of a worker, a time that something took.
fn shown(word: &str) -> String {
    if let Some((id, _)) = word.split_once("..").filter(|(id, _)| id.contains("/ohlc/")) {
        // The window of a task ends now, by the exchange's clock where that was heard of.
        return format!("{id}..");
    }
    let mut parts = word.trim_end_matches(':').trim_end_matches(":once").rsplitn(3, ':');
    let is_hex = |part: Option<&str>| part.is_some_and(|part| i64::from_str_radix(part, 16).is_ok());
    let is_worker = parts.next().is_some_and(|part| part.len() > 12 && is_hex(Some(part)))
        && is_hex(parts.next())
        && parts.next().is_some();
    let year = word.get(..5).and_then(|year| year.strip_suffix('-')?.parse::<i32>().ok());
    let is_clock = word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_digit() || b":.Z".contains(&byte));
    let is_recent = year.is_some_and(|year| year > 2_024 || word.contains('.')) || is_clock;
    let is_instant = word.parse::<f64>().is_ok_and(|number| number > 1.72e9);
    if is_worker {
        "WORKER"
    } else if is_recent || is_instant {
        "NOW"
    } else {
        word
    }
    .to_owned()
}
