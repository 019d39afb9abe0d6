//! The cost of doubt: the requests of a backfill whose answers are all true, over many pages, against those that
//! it took when every answer was believed.

use dccd::model::{Kind, Window};

use crate::cases::Case;
use crate::test_daemon::at;
use crate::trial::{honest, side_by_side};

/// A backfill of one series and what it took.
struct Backfill {
    series: &'static str,
    from: &'static str,
    until: &'static str,
    trades_per_hour: u64,
    believing: usize,
}

const fn over(series: &'static str, until: &'static str, believing: usize) -> Backfill {
    Backfill { series, from: "2024-01-01", until, trades_per_hour: 300, believing }
}

/// Trades at twenty thousand an hour.
const fn busy(series: &'static str, until: &'static str, believing: usize) -> Backfill {
    Backfill { trades_per_hour: 20_000, ..over(series, until, believing) }
}

const fn since(from: &'static str, backfill: Backfill) -> Backfill {
    Backfill { from, ..backfill }
}

const BACKFILLS: &[Backfill] = &[
    over("binance/BTC-USDT/ohlc/1m", "2024-01-31", 45),
    busy("binance/BTC-USDT/trades", "2024-01-01 02:30", 51),
    over("binance/BTC-USDT_PERP/ohlc/1m", "2024-01-31", 45),
    busy("binance/BTC-USDT_PERP/trades", "2024-01-01 02:30", 51),
    since("2018-01-01", over("binance/BTC-USDT_PERP/funding", "2024-03-01", 7)),
    since("2024-02-01", over("binance/BTC-USDT_PERP/open_interest/5m", "2024-02-29", 17)),
    over("binancecoinm/BTC-USD_PERP/ohlc/1m", "2024-01-11", 72),
    busy("binancecoinm/BTC-USD_PERP/trades", "2024-01-01 02:30", 51),
    Backfill { trades_per_hour: 2_000, ..over("kraken/BTC-USD/ohlc/1m", "2024-01-02 10:00", 52) },
    busy("kraken/BTC-USD/trades", "2024-01-01 02:30", 51),
    over("krakenfutures/BTC-USD_PERP/ohlc/1m", "2024-01-31", 23),
    busy("krakenfutures/BTC-USD_PERP/trades", "2024-01-01 00:45", 153),
    over("coinbase/BTC-USD/ohlc/1m", "2024-01-16", 73),
    busy("coinbase/BTC-USD/trades", "2024-01-01 02:30", 53),
    over("bybit/BTC-USDT/ohlc/1m", "2024-01-31", 46),
    since("2018-01-01", over("bybit/BTC-USDT_PERP/funding", "2024-03-01", 31)),
    since("2023-06-01", over("bybit/BTC-USDT_PERP/open_interest/1h", "2024-03-01", 34)),
    over("okx/BTC-USDT/ohlc/1m", "2024-01-08", 103),
    busy("okx/BTC-USDT/trades", "2024-01-01 00:45", 152),
    since("2023-12-10", over("okx/BTC-USDT_PERP/funding", "2024-02-28", 6)),
    over("okx/BTC-USDT_PERP/open_interest/1h", "2024-02-28", 14),
    since("2023-09-01", over("bitfinex/BTC-USD/ohlc/1m", "2024-01-18", 22)),
    Backfill { trades_per_hour: 400_000, ..busy("bitfinex/BTC-USD/trades", "2024-01-01 00:30", 22) },
    over("bitmex/BTC-USD_PERP/ohlc/1m", "2024-01-31", 45),
    busy("bitmex/BTC-USD_PERP/trades", "2024-01-01 02:30", 52),
    since("2018-01-01", over("bitmex/BTC-USD_PERP/funding", "2024-02-28", 12)),
];

impl Backfill {
    /// The most requests it may take; what is no candle and no trade is a handful of pages.
    fn most(&self) -> usize {
        match self.series.parse::<dccd::model::Series>().unwrap().kind() {
            Kind::Ohlc => self.believing * 105 / 100,
            Kind::Trades => self.believing * 110 / 100,
            _ => self.believing * 110 / 100 + 2,
        }
    }
}

#[test]
fn an_honest_backfill_asks_hardly_more_than_one_that_believed_everything() {
    let asked = side_by_side(BACKFILLS, |backfill| {
        let window = Window::new(at(backfill.from), at(backfill.until)).unwrap();
        honest(&Case::plain(backfill.series, window, backfill.trades_per_hour)).requests
    });

    println!("{:44} {:>10} {:>10} {:>10}", "series", "believing", "most", "now");
    let mut over = Vec::new();
    for (backfill, now) in BACKFILLS.iter().zip(asked) {
        let Backfill { series, believing, .. } = backfill;
        println!("{series:44} {believing:10} {:10} {now:10}", backfill.most());
        if now > backfill.most() {
            over.push(format!("{series}: {now} requests, {} at the most", backfill.most()));
        }
    }
    assert_eq!(over, Vec::<String>::new());
}
