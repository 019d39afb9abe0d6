//! Whatever comes over a socket and in whatever order things happen, a session does not panic and stays useful.

use std::time::Duration;

use dccd::exchange::live::TopicId;
use dccd::model::Kind;
use proptest::prelude::*;

use super::book_sessions::{answer, update};
use super::listener::{Listener, topic};
use super::written::{BEGIN, Dice, candle_frame, trade_frames, trades};

const SERIES: [&[&str]; 15] = [
    &["binance/BTC-USDT/trades", "binance/BTC-USDT/ohlc/1m", "binance/BTC-USDT/ohlc/1mo"],
    &["binancecoinm/BTC-USD_PERP/trades", "binancecoinm/BTC-USD_PERP/ohlc/1m"],
    &["kraken/BTC-USD/trades", "kraken/BTC-USD/ohlc/1m"],
    &["coinbase/BTC-USD/trades"],
    &["binance/BTC-USDT/orderbook", "binance/BTC-USDT/trades"],
    &["kraken/BTC-USD/orderbook", "kraken/BTC-USD/trades"],
    &["coinbase/BTC-USD/orderbook", "coinbase/BTC-USD/trades"],
    &["bitmex/BTC-USD_PERP/trades", "bitmex/BTC-USD_PERP/ohlc/1m"],
    &["bitfinex/BTC-USD/orderbook", "bitfinex/BTC-USD/trades", "bitfinex/BTC-USD/ohlc/1m"],
    &["krakenfutures/BTC-USD_PERP/orderbook", "krakenfutures/BTC-USD_PERP/trades"],
    &["bitmex/BTC-USD_PERP/orderbook", "bitmex/BTC-USD_PERP/trades"],
    &["okx/BTC-USDT/trades", "okx/BTC-USDT/ohlc/1m"],
    &["okx/BTC-USDT/orderbook"],
    &["bybit/BTC-USDT/trades", "bybit/BTC-USDT/ohlc/1m"],
    &["bybit/BTC-USDT/orderbook", "bybit/BTC-USDT/trades"],
];

/// Words of the protocols, to be strung together.
const WORDS: [&str; 95] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "\"\"",
    "\"e\":",
    "\"aggTrade\"",
    "\"kline\"",
    "\"k\":",
    "\"s\":",
    "\"BTCUSDT\"",
    "\"stream\":",
    "\"btcusdt@aggTrade\"",
    "\"data\":",
    "\"id\":",
    "\"result\":",
    "\"error\":",
    "\"code\":",
    "\"channel\":",
    "\"trade\"",
    "\"ohlc\"",
    "\"status\"",
    "\"method\":",
    "\"subscribe\"",
    "\"success\":",
    "\"symbol\":",
    "\"BTC/USD\"",
    "\"type\":",
    "\"match\"",
    "\"product_id\":",
    "\"subscriptions\"",
    "\"channels\":",
    "\"book\"",
    "\"snapshot\"",
    "\"update\"",
    "\"l2update\"",
    "\"changes\":",
    "[\"buy\",\"1\",\"2\"]",
    "\"bids\":",
    "\"asks\":",
    "[[\"1\",\"2\"]]",
    "\"depthUpdate\"",
    "\"U\":",
    "\"u\":",
    "\"b\":",
    "\"a\":",
    "\"checksum\":",
    "\"BTC-USD\"",
    "pong",
    "\"table\":",
    "\"action\":",
    "\"orderBookL2\"",
    "\"partial\"",
    "\"tradeBin1m\"",
    "\"XBTUSD\"",
    "\"chanId\":",
    "\"te\"",
    "\"cs\"",
    "\"hb\"",
    "\"conf\"",
    "\"flags\":",
    "229376",
    "\"tBTCUSD\"",
    "\"feed\":",
    "\"trade_snapshot\"",
    "\"trades\":",
    "\"subscribed\"",
    "\"product_ids\":",
    "\"seq\":",
    "\"PF_XBTUSD\"",
    "[{\"symbol\":\"XBTUSD\",\"id\":1,\"side\":\"Buy\"}]",
    "\"arg\":",
    "\"instId\":",
    "\"trades-all\"",
    "\"candle1m\"",
    "\"books\"",
    "\"event\":",
    "\"notice\"",
    "\"tradeId\":",
    "\"seqId\":",
    "\"topic\":",
    "\"publicTrade.BTCUSDT\"",
    "\"kline.1.BTCUSDT\"",
    "\"orderbook.50.BTCUSDT\"",
    "\"op\":",
    "\"ret_msg\":",
    "\"confirm\":",
];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Text(String),
    Trade(u64),
    Candle(i64, u64),
    Binary,
    Pass(u64),
    Leave(u32),
    Want(usize),
    /// A message about the book: a whole one, or one of so many changes, numbered or not.
    Book(u8, i64),
    /// The whole book that was asked for, or none.
    Answer(Option<i64>),
}

