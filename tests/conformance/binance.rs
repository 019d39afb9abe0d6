//! Knowledge of Binance, after its spot API documentation, and the exact values of its payloads.

use std::time::Duration;

use dccd::exchange::{Budget, HttpRequest, Instrument, Listing, Next, Quota, RefusalKind};
use dccd::model::{Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Side};

use crate::books::{BookForm, texts};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded};
use crate::read::{RECEIVED, Read, What, levels, page};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "binance",
    json_numbers: false,
    asked,
    recorded,
    first: &[
        (
            "rest_aggtrades_1.json",
            First::Trade {
                ts_millis: 1_590_640_145_871,
                price: 9_195.09,
                amount: 0.1,
                side: Side::Buy,
                id: "303004096",
            },
        ),
        ("rest_book_1.json", book((61_837.63, 3.78826), (61_837.64, 1.54698), (1_000, 1_000))),
        ("rest_book_11.json", book((9_907.32, 0.006031), (9_915.0, 0.927248), (500, 500))),
        ("rest_book_3.json", book((0.3521, 672.0), (0.3525, 3_959.0), (609, 1_000))),
        ("rest_book_4.json", book((0.00006547, 100.0), (0.00006555, 6_617.0), (174, 1_000))),
        ("rest_book_5.json", book((0.00000637, 6_500.0), (0.00000638, 24_365.0), (176, 1_000))),
        ("rest_book_6.json", book((6.251, 69.3), (6.269, 69.3), (221, 468))),
        (
            "rest_candles_1.json",
            First::Candle {
                ts_millis: 1_586_987_400_000,
                open: 6_733.55,
                high: 6_737.79,
                low: 6_726.61,
                close: 6_727.14,
                volume: 121.201391,
            },
        ),
        (
            "rest_candles_2.json",
            First::Candle {
                ts_millis: 1_546_300_800_000,
                open: 3_701.23,
                high: 3_810.16,
                low: 3_642.0,
                close: 3_797.14,
                volume: 23_741.687033,
            },
        ),
        (
            "rest_error_1.json",
            First::Refusal { kind: RefusalKind::UnknownSymbol, code: "-1121", message: "Invalid symbol." },
        ),
    ],
    skipped: &[
        ("rest_trades_1.json", "GET /api/v3/trades has no history; aggregate trades are asked for instead"),
        ("ws_*", "streams are not read by the REST parsers"),
    ],
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
        ("ohlc_1m_running.json", "\"42314.00000000\"", "\"NaN\""),
        ("ohlc_1m_running.json", "\"42314.00000000\"", "\"inf\""),
        ("ohlc_1m_running.json", "\"42314.00000000\"", "\"1e400\""),
        ("ohlc_1m_running.json", "\"42314.00000000\"", "\"\""),
        ("ohlc_1m_running.json", "\"42314.00000000\"", "\"forty\""),
        ("ohlc_1m_running.json", "\"42335.80000000\"", "\"42300.00000000\""),
        ("ohlc_1m_running.json", "\"42289.80000000\"", "\"-42289.80000000\""),
        ("ohlc_1m_running.json", "\"42289.80000000\"", "\"42332.00000000\""),
        ("ohlc_1m_running.json", "\"21.16779000\"", "\"-21.16779000\""),
        ("ohlc_1m_running.json", "\"895580.31224340\"", "\"-1\""),
        ("ohlc_1m_running.json", "1161", "-1161"),
        ("ohlc_1m_running.json", "1704067140000", "1704067140"),
        ("ohlc_1m_running.json", "1704067140000", "-1704067140000"),
        ("ohlc_1m_running.json", "1704067140000", "0"),
        ("ohlc_1m_running.json", "1704067199999", "1704067139999"),
        ("ohlc_1m_running.json", "1704067140000", "1704067140000000"),
        ("trades_one_millisecond.json", "\"0.01633102\"", "\"NaN\""),
        ("trades_one_millisecond.json", "\"0.01633102\"", "\"-0.01633102\""),
        ("trades_one_millisecond.json", "\"4.70443515\"", "\"1e400\""),
        ("trades_one_millisecond.json", "\"4.70443515\"", "\"-4.70443515\""),
        ("trades_one_millisecond.json", "1498793709153", "1498793709"),
        ("trades_one_millisecond.json", "1498793709153", "1498793709153000"),
        ("trades_one_millisecond.json", "1498793709153", "9223372036854775807"),
        ("orderbook_shallow.json", "\"4.00000000\"", "\"NaN\""),
        ("orderbook_shallow.json", "\"431.00000000\"", "\"-431\""),
        ("orderbook_shallow.json", "\"4.00000200\"", "\"-inf\""),
        ("time.json", "1499827319559", "1499827319"),
        ("time.json", "1499827319559", "1499827319559000"),
        ("time.json", "1499827319559", "-1"),
    ],
    entries: "/symbols",
    unknown_words: &[
        ("instruments.json", "\"BREAK\"", "\"ASLEEP\"", "LUNAUSDT"),
        ("instruments_usdm.json", "\"PERPETUAL\"", "\"ENDLESS\"", "BTCUSDT"),
        ("instruments_usdm.json", "\"CURRENT_QUARTER\"", "[]", "BTCUSDT_240329"),
    ],
    book: BookForm {
        market: Market::Spot,
        write: |bids, asks| format!(r#"{{"lastUpdateId":7,"bids":{},"asks":{}}}"#, texts(bids), texts(asks)),
        level: ["0", "1"],
    },
    counts_quote: false,
};

