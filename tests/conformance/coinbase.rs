//! Knowledge of Coinbase Exchange, after its REST reference, and the exact values of its payloads.

use dccd::exchange::{Answer, Ask, HttpRequest, Instrument, Listing, Next, Page, RefusalKind};
use dccd::model::{Batch, BookLevel, Kind, Market, Micros, Side, Span, Window, Zone};

use crate::books::{BookForm, list};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded, query};
use crate::read::{self, RECEIVED, Read, What, levels, payloads};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "coinbase",
    json_numbers: true,
    asked,
    recorded,
    first: &[
        (
            "rest_book_1.json",
            First::Book { bid: (5_362.39, 0.12951376), ask: (5_363.77, 0.1), levels: (50, 50) },
        ),
        (
            "rest_candles_1.json",
            First::Candle {
                ts_millis: 1_517_443_740_000,
                open: 10_106.01,
                high: 10_120.21,
                low: 10_106.0,
                close: 10_120.21,
                volume: 2.85107455,
            },
        ),
        (
            "rest_trades_1.json",
            First::Trade {
                // 1710327617710679 microseconds.
                ts_millis: 1_710_327_617_710,
                price: 73_271.63,
                amount: 0.00007448,
                side: Side::Buy,
                id: "18502034",
            },
        ),
    ],
    skipped: &[("ws_*", "streams are not read by the REST parsers")],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "NotFound"),
        ("error_rate_limit.json", RefusalKind::RateLimit, "Public rate limit exceeded"),
        ("error_temporary.json", RefusalKind::Temporary, "Internal server error"),
        (
            "error_too_many_candles.json",
            RefusalKind::Permanent,
            "granularity too small for the requested time range. Count of aggregations requested exceeds 300",
        ),
    ],
    impossible: &[
        ("ohlc_5m_columns.json", "42335.8", "42283.5"),
        ("ohlc_5m_columns.json", "42261.02", "-42261.02"),
        ("ohlc_5m_columns.json", "42261.02", "42290"),
        ("ohlc_5m_columns.json", "4.727521520000001", "-1"),
        ("ohlc_5m_columns.json", "1704067500", "1704067500000"),
        ("ohlc_5m_columns.json", "1704067500", "0"),
        ("trades_one_instant.json", "\"10.00000000\"", "\"NaN\""),
        ("trades_one_instant.json", "\"10.00000000\"", "\"-10\""),
        ("trades_one_instant.json", "\"0.01000000\"", "\"1e400\""),
        ("trades_one_instant.json", "2014-11-07T22:19:28.578544Z", "yesterday"),
        ("trades_one_instant.json", "2014-11-07T22:19:28.578544Z", "1970-01-01T00:00:00Z"),
        ("orderbook_level2.json", "\"295.96\"", "\"inf\""),
        ("orderbook_level2.json", "\"25.23542881\"", "\"-1\""),
        ("time.json", "2015-01-07T23:47:25.201Z", "2150-01-07T23:47:25.201Z"),
    ],
    entries: "",
    unknown_words: &[
        ("instruments.json", "\"delisted\"", "\"asleep\"", "LUNA-USD"),
        ("instruments.json", "\"LUNA\"", "\"LU/NA\"", "LUNA-USD"),
    ],
    book: BookForm {
        market: Market::Spot,
        write: |bids, asks| {
            let level = |(price, size): &(&str, &str)| format!(r#"["{price}","{size}",1]"#);
            format!(r#"{{"sequence":7,"bids":{},"asks":{}}}"#, list(bids, level), list(asks, level))
        },
        level: ["0", "1"],
    },
    counts_quote: false,
};

/// Bounds are inclusive seconds; `after` is the first id that is too new, a page after the first.
fn asked(request: &HttpRequest) -> Asked {
    let value = |name| query(request, name);
    let instant = |name| value(name).map(|text| Micros::parse(text, &Zone::UTC).unwrap());
    Asked {
        from: instant("start"),
        until: instant("end").map(|last| Micros(last.0 + 1_000_000)),
        id: value("after")
            .zip(value("limit"))
            .map(|(after, rows)| after.parse::<u64>().unwrap() - rows.parse::<u64>().unwrap()),
        skip: None,
        limit: value("limit").map(|limit| limit.parse().unwrap()),
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let what = match path.rsplit('/').next()? {
        "candles" => What::Page(Kind::Ohlc, Market::Spot),
        "trades" => What::Page(Kind::Trades, Market::Spot),
        "book" => What::Page(Kind::OrderBook, Market::Spot),
        _ => return None,
    };
    let word = query.split('&').find_map(|part| part.strip_prefix("granularity=")).map(str::to_owned);
    Some(Recorded { what, word })
}

fn page(kind: Kind, span: Option<Span>) -> Page {
    read::page(KNOWLEDGE.exchange(), kind, Market::Spot, span)
}

#[test]
fn candles_come_out_oldest_first_with_low_and_high_read_before_open() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_5m_columns.json") else { panic!("it is a page") };

    let candle = |secs, [low, high, open, close]: [f64; 4], volume| {
        expected::candle(Micros::from_secs(secs), [open, high, low, close], volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        batch.candles().iter().collect::<Vec<_>>(),
        [
            candle(1_704_066_900, [42_289.8, 42_320.0, 42_314.0, 42_310.5], 2.2357688599999963),
            candle(1_704_067_500, [42_261.02, 42_335.8, 42_283.58, 42_298.61], 4.727521520000001),
        ]
    );
}

#[test]
fn three_hundred_candles_are_asked_for_and_never_one_more() {
    let from = Micros::from_secs(1_704_067_200);
    for span in [60, 3_600, 86_400] {
        let until = Micros(from.0 + 300 * span * 1_000_000);
        let whole = Page {
            window: Window::new(from, until).unwrap(),
            ..page(Kind::Ohlc, Some(Span::of_secs(span.unsigned_abs()).unwrap()))
        };

        let request = KNOWLEDGE.exchange().request(&whole);

        let last = Micros(until.0 - 1_000_000);
        let query = format!("granularity={span}&start=2024-01-01T00:00:00Z&end={last}");
        assert_eq!(request.path, format!("/products/BTC-USDT/candles?{query}"));
    }
}

#[test]
fn a_window_open_downwards_is_asked_for_without_bounds() {
    let window = Window::new(Micros(0), RECEIVED).unwrap();
    let newest = Page { window, ..page(Kind::Ohlc, Some(Span::DAY)) };

    let request = KNOWLEDGE.exchange().request(&newest);

    assert_eq!(request.path, "/products/BTC-USDT/candles?granularity=86400");
}

#[test]
fn the_makers_side_is_turned_into_the_takers_and_trades_of_one_instant_are_in_the_order_of_their_ids() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("trades_one_instant.json") else { panic!("it is a page") };

    let trade = |micros: i64, id, price, amount, side| {
        expected::trade(Micros(1_415_398_768_000_000 + micros), id, price, amount, side)
    };
    assert_eq!(
        batch.trades().iter().collect::<Vec<_>>(),
        [
            trade(578_543, "72", 100.0, 0.2, Side::Buy),
            trade(578_543, "73", 100.0, 0.1, Side::Buy),
            trade(578_544, "74", 10.0, 0.01, Side::Sell),
        ]
    );
}

#[test]
fn newer_trades_are_asked_for_by_where_their_page_ends_and_the_first_row_asked_for_must_be_there() {
    let Read::Rows(_, next) = KNOWLEDGE.payload("trades_one_instant.json") else { panic!("it is a page") };
    assert_eq!(next, Next::FromId(74), "the newest row");

    let first = KNOWLEDGE.exchange().request(&page(Kind::Trades, None));
    let newer = Page { ask: Ask::FromId(72), ..page(Kind::Trades, None) };
    let second = KNOWLEDGE.exchange().request(&newer);

    assert_eq!(first.path, "/products/BTC-USDT/trades?limit=1000");
    assert_eq!(second.path, "/products/BTC-USDT/trades?limit=1000&after=1072");

    let begun_later = Page { ask: Ask::FromId(71), ..page(Kind::Trades, None) };
    let sample = payloads("coinbase").into_iter().find(|own| own.name == "trades_one_instant.json").unwrap();
    let mut rows = Batch::of(Kind::Trades);
    let refused = KNOWLEDGE.exchange().parse(&begun_later, &Answer::of(&sample.body, RECEIVED), &mut rows);
    assert!(refused.unwrap_err().to_string().contains("trade 71 was asked for"));
}

#[test]
fn a_book_has_the_number_of_orders_at_each_level_and_its_sequence() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("orderbook_level2.json") else { panic!("it is a page") };

    let level = |side, price, amount, count| BookLevel {
        seq: Some(3),
        count: Some(count),
        ..expected::level(RECEIVED, side, price, amount)
    };
    assert_eq!(
        levels(&batch),
        [
            level(Side::Bid, 295.96, 4.39088265, 2),
            level(Side::Bid, 295.9, 1.0, 1),
            level(Side::Ask, 295.97, 25.23542881, 12),
        ]
    );
}

