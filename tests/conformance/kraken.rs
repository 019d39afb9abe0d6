//! Knowledge of Kraken, after its spot REST documentation, and the exact values of its payloads.

use dccd::exchange::{
    Ask, Bounds, Direction, HttpRequest, Instrument, Listing, Next, ParseError, RefusalKind,
};
use dccd::model::{Candle, Kind, Market, Micros, Pair, Side, Span, Window};

use crate::books::{BookForm, texts};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded};
use crate::read::{RECEIVED, Read, What, levels, page, read};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "kraken",
    json_numbers: false,
    asked,
    recorded,
    first: &[
        (
            "rest_book_1.json",
            First::Book { bid: (105_944.2, 0.002), ask: (105_944.3, 0.136), levels: (5, 5) },
        ),
        ("rest_candles_1.json", flat(1_762_777_020_000, 106_038.2)),
        (
            "rest_candles_3.json",
            First::Candle {
                ts_millis: 1_688_671_200_000,
                open: 30_306.1,
                high: 30_306.2,
                low: 30_305.7,
                close: 30_305.7,
                volume: 3.39243896,
            },
        ),
        ("rest_error_1.json", refusal(RefusalKind::UnknownSymbol, "EQuery", "Unknown asset pair")),
        ("rest_error_2.json", refusal(RefusalKind::RateLimit, "EAPI", "Rate limit exceeded")),
        ("rest_trades_1.json", trade(1_762_795_433_971_744, 105_433.6, 0.00027625, "10218208")),
        ("rest_trades_3.json", trade(1_688_669_597_827_736, 30_243.4, 0.34507674, "61044952")),
    ],
    skipped: &[("ws_*", "streams are not read by the REST parsers")],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "Unknown asset pair"),
        ("error_rate_limit.json", RefusalKind::RateLimit, "Rate limit exceeded"),
        ("error_rate_limit_general.json", RefusalKind::RateLimit, "Too many requests"),
        ("error_rate_limit_throttled.json", RefusalKind::RateLimit, "Throttled: 1700000060"),
        ("error_temporary.json", RefusalKind::Temporary, "Unavailable"),
        ("error_permanent.json", RefusalKind::Permanent, "Invalid arguments:interval"),
    ],
    impossible: &[
        ("ohlc_1m_quiet.json", "\"42314.0\"", "\"NaN\""),
        ("ohlc_1m_quiet.json", "\"42314.0\"", "\"1e400\""),
        ("ohlc_1m_quiet.json", "\"42314.0\"", "\"\""),
        ("ohlc_1m_quiet.json", "\"42335.8\"", "\"42300.0\""),
        ("ohlc_1m_quiet.json", "\"42289.7\"", "\"42332.0\""),
        ("ohlc_1m_quiet.json", "\"21.16779000\"", "\"-21.16779000\""),
        ("ohlc_1m_quiet.json", "1161", "-1161"),
        ("ohlc_1m_quiet.json", "1704067140", "1704067140000"),
        ("ohlc_1m_quiet.json", "1704067140", "9223372036854775807"),
        ("ohlc_1m_quiet.json", "1704067140", "0"),
        ("trades_one_microsecond.json", "\"0.34507674\"", "\"-0.34507674\""),
        ("trades_one_microsecond.json", "\"30243.40000\"", "\"inf\""),
        ("trades_one_microsecond.json", "1688669597.8277369", "1688669597827.7369"),
        ("trades_one_microsecond.json", "1688669597.8277369", "-1688669597.8277369"),
        ("trades_one_microsecond.json", "\"b\",\"m\",\"\",61044952", "\"x\",\"m\",\"\",61044952"),
        ("orderbook_shallow.json", "\"30384.10000\"", "\"NaN\""),
        ("orderbook_shallow.json", "\"1.115\"", "\"-1.115\""),
        ("time.json", "1688669448", "1688669448000"),
        ("time.json", "1688669448", "-1"),
    ],
    entries: "/result",
    unknown_words: &[
        ("instruments.json", "\"status\":\"cancel_only\"", "\"status\":\"asleep\"", "XDGUSD"),
        ("instruments.json", "\"XDG/USD\"", "\"XDG\"", "XDGUSD"),
    ],
    book: BookForm {
        market: Market::Spot,
        write: |bids, asks| {
            format!(
                r#"{{"error":[],"result":{{"XXBTZUSD":{{"bids":{},"asks":{}}}}}}}"#,
                texts(bids),
                texts(asks)
            )
        },
        level: ["0", "1"],
    },
    counts_quote: false,
};

