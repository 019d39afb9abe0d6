//! Knowledge of BitMEX, after its REST documentation, and the exact values of its payloads.

use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::{
    Answer, Ask, Budget, Contract, Decimal, HttpRequest, Instrument, Listing, Next, Page, ParseError, Quota,
    RefusalKind,
};
use dccd::model::{
    Batch, Candle, FundingRate, Kind, Market, Micros, Series, Side, Span, Trade, Window, Zone,
};

use crate::books::{BookForm, list};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded, query};
use crate::read::{self, RECEIVED, Read, What, levels, payloads};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "bitmex",
    json_numbers: true,
    asked,
    recorded,
    first: &[
        (
            "rest_candles_1.json",
            First::Candle {
                ts_millis: 1_483_228_740_000,
                open: 968.29,
                high: 968.29,
                low: 968.29,
                close: 968.29,
                volume: 0.0,
            },
        ),
        (
            "rest_error_1.json",
            First::Refusal { kind: RefusalKind::Permanent, code: "HTTPError", message: "Invalid API Key." },
        ),
        (
            "rest_trades_1.json",
            First::Trade {
                ts_millis: 1_569_773_127_238,
                price: 7_945.5,
                // 532 contracts of a dollar, told in the row as so much bitcoin.
                amount: 0.06695752,
                side: Side::Sell,
                id: "e579bf14-c6f8-1e5c-5a03-02b474ecc828",
            },
        ),
    ],
    skipped: &[("ws_*", "streams are not read by the REST parsers")],
    errors: &[
        ("error_unknown_symbol.json", RefusalKind::UnknownSymbol, "Unknown symbol"),
        ("error_rate_limit.json", RefusalKind::RateLimit, "Rate limit exceeded, retry in 1 seconds."),
        (
            "error_temporary.json",
            RefusalKind::Temporary,
            "The system is currently overloaded. Please try again later.",
        ),
        ("error_permanent.json", RefusalKind::Permanent, "'binSize' must be one of 1m,5m,1h,1d"),
        ("error_invalid_key.json", RefusalKind::Permanent, "Invalid API Key."),
    ],
    impossible: &[
        ("ohlc_1m_perp.json", "42010.5", "42003"),
        ("ohlc_1m_perp.json", "\"open\": 42000.5", "\"open\": -1"),
        ("ohlc_1m_perp.json", "\"homeNotional\": 0.1", "\"homeNotional\": -0.1"),
        ("ohlc_1m_perp.json", "\"trades\": 7", "\"trades\": -7"),
        ("ohlc_1m_perp.json", "2024-01-01T00:01:00.000Z", "1970-01-01T00:01:00.000Z"),
        ("ohlc_1m_perp.json", "2024-01-01T00:01:00.000Z", "soon"),
        ("trades_perp.json", "40000.5", "-40000.5"),
        ("trades_perp.json", "\"size\": 532", "\"size\": -532"),
        ("trades_perp.json", "0.01330001", "-0.01330001"),
        ("trades_perp.json", "2024-01-01T00:00:01.000Z", "2200-01-01T00:00:01.000Z"),
        ("orderbook_perp.json", "\"size\": 200", "\"size\": -200"),
        ("orderbook_perp.json", "39999.5", "-39999.5"),
        ("funding_perp.json", "2024-01-01T12:00:00.000Z", ""),
        ("time.json", "1704067200123", "1704067200"),
    ],
    entries: "",
    unknown_words: &[
        ("instruments.json", "\"typ\": \"FFWCSX\"", "\"typ\": \"FFXXXX\"", "XBTUSD"),
        ("instruments.json", "\"state\": \"Open\"", "\"state\": \"Ajar\"", "XBTUSD"),
        ("instruments.json", "\"isInverse\": true", "\"isInverse\": null", "XBTUSD"),
    ],
    book: BookForm {
        market: Market::Perp,
        write: |bids, asks| {
            let side = |side: &'static str| {
                move |(price, size): &(&str, &str)| {
                    format!(r#"{{"side":"{side}","size":{size},"price":{price}}}"#)
                }
            };
            let (bids, asks) = (list(bids, side("Buy")), list(asks, side("Sell")));
            format!("{},{}", &bids[..bids.len() - 1], &asks[1..])
        },
        level: ["price", "size"],
    },
    counts_quote: false,
};

