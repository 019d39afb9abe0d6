//! A series on disk as the store's writer leaves it, and a naive model of what is known at each instant.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::model::{Batch, BookLevel, Kind, Micros, Series, Side, Window};
use crate::store::book::{BookState, StoredBook};
use crate::store::{Accepted, Bounds, Layout, Period, Store, StoreSettings, Writer};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const HOUR: i64 = 3_600 * SECOND;
pub(super) const DAY: i64 = 24 * HOUR;
/// 2024-01-01 00:00 UTC.
pub(super) const BEGIN: i64 = 1_704_067_200 * SECOND;
const SERIES: &str = "binance/BTC-USDT/orderbook";

/// Price in whole units; the amount and the count.
pub(super) type Levels = BTreeMap<(bool, i64), (f64, Option<i32>)>;

/// A book after an update.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) ts: i64,
    pub(super) ord: i64,
    pub(super) seq: Option<i64>,
    pub(super) is_whole: bool,
    pub(super) book: Levels,
}

/// A stretch of time in which the book is in step.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) steps: Vec<Step>,
}

/// A series on disk and its model.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) dice: Dice,
    pub(super) store: Option<(Store, Writer)>,
    pub(super) journal: u64,
    pub(super) sessions: Vec<Session>,
    /// Snapshots before the first session.
    pub(super) single: Vec<Step>,
    pub(super) unfillable: Vec<Window>,
    pub(super) ord: i64,
}

/// A generator of its own, so that a case is made anew from its seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64).rem_euclid(bound)
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut world = World {
            folder: tempfile::tempdir().unwrap(),
            dice: Dice(seed),
            store: None,
            journal: 1,
            sessions: Vec::new(),
            single: Vec::new(),
            unfillable: Vec::new(),
            ord: 0,
        };
        world.restart();
        world
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::new(self.folder.path())
    }

    pub(super) fn series() -> Series {
        SERIES.parse().unwrap()
    }

    /// Another process takes the data path over; rows may wait in the journal of the one before.
    pub(super) fn restart(&mut self) {
        self.store = None;
        self.journal += 1;
        let bounds = Bounds { small_rows: 40, ..Bounds::default() };
        let settings = StoreSettings { bounds, ..StoreSettings::of(self.journal, Micros(0)) };
        let (store, _) = Store::open(&self.layout(), settings).unwrap();
        let (writer, _) = store.writer(&World::series()).unwrap();
        self.store = Some((store, writer));
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.store.as_ref().unwrap().1
    }

    /// Snapshots that were taken one by one.
    pub(super) fn take_single(&mut self, mut at: i64, count: i64) -> i64 {
        for _ in 0..count {
            at += 1 + self.dice.below(2 * HOUR);
            let book = self.book();
            let step = self.step(at, true, book);
            let rows = rows(&step, &step.book);
            let page = Accepted { rows, covered: None, empty: None, derived: false };
            self.writer().accept_updates(page).unwrap();
            self.single.push(step);
        }
        at
    }

    /// A session: a whole book at its first instant and at the first update of each hour, and changes between.
    pub(super) fn listen(&mut self, from: i64, updates: i64, changed: i64) -> i64 {
        let (mut at, mut hour) = (from, None);
        let mut book = self.book();
        let mut session = Session { from, until: 0, steps: Vec::new() };
        for number in 0..updates {
            let changes = if number == 0 { Levels::new() } else { self.changes(&mut book, changed) };
            let is_whole = hour.replace(at.div_euclid(HOUR)) != Some(at.div_euclid(HOUR));
            let step = self.step(at, is_whole, book.clone());
            let rows = rows(&step, if is_whole { &book } else { &changes });
            let covered = Window::new(Micros(from), Micros(at));
            self.writer().accept_live(rows, covered).unwrap();
            session.steps.push(step);
            // Several updates share an instant; some hours have none.
            at += [0, 1, self.dice.below(60 * SECOND), self.dice.below(20 * 60 * SECOND)]
                [self.dice.below(4) as usize];
            self.disturb();
        }
        let last = session.steps.last().unwrap().ts;
        session.until = last + 1 + self.dice.below(10 * 60 * SECOND);
        let until = session.until;
        let none = Batch::of(Kind::OrderBook);
        let covered = Window::new(Micros(from), Micros(until));
        self.writer().accept(Accepted { rows: none, covered, empty: None, derived: false }).unwrap();
        self.sessions.push(session);
        until
    }

    pub(super) fn step(&mut self, ts: i64, is_whole: bool, book: Levels) -> Step {
        let ord = self.ord;
        self.ord += 1;
        Step { ts, ord, seq: (ord % 3 != 0).then_some(7 * ord), is_whole, book }
    }

    pub(super) fn disturb(&mut self) {
        match self.dice.below(25) {
            0 => drop(self.writer().flush().unwrap()),
            1 => self.restart(),
            _ => {}
        }
    }

    pub(super) fn book(&mut self) -> Levels {
        (0..2 + self.dice.below(8))
            .flat_map(|away| [(true, 99 - away), (false, 100 + away)])
            .map(|key| (key, (1.0 + self.dice.below(50) as f64 / 8.0, (key.1 % 2 == 0).then_some(3))))
            .collect()
    }

    /// Changes of a book, which it takes: amounts set, and levels that go.
    pub(super) fn changes(&mut self, book: &mut Levels, count: i64) -> Levels {
        let mut changes = Levels::new();
        for _ in 0..1 + self.dice.below(count) {
            let price = 90 + self.dice.below(20);
            let key = (price < 100, price);
            let amount = if self.dice.below(3) == 0 { 0.0 } else { 1.0 + self.dice.below(99) as f64 / 16.0 };
            let count = (amount > 0.0 && self.dice.below(2) == 0).then_some(5);
            changes.insert(key, (amount, count));
            match amount > 0.0 {
                true => book.insert(key, (amount, count)),
                false => book.remove(&key),
            };
        }
        changes
    }

    /// Days of sessions with gaps between, some of which are unfillable.
    pub(super) fn days(seed: u64, updates: i64) -> Self {
        let mut world = World::new(seed);
        let mut at = BEGIN + world.dice.below(DAY / 2);
        let singles = world.dice.below(4);
        at = world.take_single(at, singles) + 1;
        while at < BEGIN + 4 * DAY {
            let from = at + [0, world.dice.below(3 * HOUR)][world.dice.below(2) as usize];
            let updates = 1 + world.dice.below(updates);
            let until = world.listen(from, updates, 4);
            at = until
                + [0, 1, world.dice.below(HOUR), world.dice.below(9 * HOUR)][world.dice.below(4) as usize];
            if let Some(window) = Window::new(Micros(until), Micros(at)).filter(|_| world.dice.below(2) == 0)
            {
                world.writer().unfillable(window, "reconnect").unwrap();
                // Only a publish writes it.
                world.writer().flush().unwrap();
                world.unfillable.push(window);
                at = window.until.0;
            }
        }
        world.writer().flush().unwrap();
        world
    }

    /// The state as of an instant, as far as its files are left; `None` if it is not known.
    pub(super) fn model(&self, at: i64, left: Option<&Period>) -> Option<(&Step, bool)> {
        let gone = self.gone(left);
        if gone.iter().any(|day| day.holds(Micros(at))) {
            return None;
        }
        let floor = gone.iter().map(|day| day.until.0).filter(|until| *until <= at).max().unwrap_or(i64::MIN);
        let known = |step: &&Step| step.ts >= floor && step.ts <= at;
        if let Some(session) = self.sessions.iter().find(|own| own.from <= at && at < own.until) {
            session.steps.iter().filter(known).find(|step| step.is_whole)?;
            return session.steps.iter().rfind(known).map(|step| (step, true));
        }
        let first = self.sessions.first().map_or(i64::MAX, |session| session.from);
        let first = self.unfillable.first().map_or(first, |window| first.min(window.from.0));
        if at >= first {
            return None;
        }
        // A day whose file is gone may have had newer ones.
        self.single.iter().rfind(known).map(|step| (step, false))
    }

    /// The days whose files are gone where only one is left.
    pub(super) fn gone(&self, left: Option<&Period>) -> Vec<Window> {
        let Some(left) = left else { return Vec::new() };
        let steps = self.single.iter().chain(self.sessions.iter().flat_map(|own| &own.steps));
        let mut days: Vec<Window> =
            steps.map(|step| Period::of(Kind::OrderBook, Micros(step.ts)).window).collect();
        days.dedup();
        days.retain(|day| *day != left.window);
        days
    }

    pub(super) fn stored(&self) -> StoredBook {
        StoredBook::new(self.folder.path(), &World::series()).unwrap()
    }

    /// Instants at and beside everything that happens, and anywhere.
    pub(super) fn instants(&mut self, count: usize) -> Vec<i64> {
        let mut events: Vec<i64> = self.single.iter().map(|step| step.ts).collect();
        for session in &self.sessions {
            events.extend([session.from, session.until]);
            events.extend(session.steps.iter().map(|step| step.ts));
        }
        (0..count)
            .map(|_| match self.dice.below(3) {
                0 => BEGIN - HOUR + self.dice.below(5 * DAY),
                _ => events[self.dice.below(events.len() as i64) as usize] + self.dice.below(3) - 1,
            })
            .collect()
    }
}

