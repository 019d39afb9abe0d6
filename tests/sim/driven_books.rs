//! Books of the simulated exchanges as the program keeps them: each update is the simulator's book, and after each fault
//! the book comes into step again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::live::{BookFault, BookWish, Event, Topic, TopicId};
use dccd::exchange::{Instrument, find};
use dccd::model::{Batch, BookLevel, Kind, Micros, Series, Side};
use dccd::net::ws::{Command, Connection, Dialer, Handover, Inlet, Update};
use dccd::sim::{Knobs, Market, WsFault};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::socket::Stepped;

const NOON: &str = "2024-06-05 12:30:30";
const UPDATE: Duration = Duration::from_millis(100);

/// The levels of each side that are compared.
const COMPARED: usize = 10;

/// The updates in which something has to happen.
const PATIENCE: usize = 1_000;

/// A book put together from rows alone.
#[derive(Default)]
struct Rebuilt {
    /// Amounts in 10^-8 by price in cents.
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    updates: usize,
}

struct Kept {
    stepped: Stepped,
    series: Series,
    inlet: Inlet,
    commands: mpsc::Sender<Command>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    book: Rebuilt,
    events: Vec<Event>,
}

fn hundredths(number: f64, size: f64) -> i64 {
    (number * size).round() as i64
}