/// Bounds are inclusive milliseconds; of candles, where they end.
fn asked(request: &HttpRequest) -> Asked {
    let value = |name| query(request, name);
    let span: Duration = value("binSize").map_or(Duration::ZERO, |word| {
        let span: Span = word.parse().unwrap();
        Duration::from_secs(u64::from(span.secs()))
    });
    let instant = |name| value(name).map(|text| Micros::parse(text, &Zone::UTC).unwrap() - span);
    let number = |name| value(name).map(|text| text.parse().unwrap());
    Asked {
        from: instant("startTime"),
        until: instant("endTime").map(|last| Micros(last.0 + 1_000)),
        id: None,
        skip: number("start"),
        limit: number("count").or_else(|| number("depth")),
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let what = match path.rsplit('/').next()? {
        "bucketed" => What::Page(Kind::Ohlc, Market::Perp),
        "trade" => What::Page(Kind::Trades, Market::Perp),
        "any" => What::Error,
        _ => return None,
    };
    let word = query.split('&').find_map(|part| part.strip_prefix("binSize=")).map(str::to_owned);
    Some(Recorded { what, word })
}

fn rows(name: &str) -> Batch {
    let Read::Rows(batch, _) = KNOWLEDGE.payload(name) else { panic!("{name} is a page") };
    batch
}

/// A page of a perpetual contract made of something.
fn page(kind: Kind, span: Option<Span>, contract: Option<Contract>) -> Page {
    let page = read::page(KNOWLEDGE.exchange(), kind, Market::Perp, span);
    let instrument = Instrument { contract, ..Instrument::named("XBTUSD".to_owned()) };
    Page { instrument: Arc::new(instrument), ..page }
}

fn parse(page: &Page, body: &str) -> Result<(Batch, Next), ParseError> {
    let mut batch = Batch::of(page.series.kind());
    let next = KNOWLEDGE.exchange().parse(page, &Answer::of(body.as_bytes(), RECEIVED), &mut batch)?.next;
    Ok((batch, next))
}

fn file(name: &str) -> String {
    let sample = payloads("bitmex").into_iter().find(|sample| sample.name == name).unwrap();
    String::from_utf8(sample.body).unwrap()
}

#[test]
fn a_bucket_is_stamped_with_its_open_and_a_quiet_one_stays_as_it_was_told() {
    let candle = |minute: i64, prices, volume, quote, trades| Candle {
        quote_volume: Some(quote),
        trades: Some(trades),
        ..expected::candle(Micros::from_secs(1_704_067_200 + minute * 60), prices, volume)
    };
    assert_eq!(
        rows("ohlc_1m_perp.json").candles().iter().collect::<Vec<_>>(),
        [
            candle(0, [42_000.5, 42_000.5, 42_000.5, 42_000.5], 0.0, 0.0, 0),
            // It opens at the last close, below its own low.
            candle(1, [42_000.5, 42_010.5, 42_003.5, 42_009.0], 0.1, 4_200.0, 7),
        ]
    );
}

#[test]
fn candles_are_asked_for_by_where_they_end() {
    let window = Window::new(Micros::from_secs(1_704_067_200), Micros::from_secs(1_704_070_800)).unwrap();
    let path = |span, window| {
        let page = Page { window, ..page(Kind::Ohlc, Some(span), None) };
        KNOWLEDGE.exchange().request(&page).path
    };
    assert_eq!(
        path(Span::MINUTE, window),
        "/api/v1/trade/bucketed?binSize=1m&partial=false&symbol=XBTUSD&count=1000\
         &startTime=2024-01-01T00:01:00.000Z&endTime=2024-01-01T01:00:59.999Z&reverse=false"
    );
    let open = Window::new(Micros(0), window.until).unwrap();
    assert!(!path(Span::DAY, open).contains("startTime"), "a window open downwards has an end alone");
}

#[test]
fn amounts_are_the_base_asset_as_told_or_by_what_a_contract_is() {
    let body = file("trades_perp.json");
    let amounts = |contract| -> Vec<f64> {
        let (batch, _) = parse(&page(Kind::Trades, None, contract), &body).unwrap();
        batch.trades().iter().map(|trade| trade.amount).collect()
    };
    // The second row tells no base amount: two contracts at 40000.
    assert_eq!(amounts(Some(Contract::Quote(Decimal::ONE))), [0.01330001, 0.00005, 0.5], "inverse");
    assert_eq!(
        amounts(Some(Contract::Base(Decimal::of(0.000001).unwrap()))),
        [0.01330001, 0.000002, 0.5],
        "linear"
    );
    let quanto = parse(&page(Kind::Trades, None, None), &body).unwrap_err();
    assert!(quanto.to_string().contains("does not say what a contract is"), "{quanto}");
}

#[test]
fn trades_keep_their_order_and_a_settlement_has_no_taker() {
    let trade = |millis: i64, id, price, amount, side| Trade {
        side,
        ..expected::trade(Micros::from_millis(1_704_067_200_000 + millis), id, price, amount, Side::Buy)
    };
    let expected = [
        trade(123, "e579bf14-c6f8-1e5c-5a03-02b474ecc828", 40_000.5, 0.01330001, Some(Side::Buy)),
        trade(123, "9e541aed-43ce-0ae2-2dde-d9dbb6f483bb", 40_000.0, 2.0, Some(Side::Sell)),
        trade(1_000, "00541aed-43ce-0ae2-2dde-d9dbb6f483bb", 40_000.0, 0.5, None),
    ];
    assert_eq!(rows("trades_perp.json").trades().iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_full_page_of_one_instant_is_followed_by_start_and_any_other_by_time() {
    let row = |second: u32, id: u32| {
        format!(
            r#"{{"timestamp":"2024-01-01T00:00:{second:02}.000Z","symbol":"XBTUSD","side":"Buy","size":1,"price":1,"trdMatchID":"{id}","homeNotional":1}}"#
        )
    };
    let body = |rows: &[String]| format!("[{}]", rows.join(","));
    let small = |ask| Page { rows: 3, ask, ..page(Kind::Trades, None, None) };
    let crowd = body(&[row(1, 1), row(1, 2), row(1, 3)]);
    assert_eq!(parse(&small(Ask::ByTime), &crowd).unwrap().1, Next::Skip(3));
    assert_eq!(parse(&small(Ask::Skip(3)), &crowd).unwrap().1, Next::Skip(6));
    let doubled = body(&[row(1, 1), row(1, 1), row(1, 2), row(1, 3)]);
    assert_eq!(
        parse(&small(Ask::ByTime), &doubled).unwrap().1,
        Next::Skip(3),
        "a row that came twice is one"
    );
    let mixed = body(&[row(1, 1), row(1, 2), row(2, 3)]);
    assert_eq!(parse(&small(Ask::ByTime), &mixed).unwrap().1, Next::ByTime);
    let short = body(&[row(1, 1), row(1, 2)]);
    assert_eq!(parse(&small(Ask::Skip(3)), &short).unwrap().1, Next::ByTime);

    let request = KNOWLEDGE.exchange().request(&small(Ask::Skip(6)));
    assert_eq!(asked(&request).skip, Some(6));
    assert!(asked(&request).from.is_some(), "rows are left out of the same bounds");
}

#[test]
fn a_book_comes_out_best_first_in_the_base_asset() {
    let (batch, _) = parse(
        &page(Kind::OrderBook, None, Some(Contract::Quote(Decimal::ONE))),
        &file("orderbook_perp.json"),
    )
    .unwrap();
    let told: Vec<_> =
        levels(&batch).iter().map(|level| (level.side, level.price, level.amount, level.ts)).collect();
    assert_eq!(
        told,
        [
            (Side::Bid, 40_000.0, 0.005, RECEIVED),
            (Side::Bid, 39_999.5, 7.0 / 39_999.5, RECEIVED),
            (Side::Ask, 40_001.0, 100.0 / 40_001.0, RECEIVED),
            (Side::Ask, 40_002.0, 50.0 / 40_002.0, RECEIVED),
        ]
    );
}

#[test]
fn funding_is_read_with_its_sign() {
    let mut rates = Batch::of(Kind::Funding);
    for (secs, rate) in [(1_704_081_600, 0.0001), (1_704_110_400, -0.000123)] {
        rates.funding_mut().push(FundingRate { ts: Micros::from_secs(secs), rate, mark_price: None });
    }
    assert_eq!(rows("funding_perp.json"), rates);
}

#[test]
fn bitcoin_is_xbt_and_dated_contracts_are_looked_up_by_their_root() {
    let path = |pair: &str| KNOWLEDGE.exchange().listing_request(Some(&pair.parse().unwrap())).path;
    let list = "/api/v1/instrument?";
    assert_eq!(path("BTC/USDT"), format!("{list}symbol=XBT_USDT&count=500"));
    assert_eq!(path("BTC/USD:perp"), format!("{list}symbol=XBTUSD&count=500"));
    assert_eq!(path("ETH/USDT:perp"), format!("{list}symbol=ETHUSDT&count=500"));
    let filter = "filter=%7B%22rootSymbol%22%3A%22XBT%22%2C%22state%22%3A%22Open%22%7D";
    assert_eq!(path("BTC/USD:quarter"), format!("{list}{filter}&count=500"));
}

#[test]
fn the_listing_says_what_contracts_are_made_of_when_they_are_listed_and_which_quarter_they_end() {
    let listed = |symbol: &str, pair: Option<&str>, contract, ends: Option<i64>| Instrument {
        pair: pair.map(|pair| pair.parse().unwrap()),
        is_open: symbol != "LUNAUSD",
        listed: Some(Micros::from_secs(1_462_363_200)),
        ends: ends.map(Micros::from_secs),
        contract,
        ..Instrument::named(symbol.to_owned())
    };
    let dollar = Some(Contract::Quote(Decimal::ONE));
    let instruments = vec![
        listed("XBTUSD", Some("BTC/USD:perp"), dollar, None),
        listed("XBTUSDT", Some("BTC/USDT:perp"), Some(Contract::Base(Decimal::of(0.000001).unwrap())), None),
        listed("ETHUSD", Some("ETH/USD:perp"), None, None),
        listed("XBT_USDT", Some("BTC/USDT"), Some(Contract::Base(Decimal::of(0.00000001).unwrap())), None),
        listed("XBTH24", Some("BTC/USD:quarter"), dollar, Some(1_711_713_600)),
        listed("XBTM24", Some("BTC/USD:next_quarter"), dollar, Some(1_719_576_000)),
        listed("XBTF24", None, dollar, Some(1_706_270_400)),
        listed("LUNAUSD", Some("LUNA/USD:perp"), None, None),
    ];
    assert_eq!(
        KNOWLEDGE.payload("instruments.json"),
        Read::Listing(Listing { instruments, ..Listing::default() })
    );
    let unknown = KNOWLEDGE.exchange().parse_listing(b"[]").unwrap();
    assert!(unknown.find(&"MOON/USD:perp".parse().unwrap()).is_err(), "an unknown symbol is an empty list");
}

#[test]
fn headers_say_the_limit_and_what_is_left_of_it() {
    let header = |name: &str| match name {
        "x-ratelimit-limit" => Some("120".to_owned()),
        "x-ratelimit-remaining" => Some("117".to_owned()),
        _ => None,
    };
    let bitmex = KNOWLEDGE.exchange();
    assert_eq!(bitmex.used_weight(Budget::REQUESTS, &header), Some(3));
    let quota = Quota { weight: 120, per: Duration::from_secs(60) };
    assert_eq!(bitmex.announced_quota(Budget::REQUESTS, &header), Some(quota));
    assert_eq!(bitmex.used_weight(Budget::REQUESTS, &|_| None), None);
    assert_eq!(bitmex.announced_quota(Budget::REQUESTS, &|_| None), None);
}

#[test]
fn neither_open_interest_nor_spans_it_does_not_have_are_offered() {
    let series: Series = "bitmex/BTC-USD_PERP/open_interest/1h".parse().unwrap();
    assert_eq!(KNOWLEDGE.exchange().offer_for(&series), None);
    let candles = KNOWLEDGE.exchange().offer(Kind::Ohlc, Market::Perp).unwrap();
    assert!(candles.span(Span::WEEK).is_none() && candles.span(Span::Month).is_none());
}

#[test]
fn the_clock_is_read_in_milliseconds() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_704_067_200_123_000)));
}
