//! Whatever comes over a socket and in whatever order things happen, a session does not panic and stays useful.

use std::time::Duration;

use dccd::exchange::live::TopicId;
use proptest::prelude::*;

use super::listener::{Listener, topic};
use super::written::{BEGIN, Dice, candle_frame, trade_frames, trades};

const SERIES: [&[&str]; 4] = [
    &["binance/BTC-USDT/trades", "binance/BTC-USDT/ohlc/1m", "binance/BTC-USDT/ohlc/1mo"],
    &["binancecoinm/BTC-USD_PERP/trades", "binancecoinm/BTC-USD_PERP/ohlc/1m"],
    &["kraken/BTC-USD/trades", "kraken/BTC-USD/ohlc/1m"],
    &["coinbase/BTC-USD/trades"],
];

/// Words of the protocols, to be strung together.
const WORDS: [&str; 40] = [
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
    ]
}

fn take(listener: &mut Listener, step: Step) {
    let exchange = listener.series[0].exchange().to_owned();
    let symbol = match &*exchange {
        "binance" => "BTCUSDT",
        "binancecoinm" => "BTCUSD_PERP",
        "kraken" => "BTC/USD",
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
                prop_assert!(newest.is_some() && covered.until.0 <= newest.unwrap().0 + 2_700_000_000_000, "{covered}");
            }
        }
    }
}