/// The rows of an update, those of bids first.
pub(super) fn rows(step: &Step, levels: &Levels) -> Batch {
    let mut batch = Batch::of(Kind::OrderBook);
    for ((is_bid, price), (amount, count)) in levels.iter().rev() {
        batch.book_mut().push(BookLevel {
            ord: 0,
            ts: Micros(step.ts),
            ts_recv: Micros(step.ts + 1_000),
            seq: step.seq,
            is_snapshot: step.is_whole,
            side: if *is_bid { Side::Bid } else { Side::Ask },
            price: *price as f64,
            amount: *amount,
            count: *count,
        });
    }
    batch
}

pub(super) fn levels(state: &BookState) -> Vec<(bool, i64, f64, Option<i32>)> {
    let bids = state.bids().map(|level| (true, level));
    let all = bids.chain(state.asks().map(|level| (false, level)));
    all.map(|(is_bid, level)| (is_bid, level.price as i64, level.amount, level.count)).collect()
}

/// Best first.
pub(super) fn wanted(book: &Levels) -> Vec<(bool, i64, f64, Option<i32>)> {
    let line = |((is_bid, price), (amount, count)): (&(bool, i64), &(f64, Option<i32>))| {
        (*is_bid, *price, *amount, *count)
    };
    let bids = book.iter().rev().filter(|(key, _)| key.0).map(line);
    bids.chain(book.iter().filter(|(key, _)| !key.0).map(line)).collect()
}

pub(super) fn is_as(state: &BookState, step: &Step, is_covered: bool) -> bool {
    let head = (state.ts.0, state.ts_recv.0, state.ord, state.seq, state.is_covered);
    head == (step.ts, step.ts + 1_000, step.ord, step.seq, is_covered) && levels(state) == wanted(&step.book)
}
