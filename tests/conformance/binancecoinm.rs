//! Knowledge of Binance's coin-margined contracts. Nothing of it is recorded: the payloads are the documented
//! shapes of its COIN-M futures documentation, and the values those of its examples.

use std::time::Duration;

use dccd::exchange::{Ask, Budget, Contract, Decimal, HttpRequest, Next, Quota, RefusalKind};
use dccd::model::{Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Side, Window};

use crate::books::{BookForm, texts};
use crate::expected;
use crate::knowledge::{Asked, Knowledge, Recorded, query};
use crate::read::{Read, levels, page};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "binancecoinm",
    json_numbers: false,
    asked,
    recorded,
    first: &[],
    skipped: &[],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "Invalid symbol."),
        (
            "error_rate_limit.json",
            RefusalKind::RateLimit,
            "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.",
        ),
        (
            "error_temporary.json",
            RefusalKind::Temporary,
            "Internal error; unable to process your request. Please try again.",
        ),
        (
            "error_permanent.json",
            RefusalKind::Permanent,
            "Illegal characters found in parameter 'startTime'.",
        ),
    ],
    impossible: &[
        ("ohlc_1m_perp.json", "\"9640.7\"", "\"NaN\""),
        ("ohlc_1m_perp.json", "\"9642.4\"", "\"9600.0\""),
        ("ohlc_1m_perp.json", "\"9640.6\"", "\"-9640.6\""),
        ("ohlc_1m_perp.json", "\"206\"", "\"-206\""),
        ("ohlc_1m_perp.json", "\"2.13660389\"", "\"-2.1\""),
        ("ohlc_1m_perp.json", "1591258320000", "1591258320"),
        ("ohlc_1m_perp.json", "1591258379999", "1591258319999"),
        ("ohlc_1m_perp.json", " 48,", " -48,"),
        ("trades_perp.json", "\"9642.4\"", "\"0\""),
        ("trades_perp.json", "\"9642.4\"", "\"-9642.4\""),
        ("trades_perp.json", "\"3\"", "\"1e400\""),
        ("trades_perp.json", "1591250548649", "1591250548"),
        ("orderbook_perp.json", "\"9638.0\"", "\"NaN\""),
        ("orderbook_perp.json", "\"12\"", "\"-12\""),
        ("orderbook_perp.json", "1591250106368", "1591250106"),
        ("funding_perp.json", "\"-0.00300000\"", "\"inf\""),
        ("funding_perp.json", "1596038400000", "1596038400"),
        ("openinterest_5m_perp.json", "\"20403\"", "\"-20403\""),
        ("openinterest_5m_perp.json", "\"211.64012300\"", "\"NaN\""),
        ("time.json", "1499827319559", "1499827319"),
    ],
    entries: "/symbols",
    unknown_words: &[
        ("instruments.json", "\"contractSize\": 100", "\"contractSize\": 0", "BTCUSD_PERP"),
        ("instruments.json", "1590739200000", "\"soon\"", "BTCUSD_200925"),
    ],
    book: BookForm {
        market: Market::Perp,
        write: |bids, asks| {
            format!(
                r#"{{"lastUpdateId":7,"E":1700000000000,"T":1700000000000,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":{},"asks":{}}}"#,
                texts(bids),
                texts(asks)
            )
        },
        level: ["0", "1"],
    },
    counts_quote: true,
};

/// Bounds are inclusive milliseconds.
fn asked(request: &HttpRequest) -> Asked {
    let millis = |name| query(request, name).map(|text| text.parse::<i64>().unwrap());
    Asked {
        from: millis("startTime").map(Micros::from_millis),
        until: millis("endTime").map(|last| Micros::from_millis(last + 1)),
        id: query(request, "fromId").map(|id| id.parse().unwrap()),
        skip: None,
        limit: query(request, "limit").map(|limit| limit.parse().unwrap()),
    }
}

fn recorded(_: &str) -> Option<Recorded> {
    None
}

#[test]
fn candles_of_coins_tell_contracts_where_others_tell_the_volume_and_the_base_amount_behind() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_1m_perp.json") else { panic!("it is a page") };

    let candle = |minute: i64, prices, volume, quote, trades| Candle {
        quote_volume: Some(quote),
        trades: Some(trades),
        ..expected::candle(Micros::from_millis(1_591_258_320_000 + minute * 60_000), prices, volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        batch.candles().iter().collect::<Vec<_>>(),
        [
            // 206 contracts of a hundred dollars.
            candle(0, [9_640.7, 9_642.4, 9_640.6, 9_642.0], 2.13660389, 20_600.0, 48),
            candle(1, [9_642.0; 4], 0.0, 0.0, 0),
        ]
    );
}

