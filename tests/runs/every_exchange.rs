//! Every kind of every exchange through an exchange that misbehaves: thirty days of candles, fifty thousand trades,
//! funding and open interest as far back as they go.
//!
//! Limits are the documented ones so many times over, at both ends: the client keeps them, the exchange refuses
//! what exceeds them. Answers are shuffled, doubled, falsely short and falsely empty, trades holed too where that
//! can be told, and one in ten is broken in any other way.

use std::collections::HashSet;
use std::time::Duration;

use dccd::exchange::{ALL, History, find};
use dccd::jobs::Order;
use dccd::model::{Batch, Kind, Micros, Series, Window};
use dccd::sim::{Endpoint, Fault, Knobs};

use crate::computed;
use crate::faulty::{break_one_in_ten, refused, run_through};
use crate::kraken;
use crate::test_daemon::{TestDaemon, assert_same, at, backfill};

/// One kind of one exchange, and what it takes to get it.
pub(crate) struct Case {
    pub(crate) series: &'static str,
    pub(crate) from: &'static str,
    pub(crate) until: &'static str,
    /// How many trades may share a millisecond, or nothing of interest.
    cluster: u64,
    /// How many times the documented limits.
    faster: u32,
    /// The fewest requests for so many rows, whose times are given.
    least: fn(&[i64]) -> usize,
}

const fn candles(series: &'static str, faster: u32, least: fn(&[i64]) -> usize) -> Case {
    Case { series, from: "2024-01-01", until: "2024-01-31", cluster: 8, faster, least }
}

/// Fifty thousand trades in two and a half hours.
const fn trades(series: &'static str, cluster: u64, faster: u32, least: fn(&[i64]) -> usize) -> Case {
    Case { series, from: "2024-01-01", until: "2024-01-01 02:30:00", cluster, faster, least }
}

const fn rates(
    series: &'static str,
    from: &'static str,
    until: &'static str,
    faster: u32,
    least: fn(&[i64]) -> usize,
) -> Case {
    Case { series, from, until, cluster: 8, faster, least }
}

/// The least requests: full pages of so many new rows, the look for the first row, and the page that shows the end.
pub(crate) const CASES: [Case; 29] = [
    candles("binance/BTC-USDT/ohlc/1m", 1, |ts| pages(ts, 1_000) + 1),
    trades("binance/BTC-USDT/trades", 2_500, 4, |ts| pages(ts, 999) + 1),
    candles("binance/BTC-USDT_PERP/ohlc/1m", 4, |ts| pages(ts, 1_000) + 1),
    trades("binance/BTC-USDT_PERP/trades", 2_500, 40, |ts| pages(ts, 999) + 1),
    rates("binance/BTC-USDT_PERP/funding", "2018-01-01", "2024-03-01", 2, |ts| pages(ts, 1_000) + 1),
    rates("binance/BTC-USDT_PERP/open_interest/5m", "2024-02-01", "2024-02-29", 2, |ts| pages(ts, 500)),
    candles("binancecoinm/BTC-USD_PERP/ohlc/1m", 10, |ts| pages(ts, 200)),
    trades("binancecoinm/BTC-USD_PERP/trades", 2_500, 40, |ts| pages(ts, 999) + 1),
    rates("binancecoinm/BTC-USD_PERP/funding", "2018-01-01", "2024-03-01", 2, |ts| pages(ts, 1_000) + 1),
    rates("binancecoinm/BTC-USD_PERP/open_interest/5m", "2024-02-01", "2024-02-29", 2, |ts| pages(ts, 500)),
    candles("kraken/BTC-USD/ohlc/1m", 80, |_| 0),
    trades("kraken/BTC-USD/trades", 900, 60, |ts| pages(ts, 999) + 1),
    candles("krakenfutures/BTC-USD_PERP/ohlc/1m", 4, |ts| pages(ts, 2_000) + 1),
    trades("krakenfutures/BTC-USD_PERP/trades", 60, 40, pages_of_a_hundred_by_time),
    rates("krakenfutures/BTC-USD_PERP/funding", "2023-04-01", "2024-03-01", 4, |_| 2),
    candles("coinbase/BTC-USD/ohlc/1m", 10, |ts| pages(ts, 300)),
    trades("coinbase/BTC-USD/trades", 2_500, 6, |ts| pages(ts, 999) + 1),
    candles("bybit/BTC-USDT/ohlc/1m", 1, |ts| pages(ts, 1_000) + 1),
    rates("bybit/BTC-USDT_PERP/funding", "2018-01-01", "2024-03-01", 1, |ts| pages(ts, 200) + 1),
    rates("bybit/BTC-USDT_PERP/open_interest/1h", "2023-06-01", "2024-03-01", 1, |ts| pages(ts, 200) + 1),
    candles("okx/BTC-USDT/ohlc/1m", 20, |ts| pages(ts, 100) + 1),
    trades("okx/BTC-USDT/trades", 250, 20, |ts| pages(ts, 99) + 1),
    rates("okx/BTC-USDT_PERP/funding", "2023-12-10", "2024-02-28", 4, |ts| pages(ts, 100) + 1),
    rates("okx/BTC-USDT_PERP/open_interest/1h", "2024-01-02", "2024-02-28", 4, |ts| pages(ts, 100)),
    candles("bitfinex/BTC-USD/ohlc/1m", 60, |ts| pages(ts, 10_000) + 1),
    trades("bitfinex/BTC-USD/trades", 900, 120, |ts| pages(ts, 9_999) + 1),
    candles("bitmex/BTC-USD_PERP/ohlc/1m", 100, |ts| pages(ts, 1_000) + 1),
    trades("bitmex/BTC-USD_PERP/trades", 2_500, 100, |ts| pages(ts, 999) + 1),
    rates("bitmex/BTC-USD_PERP/funding", "2018-01-01", "2024-02-28", 100, |ts| pages(ts, 499) + 1),
];

