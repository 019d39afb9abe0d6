//! Knowledge of Bybit, after its v5 documentation, and the exact values of its payloads.

use std::sync::Arc;

use dccd::exchange::{
    Answer, Contract, Decimal, HttpRequest, Instrument, Listing, Next, Page, ParseError, RefusalKind,
};
use dccd::model::{
    Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Series, Side, Window,
};

use crate::books::{BookForm, texts};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded, query};
use crate::read::{self, RECEIVED, Read, What, levels};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "bybit",
    json_numbers: false,
    asked,
    recorded,
    first: &[
        ("rest_book_1.json", First::Book { bid: (62_710.2, 5.52), ask: (62_710.3, 0.01), levels: (1, 1) }),
        (
            "rest_candles_1.json",
            First::Candle {
                ts_millis: 1_715_176_800_000,
                open: 62_440.14,
                high: 62_841.64,
                low: 62_160.72,
                close: 62_564.68,
                volume: 706.187244,
            },
        ),
        (
            "rest_error_1.json",
            First::Refusal { kind: RefusalKind::Permanent, code: "10001", message: "params error" },
        ),
        (
            "rest_trades_1.json",
            First::Trade {
                ts_millis: 1_672_052_955_758,
                price: 16_618.49,
                amount: 0.00012,
                side: Side::Buy,
                id: "2100000000007764263",
            },
        ),
    ],
    skipped: &[("ws_*", "streams are not read by the REST parsers")],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "params error: Symbol Is Invalid"),
        ("error_unknown_spot_symbol.json", RefusalKind::UnknownSymbol, "Invalid symbol."),
        ("error_rate_limit.json", RefusalKind::RateLimit, "Too many visits. Exceeded the API Rate Limit."),
        ("error_temporary.json", RefusalKind::Temporary, "Server error."),
        ("error_permanent.json", RefusalKind::Permanent, "params error: interval invalid"),
        ("error_params.json", RefusalKind::Permanent, "params error"),
    ],
    impossible: &[
        ("ohlc_1m_newest_first.json", "\"42298.62\"", "\"42260\""),
        ("ohlc_1m_newest_first.json", "\"42283.58\"", "\"NaN\""),
        ("ohlc_1m_newest_first.json", "\"42283.58\"", "\"1e400\""),
        ("ohlc_1m_newest_first.json", "\"35.92724\"", "\"-35.92724\""),
        ("ohlc_1m_newest_first.json", "\"1519032.1744121\"", "\"-1\""),
        ("ohlc_1m_newest_first.json", "\"1704067200000\"", "\"1704067200\""),
        ("ohlc_1m_newest_first.json", "\"1704067200000\"", "\"soon\""),
        ("trades_newest_first.json", "\"0.00012\"", "\"-0.00012\""),
        ("trades_newest_first.json", "\"16618.5\"", "\"inf\""),
        ("trades_newest_first.json", "\"1672052955759\"", "\"1672052955759000\""),
        ("orderbook_spot.json", "\"62710.2\"", "\"\""),
        ("orderbook_spot.json", "1709199771584", "1709199771"),
        ("funding_perp.json", "\"-0.00012\"", "\"nan\""),
        ("openinterest_1h_perp.json", "\"53022.5\"", "\"-1\""),
        ("time.json", "\"1688639403423213947\"", "\"1688639403423\""),
    ],
    entries: "/result/list",
    unknown_words: &[
        ("instruments.json", "\"Closed\"", "\"Asleep\"", "LUNAUSDT"),
        ("instruments_inverse.json", "\"InversePerpetual\"", "\"Endless\"", "BTCUSD"),
        ("instruments_inverse.json", "1542240000000", "1542240000", "BTCUSD"),
    ],
    book: BookForm {
        market: Market::Spot,
        write: |bids, asks| {
            format!(
                r#"{{"retCode":0,"retMsg":"OK","result":{{"s":"BTCUSDT","b":{},"a":{},"ts":1700000000000,"u":7}},"time":1}}"#,
                texts(bids),
                texts(asks)
            )
        },
        level: ["0", "1"],
    },
    counts_quote: false,
};

