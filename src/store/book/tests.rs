//! Random books and updates as the store's writer publishes them, and a naive model of what is known at each instant.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{BookError, BookState, StoredBook};
use crate::model::{Batch, BookLevel, Kind, Micros, Series, Side, Window};
use crate::store::rows::GROUP_ROWS;
use crate::store::{Accepted, Bounds, Layout, Period, Store, StoreSettings, Writer};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// 2024-01-01 00:00 UTC.
const BEGIN: i64 = 1_704_067_200 * SECOND;
const SERIES: &str = "binance/BTC-USDT/orderbook";

/// Price in whole units; the amount and the count.
type Levels = BTreeMap<(bool, i64), (f64, Option<i32>)>;

/// A book after an update.
#[derive(Clone, Debug)]
struct Step {
    ts: i64,
    ord: i64,
    seq: Option<i64>,
    is_whole: bool,
    book: Levels,
}

/// A stretch of time in which the book is in step.
#[derive(Clone, Debug)]
struct Session {
    from: i64,
    until: i64,
    steps: Vec<Step>,
}

/// A series on disk and its model.
struct World {
    folder: TempDir,
    dice: Dice,
    store: Option<(Store, Writer)>,
    journal: u64,
    sessions: Vec<Session>,
    /// Snapshots before the first session.
    single: Vec<Step>,
    unfillable: Vec<Window>,
    ord: i64,
}

/// A generator of its own, so that a case is made anew from its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64).rem_euclid(bound)
    }
}