fn step() -> impl Strategy<Value = Step> {
    let words = proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..24);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| Step::Text(String::from_utf8_lossy(&bytes).into_owned())),
        words.prop_map(|words| Step::Text(words.concat())),
        any::<u64>().prop_map(Step::Trade),
        (0..9_i64, 0..4_u64).prop_map(|(minute, trades)| Step::Candle(minute, trades)),
        Just(Step::Binary),
        (0..400_000_u64).prop_map(Step::Pass),
        (0..4_u32).prop_map(Step::Leave),
        (0..4_usize).prop_map(Step::Want),
        (0..6_u8, 0..30_i64).prop_map(|(what, number)| Step::Book(what, number)),
        proptest::option::of(0..30_i64).prop_map(Step::Answer),
    ]
}

fn take(listener: &mut Listener, step: Step) {
    let exchange = listener.series[0].exchange().to_owned();
    let symbol = match &*exchange {
        "binance" | "bybit" => "BTCUSDT",
        "binancecoinm" => "BTCUSD_PERP",
        "kraken" => "BTC/USD",
        "bitmex" => "XBTUSD",
        "bitfinex" => "tBTCUSD",
        "krakenfutures" => "PF_XBTUSD",
        "okx" => "BTC-USDT",
        _ => "BTC-USD",
    };
    match step {
        Step::Text(text) => listener.read(&text),
        Step::Trade(seed) => {
            let mut dice = Dice(seed);
            let mut written = trades(&exchange, 1, &mut dice);
            written[0].id = if seed % 3 == 0 { seed } else { seed % 50 };
            trade_frames(&exchange, symbol, &written, &mut dice)
                .iter()
                .for_each(|(_, frame)| listener.read(frame));
        }
        Step::Candle(minute, trades) => {
            listener.read(&candle_frame(&exchange, symbol, minute, trades, trades == 3).1);
        }
        Step::Book(what, number) => listener.read(&book_message(&exchange, what, number)),
        Step::Answer(seq) => {
            let rows = seq.map(|seq| answer(seq, 60));
            listener.session.give_book(TopicId(0), rows.as_ref(), listener.now, &mut listener.received);
        }
        Step::Binary => listener.session.unreadable("it is no text", listener.now, &mut listener.received),
        Step::Pass(millis) => listener.pass(Duration::from_millis(millis)),
        Step::Leave(number) => listener.session.leave(TopicId(number)),
        Step::Want(number) => {
            if let Some(series) = listener.series.get(number) {
                let _ = listener.session.want(topic(number, &series.clone(), None));
            }
        }
    }
}

