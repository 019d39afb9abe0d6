//! Knowledge of Bitfinex, after its v2 documentation, and the exact values of its payloads.

use dccd::exchange::{AssetNames, HttpRequest, Listing, Next, RefusalKind};
use dccd::model::{BookLevel, Kind, Market, Micros, Side};

use crate::books::{BookForm, list};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded, query};
use crate::read::{RECEIVED, Read, What, levels};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "bitfinex",
    json_numbers: true,
    asked,
    recorded,
    first: &[
        (
            "rest_book_1.json",
            First::Book { bid: (9_130.0, 7.41230949), ask: (9_140.0, 21.18674613), levels: (100, 100) },
        ),
        (
            "rest_candles_1.json",
            // Recorded newest first: its last row.
            First::Candle {
                ts_millis: 1533859740000,
                open: 6548.6,
                high: 6552.8,
                low: 6546.3,
                close: 6548.0,
                volume: 8.67510572,
            },
        ),
        (
            "rest_candles_3.json",
            First::Candle {
                ts_millis: 1_610_029_800_000,
                open: 38_502.0,
                high: 38_596.0,
                low: 38_405.0,
                close: 38_405.0,
                volume: 92.64053632,
            },
        ),
        (
            "rest_error_1.json",
            First::Refusal { kind: RefusalKind::UnknownSymbol, code: "10020", message: "symbol: invalid" },
        ),
        (
            "rest_trades_1.json",
            First::Trade {
                ts_millis: 1_610_282_216_700,
                price: 1_056.93262773,
                amount: 0.19346843,
                side: Side::Buy,
                id: "571236730",
            },
        ),
    ],
    skipped: &[("ws_*", "streams are not read by the REST parsers")],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "symbol: invalid"),
        ("error_rate_limit.json", RefusalKind::RateLimit, "ratelimit: error"),
        ("error_temporary.json", RefusalKind::Temporary, "maintenance"),
        ("error_permanent.json", RefusalKind::Permanent, "time_interval: invalid"),
    ],
    impossible: &[
        ("ohlc_1m_close_before_high.json", "42335.8", "42300"),
        ("ohlc_1m_close_before_high.json", "42289.8", "-1"),
        ("ohlc_1m_close_before_high.json", "21.16779", "-21.16779"),
        ("ohlc_1m_close_before_high.json", "1704067200000", "1704067200"),
        ("trades_one_millisecond.json", "42000.5", "-42000.5"),
        ("trades_one_millisecond.json", "1704067200001", "1704067200001000"),
        ("orderbook_both_sides.json", "41999.5", "-41999.5"),
    ],
    entries: "/0",
    unknown_words: &[],
    book: BookForm {
        market: Market::Spot,
        write: |bids, asks| {
            let bid = |(price, size): &(&str, &str)| format!("[{price},1,{size}]");
            let ask = |(price, size): &(&str, &str)| format!("[{price},1,-{size}]");
            let (bids, asks) = (list(bids, bid), list(asks, ask));
            // Both sides in one array.
            format!("{},{}", bids.trim_end_matches(']').to_owned() + "]", &asks[1..])
        },
        level: ["0", "2"],
    },
    counts_quote: false,
};

/// Bounds are inclusive milliseconds.
fn asked(request: &HttpRequest) -> Asked {
    let millis = |name| query(request, name).map(|text| text.parse::<i64>().unwrap());
    let limit = query(request, "limit").or(query(request, "len"));
    Asked {
        from: millis("start").map(Micros::from_millis),
        until: millis("end").map(|last| Micros::from_millis(last + 1)),
        limit: limit.map(|limit| limit.parse().unwrap()),
        ..Asked::default()
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let path = endpoint.split_once("/v2/").map_or(endpoint, |(_, path)| path);
    let mut parts = path.split(['/', ':', '?']);
    let (what, word) = match parts.next()? {
        "candles" => (Kind::Ohlc, parts.nth(1).map(str::to_owned)),
        "trades" => (Kind::Trades, None),
        "book" => (Kind::OrderBook, None),
        "any" => return Some(Recorded { what: What::Error, word: None }),
        _ => return None,
    };
    Some(Recorded { what: What::Page(what, Market::Spot), word })
}

#[test]
fn the_close_comes_before_high_and_low_and_nothing_is_said_of_quote_volume_or_trades() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_1m_close_before_high.json") else {
        panic!("it is a page")
    };
    let candle = |minute: i64, prices, volume| {
        expected::candle(Micros::from_secs(1_704_067_200 + minute * 60), prices, volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        batch.candles().iter().collect::<Vec<_>>(),
        [
            candle(0, [42_314.0, 42_335.8, 42_289.8, 42_331.9], 21.16779),
            candle(2, [42_283.5, 42_298.6, 42_261.0, 42_298.5], 0.5),
        ]
    );
}

