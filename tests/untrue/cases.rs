//! The walks that untrue answers are put into: every kind of every simulated exchange over about two and a half pages.

use std::sync::LazyLock;
use std::time::Duration;

use dccd::exchange::{Direction, Offer, Probe, find};
use dccd::jobs::{Order, Since};
use dccd::model::{Batch, Kind, Micros, Series, Window};
use dccd::sim::{Endpoint, Knobs};

use crate::computed;
use crate::test_daemon::{TestDaemon, at, backfill};

/// A series, the window wanted of it, and how it is tried.
struct Walk {
    series: &'static str,
    from: &'static str,
    until: &'static str,
    trades_per_hour: u64,
    tried: Tried,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// Alone, with its listing inside, from wherever it begins, and beside what is held already.
    EveryWay,
    /// Alone, with many trades in each instant.
    Crowded,
    /// Alone, and beside what is held already.
    GoingOn,
    /// Alone: another series is asked for in the same way.
    Alone,
    /// Alone, over several walks that hold less than a page each.
    SeveralWalks,
}

const fn walk(series: &'static str, from: &'static str, until: &'static str) -> Walk {
    Walk { series, from, until, trades_per_hour: 300, tried: Tried::EveryWay }
}

/// Trades of one walk, so many an hour that a thousand take three minutes.
const fn busy(series: &'static str, until: &'static str) -> Walk {
    Walk { trades_per_hour: 20_000, ..walk(series, "2024-01-01", until) }
}

const fn quiet(series: &'static str, until: &'static str, trades_per_hour: u64) -> Walk {
    Walk { trades_per_hour, tried: Tried::SeveralWalks, ..walk(series, "2024-01-01", until) }
}

const fn crowded(walk: Walk) -> Walk {
    Walk { tried: Tried::Crowded, ..walk }
}

const fn alone(walk: Walk) -> Walk {
    Walk { tried: Tried::Alone, ..walk }
}

const fn going_on(walk: Walk) -> Walk {
    Walk { tried: Tried::GoingOn, ..walk }
}