impl Kept {
    async fn new(series: &str) -> Self {
        let symbols = ["BTCUSDT", "BTCUSD"].map(str::to_owned).to_vec();
        let stepped = Stepped::at(NOON, Knobs { symbols, ..Knobs::default() }).await;
        let series: Series = series.parse().unwrap();
        let exchange = find(series.exchange()).unwrap();
        let live = exchange.live().unwrap();
        let topic = Topic {
            id: TopicId(0),
            series: Arc::new(series.clone()),
            instrument: Arc::new(Instrument::named(exchange.symbol(series.pair()))),
            held: None,
            book: Some(BookWish { depth: 10, every: Duration::from_secs(1), deltas: true }),
        };
        let clock = stepped.clock();
        let connection = Connection {
            live,
            line: live.offer_for(&series).unwrap().line,
            host: Some(format!("{}/{}", stepped.sim.ws_url(), series.exchange())),
            topics: vec![topic],
            clock: Arc::new(move || clock.now()),
            dialer: Arc::new(Dialer::new()),
        };
        let (commands, obeyed) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let (task, inlet) = connection.keep(obeyed, stop.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        let (book, events) = (Rebuilt::default(), Vec::new());
        Kept { stepped, series, inlet, commands, stop, tasks, book, events }
    }

    fn market(&self) -> Market {
        let pair = self.series.pair();
        self.stepped.sim.market(&format!("{}{}", pair.base(), pair.quote())).unwrap()
    }

    /// Moves the exchange's clock on by one update, and takes what comes of it.
    async fn update(&mut self) {
        self.stepped.step(UPDATE);
        while let Ok(update) = timeout(Duration::from_millis(15), self.inlet.next()).await {
            match update.expect("the connection is kept") {
                Update::Received(full) => {
                    self.take(&full).await;
                    self.inlet.give_back(full);
                }
                Update::Disconnected { .. } | Update::Connecting | Update::Connected => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn take(&mut self, full: &Handover) {
        if let Some(batch) = full.received.batch(TopicId(0)) {
            let rows: Vec<BookLevel> = (0..batch.len()).map(|row| batch.book().get(row)).collect();
            for update in rows.chunk_by(|one, other| one.ord == other.ord) {
                self.apply(update);
            }
        }
        for event in &full.received.events {
            if let Event::BookWanted { levels, .. } = event {
                let rows = Some(self.whole_book(*levels as usize));
                self.commands.send(Command::Book { topic: TopicId(0), rows }).await.unwrap();
            }
            assert!(!matches!(event, Event::Unreadable { .. } | Event::Odd { .. }), "{event:?}");
            self.events.push(event.clone());
        }
    }

    /// The simulator's book as an answer over REST.
    fn whole_book(&self, levels: usize) -> Batch {
        let (book, ts) = (self.market().book(self.stepped.now()), self.stepped.now());
        let mut rows = Batch::of(Kind::OrderBook);
        let bids = book.bids().take(levels).map(|level| (Side::Bid, level));
        for (side, (price_cents, amount_e8)) in
            bids.chain(book.asks().take(levels).map(|level| (Side::Ask, level)))
        {
            rows.book_mut().push(BookLevel {
                ord: 0,
                ts,
                ts_recv: ts,
                seq: Some(book.update_id),
                is_snapshot: true,
                side,
                price: price_cents as f64 / 100.0,
                amount: amount_e8 as f64 / 1e8,
                count: None,
            });
        }
        rows
    }

    /// Applies one update and holds the book to the simulator's at its instant.
    fn apply(&mut self, update: &[BookLevel]) {
        let (ts, is_whole) = (update[0].ts, update[0].is_snapshot);
        if is_whole {
            (self.book.bids, self.book.asks) = Default::default();
        }
        for level in update {
            let side = if level.side == Side::Bid { &mut self.book.bids } else { &mut self.book.asks };
            let price = hundredths(level.price, 100.0);
            match hundredths(level.amount, 1e8) {
                0 => side.remove(&price),
                amount => side.insert(price, amount),
            };
        }
        self.book.updates += 1;
        // The whole book of Coinbase has no time of its own.
        if !(is_whole && self.series.exchange() == "coinbase") {
            self.compare(ts);
        }
    }

    fn compare(&self, ts: Micros) {
        let book = self.market().book_at_update(ts.millis_floor() / 100);
        let bids: Vec<(i64, i64)> =
            self.book.bids.iter().rev().take(COMPARED).map(|(p, a)| (*p, *a)).collect();
        let asks: Vec<(i64, i64)> = self.book.asks.iter().take(COMPARED).map(|(p, a)| (*p, *a)).collect();
        assert_eq!(bids, book.bids().take(COMPARED).collect::<Vec<_>>(), "{ts}: {:?}", self.events);
        assert_eq!(asks, book.asks().take(COMPARED).collect::<Vec<_>>(), "{ts}: {:?}", self.events);
    }

    fn count(&self, is_one: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is_one(event)).count()
    }

    /// Until the book came into step so many times.
    async fn in_step(&mut self, times: usize) {
        for _ in 0..PATIENCE {
            let is_one =
                |event: &Event| matches!(event, Event::InStep { after, .. } if *after != BookFault::Shallow);
            if self.count(is_one) >= times {
                return;
            }
            self.update().await;
        }
        panic!("it is not in step: {:?}", self.events);
    }

    async fn updates(&mut self, more: usize) {
        let wanted = self.book.updates + more;
        for _ in 0..PATIENCE {
            if self.book.updates >= wanted {
                return;
            }
            self.update().await;
        }
        panic!("nothing comes: {:?}", self.events);
    }

    async fn end(mut self) {
        self.stop.cancel();
        while self.inlet.next().await.is_some() {}
        self.tasks.join_next().await.unwrap().unwrap();
    }
}

/// Each fault that is to show, and as which.
async fn each_update_is_the_exchanges_book(series: &str, faults: &[(WsFault, Option<BookFault>)]) {
    let mut kept = Kept::new(series).await;
    kept.in_step(1).await;
    kept.updates(40).await;
    let mut fallen = 0;
    for (fault, shows_as) in faults {
        kept.stepped.sim.strike(*fault);
        let struck =
            |kept: &Kept| kept.stepped.sim.sockets()[kept.series.exchange()].faults.get(fault).copied();
        let before = struck(&kept);
        for _ in 0..PATIENCE {
            if struck(&kept) > before {
                break;
            }
            kept.update().await;
        }
        fallen += usize::from(shows_as.is_some());
        kept.in_step(1 + fallen).await;
        kept.updates(10).await;
        let told = kept.events.iter().filter_map(|event| match event {
            // The price moves far enough to use a book of few levels up.
            Event::OutOfStep { fault, .. } if *fault != BookFault::Shallow => Some(*fault),
            _ => None,
        });
        let told: Vec<BookFault> = told.collect();
        assert_eq!(
            (told.len(), told.last().copied().filter(|_| shows_as.is_some())),
            (fallen, *shows_as),
            "{fault}"
        );
    }
    kept.end().await;
}

#[tokio::test]
async fn books_of_binance_are_those_of_the_exchange_at_each_update_and_after_each_fault() {
    let faults = [
        (WsFault::Hole, Some(BookFault::Sequence)),
        (WsFault::Double, None),
        (WsFault::Swap, Some(BookFault::Sequence)),
        (WsFault::Crossed, Some(BookFault::Crossed)),
    ];
    each_update_is_the_exchanges_book("binance/BTC-USDT/orderbook", &faults).await;
}

#[tokio::test]
async fn books_of_usd_margined_contracts_are_those_of_the_exchange_at_each_update_and_after_each_fault() {
    let faults = [(WsFault::Hole, Some(BookFault::Sequence)), (WsFault::Crossed, Some(BookFault::Crossed))];
    each_update_is_the_exchanges_book("binance/BTC-USDT_PERP/orderbook", &faults).await;
}

#[tokio::test]
async fn books_of_kraken_are_those_of_the_exchange_at_each_update_and_after_each_fault() {
    let faults = [
        (WsFault::BadSum, Some(BookFault::Checksum)),
        (WsFault::Double, None),
        (WsFault::Crossed, Some(BookFault::Checksum)),
    ];
    each_update_is_the_exchanges_book("kraken/BTC-USDT/orderbook", &faults).await;
}

#[tokio::test]
async fn books_of_coinbase_are_those_of_the_exchange_at_each_update_and_after_each_fault() {
    let faults = [(WsFault::Double, None), (WsFault::Crossed, Some(BookFault::Crossed))];
    each_update_is_the_exchanges_book("coinbase/BTC-USD/orderbook", &faults).await;
}
