//! The subjects of the benchmark, and the pages of each exchange as typed tuples and structs that `serde_json` fills.

use std::hint::black_box;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// One kind of page.
pub(crate) struct Case {
    pub(crate) series: &'static str,
    /// Below the folder of recordings, or `by hand: ` and below `tests/fixtures`.
    pub(crate) file: &'static str,
    pub(crate) bound: fn(&[u8]),
}

/// A number written as text.
struct Text(#[allow(dead_code, reason = "it is read, not looked at")] f64);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&str>::deserialize(from)?.parse().map(Text).map_err(D::Error::custom)
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) {
    black_box(serde_json::from_slice::<T>(body).expect("a page of the documented shape"));
}

/// Structs of which only the reading counts.
macro_rules! wire {
    ($($name:ident { $($(#[$meta:meta])* $field:ident: $kind:ty),* $(,)? })*) => {$(
        #[derive(Deserialize)]
        #[allow(dead_code, non_snake_case, reason = "they are read, not looked at")]
        struct $name<'a> {
            $($(#[$meta])* $field: $kind,)*
            #[serde(skip)]
            page: std::marker::PhantomData<&'a ()>,
        }
    )*};
}

wire! {
    BinanceTrade { a: u64, p: Text, q: Text, T: i64, m: bool }
    BinanceBook { lastUpdateId: i64, bids: Vec<(Text, Text)>, asks: Vec<(Text, Text)> }
    BinanceFunding { fundingTime: i64, fundingRate: Text, markPrice: &'a str }
    CoinFunding { fundingTime: i64, fundingRate: Text }
    BinanceInterest { sumOpenInterest: Text, sumOpenInterestValue: Text, timestamp: IgnoredAny }
    BitmexBucket { timestamp: &'a str, open: f64, high: f64, low: f64, close: f64, trades: i64,
        homeNotional: f64, foreignNotional: f64 }
    BitmexTrade { timestamp: &'a str, side: &'a str, size: f64, price: f64, trdMatchID: &'a str, homeNotional: f64 }
    BitmexLevel { side: &'a str, size: f64, price: f64 }
    BitmexFunding { timestamp: &'a str, fundingRate: f64 }
    BybitKlines { #[serde(borrow)] result: BybitList<'a, BybitKline> }
    BybitTrades { #[serde(borrow)] result: BybitList<'a, BybitTrade<'a>> }
    BybitTrade { execId: &'a str, price: Text, size: Text, side: &'a str, time: Text }
    BybitBook { #[serde(borrow)] result: BybitLevels<'a> }
    BybitLevels { b: Vec<(Text, Text)>, a: Vec<(Text, Text)>, ts: i64, u: i64 }
    BybitFundings { #[serde(borrow)] result: BybitList<'a, BybitFunding<'a>> }
    BybitFunding { fundingRate: Text, fundingRateTimestamp: Text }
    BybitInterests { #[serde(borrow)] result: BybitList<'a, BybitInterest<'a>> }
    BybitInterest { openInterest: Text, timestamp: Text }
    CoinbaseTrade { trade_id: u64, side: &'a str, size: Text, price: Text, time: &'a str }
    CoinbaseBook { sequence: i64, bids: Vec<(Text, Text, i32)>, asks: Vec<(Text, Text, i32)> }
    KrakenCandles { #[serde(borrow)] result: KrakenRows<'a, KrakenCandle> }
    KrakenTrades { #[serde(borrow)] result: KrakenRows<'a, KrakenTrade<'a>> }
    KrakenBook { #[serde(borrow)] result: KrakenPair<'a> }
    KrakenPair { #[serde(borrow)] XBTUSDT: KrakenLevels<'a> }
    KrakenLevels { asks: Vec<(Text, Text, i64)>, bids: Vec<(Text, Text, i64)> }
    FuturesCandles { #[serde(borrow)] candles: Vec<FuturesCandle<'a>> }
    FuturesCandle { time: i64, open: Text, high: Text, low: Text, close: Text, volume: Text }
    FuturesTrades { #[serde(borrow)] history: Vec<FuturesTrade<'a>> }
    FuturesTrade { time: &'a str, price: f64, size: f64, side: &'a str, uid: &'a str }
    FuturesBook { #[serde(borrow)] orderBook: FuturesLevels<'a> }
    FuturesLevels { asks: Vec<(f64, f64)>, bids: Vec<(f64, f64)> }
    FuturesRates { #[serde(borrow)] rates: Vec<FuturesRate<'a>> }
    FuturesRate { timestamp: &'a str, relativeFundingRate: f64 }
    OkxBars { data: Vec<OkxBar> }
    OkxTrades { #[serde(borrow)] data: Vec<OkxTrade<'a>> }
    OkxTrade { tradeId: &'a str, px: Text, sz: Text, side: &'a str, ts: Text }
    OkxBooks { #[serde(borrow)] data: Vec<OkxBook<'a>> }
    OkxBook { #[serde(borrow)] asks: Vec<OkxLevel<'a>>, #[serde(borrow)] bids: Vec<OkxLevel<'a>>, ts: Text }
    OkxFundings { #[serde(borrow)] data: Vec<OkxFunding<'a>> }
    OkxFunding { fundingTime: Text, fundingRate: Text, realizedRate: &'a str }
    OkxInterests { data: Vec<(Text, IgnoredAny, Text, Text)> }
}

#[derive(Deserialize)]
struct BybitList<'a, T> {
    #[allow(dead_code, reason = "they are read, not looked at")]
    list: Vec<T>,
    #[serde(skip)]
    page: std::marker::PhantomData<&'a ()>,
}

#[derive(Deserialize)]
#[allow(dead_code, non_snake_case, reason = "they are read, not looked at")]
struct KrakenRows<'a, T> {
    XBTUSDT: Vec<T>,
    last: IgnoredAny,
    #[serde(skip)]
    page: std::marker::PhantomData<&'a ()>,
}

type BinanceCandle =
    (i64, Text, Text, Text, Text, Text, IgnoredAny, Text, i64, IgnoredAny, IgnoredAny, IgnoredAny);
type BybitKline = (Text, Text, Text, Text, Text, Text, Text);
type KrakenCandle = (i64, Text, Text, Text, Text, IgnoredAny, Text, i64);
type KrakenTrade<'a> = (Text, Text, f64, &'a str, IgnoredAny, IgnoredAny, u64);
type OkxBar = (Text, Text, Text, Text, Text, Text, Text, Text, IgnoredAny);
type OkxLevel<'a> = (Text, Text, &'a str, Text);

const fn case(series: &'static str, file: &'static str, bound: fn(&[u8])) -> Case {
    Case { series, file, bound }
}

/// Every kind of page of every exchange.
pub(crate) const CASES: [Case; 37] = [
    case("binance/BTC-USDT/ohlc/1d", "binance/rest_candles_2.json", |body| read::<Vec<BinanceCandle>>(body)),
    case("binance/BTC-USDT/trades", "binance/rest_aggtrades_1.json", |body| {
        read::<Vec<BinanceTrade<'_>>>(body)
    }),
    case("binance/BTC-USDT/orderbook", "binance/rest_book_1.json", |body| read::<BinanceBook<'_>>(body)),
    case("binance/BTC-USDT_PERP/funding", "by hand: binance/funding_perp_first.json", |body| {
        read::<Vec<BinanceFunding<'_>>>(body)
    }),
    case("binance/BTC-USDT_PERP/open_interest/5m", "by hand: binance/openinterest_5m_perp.json", |body| {
        read::<Vec<BinanceInterest<'_>>>(body)
    }),
    case("binancecoinm/BTC-USD_PERP/ohlc/1m", "by hand: binancecoinm/ohlc_1m_perp.json", |body| {
        read::<Vec<BinanceCandle>>(body)
    }),
    case("binancecoinm/BTC-USD_PERP/trades", "by hand: binancecoinm/trades_perp.json", |body| {
        read::<Vec<BinanceTrade<'_>>>(body)
    }),
    case("binancecoinm/BTC-USD_PERP/orderbook", "by hand: binancecoinm/orderbook_perp.json", |body| {
        read::<BinanceBook<'_>>(body)
    }),
    case("binancecoinm/BTC-USD_PERP/funding", "by hand: binancecoinm/funding_perp.json", |body| {
        read::<Vec<CoinFunding<'_>>>(body)
    }),
    case(
        "binancecoinm/BTC-USD_PERP/open_interest/5m",
        "by hand: binancecoinm/openinterest_5m_perp.json",
        |body| read::<Vec<BinanceInterest<'_>>>(body),
    ),
    case("kraken/BTC-USDT/ohlc/1m", "kraken/rest_candles_1.json", |body| read::<KrakenCandles<'_>>(body)),
    case("kraken/BTC-USDT/trades", "kraken/rest_trades_1.json", |body| read::<KrakenTrades<'_>>(body)),
    case("kraken/BTC-USDT/orderbook", "kraken/rest_book_1.json", |body| read::<KrakenBook<'_>>(body)),
    case("krakenfutures/BTC-USD_PERP/ohlc/1h", "kraken_futures/rest_candles_1.json", |body| {
        read::<FuturesCandles<'_>>(body)
    }),
    case("krakenfutures/BTC-USD_PERP/trades", "kraken_futures/rest_trades_1.json", |body| {
        read::<FuturesTrades<'_>>(body)
    }),
    case("krakenfutures/BTC-USD_PERP/orderbook", "kraken_futures/rest_book_1.json", |body| {
        read::<FuturesBook<'_>>(body)
    }),
    case("krakenfutures/BTC-USD_PERP/funding", "by hand: krakenfutures/funding_perp.json", |body| {
        read::<FuturesRates<'_>>(body)
    }),
    case("coinbase/BTC-USD/ohlc/1m", "coinbase_exchange/rest_candles_1.json", |body| {
        read::<Vec<(i64, f64, f64, f64, f64, f64)>>(body)
    }),
    case("coinbase/BTC-USD/trades", "coinbase_exchange/rest_trades_1.json", |body| {
        read::<Vec<CoinbaseTrade<'_>>>(body)
    }),
    case("coinbase/BTC-USD/orderbook", "coinbase_exchange/rest_book_1.json", |body| {
        read::<CoinbaseBook<'_>>(body)
    }),
    case("bybit/BTC-USDT/ohlc/1h", "bybit/rest_candles_1.json", |body| read::<BybitKlines<'_>>(body)),
    case("bybit/BTC-USDT/trades", "bybit/rest_trades_1.json", |body| read::<BybitTrades<'_>>(body)),
    case("bybit/BTC-USDT/orderbook", "bybit/rest_book_1.json", |body| read::<BybitBook<'_>>(body)),
    case("bybit/BTC-USDT_PERP/funding", "by hand: bybit/funding_perp.json", |body| {
        read::<BybitFundings<'_>>(body)
    }),
    case("bybit/BTC-USDT_PERP/open_interest/1h", "by hand: bybit/openinterest_1h_perp.json", |body| {
        read::<BybitInterests<'_>>(body)
    }),
    case("okx/BTC-USDT/ohlc/1h", "okx/rest_candles_1.json", |body| read::<OkxBars<'_>>(body)),
    case("okx/BTC-USDT/trades", "okx/rest_trades_1.json", |body| read::<OkxTrades<'_>>(body)),
    case("okx/BTC-USDT/orderbook", "okx/rest_book_1.json", |body| read::<OkxBooks<'_>>(body)),
    case("okx/BTC-USDT_PERP/funding", "by hand: okx/funding_perp_paid.json", |body| {
        read::<OkxFundings<'_>>(body)
    }),
    case("okx/BTC-USDT_PERP/open_interest/1h", "by hand: okx/openinterest_1h_perp.json", |body| {
        read::<OkxInterests<'_>>(body)
    }),
    case("bitfinex/BTC-USD/ohlc/1m", "bitfinex/rest_candles_1.json", |body| {
        read::<Vec<(i64, f64, f64, f64, f64, f64)>>(body)
    }),
    case("bitfinex/BTC-USD/trades", "bitfinex/rest_trades_1.json", |body| {
        read::<Vec<(u64, i64, f64, f64)>>(body)
    }),
    case("bitfinex/BTC-USD/orderbook", "bitfinex/rest_book_1.json", |body| {
        read::<Vec<(f64, i32, f64)>>(body)
    }),
    case("bitmex/BTC-USD_PERP/ohlc/1m", "bitmex/rest_candles_1.json", |body| {
        read::<Vec<BitmexBucket<'_>>>(body)
    }),
    case("bitmex/BTC-USD_PERP/trades", "bitmex/rest_trades_1.json", |body| {
        read::<Vec<BitmexTrade<'_>>>(body)
    }),
    case("bitmex/BTC-USD_PERP/orderbook", "by hand: bitmex/orderbook_perp.json", |body| {
        read::<Vec<BitmexLevel<'_>>>(body)
    }),
    case("bitmex/BTC-USD_PERP/funding", "by hand: bitmex/funding_perp.json", |body| {
        read::<Vec<BitmexFunding<'_>>>(body)
    }),
];