impl World {
    fn new(seed: u64) -> Self {
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

    fn layout(&self) -> Layout {
        Layout::new(self.folder.path())
    }

    fn series() -> Series {
        SERIES.parse().unwrap()
    }

    /// Another process takes the data path over; rows may wait in the journal of the one before.
    fn restart(&mut self) {
        self.store = None;
        self.journal += 1;
        let bounds = Bounds { small_rows: 40, ..Bounds::default() };
        let settings = StoreSettings { bounds, ..StoreSettings::of(self.journal, Micros(0)) };
        let (store, _) = Store::open(&self.layout(), settings).unwrap();
        let (writer, _) = store.writer(&World::series()).unwrap();
        self.store = Some((store, writer));
    }

    fn writer(&self) -> &Writer {
        &self.store.as_ref().unwrap().1
    }

    /// Snapshots that were taken one by one.
    fn take_single(&mut self, mut at: i64, count: i64) -> i64 {
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
    fn listen(&mut self, from: i64, updates: i64, changed: i64) -> i64 {
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

    fn step(&mut self, ts: i64, is_whole: bool, book: Levels) -> Step {
        let ord = self.ord;
        self.ord += 1;
        Step { ts, ord, seq: (ord % 3 != 0).then_some(7 * ord), is_whole, book }
    }

    fn disturb(&mut self) {
        match self.dice.below(25) {
            0 => drop(self.writer().flush().unwrap()),
            1 => self.restart(),
            _ => {}
        }
    }

    fn book(&mut self) -> Levels {
        (0..2 + self.dice.below(8))
            .flat_map(|away| [(true, 99 - away), (false, 100 + away)])
            .map(|key| (key, (1.0 + self.dice.below(50) as f64 / 8.0, (key.1 % 2 == 0).then_some(3))))
            .collect()
    }

    /// Changes of a book, which it takes: amounts set, and levels that go.
    fn changes(&mut self, book: &mut Levels, count: i64) -> Levels {
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
    fn days(seed: u64, updates: i64) -> Self {
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
                world.writer().unfillable(window, "reconnect");
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
    fn model(&self, at: i64, left: Option<&Period>) -> Option<(&Step, bool)> {
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
    fn gone(&self, left: Option<&Period>) -> Vec<Window> {
        let Some(left) = left else { return Vec::new() };
        let steps = self.single.iter().chain(self.sessions.iter().flat_map(|own| &own.steps));
        let mut days: Vec<Window> =
            steps.map(|step| Period::of(Kind::OrderBook, Micros(step.ts)).window).collect();
        days.dedup();
        days.retain(|day| *day != left.window);
        days
    }

    fn stored(&self) -> StoredBook {
        StoredBook::new(self.folder.path(), &World::series()).unwrap()
    }

    /// Instants at and beside everything that happens, and anywhere.
    fn instants(&mut self, count: usize) -> Vec<i64> {
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
fn rows(step: &Step, levels: &Levels) -> Batch {
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

fn levels(state: &BookState) -> Vec<(bool, i64, f64, Option<i32>)> {
    let bids = state.bids().map(|level| (true, level));
    let all = bids.chain(state.asks().map(|level| (false, level)));
    all.map(|(is_bid, level)| (is_bid, level.price as i64, level.amount, level.count)).collect()
}

/// Best first.
fn wanted(book: &Levels) -> Vec<(bool, i64, f64, Option<i32>)> {
    let line = |((is_bid, price), (amount, count)): (&(bool, i64), &(f64, Option<i32>))| {
        (*is_bid, *price, *amount, *count)
    };
    let bids = book.iter().rev().filter(|(key, _)| key.0).map(line);
    bids.chain(book.iter().filter(|(key, _)| !key.0).map(line)).collect()
}

fn is_as(state: &BookState, step: &Step, is_covered: bool) -> bool {
    let head = (state.ts.0, state.ts_recv.0, state.ord, state.seq, state.is_covered);
    head == (step.ts, step.ts + 1_000, step.ord, step.seq, is_covered) && levels(state) == wanted(&step.book)
}

/// Compares what is stored as of instants with the model; returns how many were known.
fn compare(world: &World, instants: &[i64], left: Option<&Period>) -> usize {
    let stored = world.stored();
    let mut known = 0;
    for at in instants {
        match (stored.as_of(Micros(*at)), world.model(*at, left)) {
            (Ok(state), Some((step, is_covered))) => {
                known += 1;
                assert!(is_as(&state, step, is_covered), "at {at}: {state:?} instead of {step:?}");
            }
            (Err(BookError::NotCovered { uncovered, .. }), None) => {
                let holds = uncovered.from.is_none_or(|from| from.0 <= *at)
                    && uncovered.until.is_none_or(|until| *at < until.0);
                assert!(holds && !uncovered.reason.is_empty(), "at {at}: {uncovered:?}");
                let unfillable = world.unfillable.iter().any(|window| window.holds(Micros(*at)));
                assert_eq!(uncovered.state == "unfillable", unfillable, "at {at}: {uncovered:?}");
            }
            (found, model) => panic!("at {at}: {found:?} instead of {model:?}"),
        }
    }
    known
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn a_book_as_of_any_instant_is_that_of_the_model_or_refused_exactly_where_the_model_does_not_know_it(seed in any::<u64>()) {
        let mut world = World::days(seed, 150);
        let instants = world.instants(1_000);

        let known = compare(&world, &instants, None);

        prop_assert!(known > 0, "nothing was known");
        world.store = None;
        let layout = world.layout();
        let folder = layout.folder(&World::series());
        let days: Vec<Period> = (0..5).map(|day| Period::of(Kind::OrderBook, Micros(BEGIN + day * DAY))).collect();
        let left = days[world.dice.below(4) as usize].clone();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".parquet") && !name.starts_with(&left.name) {
                fs::remove_file(path).unwrap();
            }
        }
        compare(&world, &instants, Some(&left));
    }

    #[test]
    fn a_walk_gives_every_update_of_its_window_once_and_in_order(seed in any::<u64>()) {
        let mut world = World::days(seed, 60);
        let ends = world.instants(2);
        let window = Window { from: Micros(ends[0].min(ends[1])), until: Micros(ends[0].max(ends[1]) + 1) };
        let mut walk = world.stored().walk(window).unwrap();
        let mut found: Vec<(i64, Vec<_>)> = Vec::new();

        loop {
            match walk.next() {
                Ok(Some(state)) => found.push((state.ord, levels(state))),
                Ok(None) => break,
                Err(BookError::NotCovered { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }

        let all = world.single.iter().chain(world.sessions.iter().flat_map(|own| &own.steps));
        let inside = all.clone().filter(|step| window.holds(Micros(step.ts)) && step.ts > window.from.0);
        let mut expected: Vec<&Step> = inside.collect();
        if let Some((first, _)) = world.model(window.from.0, None) {
            expected.insert(0, first);
        }
        // A walk begins a session with the book as of its first instant, all updates of that instant in it.
        let begins = |step: &Step| {
            let own = world.sessions.iter().find(|own| own.steps.iter().any(|one| one.ord == step.ord));
            own.filter(|own| own.from == step.ts).is_some_and(|own| {
                let goes_on = world.sessions.iter().any(|other| other.until == own.from);
                !goes_on && own.steps.iter().any(|one| one.ord == step.ord + 1 && one.ts == step.ts)
            })
        };
        expected.retain(|step| step.ts == window.from.0 || !begins(step));
        prop_assert_eq!(found, expected.iter().map(|step| (step.ord, wanted(&step.book))).collect::<Vec<_>>());
    }
}

#[test]
fn a_day_of_several_row_groups_gives_the_same_books() {
    let mut world = World::new(7);
    let until = world.listen(BEGIN + HOUR / 2, 800, 4);
    // Whole books with many levels fill row groups.
    let mut from = until + 1;
    let deep: Levels =
        (0..GROUP_ROWS as i64 * 2 / 3).map(|place| ((place < 9_000, 1_000 + place), (2.0, None))).collect();
    for _ in 0..4 {
        let step = world.step(from, true, deep.clone());
        let covered = Window::new(Micros(from), Micros(from + HOUR));
        world.writer().accept_live(rows(&step, &deep), covered).unwrap();
        world.sessions.push(Session { from, until: from + HOUR, steps: vec![step] });
        from = world.listen(from + HOUR, 40, 4) + 1;
    }
    world.writer().flush().unwrap();

    let instants = world.instants(60);

    assert!(compare(&world, &instants, None) > 10);
}

#[test]
fn a_missing_update_is_refused_until_the_next_whole_book() {
    let mut world = World::new(3);
    let at = |secs: i64| BEGIN + secs * SECOND;
    let book = world.book();
    for (secs, is_whole) in [(0, true), (10, false), (20, false), (30, true), (40, false)] {
        let step = world.step(at(secs), is_whole, book.clone());
        let mut rows = rows(&step, &book);
        if secs >= 20 {
            // One number was given to an update that the disk refused.
            rows.book_mut().number_from(step.ord + 1);
        } else {
            rows.book_mut().number_from(step.ord);
        }
        let covered = Window::new(Micros(at(0)), Micros(at(60)));
        world.writer().accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
    }
    world.writer().flush().unwrap();
    let stored = world.stored();
    let refused = |secs: i64| stored.as_of(Micros(at(secs))).err().map(|error| error.to_string());

    assert_eq!(refused(9), None);
    for secs in [10, 15, 20, 29] {
        let why = refused(secs).unwrap();
        assert!(why.ends_with("(gap: updates between 1 and 3 are missing)"), "{secs}: {why}");
        assert!(why.contains("from 2024-01-01T00:00:10Z until 2024-01-01T00:00:30Z"), "{secs}: {why}");
    }
    assert_eq!((refused(30), refused(59)), (None, None));
    assert!(refused(60).unwrap().contains("nothing after it is proven yet"));
}

#[test]
fn the_newest_book_is_the_last_of_what_is_covered() {
    let mut world = World::new(5);
    world.take_single(BEGIN, 3);
    world.writer().flush().unwrap();
    let newest = world.stored().newest().unwrap();
    assert!(is_as(&newest, world.single.last().unwrap(), false), "{newest:?}");

    world.listen(BEGIN + DAY, 50, 4);
    world.writer().flush().unwrap();
    let newest = world.stored().newest().unwrap();
    assert!(is_as(&newest, world.sessions[0].steps.last().unwrap(), true), "{newest:?}");
}

#[test]
fn a_series_of_another_kind_and_one_without_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let candles = StoredBook::new(folder.path(), &"binance/BTC-USDT/ohlc/1h".parse().unwrap());
    assert!(matches!(candles, Err(BookError::NoBook { .. })));

    let none = StoredBook::new(folder.path(), &World::series()).unwrap().newest().unwrap_err();
    assert!(matches!(none, BookError::NotCovered { .. }), "{none}");
}
