//! `dccd pairs`, and pairs by wildcard.

use dccd::sim::Knobs;
use serde::Deserialize;

use crate::program::{configure, dccd};
use crate::test_daemon::TestDaemon;

const ONE: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2024-01-30}";
const NOW: &str = "2024-01-31 12:00:30";

async fn daemon(symbols: &[&str]) -> TestDaemon {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let daemon = TestDaemon::with(ONE, NOW, Knobs { symbols, ..Knobs::default() }).await;
    configure(&daemon, &daemon.text());
    daemon
}

#[derive(Debug, Deserialize, PartialEq)]
struct Line {
    exchange: String,
    pair: String,
    market: String,
    symbol: String,
    open: bool,
    listed: Option<String>,
    ends: Option<String>,
    contract_size: Option<f64>,
    contract_asset: Option<String>,
}

async fn lines(daemon: &TestDaemon, args: &[&str]) -> Vec<Line> {
    let args: Vec<&str> = ["pairs", "--json"].iter().chain(args).copied().collect();
    let ended = dccd(daemon, &args).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[tokio::test]
async fn every_exchange_lists_pairs_of_each_of_its_markets_without_asking_for_a_row() {
    let daemon = daemon(&["BTCUSDT", "ETHUSDT", "BTCUSD"]).await;
    for exchange in dccd::exchange::ALL {
        let listed = lines(&daemon, &[exchange.name()]).await;
        let offers = exchange.offers().iter().flat_map(|offer| offer.markets);
        for market in offers.filter(|market| matches!(market.name(), "spot" | "perp")) {
            assert!(
                listed.iter().any(|line| line.market == market.name() && line.open),
                "{} lists no {} pair: {listed:?}",
                exchange.name(),
                market.name()
            );
        }
        let mut names: Vec<(&str, &str)> =
            listed.iter().map(|line| (line.pair.as_str(), line.symbol.as_str())).collect();
        names.dedup();
        assert_eq!(names.len(), listed.len(), "{}: each once", exchange.name());
    }
    let endpoints: Vec<&str> = daemon.sim.requests().iter().map(|seen| seen.endpoint.name()).collect();
    assert!(endpoints.iter().all(|name| *name == "instruments"), "{endpoints:?}");
}

#[tokio::test]
async fn a_line_has_symbol_listing_date_and_contract_and_a_pattern_picks_some() {
    let daemon = daemon(&["BTCUSDT", "ETHUSDT", "ETHBTC"]).await;

    let swaps = lines(&daemon, &["okx", "BTC/*:perp"]).await;
    let spot = lines(&daemon, &["binance", "*/USDT"]).await;
    let perpetual = lines(&daemon, &["binance", "--market", "perp"]).await;

    let swap = Line {
        exchange: "okx".to_owned(),
        pair: "BTC/USDT:perp".to_owned(),
        market: "perp".to_owned(),
        symbol: "BTC-USDT-SWAP".to_owned(),
        open: true,
        listed: Some("2017-08-17T04:00:00Z".to_owned()),
        ends: None,
        contract_size: Some(1.0),
        contract_asset: Some("BTC".to_owned()),
    };
    assert_eq!(swaps, [swap]);
    let names = |lines: &[Line]| -> Vec<String> { lines.iter().map(|line| line.pair.clone()).collect() };
    assert_eq!(names(&spot), ["BTC/USDT", "ETH/USDT"]);
    assert!(perpetual.iter().all(|line| line.market == "perp") && !perpetual.is_empty(), "{perpetual:?}");

    let table = dccd(&daemon, &["pairs", "okx", "btc/*:perp"]).await;
    assert!(table.out.lines().next().unwrap().contains("listed (UTC)"), "{table:?}");
    assert!(table.out.contains("BTC-USDT-SWAP") && table.out.contains("2017-08-17 04:00"), "{table:?}");
    assert!(table.out.contains(" 1 BTC"), "{table:?}");
}

#[tokio::test]
async fn what_cannot_be_listed_is_an_error_and_an_exchange_that_is_none_is_named() {
    let daemon = daemon(&["BTCUSDT"]).await;

    let unknown = dccd(&daemon, &["pairs", "binanc"]).await;
    let pattern = dccd(&daemon, &["pairs", "binance", "USDT"]).await;
    daemon.sim.set(|knobs| knobs.faults = vec!["html=100%".parse().unwrap()]);
    let refused = dccd(&daemon, &["pairs", "kraken"]).await;

    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("did you mean binance?"), "{unknown:?}");
    assert_eq!(pattern.code, Some(2), "{pattern:?}");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("the listing of kraken cannot be requested"), "{refused:?}");
}

