//! The rows of an answer, read so that one that cannot be true costs itself and not its page.
//!
//! All rows are read at once, which is what an honest answer costs. Only where anything is wrong with one, the same
//! rows are taken apart as texts and read one by one: the good ones are kept, each other is named with its text.
//! Anything wrong around the rows still refuses the page. An exchange implements [`WireRow`] for its rows and names by
//! [`Envelope`] where rows stand in an answer.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use crate::exchange::reading::decode::unreadable;
use crate::exchange::reading::record;
use crate::exchange::reading::record::Record;
use crate::exchange::reading::row::{Row, RowFault, time_fault};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::{Exchange, Next, OddFault, OddRow, Page, ParseError, Parsed};
use crate::model::{Batch, Grid, Micros};

/// Hardly a row is shorter than this, so a body says how many it may hold.
const ROW_BYTES: usize = 40;

/// A row as an exchange sends it: read as [`Columns`] or [`Members`] of it, whatever else stands beside those.
pub(crate) trait WireRow<'a>: Deserialize<'a> {
    /// The record it becomes.
    type Record: Record;

    /// Its open or instant.
    ///
    /// # Errors
    /// When it says none.
    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault>;

    /// The symbol it names, if any.
    #[inline]
    fn symbol(&self) -> Option<&str> {
        None
    }

    /// Converts the row; `ts` is its open or instant.
    ///
    /// # Errors
    /// When it cannot be true, or the page cannot be read at all.
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Self::Record>, Refused>;
}

impl<'a, T: WireRow<'a>> WireRow<'a> for Columns<T> {
    type Record = T::Record;

    #[inline]
    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault> {
        self.0.ts(row, page)
    }

    #[inline]
    fn symbol(&self) -> Option<&str> {
        self.0.symbol()
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<T::Record>, Refused> {
        self.0.take(row, ts, page)
    }
}

impl<'a, T: WireRow<'a>> WireRow<'a> for Members<T> {
    type Record = T::Record;

    #[inline]
    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault> {
        self.0.ts(row, page)
    }

    #[inline]
    fn symbol(&self) -> Option<&str> {
        self.0.symbol()
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<T::Record>, Refused> {
        self.0.take(row, ts, page)
    }
}

/// The outcome of converting a row.
pub(crate) enum Taken<R> {
    /// A row to keep.
    Row(R),
    /// No row: nothing happened in its time.
    Nothing,
    /// A candle that the exchange calls unfinished.
    Unfinished,
}

/// Why a row is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It cannot be true.
    Row(RowFault),
    /// No row of the page can be read.
    Page(ParseError),
}

impl From<RowFault> for Refused {
    fn from(fault: RowFault) -> Self {
        Refused::Row(fault)
    }
}

impl From<ParseError> for Refused {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Impossible { row, reason } => Row(row).impossible(reason).into(),
            error => Refused::Page(error),
        }
    }
}

/// Locates the rows in an answer. It may keep what else the answer contains.
pub(crate) trait Envelope {
    /// Hands over the rows in turn, until `take` wants no more.
    ///
    /// # Errors
    /// When the answer is a refusal or not of the documented shape.
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        exchange: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError>;

    /// The symbol that the last answer named beside its rows, if any.
    fn symbol(&self) -> Option<&str> {
        None
    }
}

/// An answer that is an array of rows.
pub(crate) struct Bare;

impl Envelope for Bare {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        exchange: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let malformed = |error: &dyn fmt::Display| unreadable(exchange, body, error);
        // Checked once here rather than text by text, which costs several times as much.
        let text = std::str::from_utf8(body).map_err(|error| malformed(&error))?;
        let mut json = serde_json::Deserializer::from_str(text);
        let mut rows = Streamed { take, stopped: false, row: PhantomData };
        let read = de::Deserializer::deserialize_seq(&mut json, &mut rows).and_then(|()| json.end());
        if rows.stopped { Ok(()) } else { read.map_err(|error| malformed(&error)) }
    }
}

