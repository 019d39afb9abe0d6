//! Knowledge of Kraken Futures, after its API documentation, and the exact values of its payloads.

use std::sync::Arc;

use dccd::exchange::{
    Answer, Contract, Decimal, HttpRequest, Instrument, Listing, Next, ParseError, RefusalKind,
};
use dccd::model::{Batch, Kind, Market, Micros, Side, Span, Values, Window, Zone};

use crate::books::{BookForm, numbers};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded};
use crate::needs;
use crate::read::{RECEIVED, Read, What, levels, page, payloads, read};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "krakenfutures",
    json_numbers: true,
    asked,
    recorded,
    first: &[
        ("rest_book_1.json", First::Book { bid: (186.45, 2.0), ask: (186.5, 121_210.0), levels: (104, 125) }),
        (
            "rest_candles_1.json",
            First::Candle {
                ts_millis: 1_731_715_200_000,
                open: 91_069.0,
                high: 91_373.5,
                low: 90_956.0,
                close: 91_045.5,
                volume: 319_499.0,
            },
        ),
        // Newest first on the wire: this is its last row. Its first one is looked at below.
        (
            "rest_trades_1.json",
            First::Trade {
                ts_millis: 1_573_455_479_115,
                price: 186.35,
                amount: 2.0,
                side: Side::Buy,
                id: "3819b617-ab5c-43d2-8d2a-26af06d4f64a",
            },
        ),
    ],
    skipped: &[
        ("rest_candles_2.json", "GET /api/charts/v1/spot has the prices of an index, which is not traded"),
        ("ws_*", "streams are not read by the REST parsers"),
    ],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "contractNotFound"),
        ("error_rate_limit.json", RefusalKind::RateLimit, "apiLimitExceeded"),
        ("error_temporary.json", RefusalKind::Temporary, "unavailable"),
        ("error_permanent.json", RefusalKind::Permanent, "requiredArgumentMissing"),
    ],
    impossible: &[
        ("ohlc_1h_perp.json", "\"91069\"", "\"NaN\""),
        ("ohlc_1h_perp.json", "\"91069\"", "\"1e400\""),
        ("ohlc_1h_perp.json", "\"91373.5\"", "\"91000\""),
        ("ohlc_1h_perp.json", "\"90956\"", "\"-1\""),
        ("ohlc_1h_perp.json", "\"319.4990\"", "\"-319.4990\""),
        ("ohlc_1h_perp.json", "1731715200000", "1731715200"),
        ("ohlc_1h_perp.json", "1731715200000", "1731715200000000"),
        ("trades_perp_newest_first.json", "0.0125", "-0.0125"),
        ("trades_perp_newest_first.json", "91050.5", "-91050.5"),
        ("trades_perp_newest_first.json", "2024-11-16T07:14:14.423Z", "2204-11-16T07:14:14.423Z"),
        ("trades_perp_newest_first.json", "2024-11-16T07:14:14.423Z", "07:14:14.423"),
        ("trades_perp_newest_first.json", "\"buy\"", "\"maker\""),
        ("orderbook_perp.json", "0.0125", "-0.0125"),
        ("orderbook_perp.json", "2024-11-16T07:14:44.850Z", "yesterday"),
        ("funding_perp.json", "2024-11-16T06:00:00.000Z", "1970-01-01T06:00:00.000Z"),
        ("time.json", "2024-11-16T07:14:44.850Z", "1970-01-01T00:00:00.000Z"),
    ],
    entries: "/instruments",
    unknown_words: &[
        ("instruments.json", "\"tradeable\":true", "\"tradeable\":\"perhaps\"", "PI_XBTUSD"),
        ("instruments.json", "2022-03-22T10:00:00.000Z", "long ago", "pf_xbtusd"),
    ],
    book: BookForm {
        market: Market::Perp,
        write: |bids, asks| {
            format!(
                r#"{{"result":"success","orderBook":{{"bids":{},"asks":{}}},"serverTime":"2023-11-14T22:13:20.000Z"}}"#,
                numbers(bids),
                numbers(asks)
            )
        },
        level: ["0", "1"],
    },
    counts_quote: false,
};

