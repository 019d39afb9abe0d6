//! Knowledge of OKX, after its v5 documentation, and the exact values of its payloads.

use dccd::exchange::{Answer, Ask, Contract, Decimal, HttpRequest, Instrument, Next, Page, RefusalKind};
use dccd::model::{Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Side, Window};

use crate::books::{BookForm, list};
use crate::expected;
use crate::knowledge::{Asked, First, Knowledge, Recorded, query};
use crate::read::{RECEIVED, Read, What, levels, page, page_of, payloads};

pub(crate) const KNOWLEDGE: Knowledge = Knowledge {
    exchange: "okx",
    json_numbers: false,
    asked,
    recorded,
    first: &[
        (
            "rest_book_1.json",
            First::Book { bid: (41_006.3, 0.30178218), ask: (41_006.8, 0.60038921), levels: (1, 1) },
        ),
        (
            "rest_candles_1.json",
            First::Candle {
                ts_millis: 1_705_420_800_000,
                open: 43_253.6,
                high: 43_440.2,
                low: 43_000.0,
                close: 43_250.9,
                volume: 942.87870026,
            },
        ),
        (
            "rest_candles_3.json",
            First::Candle {
                ts_millis: 1_747_093_980_000,
                open: 102_806.0,
                high: 102_820.5,
                low: 102_783.1,
                close: 102_806.1,
                // 7164.04 contracts.
                volume: 71.6404,
            },
        ),
        (
            "rest_error_1.json",
            First::Refusal {
                kind: RefusalKind::UnknownSymbol,
                code: "51001",
                message: "Instrument ID, Instrument ID code or Spread ID doesn't exist.",
            },
        ),
        (
            "rest_trades_1.json",
            First::Trade {
                ts_millis: 1_654_161_641_568,
                price: 29_964.1,
                amount: 0.00001,
                side: Side::Sell,
                id: "242720719",
            },
        ),
    ],
    skipped: &[("ws_*", "streams are not read by the REST parsers")],
    errors: &[
        (
            "error_unknown_symbol.json",
            RefusalKind::UnknownSymbol,
            "Instrument ID, Instrument ID code or Spread ID doesn't exist.",
        ),
        ("error_rate_limit.json", RefusalKind::RateLimit, "Too Many Requests"),
        ("error_temporary.json", RefusalKind::Temporary, "Systems are busy. Please try again later."),
        ("error_permanent.json", RefusalKind::Permanent, "Parameter bar error"),
    ],
    impossible: &[
        ("ohlc_1m_newest_first.json", "\"42314\"", "\"NaN\""),
        ("ohlc_1m_newest_first.json", "\"42314\"", "\"\""),
        ("ohlc_1m_newest_first.json", "\"42335.8\"", "\"42300\""),
        ("ohlc_1m_newest_first.json", "\"42289.8\"", "\"-42289.8\""),
        ("ohlc_1m_newest_first.json", "\"21.16779\"", "\"-21.16779\""),
        ("ohlc_1m_newest_first.json", "\"1704067260000\"", "\"1704067260\""),
        ("ohlc_1m_newest_first.json", "\"1704067260000\"", "\"soon\""),
        ("trades_one_millisecond.json", "\"42000.1\"", "\"inf\""),
        ("trades_one_millisecond.json", "\"0.5\"", "\"-0.5\""),
        ("trades_one_millisecond.json", "\"sell\"", "\"SELL\""),
        ("trades_one_millisecond.json", "\"1003\"", "\"x\""),
        ("trades_one_millisecond.json", "1704067200001", "1704067200"),
        ("orderbook_orders.json", "\"42001\"", "\"-1\""),
        ("orderbook_orders.json", "\"7\"", "\"many\""),
        ("orderbook_orders.json", "1704067200123", "1704067200123000"),
        ("funding_perp_paid.json", "-0.00012", "1e400"),
        ("funding_perp_paid.json", "1704067200000", "1704067200"),
        ("openinterest_1h_perp.json", "\"25000\"", "\"-25000\""),
        ("time.json", "1704067200456", "1704067200"),
    ],
    entries: "/data",
    unknown_words: &[
        ("instruments_swap.json", "\"state\": \"live\"", "\"state\": \"asleep\"", "BTC-USDT-SWAP"),
        ("instruments_swap.json", "\"SWAP\"", "\"SWAPTION\"", "BTC-USDT-SWAP"),
        ("instruments_swap.json", "\"linear\"", "\"square\"", "BTC-USDT-SWAP"),
        ("instruments_swap.json", "\"0.01\"", "\"some\"", "BTC-USDT-SWAP"),
    ],
    book: BookForm {
        market: Market::Spot,
        write: |bids, asks| {
            let level = |(price, size): &(&str, &str)| format!(r#"["{price}","{size}","0","3"]"#);
            format!(
                r#"{{"code":"0","msg":"","data":[{{"bids":{},"asks":{},"ts":"1700000000000","seqId":7}}]}}"#,
                list(bids, level),
                list(asks, level)
            )
        },
        level: ["0", "1"],
    },
    counts_quote: false,
};

/// Bounds are exclusive milliseconds, ids older than the one named.
fn asked(request: &HttpRequest) -> Asked {
    let number = |name| query(request, name).map(|text| text.parse::<i64>().unwrap());
    let newer = number("before").or(number("begin")).map(|millis| Micros::from_millis(millis + 1));
    let older = number("after").or(number("end"));
    let by_id = query(request, "type") == Some("1");
    Asked {
        from: newer,
        until: older.filter(|_| !by_id).map(Micros::from_millis),
        id: older.filter(|_| by_id).map(|id| u64::try_from(id - 1).unwrap()),
        skip: None,
        limit: number("limit").or(number("sz")).map(|limit| u32::try_from(limit).unwrap()),
    }
}

fn recorded(endpoint: &str) -> Option<Recorded> {
    let (path, rest) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let market = if rest.contains("-SWAP") { Market::Perp } else { Market::Spot };
    let what = match path.rsplit('/').next()? {
        "history-candles" | "candles" => What::Page(Kind::Ohlc, market),
        "history-trades" | "trades" => What::Page(Kind::Trades, market),
        "books" => What::Page(Kind::OrderBook, market),
        "any" => What::Error,
        _ => return None,
    };
    let word = rest.split('&').find_map(|part| part.strip_prefix("bar=")).map(str::to_owned);
    Some(Recorded { what, word })
}

/// The rows of a payload where a contract is what it is.
fn of_contracts(name: &str, contract: Contract) -> Batch {
    let sample = payloads("okx").into_iter().find(|sample| sample.name == name).unwrap();
    let What::Page(kind, _) = sample.what else { panic!("it is a page") };
    let mut page = page_of(&sample.body, page(KNOWLEDGE.exchange(), kind, Market::Perp, None));
    page.instrument =
        std::sync::Arc::new(Instrument { contract: Some(contract), ..(*page.instrument).clone() });
    let mut batch = Batch::of(kind);
    KNOWLEDGE.exchange().parse(&page, &Answer::of(&sample.body, RECEIVED), &mut batch).unwrap();
    batch
}

#[test]
fn candles_come_out_oldest_first_with_the_base_volume_whatever_the_market_counts() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("ohlc_1m_newest_first.json") else {
        panic!("it is a page")
    };
    let candle = |minute: i64, prices, volume, quote| Candle {
        quote_volume: Some(quote),
        ..expected::candle(Micros::from_secs(1_704_067_200 + minute * 60), prices, volume)
    };
    assert_eq!(next, Next::ByTime);
    assert_eq!(
        batch.candles().iter().collect::<Vec<_>>(),
        [
            candle(-2, [42_310.0; 4], 0.0, 0.0),
            candle(0, [42_314.0, 42_335.8, 42_289.8, 42_331.9], 21.16779, 895_580.31),
            candle(1, [42_283.5, 42_298.6, 42_261.0, 42_298.5], 35.92, 1_519_032.17),
        ]
    );
    let Read::Rows(contracts, _) = KNOWLEDGE.payload("ohlc_1h_perp_contracts.json") else {
        panic!("it is a page")
    };
    assert_eq!(contracts.candles().get(0).volume, 21.16, "not the 2116 contracts");
}

