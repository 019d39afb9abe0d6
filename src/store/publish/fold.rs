//! One period's two files: where new rows go, and when the open file is folded into the other.
//!
//! A period is one file, simply rewritten while it is small. A larger one has an open file beside it, with rows
//! beyond its last. A flush rewrites only the open file, until as many rows have gone into open files as
//! the file holds: then a fold costs no more than what was saved, and rewriting is paid for at most twice.
//!
//! Others read the two files by their names, first the file, without knowing of each other's steps. So rows never leave
//! the open file while newer ones stay in it: a reader that opened the file before a fold and the open one after it would
//! miss the rows between. A fold takes all rows in and leaves the open file empty. The newest rows, which late ones and
//! revisions touch most, are taken out of the file again by the first of these, once a fold; the others then cost no
//! more than an append. An older row that is late goes into the file and leaves the open one as it is.

use std::ops::Range;
use std::time::Duration;

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::file::{ALL_KEYS, PeriodFile};
use crate::store::merge::{keys, merge};
use crate::store::pair::Pair;
use crate::store::publish::new_rows::NewRows;
use crate::store::publish::prepare::{Beside, Flushed, Order, Prepared, prepare};
use crate::store::series_folder::SeriesFolder;
use crate::store::{Mark, Period, StoreError};

/// Candles that the next run asks for once more.
const NEWEST_ROWS: usize = 3;
/// How late a trade may be without being unusual.
const NEWEST_MICROS: i64 = 60_000_000;
/// Row groups at the end of a file among which the newest rows are looked for.
const NEWEST_GROUPS: usize = 2;

/// The files of one period as they are.
pub(crate) struct PeriodFiles(Pair);

/// The circumstances of one publish of a period.
#[derive(Clone, Copy)]
pub(crate) struct Flush<'a> {
    pub(crate) place: &'a SeriesFolder,
    pub(crate) period: &'a Period,
    /// The highest generation of the series so far.
    pub(crate) generation: u64,
    pub(crate) covered: &'a Windows,
    /// The last journal frame whose rows are all in what is held and in what is new.
    pub(crate) journal: Option<Mark>,
    /// The last one whose rows are all in what is held.
    pub(crate) held: Option<Mark>,
    /// A file of up to so many rows is simply rewritten.
    pub(crate) small_rows: u64,
}

impl PeriodFiles {
    pub(crate) fn of(file: Option<Box<PeriodFile>>, open: Option<Box<PeriodFile>>) -> Self {
        PeriodFiles(Pair::of(file, open))
    }

    /// The highest generation of the two.
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The files with rows that count, in the order of those.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PeriodFile> {
        self.0.files()
    }

    /// Publishes rows of one period, in order with each key once. Returns what now stands under its name, in
    /// the order it was written.
    pub(crate) fn flush(&self, flush: &Flush<'_>, new: NewRows<'_>) -> Result<Flushed, StoreError> {
        let large = self.0.file.as_deref().filter(|file| file.footer().rows > flush.small_rows);
        let Some(file) = large.filter(|_| !self.0.overlap) else {
            return self.fold(flush, new);
        };
        let reach = file.last_key().unwrap_or(i64::MIN);
        let late = new.keys().partition_point(|key| *key <= reach);
        let repeated = file.repeated(new.part(0..late))?;
        let new = new.part(repeated..new.len());
        let mut flushed = if self.is_worth_a_fold(file, flush, new.len() as u64) {
            self.fold(flush, new)?
        } else if repeated < late {
            self.take_late(flush, file, new)?
        } else if new.is_empty() && !self.0.is_cut_short() {
            Flushed::default()
        } else {
            self.append(flush, new)?
        };
        flushed.tally.repeated += repeated as u64;
        Ok(flushed)
    }

    /// Publishes rows of which the first falls before the last of the file.
    fn take_late(
        &self,
        flush: &Flush<'_>,
        file: &PeriodFile,
        new: NewRows<'_>,
    ) -> Result<Flushed, StoreError> {
        let reach = file.last_key().unwrap_or(i64::MIN);
        let (first, last) = (new.keys().first(), new.keys().last());
        match self.newest(file, flush)? {
            Some(from) if first >= Some(&from) => self.divide(flush, new, from),
            _ if !self.0.has_open && last <= Some(&reach) => self.fold(flush, new),
            _ => self.divide(flush, new, reach + 1),
        }
    }

