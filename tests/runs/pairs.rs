//! `dccd pairs`, and pairs by wildcard.

use dccd::sim::Knobs;
use serde::Deserialize;

use crate::house::House;
use crate::program::{configure, dccd};

const ONE: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2024-01-30}";
const NOW: &str = "2024-01-31 12:00:30";

async fn house(symbols: &[&str]) -> House {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let house = House::with(ONE, NOW, Knobs { symbols, ..Knobs::default() }).await;
    configure(&house, &house.text());
    house
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

async fn lines(house: &House, args: &[&str]) -> Vec<Line> {
    let args: Vec<&str> = ["pairs", "--json"].iter().chain(args).copied().collect();
    let ended = dccd(house, &args).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[tokio::test]
async fn every_exchange_lists_pairs_of_each_of_its_markets_without_asking_for_a_row() {
    let house = house(&["BTCUSDT", "ETHUSDT", "BTCUSD"]).await;
    for exchange in dccd::exchange::ALL {
        let listed = lines(&house, &[exchange.name()]).await;
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
    let endpoints: Vec<&str> = house.sim.requests().iter().map(|seen| seen.endpoint.name()).collect();
    assert!(endpoints.iter().all(|name| *name == "instruments"), "{endpoints:?}");
}

#[tokio::test]
async fn a_line_has_symbol_listing_date_and_contract_and_a_pattern_picks_some() {
    let house = house(&["BTCUSDT", "ETHUSDT", "ETHBTC"]).await;

    let swaps = lines(&house, &["okx", "BTC/*:perp"]).await;
    let spot = lines(&house, &["binance", "*/USDT"]).await;
    let perpetual = lines(&house, &["binance", "--market", "perp"]).await;

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

    let table = dccd(&house, &["pairs", "okx", "btc/*:perp"]).await;
    assert!(table.out.lines().next().unwrap().contains("listed (UTC)"), "{table:?}");
    assert!(table.out.contains("BTC-USDT-SWAP") && table.out.contains("2017-08-17 04:00"), "{table:?}");
    assert!(table.out.contains(" 1 BTC"), "{table:?}");
}

#[tokio::test]
async fn what_cannot_be_listed_is_an_error_and_an_exchange_that_is_none_is_named() {
    let house = house(&["BTCUSDT"]).await;

    let unknown = dccd(&house, &["pairs", "binanc"]).await;
    let pattern = dccd(&house, &["pairs", "binance", "USDT"]).await;
    house.sim.set(|knobs| knobs.faults = vec!["html=100%".parse().unwrap()]);
    let refused = dccd(&house, &["pairs", "kraken"]).await;

    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("did you mean binance?"), "{unknown:?}");
    assert_eq!(pattern.code, Some(2), "{pattern:?}");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("the listing of kraken cannot be requested"), "{refused:?}");
}
