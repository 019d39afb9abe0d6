//! Frames written after the documentation, as much of them as a test wants.

use std::fmt::Write as _;

use dccd::model::Micros;

/// Where written frames begin: a whole minute.
pub(crate) const BEGIN: Micros = Micros::from_secs(1_750_000_020);

/// Numbers that are the same each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `most`.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }
}

/// A trade as it is written: prices and amounts are the text on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) id: u64,
    pub(crate) ts: Micros,
    pub(crate) price: String,
    pub(crate) amount: String,
    pub(crate) is_buy: bool,
}

/// Trades of one market whose numbers have no hole.
pub(crate) fn trades(exchange: &str, count: u64, dice: &mut Dice) -> Vec<Written> {
    // Many share an instant.
    trades_from(exchange, (3_735_683_000, BEGIN), [0, 0, 1_000, 20_000, 700_000, 2_345_000], count, dice)
}

/// The same from a number and an instant on; each is later than the one before by one of some steps.
pub(crate) fn trades_from(
    exchange: &str,
    (first, begin): (u64, Micros),
    steps: [i64; 6],
    count: u64,
    dice: &mut Dice,
) -> Vec<Written> {
    let mut ts = begin.0;
    let mut trade = |id| {
        ts += steps[dice.below(6) as usize];
        let price = format!("{}.{:02}", 60_000 + dice.below(999), dice.below(100));
        let amount = match exchange {
            "binancecoinm" => format!("{}", 1 + dice.below(500)),
            _ => format!("0.{:05}", 1 + dice.below(99_999)),
        };
        Written { id, ts: Micros(ts), price, amount, is_buy: dice.below(2) == 0 }
    };
    (0..count).map(|place| trade(first + place)).collect()
}

/// Trades in frames, each with the instant at which it is sent.
pub(crate) fn trade_frames(
    exchange: &str,
    symbol: &str,
    trades: &[Written],
    dice: &mut Dice,
) -> Vec<(Micros, String)> {
    let mut frames = Vec::new();
    let mut rest = trades;
    while !rest.is_empty() {
        let most = if exchange == "kraken" { 1 + dice.below(4) as usize } else { 1 };
        let (own, behind) = rest.split_at(most.min(rest.len()));
        rest = behind;
        let frame = match exchange {
            "kraken" => kraken_trades(symbol, own),
            "coinbase" => coinbase_match(symbol, &own[0]),
            "bitmex" => bitmex_trade(symbol, &own[0]),
            "bitfinex" => bitfinex_trade(1 + frames.len(), &own[0]),
            "krakenfutures" => futures_trade(symbol, &own[0]),
            "okx" => okx_trade(symbol, &own[0]),
            "bybit" => bybit_trade(symbol, &own[0]),
            _ => binance_aggregate(symbol, &own[0]),
        };
        frames.push((own[own.len() - 1].ts, frame));
    }
    frames
}

pub(crate) fn binance_aggregate(symbol: &str, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let (stream, millis, is_maker) = (symbol.to_lowercase(), ts.millis_floor(), !is_buy);
    format!(
        r#"{{"stream":"{stream}@aggTrade","data":{{"e":"aggTrade","E":{millis},"s":"{symbol}","a":{id},"p":"{price}","q":"{amount}","f":{id},"l":{id},"T":{millis},"m":{is_maker},"M":true}}}}"#
    )
}