    /// Brings a change of both files that was cut short to its end.
    pub(crate) fn finish(&self, flush: &Flush<'_>) -> Result<Flushed, StoreError> {
        let none = Batch::of(flush.place.series.kind());
        if self.0.overlap {
            self.fold(flush, NewRows::all(&none))
        } else if self.0.is_cut_short() {
            self.append(flush, NewRows::all(&none))
        } else {
            Ok(Flushed::default())
        }
    }

    /// Whether the open file would have cost as much as the fold by now, or nothing more will come to it.
    fn is_worth_a_fold(&self, file: &PeriodFile, flush: &Flush<'_>, new: u64) -> bool {
        let (held, rewritten) = self.rewritten();
        let is_dear = rewritten + held + new >= file.footer().rows;
        (held + new > 0) && (flush.is_over() || is_dear)
    }

    /// Rows of the open file, and rows that went into open files before it.
    fn rewritten(&self) -> (u64, u64) {
        self.0.open.as_ref().map_or((0, 0), |open| (open.footer().rows, open.footer().rewritten))
    }

    fn append(&self, flush: &Flush<'_>, new: NewRows<'_>) -> Result<Flushed, StoreError> {
        let beside = self.beside(self.0.file.as_ref().map_or(0, |file| file.footer().generation), new.len());
        let olds: Vec<&PeriodFile> = self.0.open.as_deref().into_iter().collect();
        let (published, tally) = prepare(&flush.order(1, Some(beside)), &olds, new)?.take_name()?;
        Ok(Flushed { files: vec![published], tally, folds: 0 })
    }

    /// The file is replaced by one that holds everything, **then** the open file by an empty one: readers that open them
    /// in the order of their names miss no row.
    pub(crate) fn fold(&self, flush: &Flush<'_>, new: NewRows<'_>) -> Result<Flushed, StoreError> {
        if self.0.has_open {
            return self.divide(flush, new, ALL_KEYS.end);
        }
        let olds: Vec<&PeriodFile> = self.files().collect();
        let (published, tally) = prepare(&flush.order(1, None), &olds, new)?.take_name()?;
        Ok(Flushed { files: vec![published], tally, folds: 0 })
    }

    /// Both files are replaced: rows before `from` are in the file then, all others in the open file. Where that takes
    /// rows out of the file, the open file has its name first: readers in between meet rows twice rather than not at all.
    fn divide(&self, flush: &Flush<'_>, new: NewRows<'_>, from: i64) -> Result<Flushed, StoreError> {
        let reach = self.0.file.as_ref().and_then(|file| file.last_key());
        let takes_out = reach.is_some_and(|reach| from <= reach);
        let rest = new.keys().partition_point(|key| *key < from);
        // The file's own claims of journal and coverage must hold without the open file.
        let own = flush.covered_before(from);
        let is_all = from == ALL_KEYS.end;
        let order = Order {
            covered: if is_all { flush.covered } else { &own },
            journal: if is_all { flush.journal } else { flush.held },
            ..flush.order(1, None)
        };
        let file = self.part(&order, ALL_KEYS.start..from, new.part(0..rest))?;
        let mut beside = self.beside(order.generation, new.len() - rest);
        if is_all {
            beside.rewritten = 0;
        }
        beside.out_of = self.0.file.as_ref().filter(|_| takes_out).map(|file| file.footer().generation);
        let open = self.part(&flush.order(2, Some(beside)), from..ALL_KEYS.end, new.part(rest..new.len()))?;
        let mut flushed = Flushed { folds: 1, ..Flushed::default() };
        for prepared in if takes_out { [open, file] } else { [file, open] } {
            let (published, tally) = prepared.take_name()?;
            flushed.files.push(published);
            flushed.tally.add(tally);
        }
        Ok(flushed)
    }