const WALKS: &[Walk] = &[
    walk("binance/BTC-USDT/ohlc/1m", "2024-01-01", "2024-01-02 17:40"),
    busy("binance/BTC-USDT/trades", "2024-01-01 00:07:30"),
    crowded(busy("binance/BTC-USDT/trades", "2024-01-01 00:07:30")),
    quiet("binance/BTC-USDT/trades", "2024-01-01 15:00", 60),
    alone(walk("binance/BTC-USDT_PERP/ohlc/1m", "2024-01-01", "2024-01-02 17:40")),
    busy("binance/BTC-USDT_PERP/trades", "2024-01-01 00:07:30"),
    quiet("binance/BTC-USDT_PERP/trades", "2024-01-01 15:00", 60),
    going_on(walk("binance/BTC-USDT_PERP/funding", "2021-10-20", "2024-02-01")),
    going_on(walk("binance/BTC-USDT_PERP/open_interest/5m", "2024-01-04", "2024-01-08 08:00")),
    walk("binancecoinm/BTC-USD_PERP/ohlc/1m", "2024-01-01", "2024-01-01 08:20"),
    alone(busy("binancecoinm/BTC-USD_PERP/trades", "2024-01-01 00:07:30")),
    quiet("binancecoinm/BTC-USD_PERP/trades", "2024-01-01 15:00", 60),
    alone(walk("binancecoinm/BTC-USD_PERP/funding", "2021-10-20", "2024-02-01")),
    alone(walk("binancecoinm/BTC-USD_PERP/open_interest/5m", "2024-01-04", "2024-01-08 08:00")),
    // Two and a half pages of trades become candles before the 720 that the exchange still has.
    Walk { trades_per_hour: 250, ..walk(COMPUTED, "2024-01-01", "2024-01-01 20:00") },
    busy("kraken/BTC-USD/trades", "2024-01-01 00:07:30"),
    crowded(busy("kraken/BTC-USD/trades", "2024-01-01 00:07:30")),
    quiet("kraken/BTC-USD/trades", "2024-01-18", 2),
    walk("krakenfutures/BTC-USD_PERP/ohlc/1m", "2024-01-01", "2024-01-04 11:20"),
    busy("krakenfutures/BTC-USD_PERP/trades", "2024-01-01 00:00:45"),
    crowded(busy("krakenfutures/BTC-USD_PERP/trades", "2024-01-01 00:00:45")),
    quiet("krakenfutures/BTC-USD_PERP/trades", "2024-01-01 15:00", 12),
    walk("krakenfutures/BTC-USD_PERP/funding", "2023-10-01", "2024-02-01"),
    walk("coinbase/BTC-USD/ohlc/1m", "2024-01-01", "2024-01-01 12:30"),
    busy("coinbase/BTC-USD/trades", "2024-01-01 00:07:30"),
    quiet("coinbase/BTC-USD/trades", "2024-03-15", 1),
    walk("bybit/BTC-USDT/ohlc/1m", "2024-01-01", "2024-01-02 17:40"),
    walk("bybit/BTC-USDT_PERP/trades", "2024-01-01", "2024-01-01 01:00"),
    going_on(walk("bybit/BTC-USDT_PERP/funding", "2023-08-15", "2024-01-29")),
    going_on(walk("bybit/BTC-USDT_PERP/open_interest/1h", "2024-01-01", "2024-01-21 20:00")),
    walk("okx/BTC-USDT/ohlc/1m", "2024-01-01", "2024-01-01 04:10"),
    busy("okx/BTC-USDT/trades", "2024-01-01 00:00:45"),
    quiet("okx/BTC-USDT/trades", "2024-01-01 15:00", 12),
    going_on(walk("okx/BTC-USDT_PERP/funding", "2023-12-10", "2024-02-28")),
    going_on(walk("okx/BTC-USDT_PERP/open_interest/1h", "2024-01-01", "2024-01-11 10:00")),
    alone(walk("bitfinex/BTC-USD/ohlc/1m", "2024-01-01", "2024-01-18 08:40")),
    alone(Walk { trades_per_hour: 200_000, ..busy("bitfinex/BTC-USD/trades", "2024-01-01 00:07:30") }),
    crowded(Walk { trades_per_hour: 200_000, ..busy("bitfinex/BTC-USD/trades", "2024-01-01 00:07:30") }),
    quiet("bitfinex/BTC-USD/trades", "2024-01-18", 2),
    walk("bitmex/BTC-USD_PERP/ohlc/1m", "2024-01-01", "2024-01-02 17:40"),
    busy("bitmex/BTC-USD_PERP/trades", "2024-01-01 00:07:30"),
    crowded(busy("bitmex/BTC-USD_PERP/trades", "2024-01-01 00:07:30")),
    quiet("bitmex/BTC-USD_PERP/trades", "2024-01-03 12:00", 20),
    going_on(walk("bitmex/BTC-USD_PERP/funding", "2022-12-01", "2024-01-22")),
];

/// More trades in an instant than a small question for the beginning asks for.
const CROWD: u64 = 64;

/// The series whose older rows are computed from trades.
const COMPUTED: &str = "kraken/BTC-USD/ohlc/1m";

/// A backfill of one series.
pub(crate) struct Case {
    pub(crate) series: &'static str,
    pub(crate) window: Window,
    /// Distinguishes it from other cases of the series.
    note: &'static str,
    /// Since when there are rows.
    listed: Micros,
    trades_per_hour: u64,
    /// How many trades may share an instant.
    cluster: u64,
    /// Whether all there is is wanted, wherever it begins.
    pub(crate) from_origin: bool,
    /// The rows stored before the backfill.
    held: Option<Window>,
}

pub(crate) static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| WALKS.iter().flat_map(Walk::cases).collect());