#[test]
fn trades_come_out_in_the_order_they_happened_and_go_on_from_the_oldest_id() {
    let Read::Rows(batch, next) = KNOWLEDGE.payload("trades_one_millisecond.json") else {
        panic!("it is a page")
    };
    let trade = |millis, id, price, amount, side| {
        expected::trade(Micros::from_millis(millis), id, price, amount, side)
    };
    assert_eq!(next, Next::FromId(1_001));
    assert_eq!(
        batch.trades().iter().collect::<Vec<_>>(),
        [
            trade(1_704_067_200_000, "1001", 42_000.0, 0.125, Side::Buy),
            trade(1_704_067_200_000, "1002", 42_000.2, 0.25, Side::Buy),
            trade(1_704_067_200_001, "1003", 42_000.1, 0.5, Side::Sell),
        ]
    );
}

#[test]
fn sizes_of_contracts_become_amounts_of_the_base_asset() {
    let linear = of_contracts("trades_one_millisecond.json", Contract::Base(Decimal::of(0.01).unwrap()));
    assert_eq!(linear.trades().get(2).amount, 0.005);
    let inverse = of_contracts("trades_one_millisecond.json", Contract::Quote(Decimal::whole(100)));
    assert_eq!(inverse.trades().get(0).amount, 0.125 * 100.0 / 42_000.0);
    let book = of_contracts("orderbook_orders.json", Contract::Base(Decimal::of(0.01).unwrap()));
    assert_eq!(book.book().get(0).amount, 0.02);
}