fn value<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let (_, query) = request.path.split_once('?').expect("a page has a query");
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// Both bounds of candles, in inclusive seconds; of trades the instant they lie before.
fn asked(request: &HttpRequest) -> Asked {
    let secs = |name| value(request, name).map(|text| text.parse::<i64>().unwrap());
    let before = value(request, "lastTime").map(|text| Micros::parse(text, &Zone::UTC).unwrap());
    Asked {
        from: secs("from").map(Micros::from_secs),
        until: secs("to").map(|to| Micros::from_secs(to + 1)).or(before),
        ..Asked::default()
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, _) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let last = path.rsplit('/').next()?;
    let (kind, word) = match last {
        "history" => (Kind::Trades, None),
        "orderbook" => (Kind::OrderBook, None),
        word if path.contains("/charts/v1/trade/") => (Kind::Ohlc, Some(word.to_owned())),
        _ => return None,
    };
    Some(Recorded { what: What::Page(kind, Market::Perp), word })
}

fn at(text: &str) -> Micros {
    Micros::parse(text, &Zone::UTC).unwrap()
}

#[test]
fn candles_know_neither_quote_volume_nor_trades_and_a_quiet_hour_is_the_row_it_sends() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_1h_perp.json") else { panic!("it is a page") };

    let candle = |hour: i64, prices, volume| {
        expected::candle(Micros::from_secs(1_731_715_200 + hour * 3_600), prices, volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        batch.candles().iter().collect::<Vec<_>>(),
        [
            candle(0, [91_069.0, 91_373.5, 90_956.0, 91_045.5], 319.499),
            candle(1, [91_045.5; 4], 0.0),
            candle(2, [91_415.0, 91_490.5, 91_415.0, 91_490.5], 4.995),
        ]
    );
}

#[test]
fn trades_come_out_oldest_first_by_their_own_id_and_not_by_their_place_in_the_answer() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("trades_perp_newest_first.json") else {
        panic!("it is a page")
    };

    let trade = |millis, id, price, amount, side| {
        expected::trade(Micros::from_millis(millis), id, price, amount, side)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        batch.trades().iter().collect::<Vec<_>>(),
        [
            trade(1_731_741_254_423, "b5ec2618-a8cd-4b88-9598-0238fb65b02b", 91_050.5, 2.5, Side::Buy),
            trade(1_731_741_260_093, "dd1c5c4c-7943-4068-9419-85b45b17739f", 91_046.0, 1.0, Side::Sell),
            trade(1_731_741_260_093, "df8522a1-5f97-41e4-8eb1-e2c2546199a1", 91_045.5, 0.0125, Side::Sell),
        ]
    );
}

#[test]
fn the_recorded_page_of_trades_begins_on_the_wire_with_the_known_newest_one() {
    let Some(folder) = needs::recordings() else { return };
    let body = std::fs::read(folder.join("kraken_futures/rest_trades_1.json")).unwrap();
    let rows = read(KNOWLEDGE.exchange(), What::Page(Kind::Trades, Market::Perp), None, &body).unwrap();
    let Read::Rows(batch, _) = rows else { panic!("it is a page") };

    let newest = batch.trades().get(batch.len() - 1);
    assert_eq!((newest.ts, newest.price, newest.amount), (Micros(1_573_456_460_093_000), 186.45, 1.0));
    assert_eq!(newest.side, Some(Side::Sell));
    assert_eq!(newest.id, Some("df8522a1-5f97-41e4-8eb1-e2c2546199a1"));
}

#[test]
fn a_page_is_asked_with_its_symbol_where_each_interface_wants_it() {
    let exchange = KNOWLEDGE.exchange();
    let mut candles = page(exchange, Kind::Ohlc, Market::Perp, Some(Span::HOUR));
    candles.window = Window::new(at("2024-11-16"), at("2024-11-17")).unwrap();
    candles.instrument = Arc::new(Instrument::named("PF_XBTUSD".to_owned()));
    let path = "/api/charts/v1/trade/PF_XBTUSD/1h?from=1731715200&to=1731801599";
    assert_eq!(exchange.request(&candles).path, path);

    let mut trades = page(exchange, Kind::Trades, Market::Perp, None);
    trades.window = Window::new(Micros(0), Micros(1_731_741_254_423_001)).unwrap();
    trades.instrument = Arc::new(Instrument::named("PF_XBTUSD".to_owned()));
    let path = "/derivatives/api/v3/history?symbol=PF_XBTUSD&lastTime=2024-11-16T07:14:14.424Z";
    assert_eq!(exchange.request(&trades).path, path);
}

