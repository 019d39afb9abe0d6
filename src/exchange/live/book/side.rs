//! One side of a book: its levels in one sorted list.

use crate::exchange::live::book::Level;
use crate::exchange::live::book::text::Written;
use crate::model::Side;

/// The levels of one side. The best is the last, since most changes are near it.
#[derive(Clone, Debug)]
pub struct BookSide {
    is_bid: bool,
    levels: Vec<Level>,
    /// The texts of the levels, where a checksum is over them; else empty.
    written: Vec<Written>,
    /// The last price up to which every level is known; `None` if all are.
    floor: Option<f64>,
}

/// The effect of a change on a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Added,
    Replaced,
    Removed,
    /// There was no such level to remove.
    Absent,
    /// It lies where the book is not known.
    Unknown,
}

/// The room that so many levels leave for others.
fn spare(levels: usize) -> usize {
    levels / 8 + 8
}

/// Gives an empty list room for so many, and spare room, where it has less or far more.
fn fit<T>(list: &mut Vec<T>, levels: usize) {
    let wanted = if levels == 0 { 0 } else { levels + spare(levels) };
    if list.capacity() < levels || list.capacity() > wanted + spare(levels) {
        *list = Vec::with_capacity(wanted);
    }
}

/// Has room for one more.
#[inline]
fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(spare(list.len()));
    }
}

impl BookSide {
    pub(crate) fn new(side: Side) -> Self {
        BookSide { is_bid: side == Side::Bid, levels: Vec::new(), written: Vec::new(), floor: None }
    }

    /// Whether it is bids or asks.
    #[must_use]
    pub fn side(&self) -> Side {
        if self.is_bid { Side::Bid } else { Side::Ask }
    }

    /// How many levels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// The best level.
    #[must_use]
    pub fn best(&self) -> Option<Level> {
        self.levels.last().copied()
    }

    /// The levels, best first.
    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().rev()
    }

    /// The texts of the levels, best first.
    pub(crate) fn written(&self) -> impl Iterator<Item = &Written> {
        self.written.iter().rev()
    }

    /// Whether every level up to the worst that is kept is known, but none behind it.
    pub(crate) fn has_floor(&self) -> bool {
        self.floor.is_some()
    }

    /// Whether a price lies where the book is known.
    pub(crate) fn knows(&self, price: f64) -> bool {
        self.floor.is_none_or(|floor| !self.is_worse(price, floor))
    }

    pub(crate) fn clear(&mut self) {
        self.levels.clear();
        self.written.clear();
        self.floor = None;
    }

    /// Has room for so many levels, and for few more: there may be a thousand books, and each keeps what it once took.
    pub(crate) fn make_room(&mut self, levels: usize, are_written: bool) {
        fit(&mut self.levels, levels);
        fit(&mut self.written, if are_written { levels } else { 0 });
    }

    /// Nothing is known behind the levels there are.
    pub(crate) fn end_here(&mut self) {
        self.floor = self.levels.first().map(|worst| worst.price);
    }

    fn is_worse(&self, price: f64, than: f64) -> bool {
        if self.is_bid { price < than } else { price > than }
    }

    /// Sets the amount at a price; zero removes the level.
    #[inline]
    pub(crate) fn set(&mut self, level: Level, written: Option<Written>) -> Effect {
        if !self.knows(level.price) {
            return Effect::Unknown;
        }
        let place = self.place(level.price);
        let is_there = self.levels.get(place).is_some_and(|own| own.price == level.price);
        match (is_there, level.amount == 0.0) {
            (true, true) => {
                self.levels.remove(place);
                if !self.written.is_empty() {
                    self.written.remove(place);
                }
                Effect::Removed
            }
            (true, false) => {
                self.levels[place] = level;
                if let Some(written) = written {
                    self.written[place] = written;
                }
                Effect::Replaced
            }
            (false, true) => Effect::Absent,
            (false, false) => {
                grow(&mut self.levels);
                self.levels.insert(place, level);
                if let Some(written) = written {
                    grow(&mut self.written);
                    self.written.insert(place, written);
                }
                Effect::Added
            }
        }
    }

    /// The place of a price, or where it would be.
    #[inline]
    fn place(&self, price: f64) -> usize {
        let is_bid = self.is_bid;
        self.levels.partition_point(|own| if is_bid { own.price < price } else { own.price > price })
    }

    /// Leaves only the best so many; `cut` is given each that goes.
    pub(crate) fn cut(&mut self, depth: usize, cut: impl FnMut(&Level)) {
        let Some(surplus) = self.levels.len().checked_sub(depth).filter(|surplus| *surplus > 0) else {
            return;
        };
        self.levels[..surplus].iter().for_each(cut);
        self.levels.drain(..surplus);
        if !self.written.is_empty() {
            self.written.drain(..surplus);
        }
    }
}