#[test]
fn trades_and_books_of_contracts_come_out_in_the_base_asset_with_the_takers_side() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("trades_perp.json") else { panic!("it is a page") };
    let trade = |id, price, contracts: f64, side| {
        expected::trade(Micros::from_millis(1_591_250_548_649), id, price, contracts * 100.0 / price, side)
    };
    assert_eq!(next, Next::FromId(416_691));
    let trades: Vec<_> = batch.trades().iter().collect();
    assert_eq!(
        trades,
        [trade("416690", 9_642.4, 3.0, Side::Buy), trade("416691", 9_642.3, 12.0, Side::Sell)]
    );

    let Read::Rows(book, _) = KNOWLEDGE.payload("orderbook_perp.json") else { panic!("it is a page") };
    let level = |side, price, contracts: f64| BookLevel {
        seq: Some(16_769_853),
        ..expected::level(Micros::from_millis(1_591_250_106_368), side, price, contracts * 100.0 / price)
    };
    assert_eq!(levels(&book), [level(Side::Bid, 9_638.0, 431.0), level(Side::Ask, 9_638.2, 12.0)]);
}

#[test]
fn funding_and_open_interest_come_out_as_they_are_told() {
    let Read::Rows(rates, _) = KNOWLEDGE.payload("funding_perp.json") else { panic!("it is a page") };
    let mut expected = Batch::of(Kind::Funding);
    for (millis, rate) in [(1_596_038_400_000, -0.003), (1_596_067_200_000, 0.0001)] {
        let ts = Micros::from_millis(millis);
        expected.funding_mut().push(FundingRate { ts, rate, mark_price: None });
    }
    assert_eq!(rates, expected);

    let Read::Rows(samples, _) = KNOWLEDGE.payload("openinterest_5m_perp.json") else {
        panic!("it is a page")
    };
    let mut expected = Batch::of(Kind::OpenInterest);
    for (millis, open_interest, dollars) in
        [(1_583_127_900_000, 211.640123, 2_040_300.0), (1_583_128_200_000, 211.600012, 2_040_100.0)]
    {
        let (ts, open_interest_value) = (Micros::from_millis(millis), Some(dollars));
        expected.open_interest_mut().push(OpenInterest { ts, open_interest, open_interest_value });
    }
    assert_eq!(samples, expected);
}

#[test]
fn candles_are_asked_for_by_both_ends_and_trades_by_their_beginning_alone() {
    let exchange = KNOWLEDGE.exchange();
    let mut own = page(exchange, Kind::Ohlc, Market::Quarter, None);
    own.window = Window::new(Micros::from_secs(1_591_000_000), Micros::from_secs(1_591_258_380)).unwrap();
    let request = exchange.request(&own);
    let path = "/dapi/v1/continuousKlines?pair=BTCUSDT&contractType=CURRENT_QUARTER&interval=1m&startTime=1591000000000&endTime=1591258379999&limit=200";
    assert_eq!((request.path.as_str(), request.weight), (path, 2));

    let mut own = page(exchange, Kind::Trades, Market::Perp, None);
    assert!(!exchange.request(&own).path.contains("endTime"), "an hour or more between both is refused");
    own.ask = Ask::FromId(416_690);
    assert!(exchange.request(&own).path.contains("&fromId=416690&"), "{}", exchange.request(&own).path);
    assert!(!exchange.request(&own).path.contains("startTime"), "{}", exchange.request(&own).path);
}

#[test]
fn the_listing_says_what_a_contract_is_and_the_announced_weight() {
    let Read::Listing(listing) = KNOWLEDGE.payload("instruments.json") else { panic!("it is a listing") };
    assert_eq!(listing.quotas, [(Budget::REQUESTS, Quota { weight: 6_000, per: Duration::from_secs(60) })]);
    let find = |pair: &str| listing.find(&pair.parse().unwrap()).unwrap().clone();
    let (perp, quarter, link) = (find("BTC/USD:perp"), find("BTC/USD:quarter"), find("LINK/USD:perp"));
    assert_eq!((perp.symbol.as_str(), perp.ends, perp.is_open), ("BTCUSD_PERP", None, true));
    assert_eq!(perp.contract, Some(Contract::Quote(Decimal::whole(100))));
    assert_eq!(perp.listed, Some(Micros::from_millis(1_597_042_800_000)));
    assert_eq!(quarter.ends, Some(Micros::from_millis(1_601_020_800_000)));
    assert_eq!((link.contract, link.is_open), (Some(Contract::Quote(Decimal::whole(10))), false));
}

#[test]
fn the_clock_is_read_in_milliseconds() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_499_827_319_559_000)));
}