pub(crate) fn kraken_trades(symbol: &str, trades: &[Written]) -> String {
    let mut rows = String::new();
    for Written { id, ts, price, amount, is_buy } in trades {
        let (comma, side) = (if rows.is_empty() { "" } else { "," }, if *is_buy { "buy" } else { "sell" });
        let _ = write!(
            rows,
            r#"{comma}{{"symbol":"{symbol}","side":"{side}","price":{price},"qty":{amount},"ord_type":"limit","trade_id":{id},"timestamp":"{ts}"}}"#
        );
    }
    format!(r#"{{"channel":"trade","type":"update","data":[{rows}]}}"#)
}

pub(crate) fn coinbase_match(symbol: &str, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let maker = if *is_buy { "sell" } else { "buy" };
    format!(
        r#"{{"type":"match","trade_id":{id},"maker_order_id":"f71dd5c4-b316-4869-83db-ff328a7379a6","taker_order_id":"d30ea30a-c805-4f05-ba7e-28020dfc52b3","side":"{maker}","size":"{amount}","price":"{price}","product_id":"{symbol}","sequence":{id},"time":"{ts}"}}"#
    )
}

pub(crate) fn bitmex_trade(symbol: &str, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let side = if *is_buy { "Buy" } else { "Sell" };
    format!(
        r#"{{"table":"trade","action":"insert","data":[{{"timestamp":"{ts}","symbol":"{symbol}","side":"{side}","size":100,"price":{price},"tickDirection":"PlusTick","trdMatchID":"00000000-0000-4000-8000-{id:012x}","homeNotional":{amount}}}]}}"#
    )
}

pub(crate) fn bybit_trade(symbol: &str, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let (side, millis) = (if *is_buy { "Buy" } else { "Sell" }, ts.millis_floor());
    format!(
        r#"{{"topic":"publicTrade.{symbol}","type":"snapshot","ts":{millis},"data":[{{"T":{millis},"s":"{symbol}","S":"{side}","v":"{amount}","p":"{price}","i":"{id}","BT":false,"RPI":false,"seq":{id}}}]}}"#
    )
}

pub(crate) fn okx_trade(symbol: &str, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let (side, millis) = (if *is_buy { "buy" } else { "sell" }, ts.millis_floor());
    format!(
        r#"{{"arg":{{"channel":"trades-all","instId":"{symbol}"}},"data":[{{"instId":"{symbol}","tradeId":"{id}","px":"{price}","sz":"{amount}","side":"{side}","ts":"{millis}","source":"0"}}]}}"#
    )
}

pub(crate) fn futures_trade(symbol: &str, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let (side, millis) = (if *is_buy { "buy" } else { "sell" }, ts.millis_floor());
    format!(
        r#"{{"feed":"trade","product_id":"{symbol}","uid":"{id}","side":"{side}","type":"fill","seq":{id},"time":{millis},"qty":{amount},"price":{price}}}"#
    )
}

/// The beginning of a connection to Bitfinex: frames are numbered, and one channel carries the trades of a pair.
pub(crate) fn bitfinex_begins(symbol: &str) -> [String; 2] {
    [
        r#"{"event":"conf","status":"OK","flags":229376}"#.to_owned(),
        format!(r#"{{"event":"subscribed","channel":"trades","chanId":17,"symbol":"{symbol}"}}"#),
    ]
}

pub(crate) fn bitfinex_trade(number: usize, trade: &Written) -> String {
    let Written { id, ts, price, amount, is_buy } = trade;
    let (sign, millis) = (if *is_buy { "" } else { "-" }, ts.millis_floor());
    format!(r#"[17,"te",[{id},{millis},{sign}{amount},{price}],{number},{millis}]"#)
}

/// A word on a candle of a minute, after so many of its trades.
pub(crate) fn candle_frame(
    exchange: &str,
    symbol: &str,
    minute: i64,
    trades: u64,
    is_closed: bool,
) -> (Micros, String) {
    let open = Micros(BEGIN.0 + minute * 60_000_000);
    let ends = Micros(open.0 + 60_000_000);
    let at =
        if is_closed { Micros(ends.0 + 30_000) } else { Micros(open.0 + 2_000_000 * (trades as i64 + 1)) };
    let (close, high) = (60_000 + trades, 60_000 + trades);
    let frame = if exchange == "kraken" {
        format!(
            r#"{{"channel":"ohlc","type":"update","timestamp":"{at}","data":[{{"symbol":"{symbol}","open":60000.0,"high":{high}.0,"low":60000.0,"close":{close}.0,"trades":{trades},"volume":0.{trades:03},"vwap":60000.1,"interval_begin":"{open}","interval":1,"timestamp":"{ends}"}}]}}"#
        )
    } else if exchange == "bitmex" {
        format!(
            r#"{{"table":"tradeBin1m","action":"insert","data":[{{"timestamp":"{ends}","symbol":"{symbol}","open":60000,"high":{high},"low":60000,"close":{close},"trades":{trades},"volume":{trades},"homeNotional":{trades},"foreignNotional":{trades}.5}}]}}"#
        )
    } else if exchange == "bybit" {
        let (millis, open, end) = (at.millis_floor(), open.millis_floor(), ends.millis_floor() - 1);
        format!(
            r#"{{"topic":"kline.1.{symbol}","data":[{{"start":{open},"end":{end},"interval":"1","open":"60000","close":"{close}","high":"{high}","low":"60000","volume":"{trades}","turnover":"{trades}.5","confirm":{is_closed},"timestamp":{millis}}}],"ts":{millis},"type":"snapshot"}}"#
        )
    } else if exchange == "okx" {
        let (open, confirm) = (open.millis_floor(), u8::from(is_closed));
        format!(
            r#"{{"arg":{{"channel":"candle1m","instId":"{symbol}"}},"data":[["{open}","60000","{high}","60000","{close}","{trades}","{trades}","{trades}.5","{confirm}"]]}}"#
        )
    } else {
        let (stream, millis) = (symbol.to_lowercase(), at.millis_floor());
        let (open, last) = (open.millis_floor(), ends.millis_floor() - 1);
        format!(
            r#"{{"stream":"{stream}@kline_1m","data":{{"e":"kline","E":{millis},"s":"{symbol}","k":{{"t":{open},"T":{last},"s":"{symbol}","i":"1m","f":1,"L":2,"o":"60000","c":"{close}","h":"{high}","l":"60000","v":"{trades}","n":{trades},"x":{is_closed},"q":"{trades}.5","V":"1","Q":"1","B":"0"}}}}}}"#
        )
    };
    (at, frame)
}