/// Bounds are inclusive milliseconds under one of two names.
fn asked(request: &HttpRequest) -> Asked {
    let value = |name: &str| query(request, name);
    let millis =
        |names: [&str; 2]| names.into_iter().find_map(&value).map(|text| text.parse::<i64>().unwrap());
    Asked {
        from: millis(["start", "startTime"]).map(Micros::from_millis),
        until: millis(["end", "endTime"]).map(|last| Micros::from_millis(last + 1)),
        id: None,
        skip: None,
        limit: value("limit").map(|limit| limit.parse().unwrap()),
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let market = if query.contains("category=spot") { Market::Spot } else { Market::Perp };
    let what = match path.rsplit('/').next()? {
        "kline" => What::Page(Kind::Ohlc, market),
        "recent-trade" => What::Page(Kind::Trades, market),
        "orderbook" => What::Page(Kind::OrderBook, market),
        "any" => What::Error,
        _ => return None,
    };
    let word = query.split('&').find_map(|part| part.strip_prefix("interval=")).map(str::to_owned);
    Some(Recorded { what, word })
}

fn rows(name: &str) -> Batch {
    let Read::Rows(batch, next) = KNOWLEDGE.payload(name) else { panic!("{name} is a page") };
    assert_eq!(next, Next::ByTime);
    batch
}

/// A page of a series listed as a symbol, a contract of which is one dollar.
fn inverse(series: &str, symbol: &str) -> Page {
    let series: Series = series.parse().unwrap();
    let instrument =
        Instrument { contract: Some(Contract::Quote(Decimal::ONE)), ..Instrument::named(symbol.to_owned()) };
    let page = read::page(KNOWLEDGE.exchange(), series.kind(), series.pair().market(), series.span());
    Page { series: Arc::new(series), instrument: Arc::new(instrument), ..page }
}

fn parse(page: &Page, body: &str) -> Result<Batch, ParseError> {
    let mut batch = Batch::of(page.series.kind());
    let next = KNOWLEDGE.exchange().parse(page, &Answer::of(body.as_bytes(), RECEIVED), &mut batch)?.next;
    assert_eq!(next, Next::ByTime);
    Ok(batch)
}

#[test]
fn candles_come_out_oldest_first_with_the_turnover_as_quote_amount_and_no_number_of_trades() {
    let candle = |secs, prices, volume, turnover| Candle {
        quote_volume: Some(turnover),
        ..expected::candle(Micros::from_secs(secs), prices, volume)
    };
    assert_eq!(
        rows("ohlc_1m_newest_first.json").candles().iter().collect::<Vec<_>>(),
        [
            candle(1_704_067_140, [42_314.0, 42_335.8, 42_289.8, 42_331.9], 21.16779, 895_580.3122434),
            candle(1_704_067_200, [42_283.58, 42_298.62, 42_261.02, 42_298.61], 35.92724, 1_519_032.1744121),
        ]
    );
}

#[test]
fn of_inverse_contracts_the_volume_counts_dollars_and_the_turnover_the_base_asset() {
    let page = inverse("bybit/BTC-USD_PERP/ohlc/1m", "BTCUSD");
    let body = r#"{"retCode":0,"retMsg":"OK","result":{"category":"inverse","symbol":"BTCUSD","list":
        [["1704067200000","42000","42010","41990","42005","840000","20.00125"]]},"time":1}"#;

    let candle = parse(&page, body).unwrap().candles().get(0);

    assert_eq!((candle.volume, candle.quote_volume), (20.00125, Some(840_000.0)));
}

