//! Connections to the simulated exchanges as the program keeps them: its driver, its sessions, the exchange's own rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::live::{Event, Hole, Topic, TopicId};
use dccd::exchange::{Instrument, find};
use dccd::model::{Batch, Candle, Micros, Series, Side, Window};
use dccd::net::ws::{Command, Connection, Dialer, Ended, Handover, Inlet, Update};
use dccd::sim::{Knobs, WsFault};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::socket::Stepped;

const NOON: &str = "2024-06-05 12:30:30";

/// Longer than anything here takes unless it hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// Rows by topic and key, and everything else that was reported.
#[derive(Default)]
struct Collected {
    trades: BTreeMap<(u32, u64), (Micros, f64, f64, Side)>,
    candles: BTreeMap<(u32, Micros), Candle>,
    holes: Vec<Hole>,
    acknowledged: usize,
    refused: Vec<String>,
    notices: usize,
    ended: Vec<Ended>,
    taken_over: Vec<Ended>,
    covered: BTreeMap<u32, Window>,
    /// How often coverage did not begin where it had ended.
    breaks: usize,
}

impl Collected {
    fn take(&mut self, full: &Handover) {
        for (topic, batch) in full.received.batches() {
            self.rows(topic, batch);
        }
        for event in &full.received.events {
            match event {
                Event::Acknowledged { .. } => self.acknowledged += 1,
                Event::Refused { words, .. } => self.refused.push(words.clone()),
                Event::Notice { .. } => self.notices += 1,
                Event::Hole(hole) => self.holes.push(*hole),
                Event::Trading { .. } | Event::Closed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        for (topic, window) in &full.covered {
            let until = self.covered.get(&topic.0).map(|covered| covered.until);
            self.breaks += usize::from(until.is_some_and(|until| window.from > until));
            self.covered.insert(topic.0, *window);
        }
    }

    fn rows(&mut self, TopicId(topic): TopicId, batch: &Batch) {
        if batch.kind() == dccd::model::Kind::Ohlc {
            self.candles.extend(batch.candles().iter().map(|candle| ((topic, candle.ts), candle)));
            return;
        }
        for trade in batch.trades().iter() {
            assert!(trade.ts_recv.is_some());
            let row = (trade.ts, trade.price, trade.amount, trade.side.unwrap());
            let known = self.trades.insert((topic, trade.id.unwrap().parse().unwrap()), row);
            assert!(known.is_none_or(|known| known == row), "{trade:?} came in two forms");
        }
    }
}

/// A connection that is kept, for some series of one line.
struct Kept {
    stepped: Stepped,
    series: Vec<Series>,
    inlet: Inlet,
    commands: mpsc::Sender<Command>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    got: Collected,
}

impl Kept {
    async fn new(knobs: Knobs, series: &[&str]) -> Self {
        let stepped = Stepped::at(NOON, knobs).await;
        let series: Vec<Series> = series.iter().map(|text| text.parse().unwrap()).collect();
        let exchange = find(series[0].exchange()).unwrap();
        let live = exchange.live().unwrap();
        let topic = |(place, own): (usize, &Series)| Topic {
            id: TopicId(u32::try_from(place).unwrap()),
            series: Arc::new(own.clone()),
            instrument: Arc::new(Instrument::named(exchange.symbol(own.pair()))),
            held: None,
            book: None,
        };
        let clock = stepped.clock();
        let connection = Connection {
            live,
            line: live.offer_for(&series[0]).unwrap().line,
            host: Some(format!("{}/{}", stepped.sim.ws_url(), series[0].exchange())),
            topics: series.iter().enumerate().map(topic).collect(),
            clock: Arc::new(move || clock.now()),
            dialer: Arc::new(Dialer::new()),
        };
        let (commands, obeyed) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let (task, inlet) = connection.keep(obeyed, stop.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        let got = Collected::default();
        Kept { stepped, series, inlet, commands, stop, tasks, got }
    }

    /// Takes updates until something is so.
    async fn until(&mut self, is_so: impl Fn(&Collected) -> bool) {
        while !is_so(&self.got) {
            let update = timeout(PATIENCE, self.inlet.next()).await;
            match update.expect("something comes in time").expect("the connection is kept") {
                Update::Received(full) => {
                    self.got.take(&full);
                    self.inlet.give_back(full);
                }
                Update::Disconnected { why, .. } => self.got.ended.push(why),
                Update::Failed { error } => panic!("{error}"),
                Update::TakenOver { why } => self.got.taken_over.push(why),
                Update::Connecting | Update::Connected | Update::StandbyConnected => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Until every topic was acknowledged so many times.
    async fn acknowledged(&mut self, times: usize) {
        let wanted = self.series.len() * times;
        self.until(|got| got.acknowledged >= wanted).await;
    }

    /// Moves the exchange's clock on, and waits for the newest trade of each topic of trades.
    async fn pass(&mut self, over: Duration) {
        self.stepped.step(over);
        for place in 0..self.series.len() {
            if self.series[place].span().is_none() {
                let newest = self.newest_trade(place);
                let topic = u32::try_from(place).unwrap();
                self.until(|got| got.trades.contains_key(&(topic, newest))).await;
            }
        }
    }

    fn symbol(&self, place: usize) -> String {
        let pair = self.series[place].pair();
        format!("{}{}", pair.base(), pair.quote())
    }

    /// How far the exchange's own numbers are ahead of the simulator's.
    fn ahead(&self) -> u64 {
        u64::from(self.series[0].exchange() == "coinbase")
    }

    fn newest_trade(&self, place: usize) -> u64 {
        let market = self.stepped.sim.market(&self.symbol(place)).unwrap();
        // Published two milliseconds after it happened.
        let beyond = Micros(self.stepped.now().0 - 1_999);
        market.first_trade_at_or_after(beyond) - 1 + self.ahead()
    }

    /// Holds every row to the simulator's own. Returns the ids of trades that are missing, by topic.
    fn check(&self) -> BTreeMap<u32, Vec<u64>> {
        let mut missing = BTreeMap::new();
        for place in 0..self.series.len() {
            let topic = u32::try_from(place).unwrap();
            let market = self.stepped.sim.market(&self.symbol(place)).unwrap();
            let own = self.got.trades.range((topic, 0)..=(topic, u64::MAX));
            let mut ids = Vec::new();
            for ((_, id), row) in own {
                let trade = market.trade(id - self.ahead());
                let side = if trade.sold { Side::Sell } else { Side::Buy };
                let price = trade.price_cents as f64 / 100.0;
                assert_eq!(*row, (trade.ts, price, trade.amount_e8 as f64 / 1e8, side));
                ids.push(*id);
            }
            if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
                missing.insert(topic, (*first..=*last).filter(|id| ids.binary_search(id).is_err()).collect());
            }
            if let Some(span) = self.series[place].span() {
                for ((_, open), candle) in self.got.candles.range((topic, Micros(0))..(topic + 1, Micros(0)))
                {
                    let stored = market.candle(span.grid(), *open).stored();
                    assert_eq!(
                        (candle.open, candle.high, candle.low),
                        (stored.open, stored.high, stored.low)
                    );
                    assert_eq!((candle.close, candle.volume), (stored.close, stored.volume));
                }
            }
        }
        missing
    }

    /// The ids of trades that were reported missing.
    fn told(&self) -> Vec<u64> {
        let ids = |hole: &Hole| hole.ids.unwrap().0..=hole.ids.unwrap().1;
        self.got.holes.iter().flat_map(ids).collect()
    }

    async fn end(mut self) {
        self.stop.cancel();
        while self.inlet.next().await.is_some() {}
        timeout(PATIENCE, self.tasks.join_next()).await.unwrap().unwrap().unwrap();
        drop(self.commands);
    }
}

fn knobs(symbols: &[&str]) -> Knobs {
    Knobs { symbols: symbols.iter().map(|&symbol| symbol.to_owned()).collect(), ..Knobs::default() }
}

async fn streams(series: &[&str], candles: usize) {
    let mut kept = Kept::new(knobs(&["BTCUSDT", "ETHUSDT", "BTCUSD"]), series).await;
    kept.acknowledged(1).await;
    for _ in 0..40 {
        kept.pass(Duration::from_secs(5)).await;
    }
    kept.until(|got| got.candles.len() >= candles).await;
    assert!(kept.check().values().all(Vec::is_empty), "{:?}", kept.check());
    assert!(kept.got.trades.len() > 150, "{} trades", kept.got.trades.len());
    assert_eq!((kept.got.holes.len(), kept.got.ended.len()), (0, 0), "{:?}", kept.got.holes);
    for window in kept.got.covered.values() {
        assert!(window.until <= kept.stepped.now());
    }
    kept.end().await;
}

#[tokio::test]
async fn every_trade_and_closed_candle_of_binance_arrives() {
    let series = [
        "binance/BTC-USDT/trades",
        "binance/ETH-USDT/trades",
        "binance/BTC-USDT/ohlc/1m",
        "binance/BTC-USDT/ohlc/3m",
    ];
    streams(&series, 4).await;
}

#[tokio::test]
async fn every_trade_and_closed_candle_of_usd_margined_contracts_arrives() {
    streams(&["binance/BTC-USDT_PERP/trades", "binance/BTC-USDT_PERP/ohlc/1m"], 3).await;
}

#[tokio::test]
async fn every_trade_and_closed_candle_of_kraken_arrives() {
    streams(&["kraken/BTC-USDT/trades", "kraken/ETH-USDT/trades", "kraken/BTC-USDT/ohlc/1m"], 3).await;
}

#[tokio::test]
async fn every_trade_of_coinbase_arrives() {
    streams(&["coinbase/BTC-USD/trades"], 0).await;
}

#[tokio::test]
async fn a_trade_that_was_left_out_is_reported_as_a_hole_and_no_other_is() {
    let mut kept = Kept::new(knobs(&["BTCUSDT"]), &["binance/BTC-USDT/trades"]).await;
    kept.acknowledged(1).await;
    kept.pass(Duration::from_secs(10)).await;
    for _ in 0..5 {
        kept.stepped.sim.strike(WsFault::Hole);
        kept.stepped.step(Duration::from_secs(5));
        kept.pass(Duration::from_secs(5)).await;
    }
    let left_out = &kept.stepped.sim.sockets()["binance"].left_out;
    let missing = kept.check().remove(&0).unwrap();
    assert_eq!(missing, left_out.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    assert_eq!(kept.told(), missing);
    kept.end().await;
}

#[tokio::test]
async fn frames_that_come_twice_late_or_all_at_once_lose_and_add_nothing() {
    let knobs = Knobs { trades_per_hour: 36_000, ..knobs(&["BTCUSDT"]) };
    let mut kept = Kept::new(knobs, &["kraken/BTC-USDT/trades"]).await;
    kept.acknowledged(1).await;
    kept.pass(Duration::from_secs(10)).await;
    let faults = [WsFault::Double, WsFault::Swap, WsFault::Burst, WsFault::Double, WsFault::Swap];
    for (fault, struck) in faults.into_iter().zip(1..) {
        kept.stepped.sim.strike(fault);
        kept.stepped.step(Duration::from_secs(5));
        while kept.stepped.sim.sockets()["kraken"].faults.values().sum::<u64>() < struck {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        kept.pass(Duration::from_secs(5)).await;
    }
    assert!(kept.check()[&0].is_empty());
    kept.end().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_or_reset_comes_back_and_says_what_it_lacks() {
    for fault in [WsFault::Cut, WsFault::Reset] {
        let mut kept = Kept::new(knobs(&["BTCUSDT"]), &["binance/BTC-USDT/trades"]).await;
        kept.acknowledged(1).await;
        kept.pass(Duration::from_secs(10)).await;
        kept.stepped.sim.strike(fault);
        kept.stepped.step(Duration::from_secs(5));
        kept.until(|got| got.ended.len() == 1).await;
        kept.acknowledged(2).await;
        kept.pass(Duration::from_secs(10)).await;
        let name = kept.got.ended[0].name();
        assert!(name == if fault == WsFault::Reset { "reset" } else { "closed" }, "{fault}: {name}");
        assert_eq!(kept.told(), kept.check()[&0], "{fault}");
        kept.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_told_to_end_is_replaced_before_it_does_and_lacks_nothing() {
    let series = ["binance/BTC-USDT/trades", "binance/ETH-USDT/trades", "binance/BTC-USDT/ohlc/1m"];
    let mut kept = Kept::new(knobs(&["BTCUSDT", "ETHUSDT"]), &series).await;
    kept.acknowledged(1).await;
    kept.pass(Duration::from_secs(10)).await;
    for times in 1..=3 {
        kept.stepped.sim.strike(WsFault::Notice);
        kept.stepped.step(Duration::from_secs(2));
        kept.until(|got| got.notices == times).await;
        kept.acknowledged(times + 1).await;
        // Both connections have these, then the second alone.
        kept.pass(Duration::from_secs(4)).await;
        kept.until(|got| got.taken_over.len() == times).await;
        kept.pass(Duration::from_secs(70)).await;
    }
    assert!(kept.check().values().all(Vec::is_empty), "{:?}", kept.check());
    assert!(kept.got.candles.len() >= 3, "{} candles", kept.got.candles.len());
    assert_eq!((&kept.got.holes[..], kept.got.ended.len(), kept.got.breaks), (&[][..], 0, 0));
    assert!(
        kept.got.covered.values().all(|window| window.until > kept.stepped.now() - Duration::from_secs(70))
    );
    assert_eq!(kept.got.taken_over, [Ended::Notice, Ended::Notice, Ended::Notice]);
    kept.end().await;
}

#[tokio::test]
async fn a_pair_that_is_not_listed_is_refused_and_the_others_are_live() {
    let mut kept =
        Kept::new(knobs(&["BTCUSDT"]), &["kraken/BTC-USDT/trades", "kraken/NOPE-USDT/trades"]).await;
    kept.until(|got| got.acknowledged == 1 && got.refused.len() == 1).await;
    assert_eq!(kept.got.refused, ["Currency pair not supported NOPE/USDT"]);
    kept.series.truncate(1);
    kept.pass(Duration::from_secs(10)).await;
    kept.end().await;
}