#[tokio::test]
async fn a_backfill_of_a_wildcard_fetches_the_pairs_that_are_listed() {
    let daemon = daemon(&["BTCUSDT", "ETHUSDT", "ETHBTC"]).await;
    let args = ["backfill", "-e", "binance", "-p", "*/USDT", "--span", "1h", "--start", "2024-01-31"];

    let dry = dccd(&daemon, &[&args[..], &["--dry-run"]].concat()).await;
    let done = dccd(&daemon, &args).await;

    assert_eq!((dry.code, dry.out.lines().count()), (Some(0), 2), "{dry:?}");
    assert!(dry.err.contains("`*/USDT` is 2 pairs of binance"), "{dry:?}");
    assert!(
        ["BTC/USDT 1h] DRY RUN", "ETH/USDT 1h] DRY RUN"].iter().all(|line| dry.out.contains(line)),
        "{dry:?}"
    );
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.out.contains("ETH/USDT 1h] done \u{2014} 12 candles"), "{done:?}");
}

#[tokio::test]
async fn a_wildcard_without_an_exchange_picks_jobs() {
    let daemon = daemon(&["BTCUSDT", "ETHUSDT"]).await;

    let jobs = dccd(&daemon, &["backfill", "-p", "*/USDT", "--dry-run"]).await;
    let none = dccd(&daemon, &["backfill", "-p", "*/EUR", "--dry-run"]).await;

    assert_eq!((jobs.code, jobs.out.lines().count()), (Some(0), 1), "{jobs:?}");
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.err.contains("collects `*/EUR`; did you mean BTC/USDT?"), "{none:?}");
    assert!(daemon.sim.requests().is_empty(), "jobs are known without the exchange");
}

#[tokio::test]
async fn a_wildcard_that_matches_nothing_names_what_is_near() {
    let daemon = daemon(&["BTCUSDT", "ETHUSDT"]).await;
    for (exchange, pattern) in [("binance", "*/USTD"), ("coinbase", "*/USDT:perp")] {
        for args in [
            &["backfill", "-e", exchange, "-p", pattern, "--span", "1h"][..],
            &["add", "-e", exchange, "-p", pattern, "-s", "1h"],
        ] {
            let ended = dccd(&daemon, args).await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(
                ended.err.contains(&format!(
                    "{exchange} lists no pair that matches `{pattern}`; `*/USDT` matches 2"
                )),
                "{ended:?}"
            );
        }
    }
}

#[tokio::test]
async fn add_writes_the_pairs_that_a_wildcard_stands_for_and_a_dry_run_only_names_them() {
    let daemon = daemon(&["BTCUSDT", "ETHUSDT", "ETHBTC", "XRPUSDT"]).await;
    let path = daemon.folder.path().join("config.yml");
    let before = std::fs::read_to_string(&path).unwrap();
    let args = ["add", "-e", "binance", "--pairs", "*/USDT", "-s", "1h"];

    let dry = dccd(&daemon, &[&args[..], &["--dry-run"]].concat()).await;
    assert_eq!((dry.code, std::fs::read_to_string(&path).unwrap()), (Some(0), before.clone()), "{dry:?}");
    assert!(dry.out.contains("Would add histo job: exchange=binance pair=ETH/USDT span=3600s"), "{dry:?}");

    let added = dccd(&daemon, &args).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.err.contains("1 of 3 pairs have this job already"), "{added:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("pairs: [ETH/USDT, XRP/USDT]") && !text.contains('*'), "{text}");

    let again = dccd(&daemon, &args).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("every pair that matches has this job already"), "{again:?}");
}