struct Streamed<F, T> {
    take: F,
    stopped: bool,
    row: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>, F: FnMut(T) -> bool> Visitor<'a> for &mut Streamed<F, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element()? {
            if !(self.take)(row) {
                self.stopped = true;
                return Err(de::Error::custom("no more rows are wanted"));
            }
        }
        Ok(())
    }
}

/// Hands over the rows of a list until `take` wants no more.
pub(crate) fn each<T>(rows: Vec<T>, mut take: impl FnMut(T) -> bool) {
    for row in rows {
        if !take(row) {
            return;
        }
    }
}

/// In which order the rows of an answer stand on the wire where the request is obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// An answer with rows in it.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a, 'p> {
    pub(crate) exchange: &'p dyn Exchange,
    pub(crate) page: &'p Page,
    pub(crate) body: &'a [u8],
    pub(crate) order: Order,
}

/// The rows of an answer, sorted out.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    /// Those that may be true, oldest first; those of numbered trades by their number.
    pub(crate) kept: Vec<R>,
    /// How many came, whatever they were.
    pub(crate) came: usize,
    odd: Vec<OddRow>,
    unfinished: Option<Micros>,
    is_reversed: bool,
}

impl<R: Record> Rows<R> {
    /// Those that cannot be true.
    pub(crate) fn odd(&self) -> &[OddRow] {
        &self.odd
    }

    /// Appends them to a batch.
    pub(crate) fn append(self, next: Next, out: &mut Batch) -> Parsed {
        R::append(self.kept, out);
        Parsed { next, odd: self.odd, unfinished: self.unfinished, is_reversed: self.is_reversed }
    }
}

impl<'a> Source<'a, '_> {
    /// Reads the rows.
    ///
    /// # Errors
    /// When the answer is a refusal, or something around its rows is not what is documented.
    pub(crate) fn read<W: WireRow<'a>>(
        &self,
        envelope: &mut impl Envelope,
    ) -> Result<Rows<W::Record>, ParseError> {
        let (grid, is_numbered) = self.rules();
        let mut reading = Reading::<W::Record>::new(self.page, grid);
        reading.kept.reserve((self.body.len() / ROW_BYTES).min(self.page.rows as usize));
        let mut refused = false;
        let read = envelope.rows(self.exchange, self.body, |wire: W| {
            refused = reading.take(wire).is_err();
            !refused
        });
        let is_honest = read.is_ok() && !refused && record::clashing(&reading.kept).is_empty();
        if !is_honest {
            reading = Reading::new(self.page, grid);
            reading.one_by_one::<W>(self, envelope)?;
        }
        envelope.symbol().map_or(Ok(()), |named| self.page.expect_symbol(named))?;
        Ok(reading.finish(self.order, is_numbered))
    }

    /// Where rows with a span have to open, and whether trades are numbered without a hole.
    fn rules(&self) -> (Option<Grid>, bool) {
        let series = &self.page.series;
        let Some(offer) = self.exchange.offer_for(series) else { return (None, false) };
        let span = series.span().filter(|span| !offer.is_unanchored(*span));
        (span.map(|span| offer.grid(span)), offer.ids_are_contiguous)
    }
}

/// The rows of an answer while they are read.
struct Reading<'p, R> {
    page: &'p Page,
    grid: Option<Grid>,
    /// The number of the next row.
    row: usize,
    kept: Vec<R>,
    odd: Vec<OddRow>,
    unfinished: Option<Micros>,
}

impl<'p, R: Record> Reading<'p, R> {
    fn new(page: &'p Page, grid: Option<Grid>) -> Self {
        Reading { page, grid, row: 0, kept: Vec::new(), odd: Vec::new(), unfinished: None }
    }