#[test]
fn inverse_trades_and_books_are_turned_from_dollars_into_the_base_asset() {
    let page = inverse("bybit/BTC-USD_PERP/trades", "BTCUSD");
    let body = r#"{"retCode":0,"retMsg":"OK","result":{"category":"inverse","list":[{"execId":"x","symbol":"BTCUSD",
        "price":"40000","size":"1000","side":"Buy","time":"1704067200000"}]},"time":1}"#;
    assert_eq!(parse(&page, body).unwrap().trades().get(0).amount, 0.025);

    let page = inverse("bybit/BTC-USD_PERP/orderbook", "BTCUSD");
    let body = r#"{"retCode":0,"retMsg":"OK","result":{"s":"BTCUSD","b":[["40000","2000"]],"a":[["50000","500"]],
        "ts":1704067200000,"u":1,"seq":1},"time":1}"#;
    let amounts: Vec<f64> = levels(&parse(&page, body).unwrap()).iter().map(|level| level.amount).collect();
    assert_eq!(amounts, [0.05, 0.01]);
}

#[test]
fn the_open_interest_of_inverse_contracts_is_refused_rather_than_stored_in_another_unit() {
    let page = inverse("bybit/BTC-USD_PERP/open_interest/1h", "BTCUSD");
    let body = r#"{"retCode":0,"retMsg":"OK","result":{"list":[{"openInterest":"461134384.00000000",
        "timestamp":"1669571400000"}]},"time":1}"#;
    let refused = parse(&page, body).unwrap_err();
    assert!(refused.to_string().contains("told in dollars"), "{refused}");
}

#[test]
fn trades_come_out_oldest_first_in_the_order_they_happened_with_the_takers_side() {
    let trade = |millis, id, price, amount, side| {
        expected::trade(Micros::from_millis(millis), id, price, amount, side)
    };
    assert_eq!(
        rows("trades_newest_first.json").trades().iter().collect::<Vec<_>>(),
        [
            trade(1_672_052_955_758, "2100000000007764263", 16_618.49, 0.00012, Side::Buy),
            trade(1_672_052_955_758, "2100000000007764264", 16_618.49, 0.25, Side::Sell),
            trade(1_672_052_955_759, "2100000000007764265", 16_618.5, 0.5, Side::Sell),
        ]
    );
    let id = rows("trades_perp.json").trades().get(0).id.unwrap().to_owned();
    assert_eq!(id, "a9188a0a-82bc-50de-be60-03eedbe3cdd7");
}

#[test]
fn only_the_newest_trades_are_there_sixty_of_spot_and_a_thousand_of_contracts() {
    for (market, most) in [(Market::Spot, 60), (Market::Perp, 1_000)] {
        let offer = KNOWLEDGE.exchange().offer(Kind::Trades, market).unwrap();
        assert!(offer.is_recent_only());
        assert_eq!(offer.page_rows, most);
        let request =
            KNOWLEDGE.exchange().request(&read::page(KNOWLEDGE.exchange(), Kind::Trades, market, None));
        assert!(request.path.ends_with(&format!("&symbol=BTCUSDT&limit={most}")), "{}", request.path);
    }
}

#[test]
fn a_book_has_its_own_time_and_update_id() {
    let level = |side, price, amount| BookLevel {
        seq: Some(243_781),
        ..expected::level(Micros::from_millis(1_709_199_771_584), side, price, amount)
    };
    assert_eq!(
        levels(&rows("orderbook_spot.json")),
        [level(Side::Bid, 62_710.2, 5.52), level(Side::Bid, 62_710.1, 1.0), level(Side::Ask, 62_710.3, 0.01),]
    );
}

#[test]
fn funding_and_open_interest_come_out_oldest_first() {
    let mut rates = Batch::of(Kind::Funding);
    for (secs, rate) in [(1_704_067_200, 0.0001), (1_704_096_000, -0.00012)] {
        rates.funding_mut().push(FundingRate { ts: Micros::from_secs(secs), rate, mark_price: None });
    }
    assert_eq!(rows("funding_perp.json"), rates);
    let mut interest = Batch::of(Kind::OpenInterest);
    for (secs, open_interest) in [(1_704_067_200, 52_000.25), (1_704_070_800, 53_022.5)] {
        let ts = Micros::from_secs(secs);
        interest.open_interest_mut().push(OpenInterest { ts, open_interest, open_interest_value: None });
    }
    assert_eq!(rows("openinterest_1h_perp.json"), interest);
}