#[test]
fn the_best_level_alone_is_level_one_and_anything_deeper_level_two() {
    let path = |rows| {
        let page = Page { rows, ..page(Kind::OrderBook, None) };
        KNOWLEDGE.exchange().request(&page).path
    };
    assert_eq!(path(1), "/products/BTC-USDT/book?level=1");
    assert_eq!(path(2), "/products/BTC-USDT/book?level=2");
}

#[test]
fn the_clock_is_read_to_the_millisecond() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_420_674_445_201_000)));
}

#[test]
fn one_product_and_all_of_them_are_listings() {
    let listed = |symbol: &str, pair: &str, is_open| Instrument {
        pair: Some(pair.parse().unwrap()),
        is_open,
        ..Instrument::named(symbol.to_owned())
    };
    let all = vec![listed("BTC-USD", "BTC/USD", true), listed("LUNA-USD", "LUNA/USD", false)];
    assert_eq!(
        KNOWLEDGE.payload("instruments.json"),
        Read::Listing(Listing { instruments: all, ..Listing::default() })
    );
    let one = br#"{"id": "ETH-BTC", "base_currency": "ETH", "quote_currency": "BTC", "status": "online",
        "status_message": "", "trading_disabled": false}"#;
    let instruments = vec![listed("ETH-BTC", "ETH/BTC", true)];
    let coinbase = KNOWLEDGE.exchange();
    assert_eq!(coinbase.parse_listing(one), Ok(Listing { instruments, ..Listing::default() }));
    let pair = "ETH/BTC".parse().unwrap();
    assert_eq!(coinbase.listing_request(Some(&pair)).path, "/products/ETH-BTC");
}