#[test]
fn the_sign_of_an_amount_is_the_takers_side() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("trades_one_millisecond.json") else {
        panic!("it is a page")
    };
    let trade = |millis, id, price, amount, side| {
        expected::trade(Micros::from_millis(millis), id, price, amount, side)
    };
    assert_eq!(
        batch.trades().iter().collect::<Vec<_>>(),
        [
            trade(1_704_067_200_000, "1501", 42_000.5, 0.25, Side::Buy),
            trade(1_704_067_200_000, "1502", 42_000.0, 0.125, Side::Sell),
            trade(1_704_067_200_001, "1503", 42_001.0, 1.0, Side::Buy),
        ]
    );
}

#[test]
fn negative_amounts_of_a_book_are_asks() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("orderbook_both_sides.json") else { panic!("it is a page") };
    let level = |side, price, orders, amount| BookLevel {
        count: Some(orders),
        ..expected::level(RECEIVED, side, price, amount)
    };
    assert_eq!(
        levels(&batch),
        [
            level(Side::Bid, 42_000.0, 3, 0.5),
            level(Side::Bid, 41_999.5, 1, 2.0),
            level(Side::Ask, 42_001.0, 2, 0.75),
        ]
    );
}

#[test]
fn long_names_have_a_colon_and_assets_their_usual_names() {
    let exchange = KNOWLEDGE.exchange();
    let listing =
        listing(br#"[["BTCUSD", "BTCUST", "ETHBTC", "DOGE:USD", "LUNA2:UST", "DSHUSD", "IOTUST"]]"#);
    for (pair, symbol) in [
        ("BTC/USD", "tBTCUSD"),
        ("BTC/USDT", "tBTCUST"),
        ("DOGE/USD", "tDOGE:USD"),
        ("LUNA2/USDT", "tLUNA2:UST"),
    ] {
        let pair = pair.parse().unwrap();
        assert_eq!(exchange.symbol(&pair), symbol);
        assert_eq!(listing.find(&pair).unwrap().symbol, symbol);
    }
    for (pair, symbol) in [("DASH/USD", "tDSHUSD"), ("IOTA/USDT", "tIOTUST"), ("DSH/USD", "tDSHUSD")] {
        assert_eq!(listing.find(&pair.parse().unwrap()).unwrap().symbol, symbol);
    }
    assert!(listing.find(&"MOON/USD".parse().unwrap()).is_err());
}

#[test]
fn names_are_asked_for_by_themselves_and_what_is_no_pair_of_names_is_none() {
    let request = KNOWLEDGE.exchange().names_request().unwrap();
    assert_eq!(request.path, "/v2/conf/pub:map:currency:sym");
    let names = |body: &[u8]| KNOWLEDGE.exchange().parse_names(body);
    let pairs = [("DSH".to_owned(), "DASH".to_owned())];
    assert_eq!(names(br#"[[["DSH","DASH"],["USD","USD"],["X"],7,null]]"#), Ok(AssetNames::new(pairs)));
    assert!(names(br#"["error",10020,"conf: invalid"]"#).is_err());
    assert!(names(b"{}").is_err());
}

#[test]
fn a_name_that_is_no_pair_is_told_and_the_others_stand() {
    let listing = listing(br#"[["BTCUSD", "E-H-C", 7, "A:", "IOTUST"]]"#);
    let named: Vec<_> = listing.odd.iter().map(|odd| odd.symbol.as_str()).collect();
    assert_eq!(named, ["7", "E-H-C", "A:"]);
    assert_eq!(listing.find(&"IOTA/USDT".parse().unwrap()).unwrap().symbol, "tIOTUST");
}

/// Its listing with the names it publishes.
fn listing(body: &[u8]) -> Listing {
    let exchange = KNOWLEDGE.exchange();
    let names = exchange.parse_names(br#"[[["DSH","DASH"],["IOT","IOTA"],["UST","USDt"]]]"#).unwrap();
    exchange.parse_listing(body).unwrap().with_names(&names)
}

#[test]
fn the_clock_is_the_date_of_the_answer() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros::from_secs(1_750_000_000)));
}
