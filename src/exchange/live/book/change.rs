//! The content of one message about a book: a whole book, or changes of its levels.

use crate::exchange::Instrument;
use crate::exchange::live::book::Level;
use crate::exchange::live::book::ids::Ids;
use crate::exchange::live::book::text::{WireText, Written};
use crate::exchange::reading::told::Told;
use crate::exchange::reading::wire::Int;
use crate::model::{Batch, Micros, Side};

/// One message about one book. A reader has one of these and uses it again and again, so that a message costs no
/// allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Whether the levels are a whole book.
    pub(crate) is_whole: bool,
    pub(crate) ids: Ids,
    /// The exchange's time of it.
    pub(crate) ts: Option<Micros>,
    /// The checksum of the book after it.
    pub(crate) checksum: Option<u32>,
    /// Of a whole book that was asked for: how many levels of each side were.
    pub(crate) asked: Option<usize>,
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
    /// The texts of the levels, where they are kept.
    pub(crate) written: [Vec<Written>; 2],
    /// The first fault of a level.
    pub(crate) fault: Option<&'static str>,
}

impl Change {
    /// Forgets everything but the room.
    pub(crate) fn clear(&mut self) {
        let Change { bids, asks, written, .. } = self;
        bids.clear();
        asks.clear();
        written.iter_mut().for_each(Vec::clear);
        (self.is_whole, self.ids, self.ts) = (false, Ids::default(), None);
        (self.checksum, self.asked, self.fault) = (None, None, None);
    }

    /// Whether it changes no level.
    pub(crate) fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// The levels of one side.
    pub(crate) fn side(&self, side: Side) -> &[Level] {
        if side == Side::Bid { &self.bids } else { &self.asks }
    }

    /// The text of a level, if texts are kept.
    pub(crate) fn written(&self, side: Side, place: usize) -> Option<Written> {
        self.written[usize::from(side != Side::Bid)].get(place).copied()
    }

    /// Something in it cannot be true.
    pub(crate) fn refuse(&mut self, why: &'static str) {
        self.fault.get_or_insert(why);
    }

    /// Appends a level as it came; an amount of zero removes one.
    #[inline]
    pub(crate) fn push(&mut self, side: Side, price: Told<'_>, amount: Told<'_>, orders: Int) {
        let fault = match (price.num.get(), amount.num.get()) {
            (Some(price), Some(amount)) if price > 0.0 && amount >= 0.0 => {
                let count = orders.get().and_then(|orders| i32::try_from(orders).ok());
                return self.append(side, Level { price, amount, count });
            }
            (Some(price), _) if price > 0.0 => "an amount of the book is absent, negative or no number",
            _ => "a price of the book is absent, zero, negative or no number",
        };
        self.refuse(fault);
    }

    /// The same with the texts of both numbers, which a checksum is over.
    #[inline]
    pub(crate) fn push_written(&mut self, side: Side, price: Told<'_>, amount: Told<'_>, orders: Int) {
        let texts = WireText::of(price.text).zip(WireText::of(amount.text));
        let Some((price_text, amount_text)) = texts else {
            return self.refuse("the text of a number of the book is absent or too long");
        };
        let before = self.bids.len() + self.asks.len();
        self.push(side, price, amount, orders);
        if self.bids.len() + self.asks.len() > before {
            let written = Written { price: price_text, amount: amount_text };
            self.written[usize::from(side != Side::Bid)].push(written);
        }
    }

    #[inline]
    pub(crate) fn append(&mut self, side: Side, level: Level) {
        if side == Side::Bid { self.bids.push(level) } else { self.asks.push(level) }
    }

    /// Converts the amounts, which count contracts, into the base asset.
    pub(crate) fn of_contracts(&mut self, instrument: &Instrument) {
        for level in self.bids.iter_mut().chain(&mut self.asks).filter(|level| level.amount > 0.0) {
            match instrument.base_amount(0, level.amount, level.price) {
                Ok(amount) => level.amount = amount,
                Err(_) => {
                    self.fault.get_or_insert("an amount of the book is no number of contracts");
                }
            }
        }
    }

    /// A whole book that was asked for with so many levels a side.
    pub(crate) fn of_answer(rows: &Batch, asked: usize) -> Self {
        let mut change = Change { is_whole: true, asked: Some(asked), ..Change::default() };
        let book = rows.book();
        for row in (0..rows.len()).map(|row| book.get(row)) {
            change.append(row.side, Level { price: row.price, amount: row.amount, count: row.count });
            change.ids.last = row.seq;
            change.ts = Some(row.ts);
        }
        change
    }
}