const fn flat(ts_millis: i64, price: f64) -> First {
    First::Candle { ts_millis, open: price, high: price, low: price, close: price, volume: 0.0 }
}

const fn trade(ts_micros: i64, price: f64, amount: f64, id: &'static str) -> First {
    First::TradeAt { ts: Micros(ts_micros), price, amount, side: Side::Buy, id }
}

const fn refusal(kind: RefusalKind, code: &'static str, message: &'static str) -> First {
    First::Refusal { kind, code, message }
}

fn value<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let (_, query) = request.path.split_once('?').expect("a page has a query");
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// The row at `since` itself is left out: seconds of candles, nanoseconds of trades.
fn asked(request: &HttpRequest) -> Asked {
    let since = value(request, "since").map(|text| text.parse::<i64>().unwrap());
    let from = since.map(|since| match request.endpoint {
        "ohlc" => Micros::from_secs(since + 1),
        _ => Micros((since + 1) / 1_000),
    });
    let limit = value(request, "count").map(|count| count.parse().unwrap());
    Asked { from, limit, ..Asked::default() }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let word = |usual: &str| {
        let asked = query.split('&').find_map(|part| part.strip_prefix("interval="));
        Some(asked.unwrap_or(usual).to_owned())
    };
    let (what, word) = match path.rsplit('/').next()? {
        "OHLC" => (What::Page(Kind::Ohlc, Market::Spot), word("1")),
        "Trades" => (What::Page(Kind::Trades, Market::Spot), None),
        "Depth" => (What::Page(Kind::OrderBook, Market::Spot), None),
        "any" => (What::Error, None),
        _ => return None,
    };
    Some(Recorded { what, word })
}

#[test]
fn candles_have_no_quote_volume_and_a_quiet_minute_is_the_row_kraken_sends() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_1m_quiet.json") else { panic!("it is a page") };

    let candles: Vec<_> = batch.candles().iter().collect();
    let candle = |minute: i64, prices, volume, trades| Candle {
        trades: Some(trades),
        ..expected::candle(Micros::from_secs(1_704_067_140 + minute * 60), prices, volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        candles,
        [
            candle(0, [42_314.0, 42_335.8, 42_289.7, 42_331.9], 21.16779, 1_161),
            candle(1, [42_331.9; 4], 0.0, 0),
            candle(2, [42_298.6, 42_298.7, 42_261.0, 42_298.6], 35.92724, 1_327),
        ]
    );
}

#[test]
fn trades_are_cut_to_microseconds_and_go_on_from_the_cursor_of_nanoseconds() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("trades_one_microsecond.json") else {
        panic!("it is a page")
    };

    let trades: Vec<_> = batch.trades().iter().collect();
    let trade = |micros, id, price, amount, side| expected::trade(Micros(micros), id, price, amount, side);
    assert_eq!(next, Next::FromId(1_688_669_602_698_379_123));
    assert_eq!(
        trades,
        [
            trade(1_688_669_597_827_736, "61044952", 30_243.4, 0.34507674, Side::Buy),
            trade(1_688_669_598_280_411, "61044953", 30_243.3, 0.0037696, Side::Sell),
            trade(1_688_669_598_280_411, "61044954", 30_243.2, 0.01235716, Side::Sell),
            trade(1_688_669_602_698_379, "61044955", 30_243.3, 1.5, Side::Buy),
        ]
    );
}