    /// Reads one row; whether it was kept.
    #[inline]
    fn take<'a, W: WireRow<'a, Record = R>>(&mut self, wire: W) -> Result<bool, (Refused, Option<Micros>)> {
        let row = Row(self.row);
        self.row += 1;
        let named = wire.symbol().map_or(Ok(()), |named| self.page.expect_symbol(named));
        named.map_err(|other| (Refused::Page(other), None))?;
        let ts = wire.ts(row, self.page).map_err(|fault| (fault.into(), None))?;
        if let Some(reason) = time_fault(ts) {
            return Err((row.fault(OddFault::Time, reason).into(), None));
        }
        if let Some(grid) = self.grid.filter(|grid| !grid.holds(ts)) {
            let reason = format!("no {} candle opens at {ts}", grid.span);
            return Err((row.fault(OddFault::OffGrid, reason).into(), Some(ts)));
        }
        match wire.take(row, ts, self.page).map_err(|refused| (refused, Some(ts)))? {
            Taken::Row(record) => {
                self.kept.push(record);
                return Ok(true);
            }
            Taken::Nothing => {}
            Taken::Unfinished => self.unfinished = Some(self.unfinished.map_or(ts, |open| open.min(ts))),
        }
        Ok(false)
    }

    /// Reads each row by itself and names those that cannot be true.
    fn one_by_one<'a, W: WireRow<'a, Record = R>>(
        &mut self,
        source: &Source<'a, '_>,
        envelope: &mut impl Envelope,
    ) -> Result<(), ParseError> {
        let mut texts: Vec<&'a RawValue> = Vec::new();
        envelope.rows(source.exchange, source.body, |text| {
            texts.push(text);
            true
        })?;
        // The number of each row that is kept.
        let mut numbers = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            self.row = number;
            let taken = match serde_json::from_str::<W>(text.get()) {
                Ok(wire) => self.take(wire),
                Err(error) => Err((shapeless(Row(number), &error).into(), None)),
            };
            match taken {
                Ok(true) => numbers.push(number),
                Ok(false) => {}
                Err((Refused::Page(error), _)) => return Err(error),
                Err((Refused::Row(fault), at)) => self.odd.push(odd(&fault, text, at)),
            }
        }
        self.row = texts.len();
        self.set_clashing_aside(&numbers, &texts);
        Ok(())
    }

    /// Sets aside rows that share a key but differ: there is no telling which is true.
    fn set_clashing_aside(&mut self, numbers: &[usize], texts: &[&RawValue]) {
        let clashing = record::clashing(&self.kept);
        for (index, fault, reason) in &clashing {
            let fault = Row(numbers[*index]).fault(*fault, *reason);
            self.odd.push(odd(&fault, texts[fault.row], Some(self.kept[*index].ts())));
        }
        let mut clashing = clashing.iter().map(|(index, ..)| *index).peekable();
        let mut index = 0;
        self.kept.retain(|_| {
            let clashes = clashing.next_if_eq(&index).is_some();
            index += 1;
            !clashes
        });
    }

    fn finish(mut self, order: Order, is_numbered: bool) -> Rows<R> {
        if let Some(open) = self.unfinished {
            self.kept.retain(|record| record.ts() < open);
            self.odd.retain(|odd| odd.at.is_none_or(|at| at < open));
        }
        let place = |record: &R| match record.number() {
            Some(number) if is_numbered => number,
            _ => record.ts().0.cast_unsigned(),
        };
        let ends = self.kept.first().map(place).zip(self.kept.last().map(place));
        let is_reversed = ends.is_some_and(|(first, last)| match order {
            Order::OldestFirst => first > last,
            Order::NewestFirst => first < last,
        });
        if is_reversed != (order == Order::NewestFirst) {
            self.kept.reverse();
        }
        // In the order of their numbers trades of one instant are as they happened.
        if is_numbered && !self.kept.is_sorted_by_key(place) {
            self.kept.sort_by_key(place);
        }
        let Reading { kept, odd, unfinished, row, .. } = self;
        Rows { kept, came: row, odd, unfinished, is_reversed }
    }
}

/// A row that does not have the documented shape.
fn shapeless(row: Row, error: &serde_json::Error) -> RowFault {
    let error = error.to_string();
    // The text is JSON, so that this alone can be wrong with a number.
    let is_beyond = error.starts_with("number out of range");
    row.fault(if is_beyond { OddFault::Value } else { OddFault::Shape }, error)
}

fn odd(fault: &RowFault, text: &RawValue, at: Option<Micros>) -> OddRow {
    OddRow::new(fault.fault, format!("row {}: {}", fault.row, fault.reason), text.get(), at)
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
