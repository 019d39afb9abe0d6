//! The rows of one row group of a book, as far as a walk needs them.
//!
//! When rows were received and their sequence are read only where they are asked for: of most groups a walk only wants
//! the levels.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use crate::model::{Column, Kind, Micros, Side, Values, fields, ts_index};
use crate::store::StoreError;
use crate::store::book::ladder::Level;
use crate::store::decoding::decoded;
use crate::store::file::PeriodFile;
use crate::store::pages::RowGroup;
use crate::store::rows::{column_range, read_column};

// Places in the schema.
const ORD: usize = 0;
const TS: usize = 1;
const TS_RECV: usize = 2;
const SEQ: usize = 3;
const IS_SNAPSHOT: usize = 4;
const SIDE: usize = 5;
const PRICE: usize = 6;
const AMOUNT: usize = 7;
const COUNT: usize = 8;

/// Words that are in memory at a time.
const WORDS: usize = 4_096;
/// Columns of row groups with so many rows are decoded side by side.
const SIDE_BY_SIDE_ROWS: usize = 16_384;

/// The rows of a row group that count.
pub(super) struct Group {
    pub(super) file: Arc<PeriodFile>,
    pub(super) index: usize,
    /// The rows that count; those of other keys are in the file beside it.
    pub(super) rows: Range<usize>,
    ords: Vec<i64>,
    ts: Vec<i64>,
    is_snapshot: Vec<bool>,
    is_bid: Vec<bool>,
    prices: Vec<f64>,
    amounts: Vec<f64>,
    /// `None` if no level has one.
    counts: Option<Column>,
    /// When each row was received, and its sequence.
    stamps: OnceLock<(Vec<i64>, Column)>,
}

/// The updates of a row group without their levels.
pub(super) struct Heads {
    rows: Range<usize>,
    ords: Vec<i64>,
    ts: Vec<i64>,
    is_snapshot: Vec<bool>,
}

/// The beginning of an update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) ord: i64,
    pub(super) ts: Micros,
    pub(super) is_whole: bool,
}

impl Group {
    pub(super) fn read(file: &Arc<PeriodFile>, index: usize) -> std::result::Result<Self, StoreError> {
        let failed = StoreError::parquet(file.path());
        let group = file.row_group(index);
        let numbers =
            || -> Result<(Vec<f64>, Vec<f64>)> { Ok((reals(&group, PRICE)?, reals(&group, AMOUNT)?)) };
        let others = || -> Result<(Heads, Vec<bool>, Option<Column>)> {
            let counts = has_any(group.metadata(), COUNT).then(|| column(&group, COUNT)).transpose()?;
            Ok((Heads::of(file, &group)?, sides(&group)?, counts))
        };
        let (numbers, others) = both(rows_of(&group), numbers, others);
        let (prices, amounts) = numbers.map_err(&failed)?;
        let (Heads { rows, ords, ts, is_snapshot }, is_bid, counts) = others.map_err(&failed)?;
        let (file, stamps) = (Arc::clone(file), OnceLock::new());
        Ok(Group { file, index, rows, ords, ts, is_snapshot, is_bid, prices, amounts, counts, stamps })
    }

    /// The update that begins at a row.
    pub(super) fn head(&self, row: usize) -> Head {
        Head { ord: self.ords[row], ts: Micros(self.ts[row]), is_whole: self.is_snapshot[row] }
    }

    /// The rows of the update that begins at a row.
    pub(super) fn update(&self, row: usize) -> Range<usize> {
        let ord = self.ords[row];
        let rows = self.ords[row..self.rows.end].iter().take_while(|own| **own == ord).count();
        row..row + rows
    }

    pub(super) fn level(&self, row: usize) -> (Side, Level) {
        let count = match self.counts.as_ref().filter(|counts| counts.has(row)).map(|counts| &counts.values) {
            Some(Values::I32(counts)) => Some(counts[row]),
            _ => None,
        };
        let side = if self.is_bid[row] { Side::Bid } else { Side::Ask };
        (side, Level { price: self.prices[row], amount: self.amounts[row], count })
    }

    /// When a row was received, and its sequence.
    pub(super) fn stamp(&self, row: usize) -> std::result::Result<(Micros, Option<i64>), StoreError> {
        if self.stamps.get().is_none() {
            let failed = StoreError::parquet(self.file.path());
            let group = self.file.row_group(self.index);
            let read = whole(&group, TS_RECV).and_then(|received| Ok((received, column(&group, SEQ)?)));
            let _ = self.stamps.set(read.map_err(&failed)?);
        }
        let Some((received, seq)) = self.stamps.get() else { return Ok((Micros(self.ts[row]), None)) };
        let seq = match &seq.values {
            Values::I64(values) if seq.has(row) => Some(values[row]),
            _ => None,
        };
        Ok((Micros(received[row]), seq))
    }
}