impl Walk {
    fn cases(&self) -> Vec<Case> {
        let window = Window::new(at(self.from), at(self.until)).unwrap();
        let inside = |tenths: i64| Micros(window.from.0 + (window.until.0 - window.from.0) / 10 * tenths);
        let case = |note| Case { note, ..Case::plain(self.series, window, self.trades_per_hour) };
        let goes_on = Case { held: Window::new(window.from, inside(3)), ..case("goes on") };
        let from_origin = Case { listed: window.from, from_origin: true, ..case("from its origin") };
        let mut cases = match self.tried {
            Tried::Alone => vec![case("")],
            Tried::Crowded => vec![Case { cluster: CROWD, ..case("crowded") }],
            Tried::SeveralWalks => vec![case("several walks")],
            Tried::GoingOn => vec![case(""), goes_on],
            Tried::EveryWay => {
                vec![case(""), Case { listed: inside(2), ..case("listed inside") }, from_origin, goes_on]
            }
        };
        if case("").offer().probe == Probe::None {
            // All years before would be asked for.
            cases.retain(|case| !case.from_origin);
        }
        if self.tried == Tried::EveryWay && case("").offer().direction == Direction::NewestFirst {
            cases.push(Case { held: Window::new(inside(7), window.until), ..case("older wanted") });
        }
        cases
    }
}

impl Case {
    /// A backfill of a window long after the listing.
    pub(crate) fn plain(series: &'static str, window: Window, trades_per_hour: u64) -> Case {
        let (listed, cluster) = (at("2019-06-05"), Knobs::default().cluster);
        Case { series, window, note: "", listed, trades_per_hour, cluster, from_origin: false, held: None }
    }

    pub(crate) fn name(&self) -> String {
        if self.note.is_empty() { self.series.to_owned() } else { format!("{}, {}", self.series, self.note) }
    }

    pub(crate) fn parsed(&self) -> Series {
        self.series.parse().unwrap()
    }

    pub(crate) fn offer(&self) -> &'static Offer {
        let series = self.parsed();
        find(series.exchange()).unwrap().offer_for(&series).unwrap()
    }

    /// The backfill that meets an untrue answer.
    pub(crate) fn order(&self) -> Order {
        let order = order_of(self.series, self.window);
        if self.from_origin { Order { since: Since::Origin, ..order } } else { order }
    }

    /// The backfill before it, where there is one.
    pub(crate) fn earlier_order(&self) -> Option<Order> {
        self.held.map(|held| order_of(self.series, held))
    }

    /// The exchange's time: late enough that a quiet end is settled.
    fn now(&self) -> Micros {
        self.window.until + Duration::from_secs(7_230)
    }

    pub(crate) async fn setup(&self) -> TestDaemon {
        let series = self.parsed();
        let span = series.span().map(|span| format!(", span: {}", span.secs())).unwrap_or_default();
        let job = format!(
            "{{exchange: {}, pairs: ['{}'], data_type: {}{span}, retry_delay: 0.01}}",
            series.exchange(),
            series.pair(),
            series.kind()
        );
        let knobs = Knobs {
            symbols: vec![format!("{}{}", series.pair().base(), series.pair().quote())],
            listed_from: self.listed,
            trades_per_hour: self.trades_per_hour,
            cluster: self.cluster,
            page_limit: 10_000,
            ..Knobs::default()
        };
        TestDaemon::unlimited(&job, &self.now().to_string(), knobs).await
    }

    /// The rows expected in the end.
    pub(crate) fn truth(&self, setup: &TestDaemon) -> Batch {
        if self.is_computed() {
            let own = computed::own_from(self.series, &self.now().to_string());
            return computed::wanted(setup, self.series, self.window, own);
        }
        setup.existing(self.series, self.window)
    }

    /// Whether some of its rows are computed from trades.
    pub(crate) fn is_computed(&self) -> bool {
        self.series == COMPUTED
    }

    /// Whether a row that is left out leaves a hole in the numbers of the others.
    pub(crate) fn shows_holes(&self) -> bool {
        self.offer().ids_are_contiguous
    }

    /// The endpoints its rows come from.
    pub(crate) fn endpoints(&self) -> &'static [Endpoint] {
        match self.parsed().kind() {
            Kind::Ohlc => &[Endpoint::Ohlc, Endpoint::Trades],
            Kind::Funding => &[Endpoint::Funding],
            Kind::OpenInterest => &[Endpoint::OpenInterest],
            _ => &[Endpoint::Trades],
        }
    }
}

fn order_of(series: &str, window: Window) -> Order {
    Order { until: Some(window.until), ..backfill(series, &window.from.to_string()) }
}