const fn book(bid: (f64, f64), ask: (f64, f64), levels: (usize, usize)) -> First {
    First::Book { bid, ask, levels }
}

/// Bounds are inclusive milliseconds.
fn asked(request: &HttpRequest) -> Asked {
    let (_, query) = request.path.split_once('?').expect("a page has a query");
    let value = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let millis = |name| value(name).map(|text| text.parse::<i64>().unwrap());
    Asked {
        from: millis("startTime").map(Micros::from_millis),
        until: millis("endTime").map(|last| Micros::from_millis(last + 1)),
        id: value("fromId").map(|id| id.parse().unwrap()),
        skip: None,
        limit: value("limit").map(|limit| limit.parse().unwrap()),
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let what = match path.rsplit('/').next()? {
        "klines" => What::Page(Kind::Ohlc, Market::Spot),
        "aggTrades" => What::Page(Kind::Trades, Market::Spot),
        "depth" => What::Page(Kind::OrderBook, Market::Spot),
        "any" => What::Error,
        _ => return None,
    };
    let word = query.split('&').find_map(|part| part.strip_prefix("interval=")).map(str::to_owned);
    Some(Recorded { what, word })
}

#[test]
fn contracts_have_their_own_host_budget_and_names_and_a_dated_one_ends() {
    let exchange = KNOWLEDGE.exchange();
    let Read::Listing(listing) = KNOWLEDGE.payload("instruments_usdm.json") else {
        panic!("it is a listing")
    };
    assert_eq!(
        listing.quotas,
        [(Budget::named("usdm"), Quota { weight: 2_400, per: Duration::from_secs(60) })]
    );
    let find = |pair: &str| listing.find(&pair.parse().unwrap()).unwrap().clone();
    assert_eq!((find("BTC/USDT:perp").symbol.as_str(), find("BTC/USDT:perp").ends), ("BTCUSDT", None));
    let quarter = find("BTC/USDT:quarter");
    assert_eq!(quarter.symbol, "BTCUSDT_240329");
    assert_eq!(quarter.ends, Some(Micros::from_millis(1_711_699_200_000)));
    assert_eq!(find("BTC/USDT:next_quarter").listed, Some(Micros::from_millis(1_569_398_400_000)));

    let gold = find("XAU/USDT:perp");
    assert_eq!((gold.symbol.as_str(), gold.ends), ("XAUUSDT", None), "a perpetual contract like others");
    let unknown = listing.instruments.iter().find(|listed| listed.symbol == "ETHUSDT_260630").unwrap();
    assert_eq!(unknown.pair, None, "an unknown type of contract costs its own entry only");

    let mut candles = page(exchange, Kind::Ohlc, Market::Perp, None);
    candles.instrument = std::sync::Arc::new(gold);
    let request = exchange.request(&candles);
    assert!(request.path.starts_with("/fapi/v1/klines?symbol=XAUUSDT&interval="), "{}", request.path);

    let mut page = page(exchange, Kind::Trades, Market::Quarter, None);
    page.instrument = std::sync::Arc::new(quarter);
    let request = exchange.request(&page);
    assert_eq!((request.host, request.budget), (Some("https://fapi.binance.com"), Budget::named("usdm")));
    assert!(request.path.contains("symbol=BTCUSDT_240329&startTime="), "{}", request.path);
    assert!(!request.path.contains("endTime"), "an hour or more between both is refused: {}", request.path);
}

#[test]
fn funding_open_interest_and_the_books_own_time_come_out_as_they_are_told() {
    let Read::Rows(rates, _) = KNOWLEDGE.payload("funding_perp_first.json") else { panic!("it is a page") };
    let mut expected = Batch::of(Kind::Funding);
    for (millis, rate, mark_price) in
        [(1_568_102_400_000, 0.0001, None), (1_704_067_200_000, -0.0375, Some(42_313.9))]
    {
        expected.funding_mut().push(FundingRate { ts: Micros::from_millis(millis), rate, mark_price });
    }
    assert_eq!(rates, expected);

    let Read::Rows(samples, _) = KNOWLEDGE.payload("openinterest_5m_perp.json") else {
        panic!("it is a page")
    };
    let mut expected = Batch::of(Kind::OpenInterest);
    for (millis, open_interest, value) in
        [(1_583_127_900_000, 20_403.637, 150_570_784.5), (1_583_128_200_000, 20_401.367, 149_940_752.125)]
    {
        let (ts, open_interest_value) = (Micros::from_millis(millis), Some(value));
        expected.open_interest_mut().push(OpenInterest { ts, open_interest, open_interest_value });
    }
    assert_eq!(samples, expected);

    let Read::Rows(book, _) = KNOWLEDGE.payload("orderbook_perp_own_time.json") else {
        panic!("it is a page")
    };
    assert_eq!(levels(&book)[0].ts, Micros::from_millis(1_589_436_922_959));
}

#[test]
fn candles_come_out_with_every_number_and_the_running_one_too() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_1m_running.json") else { panic!("it is a page") };

    let candles: Vec<_> = batch.candles().iter().collect();
    let candle = |minute: i64, prices, volume, quote_volume, trades| Candle {
        quote_volume: Some(quote_volume),
        trades: Some(trades),
        ..expected::candle(Micros::from_secs(1_704_067_140 + minute * 60), prices, volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        candles,
        [
            candle(0, [42_314.0, 42_335.8, 42_289.8, 42_331.9], 21.16779, 895_580.3122434, 1_161),
            candle(1, [42_283.58, 42_298.62, 42_261.02, 42_298.61], 35.92724, 1_519_032.1744121, 1_327),
            candle(2, [42_298.62, 42_298.62, 42_298.61, 42_298.61], 0.0, 0.0, 0),
        ]
    );
}

#[test]
fn trades_of_one_millisecond_keep_their_order_and_the_takers_side() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("trades_one_millisecond.json") else {
        panic!("it is a page")
    };

    let trades: Vec<_> = batch.trades().iter().collect();
    let trade = |millis, id, price, amount, side| {
        expected::trade(Micros::from_millis(millis), id, price, amount, side)
    };
    assert_eq!(next, Next::FromId(26_132));
    assert_eq!(
        trades,
        [
            trade(1_498_793_709_153, "26129", 0.01633102, 4.70443515, Side::Sell),
            trade(1_498_793_709_153, "26130", 0.01633102, 0.001, Side::Sell),
            trade(1_498_793_709_153, "26131", 0.016332, 1.25, Side::Buy),
            trade(1_498_793_709_154, "26132", 0.016332, 3.0, Side::Buy),
        ]
    );
}