#[test]
fn a_book_comes_out_best_first_with_its_own_time_its_sequence_and_its_orders() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("orderbook_orders.json") else { panic!("it is a page") };
    let level = |side, price, amount, orders| BookLevel {
        seq: Some(3_235_851_742),
        count: Some(orders),
        ..expected::level(Micros::from_millis(1_704_067_200_123), side, price, amount)
    };
    assert_eq!(
        levels(&batch),
        [
            level(Side::Bid, 42_000.0, 2.0, 7),
            level(Side::Ask, 42_001.0, 0.5, 3),
            level(Side::Ask, 42_002.5, 1.0, 1),
        ]
    );
}

#[test]
fn the_funding_rate_is_the_one_that_was_paid_where_it_is_told() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("funding_perp_paid.json") else { panic!("it is a page") };
    let paid = |secs, rate| FundingRate { ts: Micros::from_secs(secs), rate, mark_price: None };
    let mut expected = Batch::of(Kind::Funding);
    expected.funding_mut().push(paid(1_704_038_400, 0.0003));
    expected.funding_mut().push(paid(1_704_067_200, -0.00012));
    assert_eq!(batch, expected);
}

#[test]
fn open_interest_is_in_the_base_asset_and_its_value_in_dollars() {
    let Read::Rows(batch, _) = KNOWLEDGE.payload("openinterest_1h_perp.json") else { panic!("it is a page") };
    let mut expected = Batch::of(Kind::OpenInterest);
    for (secs, open_interest, value) in
        [(1_704_067_200, 24_000.0, 1_008_000_000.0), (1_704_070_800, 25_000.0, 1_050_000_000.5)]
    {
        let (ts, open_interest_value) = (Micros::from_secs(secs), Some(value));
        expected.open_interest_mut().push(OpenInterest { ts, open_interest, open_interest_value });
    }
    assert_eq!(batch, expected);
}

#[test]
fn the_listing_says_what_is_traded_since_when_until_when_and_what_a_contract_is() {
    let find = |file: &str, pair: &str| {
        let Read::Listing(listing) = KNOWLEDGE.payload(file) else { panic!("it is a listing") };
        listing.find(&pair.parse().unwrap()).unwrap().clone()
    };
    let spot = find("instruments_spot.json", "BTC/USDT");
    assert_eq!((spot.symbol.as_str(), spot.is_open, spot.contract), ("BTC-USDT", true, None));
    assert_eq!(spot.listed, Some(Micros::from_millis(1_611_907_686_000)));
    let luna = find("instruments_spot.json", "LUNA/USDT");
    assert_eq!((luna.is_open, luna.listed), (false, None));

    let linear = find("instruments_swap.json", "BTC/USDT:perp");
    assert_eq!(
        (linear.symbol.as_str(), linear.contract),
        ("BTC-USDT-SWAP", Some(Contract::Base(Decimal::of(0.01).unwrap())))
    );
    assert_eq!(
        find("instruments_swap.json", "BTC/USD:perp").contract,
        Some(Contract::Quote(Decimal::whole(100)))
    );

    let quarter = find("instruments_futures.json", "BTC/USD:quarter");
    assert_eq!(quarter.symbol, "BTC-USD-240329");
    assert_eq!(quarter.ends, Some(Micros::from_millis(1_711_699_200_000)));
    assert_eq!(find("instruments_futures.json", "BTC/USD:next_quarter").symbol, "BTC-USD-240628");
}

#[test]
fn the_clock_is_text_in_milliseconds() {
    assert_eq!(KNOWLEDGE.payload("time.json"), Read::Clock(Micros(1_704_067_200_456_000)));
}

#[test]
fn days_are_asked_for_as_they_open_in_utc_and_what_is_open_downwards_has_no_lower_bound() {
    let exchange = KNOWLEDGE.exchange();
    let daily = page(exchange, Kind::Ohlc, Market::Spot, Some(dccd::model::Span::DAY));
    let window = Window::new(Micros(0), Micros::from_secs(1_704_067_200)).unwrap();
    let request = exchange.request(&Page { window, ask: Ask::ByTime, ..daily });
    assert_eq!(
        request.path,
        "/api/v5/market/history-candles?instId=BTC-USDT&bar=1Dutc&after=1704067200000&limit=100"
    );
}