#[test]
fn a_page_is_asked_from_one_less_since_what_is_at_since_itself_is_left_out() {
    let exchange = KNOWLEDGE.exchange();
    let mut trades = page(exchange, Kind::Trades, Market::Spot, None);
    trades.window = Window::new(Micros(1_688_669_597_827_736), RECEIVED).unwrap();
    let path = "/0/public/Trades?pair=XBTUSDT&since=1688669597827735999&count=1000";
    assert_eq!(exchange.request(&trades).path, path);
    trades.ask = Ask::FromId(1_688_669_602_698_379_123);
    let path = "/0/public/Trades?pair=XBTUSDT&since=1688669602698379122&count=1000";
    assert_eq!(exchange.request(&trades).path, path);

    let mut candles = page(exchange, Kind::Ohlc, Market::Spot, Some(Span::WEEK));
    candles.window = Window::new(Micros::from_secs(1_688_601_600), RECEIVED).unwrap();
    let path = "/0/public/OHLC?pair=XBTUSDT&interval=10080&since=1688601599";
    assert_eq!(exchange.request(&candles).path, path);
}

#[test]
fn weeks_open_on_thursday_and_days_at_midnight() {
    let offer = KNOWLEDGE.exchange().offer(Kind::Ohlc, Market::Spot).unwrap();
    assert_eq!((offer.bounds, offer.direction), (Bounds::Near, Direction::OldestFirst));
    // 2023-07-06 was a Thursday.
    let thursday = Micros::from_secs(1_688_601_600);
    assert!(offer.grid(Span::WEEK).holds(thursday) && offer.grid(Span::DAY).holds(thursday));
    assert!(!offer.grid(Span::WEEK).holds(Micros::from_secs(1_688_601_600 + 4 * 86_400)), "Monday");
}

#[test]
fn a_book_comes_out_best_first_with_our_time() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("orderbook_shallow.json") else { panic!("it is a page") };

    let level = |side, price, amount| expected::level(RECEIVED, side, price, amount);
    assert_eq!(
        levels(&batch),
        [
            level(Side::Bid, 30_297.0, 1.115),
            level(Side::Bid, 30_296.7, 2.002),
            level(Side::Ask, 30_384.1, 2.059),
            level(Side::Ask, 30_387.9, 1.5),
            level(Side::Ask, 30_393.7, 9.871),
        ]
    );
}

#[test]
fn the_clock_is_read_in_seconds() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros::from_secs(1_688_669_448)));
}

#[test]
fn the_listing_has_our_names_of_old_and_new_assets_and_none_for_a_dark_pool() {
    let listed = |symbol: &str, pair: Option<&str>, is_open| Instrument {
        pair: pair.map(|pair| pair.parse().unwrap()),
        is_open,
        ..Instrument::named(symbol.to_owned())
    };
    let instruments = vec![
        listed("SOLEUR", Some("SOL/EUR"), true),
        listed("XDGUSD", Some("DOGE/USD"), false),
        listed("XBTEUR.d", None, true),
        listed("XBTUSD", Some("BTC/USD"), true),
    ];

    assert_eq!(
        KNOWLEDGE.payload("instruments.json"),
        Read::Listing(Listing { instruments, ..Listing::default() })
    );
    let doge: Pair = "DOGE/USD".parse().unwrap();
    let request = KNOWLEDGE.exchange().listing_request(Some(&doge));
    assert_eq!(request.path, "/0/public/AssetPairs?pair=XDGUSD");
}

#[test]
fn a_warning_beside_an_answer_is_no_error_and_an_error_beside_one_is() {
    let exchange = KNOWLEDGE.exchange();
    let body = |told: &str| {
        let row = r#"[1704067140,"1.0","1.0","1.0","1.0","1.0","2.0",1]"#;
        format!(r#"{{"error":["{told}"],"result":{{"XXBTZUSD":[{row}],"last":1}}}}"#).into_bytes()
    };
    let what = What::Page(Kind::Ohlc, Market::Spot);
    let warned = read(exchange, what, Some(Span::MINUTE), &body("WGeneral:Danger")).unwrap();
    assert!(!warned.is_empty());
    assert_eq!(exchange.refusal(200, &body("WGeneral:Danger")), None);
    let refused = read(exchange, what, Some(Span::MINUTE), &body("EService:Busy"));
    assert!(matches!(refused, Err(ParseError::Refused(refusal)) if refusal.kind == RefusalKind::Temporary));
}