#[test]
fn a_book_comes_out_best_first_with_its_sequence_and_our_time() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("orderbook_shallow.json") else { panic!("it is a page") };

    let level = |side, price, amount| BookLevel {
        seq: Some(1_027_024),
        ..expected::level(RECEIVED, side, price, amount)
    };
    assert_eq!(
        levels(&batch),
        [
            level(Side::Bid, 4.0, 431.0),
            level(Side::Bid, 3.99, 9.0),
            level(Side::Ask, 4.000002, 12.0),
            level(Side::Ask, 4.01, 0.5),
            level(Side::Ask, 4.02, 7.0),
        ]
    );
}

#[test]
fn the_clock_is_read_in_milliseconds() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_499_827_319_559_000)));
}

#[test]
fn the_listing_says_what_is_traded_and_the_announced_weight() {
    let listed = |symbol: &str, pair: &str, is_open| Instrument {
        pair: Some(pair.parse().unwrap()),
        is_open,
        ..Instrument::named(symbol.to_owned())
    };
    let instruments = vec![listed("ETHBTC", "ETH/BTC", true), listed("LUNAUSDT", "LUNA/USDT", false)];
    let quotas = vec![(Budget::named("spot"), Quota { weight: 6_000, per: Duration::from_secs(60) })];

    assert_eq!(
        KNOWLEDGE.payload("instruments.json"),
        Read::Listing(Listing { instruments, quotas, ..Listing::default() })
    );
}