/// A message about a book in which nothing need follow anything.
fn book_message(exchange: &str, what: u8, number: i64) -> String {
    let (bid, ask) = (100 - number % 7, 101 + number % 5);
    let amount = i64::from(what) % 3;
    match exchange {
        "kraken" => {
            let kind = if what == 0 { "snapshot" } else { "update" };
            format!(
                r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{{"price":{bid}.0,"qty":{amount}.5}}],"asks":[{{"price":{ask}.0,"qty":1.0}}],"checksum":{number},"timestamp":"{BEGIN}"}}]}}"#
            )
        }
        "krakenfutures" if what < 2 => format!(
            r#"{{"feed":"book_snapshot","product_id":"PF_XBTUSD","timestamp":{},"seq":{number},"bids":[{{"price":{bid},"qty":1}}],"asks":[{{"price":{ask},"qty":2}}]}}"#,
            BEGIN.millis_floor()
        ),
        "krakenfutures" => format!(
            r#"{{"feed":"book","product_id":"PF_XBTUSD","side":"buy","seq":{number},"price":{bid},"qty":{amount},"timestamp":{}}}"#,
            BEGIN.millis_floor() + number
        ),
        "bitfinex" if what == 0 => {
            r#"{"event":"subscribed","channel":"book","chanId":17,"symbol":"tBTCUSD","prec":"P0"}"#.to_owned()
        }
        "bitfinex" if what == 1 => format!("[17,[[{bid},1,1],[{ask},2,-2]]]"),
        "bitfinex" if what == 2 => format!("[17,\"cs\",{number}]"),
        "bitfinex" => format!("[17,[{bid},{amount},1]]"),
        "bitmex" => {
            let action = ["partial", "insert", "update", "delete"][usize::from(what % 4)];
            format!(
                r#"{{"table":"orderBookL2","action":"{action}","data":[{{"symbol":"XBTUSD","id":{number},"side":"Buy","size":{amount},"price":{bid}}},{{"symbol":"XBTUSD","id":{},"side":"Sell","size":1,"price":{ask}}}]}}"#,
                number + 100
            )
        }
        "coinbase" if what < 2 => format!(
            r#"{{"type":"snapshot","product_id":"BTC-USD","bids":[["{bid}","1"]],"asks":[["{ask}","2"]]}}"#
        ),
        "coinbase" => format!(
            r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["buy","{bid}","{amount}"]],"time":"{}"}}"#,
            BEGIN + Duration::from_secs(number.unsigned_abs())
        ),
        "okx" => {
            let kind = if what == 0 { "snapshot" } else { "update" };
            let millis = BEGIN.millis_floor() + number;
            format!(
                r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"{kind}","data":[{{"asks":[["{ask}","1","0","1"]],"bids":[["{bid}","{amount}","0","1"]],"ts":"{millis}","checksum":0,"seqId":{number},"prevSeqId":{}}}]}}"#,
                number - i64::from(what) / 3
            )
        }
        "bybit" => {
            let kind = if what == 0 { "snapshot" } else { "delta" };
            let (depth, millis) = (if what == 5 { 1 } else { 50 }, BEGIN.millis_floor() + number);
            format!(
                r#"{{"topic":"orderbook.{depth}.BTCUSDT","type":"{kind}","ts":{millis},"data":{{"s":"BTCUSDT","b":[["{bid}","{amount}"]],"a":[["{ask}","1"]],"u":{number},"seq":{number}}},"cts":{millis}}}"#
            )
        }
        _ => update("BTCUSDT", (number, number + i64::from(what), number - 1), BEGIN, r#"["99","1"]"#, ""),
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_a_session_panic_or_send_without_end(
        exchange in 0..SERIES.len(), steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut listener = Listener::of(SERIES[exchange], BEGIN);
        for step in steps {
            take(&mut listener, step);
            listener.tick();
            let sent = listener.send();
            prop_assert!(sent.len() <= 8, "{sent:?}");
            for number in 0..4 {
                let _ = (listener.session.covered(TopicId(number)), listener.session.newest(TopicId(number)));
            }
            let _ = (listener.session.wakes(), listener.session.topics());
        }
        // Coverage never reaches beyond what the exchange told.
        let heard = listener.session.heard();
        for number in 0..listener.series.len() {
            let rows = listener.rows(number);
            let newest = rows.iter().map(super::listener::Row::ts).max().max(heard);
            if let Some(covered) = listener.covered(number) {
                // A whole book may be of long ago, so that its time is not taken for that of now.
                let is_book = listener.series[number].kind() == Kind::OrderBook;
                let is_told = newest.is_some_and(|newest| covered.until.0 <= newest.0 + 2_700_000_000_000);
                prop_assert!(is_book || is_told, "{covered}");
            }
        }
    }
}