#[test]
fn a_window_open_downwards_has_an_end_alone() {
    let page = read::page(KNOWLEDGE.exchange(), Kind::Ohlc, Market::Spot, None);
    let until = Micros::from_millis(1_704_067_200_000);
    let request =
        KNOWLEDGE.exchange().request(&Page { window: Window::new(Micros(0), until).unwrap(), ..page });
    let query = "category=spot&symbol=BTCUSDT&interval=1&end=1704067199999&limit=1000";
    assert_eq!(request.path, format!("/v5/market/kline?{query}"));
}

#[test]
fn markets_are_asked_for_by_category_and_dated_contracts_by_their_base_asset() {
    let path = |pair: &str| KNOWLEDGE.exchange().listing_request(Some(&pair.parse().unwrap())).path;
    let info = "/v5/market/instruments-info?category=";
    for (pair, query) in [
        ("BTC/USDT", "spot&symbol=BTCUSDT"),
        ("BTC/USDT:perp", "linear&symbol=BTCUSDT"),
        ("BTC/USDC:perp", "linear&symbol=BTCPERP"),
        ("BTC/USD:perp", "inverse&symbol=BTCUSD"),
        ("BTC/USD:quarter", "inverse&baseCoin=BTC"),
    ] {
        assert_eq!(path(pair), format!("{info}{query}&limit=1000"), "{pair}");
    }
}

#[test]
fn the_listing_names_quarters_by_their_end_and_says_since_when_a_contract_is_listed() {
    let listed = |symbol: &str, pair: Option<&str>, from, ends: Option<i64>| Instrument {
        pair: pair.map(|pair| pair.parse().unwrap()),
        listed: Some(Micros::from_millis(from)),
        ends: ends.map(Micros::from_millis),
        contract: Some(Contract::Quote(Decimal::ONE)),
        ..Instrument::named(symbol.to_owned())
    };
    let quarter = Some("BTC/USD:quarter");
    let instruments = vec![
        listed("BTCUSD", Some("BTC/USD:perp"), 1_542_240_000_000, None),
        listed("BTCUSDZ24", None, 1_711_699_200_000, Some(1_735_286_400_000)),
        listed("BTCUSDM24", quarter, 1_695_974_400_000, Some(1_719_561_600_000)),
        listed("BTCUSDU24", Some("BTC/USD:next_quarter"), 1_703_836_800_000, Some(1_727_424_000_000)),
        listed("BTCUSD-31MAY24", None, 1_711_699_200_000, Some(1_717_142_400_000)),
    ];
    assert_eq!(
        KNOWLEDGE.payload("instruments_inverse.json"),
        Read::Listing(Listing { instruments, ..Listing::default() })
    );

    let Read::Listing(spot) = KNOWLEDGE.payload("instruments.json") else { panic!("it is a listing") };
    let open: Vec<_> = spot.instruments.iter().map(|own| (own.symbol.as_str(), own.is_open)).collect();
    assert_eq!(open, [("BTCUSDT", true), ("LUNAUSDT", false)]);
    assert!(spot.instruments.iter().all(|own| own.listed.is_none() && own.contract.is_none()));
}

#[test]
fn the_refusal_that_comes_without_an_envelope_is_a_limit() {
    let refusal = KNOWLEDGE.exchange().refusal(403, b"403, access too frequent").unwrap();
    assert_eq!(refusal.kind, RefusalKind::RateLimit);
    assert_eq!(KNOWLEDGE.exchange().refusal(403, b"<html>blocked in your country</html>"), None);
}

#[test]
fn the_clock_is_read_to_the_microsecond() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_688_639_403_423_213)));
}