/// Offers that are not walked in pages.
fn is_elsewhere(exchange: &str, kind: Kind, history: History) -> bool {
    // A book is one page; of Bybit's trades only the newest are there, which one page shows.
    history == History::Now || (exchange, kind) == ("bybit", Kind::Trades)
}

fn pages(ts: &[i64], rows: usize) -> usize {
    ts.len().div_ceil(rows)
}

/// The pages of 100 that show every row, where the next page can only name the millisecond the last one ended in,
/// so that the rows of that are answered again.
fn pages_of_a_hundred_by_time(ts: &[i64]) -> usize {
    let (mut pages, mut until) = (1, ts.len());
    while until > 100 {
        pages += 1;
        until = ts.partition_point(|at| *at <= ts[until - 100]);
    }
    pages
}

impl Case {
    pub(crate) fn series(&self) -> Series {
        self.series.parse().unwrap()
    }

    pub(crate) fn window(&self) -> Window {
        Window::new(at(self.from), at(self.until)).unwrap()
    }

    /// The exchange's time: late enough that a quiet end is settled.
    fn now(&self) -> Micros {
        at(self.until) + Duration::from_secs(7_230)
    }

    fn job(&self) -> String {
        let series = self.series();
        let span = series.span().map(|span| format!(", span: {}", span.secs())).unwrap_or_default();
        format!(
            "{{exchange: {}, pairs: ['{}'], data_type: {}{span}, retry_delay: 0.01}}",
            series.exchange(),
            series.pair(),
            series.kind()
        )
    }

    pub(crate) async fn setup(&self) -> TestDaemon {
        let series = self.series();
        let exchange = find(series.exchange()).unwrap();
        let quota = exchange.quota(exchange.offer_for(&series).unwrap().budget);
        let knobs = Knobs {
            symbols: vec![format!("{}{}", series.pair().base(), series.pair().quote())],
            listed_from: at(if series.kind() == Kind::Trades { self.from } else { "2019-06-05" }),
            trades_per_hour: if series.kind() == Kind::Trades { 20_000 * siege() } else { 300 },
            cluster: self.cluster,
            page_limit: 10_000,
            // The clock and the listing are paid from budgets of their own, which the exchange does not tell apart.
            weight_limit: quota.weight * self.faster + 60,
            weight_window: quota.per,
            ..Knobs::default()
        };
        TestDaemon::faster(&self.job(), self.now(), knobs, self.faster).await
    }

