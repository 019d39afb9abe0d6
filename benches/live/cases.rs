//! The frames that are measured, and the sessions that read them.

use std::sync::Arc;

use dccd::exchange::live::{Live, LiveOffer, Topic, TopicId};
use dccd::exchange::{Contract, Decimal, Instrument, find};
use dccd::model::{Market, Micros, Series};

use crate::written::{BEGIN, Dice, Written, kraken_trades, trade_frames, trades, trades_from};

/// Steps of time between trades of a pair at its busiest: six thousand a second.
const BUSY_STEPS: [i64; 6] = [0, 0, 0, 0, 0, 1_000];

/// Frames of some trades.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) series: &'static str,
    symbol: &'static str,
    /// Trades in a frame, where not as the exchange would have it.
    single: bool,
    /// Whether all of the way from the socket is measured too.
    pub(crate) is_whole: bool,
}

pub(crate) const CASES: [Case; 6] = [
    Case {
        what: "binance spot",
        series: "binance/BTC-USDT/trades",
        symbol: "BTCUSDT",
        single: true,
        is_whole: true,
    },
    Case {
        what: "binance USD-M",
        series: "binance/BTC-USDT_PERP/trades",
        symbol: "BTCUSDT",
        single: true,
        is_whole: false,
    },
    Case {
        what: "binance COIN-M",
        series: "binancecoinm/BTC-USD_PERP/trades",
        symbol: "BTCUSD_PERP",
        single: true,
        is_whole: false,
    },
    Case {
        what: "kraken, 1 a frame",
        series: "kraken/BTC-USD/trades",
        symbol: "BTC/USD",
        single: true,
        is_whole: true,
    },
    Case {
        what: "kraken, 1 to 4",
        series: "kraken/BTC-USD/trades",
        symbol: "BTC/USD",
        single: false,
        is_whole: true,
    },
    Case {
        what: "coinbase",
        series: "coinbase/BTC-USD/trades",
        symbol: "BTC-USD",
        single: true,
        is_whole: true,
    },
];

impl Case {
    pub(crate) fn exchange(&self) -> &'static str {
        self.series.split('/').next().expect("a series")
    }

    /// Frames with so many trades, each with the instant of its last.
    pub(crate) fn frames(&self, count: u64) -> Vec<(Micros, String)> {
        let mut dice = Dice(1);
        self.framed(&trades(self.exchange(), count, &mut dice), &mut dice)
    }

    /// Frames of so many trades of a busy time, behind as many as were made before.
    pub(crate) fn busy_frames(&self, before: u64, count: u64) -> Vec<(Micros, String)> {
        let mut dice = Dice(before);
        let begin = Micros(BEGIN.0 + i64::try_from(before / 6 * 1_000).expect("not that many"));
        let trades = trades_from(self.exchange(), (1 + before, begin), BUSY_STEPS, count, &mut dice);
        self.framed(&trades, &mut dice)
    }

    fn framed(&self, trades: &[Written], dice: &mut Dice) -> Vec<(Micros, String)> {
        if self.single && self.exchange() == "kraken" {
            let one = |own: &Written| (own.ts, kraken_trades(self.symbol, std::slice::from_ref(own)));
            return trades.iter().map(one).collect();
        }
        trade_frames(self.exchange(), self.symbol, trades, dice)
    }

    /// The live interface and the offer of its series.
    pub(crate) fn live(&self) -> (&'static dyn Live, &'static LiveOffer) {
        let series: Series = self.series.parse().expect("a series");
        let live = find(series.exchange()).and_then(|own| own.live()).expect("it is live");
        (live, live.offer_for(&series).expect("it is offered"))
    }

    pub(crate) fn topic(&self) -> Topic {
        let series: Series = self.series.parse().expect("a series");
        let exchange = find(series.exchange()).expect("it is registered");
        let is_coin = series.pair().market() != Market::Spot;
        let contract = is_coin.then_some(Contract::Quote(Decimal::whole(100)));
        let instrument = Instrument { contract, ..Instrument::named(exchange.symbol(series.pair())) };
        Topic {
            id: TopicId(0),
            series: Arc::new(series),
            instrument: Arc::new(instrument),
            held: None,
            book: None,
        }
    }
}
