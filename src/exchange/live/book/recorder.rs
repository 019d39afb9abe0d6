//! Rows of a book that is in step: its best levels at each step of the exchange's time, or every update beside whole
//! books.

use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::kept::Book;
use crate::exchange::live::book::wish::BookWish;
use crate::exchange::live::{Received, TopicId};
use crate::model::{BookLevel, Kind, Micros, Side};

/// Whole books are written at the first update of each hour, and so of each day.
const WHOLE_EVERY: i64 = 3_600_000_000;

/// The most steps of one quiet stretch that become snapshots, beside the first.
const MOST_STEPS: i64 = 600;

/// The properties that the rows of one update share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) topic: TopicId,
    pub(crate) ts: Micros,
    pub(crate) received: Micros,
    pub(crate) seq: Option<i64>,
}

/// The writer of one book's rows. Instants never fall: a row is put at that of the row before it where its own is older.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    wish: BookWish,
    /// The number of the next update, of this connection alone.
    ord: i64,
    /// Where rows stand in time.
    ts: Micros,
    /// The next step of time that becomes a snapshot.
    next: Option<Micros>,
    /// The hour whose whole book was written.
    hour: Option<i64>,
    /// The best levels before the update under way, and the number of the last update in them.
    held: Vec<(Side, f64, f64, Option<i32>)>,
    held_seq: Option<i64>,
}

impl Recorder {
    pub(crate) fn new(wish: BookWish) -> Self {
        Recorder {
            wish,
            ord: 0,
            ts: Micros::OLDEST,
            next: None,
            hour: None,
            held: Vec::new(),
            held_seq: None,
        }
    }

    fn step(&self) -> i64 {
        i64::try_from(self.wish.every.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    /// The book is in step as a whole one.
    pub(crate) fn begin(&mut self, book: &Book, stamp: Stamp, into: &mut Received) {
        self.held.clear();
        if self.wish.deltas {
            self.whole(book, stamp, into);
        } else {
            let ts = self.ts.max(stamp.ts);
            self.next = ts.0.div_euclid(self.step()).checked_add(1).map(|step| Micros(step * self.step()));
        }
    }

    /// An update of this instant comes: keeps the book before it, where a step of time lies between.
    #[inline]
    pub(crate) fn before(&mut self, book: &Book, ts: Micros, seq: Option<i64>) {
        if self.next.is_some_and(|next| next < ts) {
            self.hold(book, seq);
        }
    }

    fn hold(&mut self, book: &Book, seq: Option<i64>) {
        self.held.clear();
        self.held_seq = seq;
        for side in book.sides() {
            let best = side.levels().take(self.wish.depth as usize);
            self.held.extend(best.map(|level| (side.side(), level.price, level.amount, level.count)));
        }
    }

    /// The update proved itself and was applied.
    #[inline]
    pub(crate) fn after(&mut self, book: &Book, change: &Change, stamp: Stamp, into: &mut Received) {
        if !self.wish.deltas {
            if !self.held.is_empty() {
                self.snapshots(stamp.ts, stamp, into);
            }
            return;
        }
        let ts = self.ts.max(stamp.ts);
        if self.hour != Some(ts.0.div_euclid(WHOLE_EVERY)) {
            return self.whole(book, stamp, into);
        }
        self.update(book, change, Stamp { ts, ..stamp }, into);
    }

    /// More levels of the book are known from now on than any update tells.
    pub(crate) fn deeper(&mut self, book: &Book, stamp: Stamp, into: &mut Received) {
        if self.wish.deltas {
            self.whole(book, stamp, into);
        }
    }

    /// The book is not in step any more.
    pub(crate) fn end(&mut self) {
        self.held.clear();
        (self.next, self.hour) = (None, None);
    }

    /// Writes the levels kept at each step before an instant.
    fn snapshots(&mut self, until: Micros, stamp: Stamp, into: &mut Received) {
        let step = self.step();
        let newest = Micros(until.0.saturating_sub(MOST_STEPS.saturating_mul(step)));
        while let Some(next) = self.next.filter(|next| *next < until) {
            let mut batch = into.rows_of(stamp.topic, Kind::OrderBook, self.held.len() as u64).book_mut();
            for (side, price, amount, count) in &self.held {
                batch.push(BookLevel {
                    ord: self.ord,
                    ts: next,
                    ts_recv: stamp.received,
                    seq: self.held_seq,
                    is_snapshot: true,
                    side: *side,
                    price: *price,
                    amount: *amount,
                    count: *count,
                });
            }
            self.ord += 1;
            self.ts = self.ts.max(next);
            // The first shows what holds in all of them; of very many the newest are written besides.
            let skipped = Micros(newest.0.div_euclid(step).saturating_mul(step)).max(next);
            self.next = skipped.0.checked_add(step).map(Micros);
        }
        self.held.clear();
    }

    fn whole(&mut self, book: &Book, stamp: Stamp, into: &mut Received) {
        let ts = self.ts.max(stamp.ts);
        let levels = book.bids().len() + book.asks().len();
        if levels == 0 {
            return;
        }
        (self.ts, self.hour) = (ts, Some(ts.0.div_euclid(WHOLE_EVERY)));
        let mut batch = into.rows_of(stamp.topic, Kind::OrderBook, levels as u64).book_mut();
        for side in book.sides() {
            for level in side.levels() {
                batch.push(BookLevel {
                    ord: self.ord,
                    ts,
                    ts_recv: stamp.received,
                    seq: stamp.seq,
                    is_snapshot: true,
                    side: side.side(),
                    price: level.price,
                    amount: level.amount,
                    count: level.count,
                });
            }
        }
        self.ord += 1;
    }

    /// Writes the levels that an update changed, those that it pushed out of the depth included, so that who reads them
    /// needs to know no depth.
    fn update(&mut self, book: &Book, change: &Change, stamp: Stamp, into: &mut Received) {
        let pushed_out = book.pushed_out();
        let known = |side, price| book.side(side).knows(price);
        let levels = change.bids.len() + change.asks.len() + pushed_out.len();
        let has_any = !pushed_out.is_empty()
            || [Side::Bid, Side::Ask]
                .into_iter()
                .any(|side| change.side(side).iter().any(|level| known(side, level.price)));
        if !has_any {
            return;
        }
        self.ts = stamp.ts;
        let ord = self.ord;
        let mut batch = into.rows_of(stamp.topic, Kind::OrderBook, levels as u64).book_mut();
        let mut push = |side, price, amount, count| {
            batch.push(BookLevel {
                ord,
                ts: stamp.ts,
                ts_recv: stamp.received,
                seq: stamp.seq,
                is_snapshot: false,
                side,
                price,
                amount,
                count,
            });
        };
        for side in [Side::Bid, Side::Ask] {
            for level in change.side(side).iter().filter(|level| known(side, level.price)) {
                push(side, level.price, level.amount, level.count);
            }
        }
        for (side, level) in pushed_out {
            push(*side, level.price, 0.0, None);
        }
        self.ord += 1;
    }
}