    /// The expected rows.
    fn truth(&self, setup: &TestDaemon) -> Batch {
        if self.is_computed() {
            return computed::wanted(setup, self.series, self.window(), self.own_from());
        }
        setup.existing(self.series, self.window())
    }

    pub(crate) fn is_computed(&self) -> bool {
        self.series == "kraken/BTC-USD/ohlc/1m"
    }

    fn own_from(&self) -> Micros {
        computed::own_from(self.series, &self.now().to_string())
    }

    async fn check(&self) {
        let (setup, kind) = (self.setup().await, self.series().kind());
        let truth = self.truth(&setup);
        let (endpoint, least) = match kind {
            Kind::Ohlc if self.is_computed() => {
                let whole = Window::new(at(self.from), self.own_from()).unwrap();
                // Besides, the look for the first trade and the one for a trade after the last that is wanted.
                (Endpoint::Trades, kraken::computed_trades(&setup, whole).div_ceil(999) + 2)
            }
            Kind::Ohlc => (Endpoint::Ohlc, (self.least)(truth.ts())),
            Kind::Trades => (Endpoint::Trades, (self.least)(truth.ts())),
            Kind::Funding => (Endpoint::Funding, (self.least)(truth.ts())),
            _ => (Endpoint::OpenInterest, (self.least)(truth.ts())),
        };
        let offer = find(self.series().exchange()).unwrap().offer_for(&self.series()).unwrap();
        break_one_in_ten(&setup, endpoint, least, offer.ids_are_contiguous);
        let order = Order { until: Some(at(self.until)), ..backfill(self.series, self.from) };

        let struck = run_through(&setup, &order, endpoint, least).await;

        if self.is_computed() {
            assert_same(&setup.stored(self.series), &truth);
        } else {
            setup.assert_true(self.series, self.window()).await;
        }
        // One answer holds all funding rates of Kraken Futures.
        let waited = struck.contains(&Fault::Status429);
        assert!(least < 4 || waited, "{}: only {struck:?} were tried", self.series);
        let faults = [Fault::Shuffled, Fault::Doubled, Fault::Short, Fault::Empty];
        let all = faults.iter().all(|fault| struck.contains(fault));
        assert!(least < 7 || all, "{}: only {struck:?} were tried", self.series);
        assert_eq!(refused(&setup), 0, "{}: its limit is never met by asking", self.series);
        self.assert_crowded(&truth);
    }

    /// Some millisecond has more trades than half a page, or than the whole of one where there is a way past it.
    fn assert_crowded(&self, truth: &Batch) {
        if self.series().kind() == Kind::Trades {
            assert!(truth.len() > 49_000 * siege() as usize, "{}: {}", self.series, truth.len());
            let crowd = truth.ts().chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
            assert!(crowd * 10 > self.cluster as usize * 8, "{}: {crowd}", self.series);
        }
    }
}

/// Four times as many trades where there is time for it.
fn siege() -> u64 {
    if std::env::var_os("DCCD_SIEGE").is_some() { 4 } else { 1 }
}

async fn check_all(exchange: &str) {
    for case in CASES.iter().filter(|case| case.series().exchange() == exchange) {
        case.check().await;
    }
}

/// One test an exchange, so that they run side by side.
macro_rules! exchanges {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];

        mod every_kind_is_exact_through_broken_answers_within_the_limits_of {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::check_all(stringify!($name)).await;
                }
            )*
        }
    };
}

exchanges! { binance binancecoinm kraken krakenfutures coinbase bybit okx bitfinex bitmex }

#[test]
fn no_kind_of_any_exchange_is_forgotten() {
    for exchange in ALL {
        assert!(TESTED.contains(&exchange.name()), "{}", exchange.name());
        for offer in exchange.offers().iter().filter(|o| !is_elsewhere(exchange.name(), o.kind, o.history)) {
            let kinds: HashSet<Kind> = CASES
                .iter()
                .map(Case::series)
                .filter(|series| series.exchange() == exchange.name())
                .map(|series| series.kind())
                .collect();
            assert!(kinds.contains(&offer.kind), "{} {}", exchange.name(), offer.kind);
        }
    }
}