impl Heads {
    pub(super) fn read(file: &PeriodFile, index: usize) -> std::result::Result<Self, StoreError> {
        let failed = StoreError::parquet(file.path());
        let group = file.row_group(index);
        Heads::of(file, &group).map_err(&failed)
    }

    fn of(file: &PeriodFile, group: &RowGroup) -> Result<Self> {
        let ords = whole(group, ORD)?;
        Ok(Heads {
            rows: file.counted(&ords),
            ords,
            ts: whole(group, TS)?,
            is_snapshot: match may_hold_whole(group.metadata()) {
                true => flags(group, IS_SNAPSHOT)?,
                false => vec![false; rows_of(group)],
            },
        })
    }

    /// The first row of the newest whole book that is not newer than an instant.
    pub(super) fn newest_whole(&self, at: Micros) -> Option<(usize, Micros)> {
        let last = self.rows.clone().rev().find(|row| self.is_snapshot[*row] && self.ts[*row] <= at.0)?;
        let before =
            self.ords[self.rows.start..=last].iter().rev().take_while(|ord| **ord == self.ords[last]);
        let first = last + 1 - before.count();
        Some((first, Micros(self.ts[first])))
    }

    /// The first row of the first whole book at or after a row, and not before an instant.
    pub(super) fn next_whole(&self, row: usize, at: Micros) -> Option<(usize, Micros)> {
        let mut rows = self.rows.start.max(row)..self.rows.end;
        let first = rows.find(|row| self.is_snapshot[*row] && self.ts[*row] >= at.0)?;
        Some((first, Micros(self.ts[first])))
    }
}

/// Whether the statistics of a row group leave it possible that it has a whole book.
pub(super) fn may_hold_whole(group: &RowGroupMetaData) -> bool {
    match group.column(IS_SNAPSHOT).statistics() {
        Some(Statistics::Boolean(range)) => range.max_opt() != Some(&false),
        _ => true,
    }
}

/// The first and the last instant of a row group, as its statistics tell them.
pub(super) fn instants(group: &RowGroupMetaData) -> (Micros, Micros) {
    let range = column_range(group, ts_index(Kind::OrderBook));
    range.map_or((Micros(i64::MIN), Micros(i64::MAX)), |(first, last)| (Micros(first), Micros(last)))
}

/// Whether any row has a value, as far as the statistics tell.
fn has_any(group: &RowGroupMetaData, index: usize) -> bool {
    let nulls = group.column(index).statistics().and_then(Statistics::null_count_opt);
    nulls.is_none_or(|nulls| i64::try_from(nulls) != Ok(group.num_rows()))
}

fn rows_of(group: &RowGroup) -> usize {
    usize::try_from(group.metadata().num_rows()).unwrap_or(0)
}

fn column(group: &RowGroup, index: usize) -> Result<Column> {
    read_column(&fields(Kind::OrderBook)[index], &mut group.column(index)?, rows_of(group))
}

fn other_type(index: usize) -> ParquetError {
    let name = fields(Kind::OrderBook)[index].name;
    ParquetError::General(format!("column {name} has another type than its kind says"))
}

fn whole(group: &RowGroup, index: usize) -> Result<Vec<i64>> {
    match column(group, index)?.values {
        Values::I64(values) => Ok(values),
        _ => Err(other_type(index)),
    }
}

fn reals(group: &RowGroup, index: usize) -> Result<Vec<f64>> {
    match column(group, index)?.values {
        Values::F64(values) => Ok(values),
        _ => Err(other_type(index)),
    }
}

fn flags(group: &RowGroup, index: usize) -> Result<Vec<bool>> {
    match column(group, index)?.values {
        Values::Bool(values) => Ok(values),
        _ => Err(other_type(index)),
    }
}

/// Whether each row is a bid, without a text for each.
fn sides(group: &RowGroup) -> Result<Vec<bool>> {
    let ColumnReader::ByteArrayColumnReader(mut reader) = group.column(SIDE)? else {
        return Err(other_type(SIDE));
    };
    let rows = rows_of(group);
    let mut is_bid = Vec::with_capacity(rows);
    let mut words: Vec<ByteArray> = Vec::with_capacity(WORDS);
    while is_bid.len() < rows {
        let wanted = WORDS.min(rows - is_bid.len());
        let (records, ..) = decoded(|| reader.read_records(wanted, None, None, &mut words))?;
        if records == 0 {
            return Err(ParquetError::General(format!("column side holds {} of {rows} rows", is_bid.len())));
        }
        is_bid.extend(words.drain(..).map(|word| word.data() == b"bid"));
    }
    Ok(is_bid)
}

/// Does both, side by side if a row group has so many rows that a thread costs less than it saves.
fn both<A: Send, B>(
    rows: usize,
    one: impl FnOnce() -> Result<A> + Send,
    other: impl FnOnce() -> Result<B>,
) -> (Result<A>, Result<B>) {
    if rows < SIDE_BY_SIDE_ROWS {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let broken = |_| Err(ParquetError::General("a column could not be decoded".to_owned()));
        (one.join().unwrap_or_else(broken), other)
    })
}