#[test]
fn contracts_become_base_amounts_and_are_refused_where_their_size_is_not_known() {
    let exchange = KNOWLEDGE.exchange();
    let name = "trades_perp_newest_first.json";
    let body = payloads("krakenfutures").into_iter().find(|own| own.name == name).unwrap().body;
    let mut trades = page(exchange, Kind::Trades, Market::Perp, None);
    let mut parsed = |contract| {
        let instrument = Instrument { contract, ..Instrument::named("PF_XDGUSD".to_owned()) };
        trades.instrument = Arc::new(instrument);
        let mut batch = Batch::of(Kind::Trades);
        exchange.parse(&trades, &Answer::of(&body, RECEIVED), &mut batch).map(|_| batch)
    };
    assert_eq!(parsed(Some(Contract::Base(Decimal::whole(10)))).unwrap().trades().get(0).amount, 25.0);
    assert!(matches!(parsed(None), Err(ParseError::Refused(_))));
}

#[test]
fn a_book_comes_out_best_first_with_the_exchanges_time() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("orderbook_perp.json") else { panic!("it is a page") };

    let level = |side, price, amount| expected::level(Micros(1_731_741_284_850_000), side, price, amount);
    assert_eq!(
        levels(&batch),
        [
            level(Side::Bid, 91_045.5, 0.2),
            level(Side::Bid, 91_045.0, 1.5),
            level(Side::Ask, 91_046.0, 0.0125),
            level(Side::Ask, 91_047.5, 3.0),
        ]
    );
}

#[test]
fn the_stored_funding_rate_is_the_relative_one_and_may_be_negative() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("funding_perp.json") else { panic!("it is a page") };

    assert_eq!(batch.ts(), [at("2024-11-16 06:00:00").0, at("2024-11-16 07:00:00").0]);
    let Values::F64(rates) = &batch.columns()[1].values else { panic!("rates are floats") };
    assert_eq!(rates, &[0.000013642, -0.0000088965]);
    assert!(!batch.columns()[2].has(0), "no mark price is told");
}

#[test]
fn the_clock_is_the_server_time_of_any_answer() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_731_741_284_850_000)));
}

#[test]
fn the_listing_names_linear_contracts_their_size_and_the_two_nearest_quarters() {
    let listed = |symbol: &str, pair: Option<&str>, is_open, opened: Option<&str>| Instrument {
        pair: pair.map(|pair| pair.parse().unwrap()),
        is_open,
        listed: opened.map(at),
        contract: pair.map(|_| Contract::Base(Decimal::ONE)),
        ..Instrument::named(symbol.to_owned())
    };
    let dated = |symbol: &str, pair: Option<&str>, is_open, opened: &str, ends: &str| Instrument {
        ends: Some(at(ends)),
        contract: Some(Contract::Base(Decimal::ONE)),
        ..listed(symbol, pair, is_open, Some(opened))
    };
    let doge = Some("DOGE/USD:perp");
    let instruments = vec![
        listed("PI_XBTUSD", None, true, Some("2018-08-31")),
        listed("PF_XBTUSD", Some("BTC/USD:perp"), true, Some("2022-03-22 10:00:00")),
        dated("FF_XBTUSD_241129", None, true, "2024-08-30 15:00:00", "2024-11-29 16:00:00"),
        dated(
            "FF_XBTUSD_250328",
            Some("BTC/USD:next_quarter"),
            true,
            "2024-09-27 15:00:00",
            "2025-03-28 16:00:00",
        ),
        dated(
            "FF_XBTUSD_241227",
            Some("BTC/USD:quarter"),
            true,
            "2024-06-28 15:00:00",
            "2024-12-27 16:00:00",
        ),
        dated("FF_XBTUSD_240927", None, false, "2024-03-29 15:00:00", "2024-09-27 15:00:00"),
        Instrument {
            contract: Some(Contract::Base(Decimal::whole(10))),
            ..listed("PF_XDGUSD", doge, false, Some("2022-03-22 10:00:00"))
        },
        listed("IN_XBTUSD", None, false, None),
    ];

    assert_eq!(
        KNOWLEDGE.payload("instruments.json"),
        Read::Listing(Listing { instruments, ..Listing::default() })
    );
}