    /// One of two files, with the rows held of some keys and new ones.
    fn part<'a>(
        &self,
        order: &Order<'a>,
        keys: Range<i64>,
        new: NewRows<'_>,
    ) -> Result<Prepared<'a>, StoreError> {
        let olds: Vec<PeriodFile> = self.files().map(|file| file.narrowed(keys.clone())).collect();
        prepare(order, &olds.iter().collect::<Vec<_>>(), new)
    }

    fn beside(&self, generation: u64, new: usize) -> Beside {
        let (held, rewritten) = self.rewritten();
        Beside { generation, rewritten: held + rewritten + new as u64, out_of: None }
    }

    /// The key from which on rows are among the newest held, where taking these out of the file leaves a large one: the
    /// last candles, the trades of the last minute. An update of a book is never late, since its number is new.
    fn newest(&self, file: &PeriodFile, flush: &Flush<'_>) -> Result<Option<i64>, StoreError> {
        let (mut newest, mut from) = (Vec::new(), None);
        for held in self.0.open.as_deref().into_iter().chain([file]) {
            for index in (0..held.groups()).rev().take(NEWEST_GROUPS) {
                newest.splice(0..0, keys(&held.group(index)?).iter().copied());
                from = newest_of(flush.place.series.kind(), &newest);
                if from > newest.first().copied() {
                    break;
                }
            }
        }
        let reach = file.last_key().unwrap_or(i64::MIN);
        let taken = |from: &i64| newest.iter().filter(|key| (*from..=reach).contains(key)).count() as u64;
        Ok(from.filter(|from| file.footer().rows.saturating_sub(taken(from)) > flush.small_rows))
    }
}

/// The key of the first row that is among the newest of some in order.
fn newest_of(kind: Kind, sorted: &[i64]) -> Option<i64> {
    match kind {
        Kind::Ohlc | Kind::Funding | Kind::OpenInterest => {
            sorted.get(sorted.len().saturating_sub(NEWEST_ROWS)).copied()
        }
        Kind::Trades => {
            let last = sorted.last()?;
            sorted.get(sorted.partition_point(|key| *key <= last - NEWEST_MICROS)).copied()
        }
        Kind::OrderBook => None,
    }
}

impl<'a> Flush<'a> {
    fn order(&self, step: u64, beside: Option<Beside>) -> Order<'a> {
        Order {
            place: self.place,
            period: self.period,
            generation: self.generation + step,
            beside,
            covered: self.covered,
            journal: self.journal,
        }
    }

    /// Whether nothing more will come to the period.
    fn is_over(&self) -> bool {
        self.covered.holds(self.period.window.until - Duration::from_micros(1))
    }

    /// Coverage before the row of a key, in kinds whose key is the instant.
    fn covered_before(&self, key: i64) -> Windows {
        let window = Window::new(self.period.window.from, Micros(key));
        window.map(|window| self.covered.within(window)).unwrap_or_default()
    }
}

impl PeriodFile {
    /// How many of these rows, from the first on, are in the file already, to the last bit.
    fn repeated(&self, rows: NewRows<'_>) -> Result<usize, StoreError> {
        let mut done = 0;
        for index in 0..self.groups() {
            let Some(range) = self.group_keys(index) else { return Ok(done) };
            let until = rows.keys().partition_point(|key| *key < range.end);
            if until <= done {
                continue;
            }
            let group = self.group(index)?;
            let (_, tally) = merge(&group, &rows.part(done..until).alone());
            if tally.is_nothing_new() {
                done = until;
                continue;
            }
            return Ok(done + repeated_of(&group, rows.part(done..until)));
        }
        Ok(done)
    }
}

/// How many of these rows, from the first on, are in a row group already: whole instants of them.
fn repeated_of(group: &Batch, rows: NewRows<'_>) -> usize {
    let mut done = 0;
    for run in rows.keys().chunk_by(|a, b| a == b) {
        let held = keys(group).partition_point(|key| *key < run[0])
            ..keys(group).partition_point(|key| *key <= run[0]);
        let (_, tally) = merge(&group.slice(held), &rows.part(done..done + run.len()).alone());
        if !tally.is_nothing_new() {
            break;
        }
        done += run.len();
    }
    done
}
