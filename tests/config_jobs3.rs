//! The `jobs` list of the 3.x series: what it says is what runs, and what cannot run yet is told.
//!
//! The keys, defaults and rules are those of the `JobConfig` of dccd 3.8.1.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::path::Path;
use std::time::Duration;

use dccd::config::edit::{self, EditError, NewJob};
use dccd::config::{
    Channel, Config, ConfiguredTrigger, Cron, HistoJob, Provider, Start, Surroundings, check,
};
use dccd::model::{Micros, Pair, Span, Zone};

/// Every data type, operation and trigger, and every key of the other sections.
const WHOLE: &str = "\
settings:
  data_path: ~/data/crypto
  timezone: Europe/Paris
  ui_host: 0.0.0.0
  ui_port: 8080
  ui_auth_token: s3cret
  ui_allow_origins: [https://a.example]
  ui_readonly: true
  ui_rate_limit: 5
  ui_trusted_proxy: true
  runs_retention_days: 30
storage:
  local_path: ''
  remotes:
    - {provider: rclone, remote: 'mynas:crypto/'}
  sync_interval: 600
  min_free_gb: 2.5
alerts: {webhook_url: null, max_consecutive_errors: 5}
jobs:
  - {exchange: Binance, pairs: [BTC/USDT, ETH-USDT], span: 3600}
  - {exchange: binance, pairs: [BTC/USDT], span: 86400, trigger_kind: cron, cron: '5 0 * * *', start: origin}
  - {exchange: binance, pairs: ['XBT/USDT:spot'], data_type: trades, every: 120, start: '2024-01-31'}
  - {exchange: binance, pairs: [BTC/USDT], data_type: orderbook, depth: 20, trigger_kind: manual}
  - {exchange: kraken, pairs: ['BTC/USD:perp'], data_type: funding, start: '1704067200000000000'}
  - {exchange: okx, pairs: ['ETH/USDT:perp'], data_type: open_interest, span: 3600, trigger_kind: once}
  - {exchange: kraken, pairs: [BTC/USD], data_type: trades, operation: stream, trigger_kind: supervised}
  - {exchange: okx, pairs: [BTC/USDT], data_type: orderbook, operation: stream, trigger_kind: supervised, depth: 10, snapshot_interval: 5}
  - {exchange: bybit, pairs: [BTC/USDT], span: 60, operation: stream, trigger_kind: supervised}
";

fn checked(text: &str) -> Config {
    let around = Surroundings { home: Some("/home/ann".into()), ..Surroundings::default() };
    check(text, Path::new("c.yml"), &around).unwrap_or_else(|error| panic!("{error}\nin\n{text}"))
}

fn problems(text: &str) -> Vec<String> {
    check(text, Path::new("c.yml"), &Surroundings::default()).expect_err(text).lines()
}

/// The jobs of a file with one job of these keys, which has the notes given.
fn job(keys: &str) -> (Vec<HistoJob>, Vec<String>) {
    let config = checked(&format!("jobs: [{{exchange: binance, pairs: [BTC/USDT], {keys}}}]"));
    let last = |note: &String| !note.contains("`start: last`");
    (config.histo_jobs, config.notes.into_iter().filter(last).collect())
}

fn one(keys: &str) -> HistoJob {
    let (jobs, notes) = job(keys);
    assert_eq!((jobs.len(), notes.len()), (1, 0), "{keys}: {notes:?}");
    jobs.into_iter().next().unwrap()
}

fn day(text: &str) -> Start {
    Start::Date(Micros::parse(text, &Zone::UTC).unwrap())
}

#[test]
fn a_whole_file_of_the_third_series_means_what_it_meant() {
    let config = checked(WHOLE);

    let jobs: Vec<_> = config
        .histo_jobs
        .iter()
        .flat_map(|job| job.series.iter().map(move |series| (series.to_string(), &job.trigger, job.start)))
        .collect();
    let every = |secs| ConfiguredTrigger::Every(Duration::from_secs(secs));
    assert_eq!(
        jobs,
        [
            ("binance/BTC-USDT/ohlc/1h".to_owned(), &ConfiguredTrigger::AtClose, Start::Last),
            ("binance/ETH-USDT/ohlc/1h".to_owned(), &ConfiguredTrigger::AtClose, Start::Last),
            (
                "binance/BTC-USDT/ohlc/1d".to_owned(),
                &ConfiguredTrigger::Cron(Cron::parse("5 0 * * *").unwrap()),
                Start::Origin
            ),
            ("binance/BTC-USDT/trades".to_owned(), &every(120), day("2024-01-31")),
            ("binance/BTC-USDT/orderbook".to_owned(), &ConfiguredTrigger::Manual, Start::Last),
            ("kraken/BTC-USD_PERP/funding".to_owned(), &every(3_600), day("2024-01-01")),
            ("okx/ETH-USDT_PERP/open_interest/1h".to_owned(), &ConfiguredTrigger::Once, Start::Last),
        ]
    );
    let retries = config.histo_jobs.iter().all(|job| (job.max_retries, job.retry_delay.as_secs()) == (3, 2));
    assert!(retries, "a list without retries has the usual ones");
    assert_eq!(config.histo_jobs[3].depth, 20);
    let runs: Vec<bool> = config.histo_jobs.iter().map(|job| job.running).collect();
    assert_eq!(runs, [true, true, true, true, false, true]);
    let streams: Vec<_> = config
        .stream_jobs
        .iter()
        .map(|job| {
            let (channel, step) = (job.channels[0], job.time_step.as_secs());
            (job.exchange.as_str(), channel, job.spans.clone(), step, job.depth)
        })
        .collect();
    assert_eq!(
        streams,
        [
            ("kraken", Channel::Trades, vec![], 60, 50),
            ("okx", Channel::Book, vec![], 5, 10),
            ("bybit", Channel::Ohlc, vec![Span::MINUTE], 60, 50),
        ]
    );
    assert_eq!(config.data_path, Path::new("/home/ann/data/crypto"));
    assert_eq!((config.runs_retention_days, config.alerts.max_consecutive_errors), (30, 5));
    assert_eq!(config.storage.remotes[0].provider, Provider::Rclone);
    assert_eq!(config.storage.sync_interval, Some(Duration::from_secs(600)));
}

#[test]
fn everything_that_is_not_running_or_not_used_is_told_once() {
    let notes = checked(WHOLE).notes;

    let told = |words: &str| notes.iter().filter(|note| note.contains(words)).count();
    for words in [
        "settings.ui_readonly, settings.ui_rate_limit, settings.ui_trusted_proxy not used",
        "jobs[4].pairs[0] is not running: this version has no funding of BTC/USD:perp on kraken",
        "with `start: last` and nothing stored, collecting begins with the newest page",
    ] {
        assert_eq!(told(words), 1, "{words}: {notes:#?}");
    }
    assert_eq!(notes.len(), 3, "{notes:#?}");
    assert!(!notes.iter().any(|note| note.contains("s3cret")));
}

#[test]
fn what_the_exchange_has_and_this_version_has_not_waits_beside_what_runs() {
    let config = checked("jobs: [{exchange: kraken, pairs: [BTC/USD, 'BTC/USD:perp'], span: 60}]");

    let jobs: Vec<_> = config.histo_jobs.iter().map(|job| (job.running, job.pairs[0].to_string())).collect();
    assert_eq!(jobs, [(true, "BTC/USD".to_owned()), (false, "BTC/USD:perp".to_owned())]);
    let note = "jobs[0].pairs[1] is not running: this version has no ohlc of BTC/USD:perp on kraken";
    assert!(config.notes.iter().any(|told| told == note), "{:?}", config.notes);
}

#[test]
fn an_interval_falls_back_to_the_span_and_then_to_an_hour() {
    let every = |keys| one(keys).trigger;
    let secs = |secs| ConfiguredTrigger::Every(Duration::from_secs(secs));
    assert_eq!(every("span: 3600"), ConfiguredTrigger::AtClose);
    assert_eq!(every("span: 3600, every: 0"), ConfiguredTrigger::AtClose);
    assert_eq!(every("span: 60, every: 300, trigger_kind: interval"), secs(300));
    assert_eq!(every("data_type: trades"), secs(3_600));
    assert_eq!(every("data_type: trades, span: 900"), secs(900));
    assert_eq!(every("data_type: orderbook, every: 5"), secs(5));
    let (jobs, notes) = job("span: 3600, trigger_kind: cron");
    assert_eq!(jobs[0].trigger, ConfiguredTrigger::AtClose);
    assert_eq!(notes, ["jobs[0].cron is missing, so the job runs at its interval"]);
}

#[test]
fn a_start_is_a_word_a_utc_date_or_nanoseconds() {
    let start = |text: &str| one(&format!("span: 60, start: {text}")).start;
    assert_eq!((start("last"), start("origin"), start("null")), (Start::Last, Start::Origin, Start::Last));
    assert_eq!(start("2024-01-31"), day("2024-01-31"));
    assert_eq!(start("'1704067200123456789'"), Start::Date(Micros(1_704_067_200_123_456)));
    assert_eq!(start("0"), Start::Date(Micros(0)));

    let text = "settings: {timezone: Asia/Tokyo}\njobs: [{exchange: binance, pairs: [BTC/USDT], span: 60, \
                start: '2024-01-31T15:00:00'}]";
    let config = checked(text);
    assert_eq!(config.histo_jobs[0].start, day("2024-01-31"));
    assert!(config.notes[0].contains("only the date counts"), "{:?}", config.notes);
}

#[test]
fn keys_that_nothing_looks_at_are_named() {
    for (keys, told) in [
        ("span: 60, cron: '* * * * *'", "jobs[0].cron: not used: write trigger_kind: cron to have it obeyed"),
        (
            "span: 60, every: 60, cron: '* * * * *', trigger_kind: manual",
            "jobs[0].every, jobs[0].cron: not used",
        ),
        (
            "span: 60, every: 60, cron: '* * * * *', trigger_kind: cron",
            "jobs[0].every: not used: the cron line",
        ),
        ("span: 60, depth: 20", "jobs[0].depth: not used: only orderbook has a depth"),
        (
            "data_type: orderbook, snapshot_interval: 5",
            "jobs[0].snapshot_interval: not used: a backfill takes",
        ),
        (
            "span: 60, operation: stream, trigger_kind: supervised, start: origin, every: 5, snapshot_interval: 1",
            "jobs[0].every, jobs[0].start: not used: a stream runs all the time",
        ),
        (
            "span: 60, operation: stream, trigger_kind: manual",
            "a stream with trigger_kind: manual is not started",
        ),
        (
            "data_type: funding, operation: stream, trigger_kind: supervised",
            "jobs[0] is not running: funding has no live channel",
        ),
    ] {
        let (_, notes) = job(keys);
        assert!(notes.iter().any(|note| note.contains(told)), "{keys}: {notes:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_a_problem_with_its_place() {
    for (keys, told) in [
        ("span: 60, exchange: krakn", "jobs[0].exchange: this key appears twice"),
        ("data_type: ohlc", "jobs[0].span: ohlc needs a span"),
        ("data_type: ticks", "jobs[0].data_type: `ticks` is not supported"),
        ("span: 60, operation: streem", "jobs[0].operation: `streem` is not known; did you mean `stream`?"),
        ("span: 60, trigger_kind: daily", "jobs[0].trigger_kind: `daily` is not known"),
        ("span: 60, trigger_kind: cron, cron: '61 * * * *'", "jobs[0].cron: `61 * * * *`"),
        ("span: 60, every: -1", "jobs[0].every: -1 is out of range"),
        ("span: 60, start: soon", "jobs[0].start: `soon` is no start"),
        ("span: 60, start: 20240131", "jobs[0].start: 20240131 is no start: a number is nanoseconds"),
        ("span: 60, trigger_kind: supervised", "jobs[0].trigger_kind: `supervised` is for operation: stream"),
        (
            "span: 60, operation: stream",
            "jobs[0].trigger_kind: 3.x ran a stream with `interval` as a backfill",
        ),
        ("span: 60, enabled: false", "jobs[0].enabled: 3.x has no such key"),
        ("span: 60, max_retry: 3", "jobs[0].max_retry: unknown key"),
        ("data_type: orderbook, depth: 0", "jobs[0].depth: 0 is out of range"),
    ] {
        let told_all = problems(&format!("jobs: [{{exchange: binance, pairs: [BTC/USDT], {keys}}}]"));
        assert_eq!(told_all.len(), 1, "{keys}: {told_all:?}");
        assert!(told_all[0].starts_with(told), "{keys}: {told_all:?}");
    }
    assert_eq!(
        problems("jobs: [{exchange: Binanc, pairs: [BTCUSDT], span: 60}]"),
        [
            "jobs[0].exchange: `Binanc` is not supported; did you mean `binance`? Use one of binance, binancecoinm, \
             kraken, krakenfutures, coinbase, bybit, okx, bitfinex, bitmex",
            "jobs[0].pairs[0]: expected BASE/QUOTE such as BTC/USDT or BTC/USDT:perp, found text `BTCUSDT`",
        ]
    );
}

#[test]
fn both_styles_add_up_and_a_series_in_both_is_collected_by_the_first() {
    let own = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600, max_retries: 5}]\n";

    let config = checked(&format!("{own}jobs: [{{exchange: binance, pairs: [ETH/USDT], span: 3600}}]"));
    let retries: Vec<u32> = config.histo_jobs.iter().map(|job| job.max_retries).collect();
    assert_eq!(retries, [5, 3]);

    let both = checked(&format!("{own}jobs: [{{exchange: BINANCE, pairs: [btc-usdt], span: 3600}}]"));
    let words = "jobs[0].pairs[0] is not running: binance/BTC-USDT/ohlc/1h is already collected by \
                 histo_jobs[0].pairs[0]";
    assert!(both.notes.iter().any(|note| note.starts_with(words)), "{:?}", both.notes);
    assert_eq!(both.histo_jobs.iter().map(|job| job.series.len()).collect::<Vec<_>>(), [1, 0]);

    let (jobs, notes) = job("span: 61");
    assert!(!jobs[0].running && notes[0].starts_with("jobs[0] is not running: binance has no candles of 61"));
}

#[test]
fn an_empty_list_loads_as_it_did() {
    let config = checked("jobs: []");
    assert_eq!((config.histo_jobs.len(), config.stream_jobs.len()), (0, 0));
    assert_eq!(config.notes, ["jobs: the list is empty, so nothing of it is collected"]);
}

#[test]
fn a_pair_is_added_to_and_removed_from_the_list_of_its_own_file() {
    let pair: Pair = "ETH/BTC".parse().unwrap();
    let job = NewJob { exchange: "binance", pairs: std::slice::from_ref(&pair), span_secs: 86_400 };
    let text =
        "# mine\njobs:\n  - exchange: Binance  # one\n    pairs: [BTC/USDT]\n    span: 3600\nsettings: {}\n";

    let added = edit::add(text, &job).unwrap();

    assert_eq!(
        added,
        "# mine\njobs:\n  - exchange: Binance  # one\n    pairs: [BTC/USDT]\n    span: 3600\n  - exchange: \
         binance\n    pairs: [ETH/BTC]\n    span: 86400\nsettings: {}\n"
    );
    assert_eq!(checked(&added).histo_jobs.len(), 2);
    let again = edit::add(&added, &job).unwrap_err();
    assert_eq!(again, EditError::Duplicate { at: "jobs[1].pairs[0]".to_owned(), pair: pair.clone() });
    assert_eq!(edit::remove(&added, &job).unwrap(), text);

    let pair = "BTC/USDT".parse().unwrap();
    let hourly = NewJob { exchange: "binance", pairs: std::slice::from_ref(&pair), span_secs: 3_600 };
    assert_eq!(edit::remove(text, &hourly).unwrap(), "# mine\njobs: []\nsettings: {}\n");
    let live = text.replace("span: 3600", "span: 3600\n    operation: stream\n    trigger_kind: supervised");
    assert_eq!(edit::remove(&live, &hourly), Err(EditError::NotFound), "a stream is not named by a span");
}

#[test]
fn a_file_of_both_styles_is_edited_in_the_newer_list() {
    let pair: Pair = "ETH/BTC".parse().unwrap();
    let job = NewJob { exchange: "binance", pairs: std::slice::from_ref(&pair), span_secs: 86_400 };
    let text = "histo_jobs: []\njobs:\n  - {exchange: binance, pairs: [ETH/BTC, BTC/USDT], span: 86400}\n";

    assert_eq!(
        edit::add(text, &job),
        Err(EditError::Duplicate { at: "jobs[0].pairs[0]".to_owned(), pair: pair.clone() })
    );
    let without = edit::remove(text, &job).unwrap();
    assert_eq!(without, "histo_jobs: []\njobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 86400}\n");
    assert!(edit::add(&without, &job).unwrap().starts_with("histo_jobs:\n  - exchange: binance\n"));
}
