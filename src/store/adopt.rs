//! Adopting rows another program stored: merged into a series beneath what it already holds.
//!
//! A row that is held stays as it is; a window that is covered takes nothing new. The file appears first,
//! then the ledger that accounts for it, so an adoption cut short is simply done again.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, Os, is_aside};
use crate::model::{Batch, Kind, Micros, Series, Windows};
use crate::store::file::{Opened, PeriodFile};
use crate::store::folders::Folders;
use crate::store::merge::{keys, tidy};
use crate::store::publish::{Flush, NewRows, PeriodFiles};
use crate::store::series_folder::SeriesFolder;
use crate::store::{Layout, Ledger, Part, Period, SMALL_ROWS, StoreError};

/// Whether a row that is offered is taken over, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowVerdict {
    /// It is not held yet.
    New,
    /// It is held, alike.
    Held,
    /// A row of its key and other content is held, and stays.
    Differs,
    /// Its window is covered without it.
    Covered,
    /// Whether it is held cannot be told.
    Doubtful,
}

/// A series that adopts rows. Its owner holds the data path's lock.
#[derive(Debug)]
pub struct Adoption {
    place: SeriesFolder,
    ledger: Ledger,
    before: Ledger,
}

impl Adoption {
    /// Reads the ledger of a series; nothing is written before [`Adoption::publish`].
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn open(layout: &Layout, series: &Series) -> Result<Self, StoreError> {
        let ledger = Ledger::read(&layout.ledger(series), series)?.unwrap_or_default();
        let place = SeriesFolder::new(Arc::new(Os), Arc::new(Folders::default()), layout, series);
        let mut adoption = Adoption { place, before: ledger.clone(), ledger };
        if series.kind() == Kind::OrderBook && adoption.ledger.last_ord.is_none() {
            adoption.ledger.last_ord = adoption.highest_ord()?;
        }
        Ok(adoption)
    }

    /// Removes what a run that was cut short left of its temporary files, and gives open files their names that have
    /// those of older versions.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn sweep(&self) -> Result<(), StoreError> {
        let (folder, kind) = (&self.place.folder, self.place.series.kind());
        if !folder.is_dir() {
            return Ok(());
        }
        let swept = Os.list(folder).and_then(|names| {
            for name in &names {
                let path = folder.join(name);
                if is_aside(name) {
                    Os.remove(&path)?;
                } else if let Some(period) = Part::of_older_name(name, kind) {
                    let own = self.place.path(&period.name, Part::Open);
                    // Of two, recovery keeps the newer when the series is next opened.
                    if Os.look(&own)?.is_none() {
                        Os.take_name(&path, &own)?;
                    }
                }
            }
            Ok(())
        });
        swept.map_err(StoreError::io("sweeping", folder))
    }

    /// The ledger as it would be written.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Changes the ledger beside its files.
    pub fn account(&mut self, change: impl FnOnce(&mut Ledger)) {
        change(&mut self.ledger);
    }

    /// Where the file of a period lies.
    #[must_use]
    pub fn file(&self, period: &Period) -> PathBuf {
        self.place.path(&period.name, Part::File)
    }

    /// Whether a file of ours lies there that the ledger does not know yet: a publish was cut short.
    ///
    /// # Errors
    /// Where it cannot be looked at.
    pub fn is_unentered(&self, period: &Period) -> Result<bool, StoreError> {
        let known = self.ledger.files.get(&period.name).map(|entry| entry.generation);
        let found = self.opened(period)?;
        Ok(
            matches!(found, Some(Opened::Ours(file)) if known.is_none_or(|known| known < file.footer().generation)),
        )
    }

    /// The verdict on each of `rows`, which lie in one period and are in order.
    ///
    /// # Errors
    /// Where the file held cannot be read.
    pub fn judge(&self, period: &Period, rows: &Batch) -> Result<Vec<RowVerdict>, StoreError> {
        let held = self.held(period)?.unwrap_or_else(|| Batch::of(rows.kind()));
        let covered = self.ledger.covered.within(period.window);
        Ok(match rows.kind() {
            Kind::Trades => trades(&held, rows, &covered),
            Kind::OrderBook => self.books(&held, rows)?,
            Kind::Ohlc | Kind::Funding | Kind::OpenInterest => instants(&held, rows, &covered),
        })
    }

    /// Publishes rows of one period that are new, and numbers the books among them before those held.
    /// A file that is not ours gives way only where `is_kept` says that it is kept elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] where one is in the way, or a refusal of the operating system; files and
    /// ledger then are as they were.
    pub fn publish(&mut self, period: &Period, rows: Batch, is_kept: bool) -> Result<(), StoreError> {
        let old = match self.opened(period)? {
            None => None,
            Some(Opened::Ours(file)) => Some(file),
            Some(Opened::Foreign) if is_kept => None,
            Some(Opened::Foreign) => return Err(StoreError::Foreign { path: self.file(period) }),
            Some(Opened::Damaged(reason)) => {
                return Err(StoreError::Damaged { path: self.file(period), reason });
            }
        };
        let mut rows = rows;
        if rows.kind() == Kind::OrderBook {
            let updates = distinct(rows.book().ords());
            let first = self.lowest_ord()?.unwrap_or(0);
            rows.book_mut().number_from(first - updates);
        }
        self.place.create_folder()?;
        let held = PeriodFiles::of(old, self.open_part(period)?);
        let flush = Flush {
            place: &self.place,
            period,
            generation: self.ledger.generation.max(held.generation()),
            covered: &self.ledger.covered,
            journal: None,
            held: None,
            small_rows: SMALL_ROWS,
        };
        let flushed = held.fold(&flush, NewRows::all(&tidy(rows).0))?;
        flushed.files.iter().for_each(|file| self.ledger.enter(file));
        Ok(())
    }

    /// Writes the ledger, where it changed.
    ///
    /// # Errors
    /// A refusal of the operating system; the old ledger then stands.
    pub fn write_ledger(&mut self) -> Result<(), StoreError> {
        if self.ledger == self.before {
            return Ok(());
        }
        self.place.create_folder()?;
        self.ledger.write_on(&Os, &self.place.ledger(), &self.place.series)?;
        self.before = self.ledger.clone();
        Ok(())
    }

    fn opened(&self, period: &Period) -> Result<Option<Opened>, StoreError> {
        let path = self.file(period);
        if self.ledger.is_away(&period.name) {
            let (series, reason) = (self.place.series.to_string(), "its rows are needed to merge".to_owned());
            return Err(StoreError::RemoteOnly { series, path, reason });
        }
        if path.exists() { self.place.look_into(&path).map(Some) } else { Ok(None) }
    }

    fn open_part(&self, period: &Period) -> Result<Option<Box<PeriodFile>>, StoreError> {
        let (own, older) = (self.place.path(&period.name, Part::Open), self.place.older_path(&period.name));
        let Some(path) = [own, older].into_iter().find(|path| path.exists()) else { return Ok(None) };
        match self.place.look_into(&path)? {
            Opened::Ours(file) => Ok(Some(file)),
            Opened::Foreign => Err(StoreError::Foreign { path }),
            Opened::Damaged(reason) => Err(StoreError::Damaged { path, reason }),
        }
    }

    /// The rows of a period that we wrote.
    fn held(&self, period: &Period) -> Result<Option<Batch>, StoreError> {
        let file = match self.opened(period)? {
            Some(Opened::Ours(file)) => file,
            Some(Opened::Damaged(reason)) => {
                return Err(StoreError::Damaged { path: self.file(period), reason });
            }
            _ => return Ok(None),
        };
        let held = PeriodFiles::of(Some(file), self.open_part(period)?);
        let mut rows = Batch::of(self.place.series.kind());
        for part in held.files() {
            rows.take_all(&part.rows()?);
        }
        Ok(Some(rows))
    }

    /// `ts` of the oldest book held.
    fn oldest_book(&self) -> Result<Option<Micros>, StoreError> {
        for name in self.ledger.files.keys() {
            let Some(period) = Period::named(self.place.series.kind(), name) else { continue };
            let Some(Opened::Ours(file)) = self.opened(&period)? else { continue };
            if file.groups() > 0 {
                return Ok(file.group(0)?.ts().first().copied().map(Micros));
            }
        }
        Ok(None)
    }

    /// The highest number of an update, for a ledger of before ledgers knew it.
    fn highest_ord(&self) -> Result<Option<i64>, StoreError> {
        let mut highest = None;
        for name in self.ledger.periods() {
            let Some(period) = Period::named(self.place.series.kind(), name) else { continue };
            if let Some(Opened::Ours(file)) = self.opened(&period)? {
                highest = highest.max(file.last_ord());
            }
            highest = highest.max(self.open_part(&period)?.and_then(|open| open.last_ord()));
        }
        Ok(highest)
    }

    /// The lowest number of an update, whatever day it is of.
    fn lowest_ord(&self) -> Result<Option<i64>, StoreError> {
        let mut lowest: Option<i64> = None;
        for name in self.ledger.files.keys() {
            let Some(period) = Period::named(self.place.series.kind(), name) else { continue };
            let Some(Opened::Ours(file)) = self.opened(&period)? else { continue };
            lowest = lowest.into_iter().chain(file.first_key()).min();
        }
        Ok(lowest)
    }

    /// Books are numbered in the order they came, so older ones go before those held and no others fit.
    fn books(&self, held: &Batch, rows: &Batch) -> Result<Vec<RowVerdict>, StoreError> {
        let oldest = self.oldest_book()?.map(|ts| ts.0);
        let verdict = |ts: i64| match oldest {
            Some(oldest) if ts >= oldest => match held.ts().contains(&ts) {
                true => RowVerdict::Held,
                false => RowVerdict::Doubtful,
            },
            _ => RowVerdict::New,
        };
        let mut verdicts: Vec<RowVerdict> = Vec::with_capacity(rows.len());
        for (row, ts) in rows.ts().iter().enumerate() {
            let same_as_before = row > 0 && rows.ts()[row - 1] == *ts;
            verdicts.push(if same_as_before { verdicts[row - 1] } else { verdict(*ts) });
        }
        Ok(verdicts)
    }
}

fn distinct(sorted: &[i64]) -> i64 {
    sorted.chunk_by(|a, b| a == b).count() as i64
}

fn instants(held: &Batch, rows: &Batch, covered: &Windows) -> Vec<RowVerdict> {
    let verdict = |row: usize| match keys(held).binary_search(&keys(rows)[row]) {
        Ok(own) if held.same_row(own, rows, row) => RowVerdict::Held,
        Ok(_) => RowVerdict::Differs,
        Err(_) => unheld(keys(rows)[row], covered),
    };
    (0..rows.len()).map(verdict).collect()
}

fn unheld(ts: i64, covered: &Windows) -> RowVerdict {
    if covered.holds(Micros(ts)) { RowVerdict::Covered } else { RowVerdict::New }
}

/// Trades by id; without ids as often as they are held, and never beside one that has an id.
fn trades(held: &Batch, rows: &Batch, covered: &Windows) -> Vec<RowVerdict> {
    let (own, offered) = (held.trades(), rows.trades());
    let by_id: HashMap<&str, usize> =
        (0..held.len()).filter_map(|row| Some((own.get(row).id?, row))).collect();
    let mut matched = vec![false; held.len()];
    let mut verdicts = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let trade = offered.get(row);
        let alike = |at: usize| {
            let other = own.get(at);
            (other.ts, other.price, other.amount, other.side)
                == (trade.ts, trade.price, trade.amount, trade.side)
        };
        verdicts.push(match trade.id {
            Some(id) => match by_id.get(id) {
                Some(at) if alike(*at) => RowVerdict::Held,
                Some(_) => RowVerdict::Differs,
                None => unheld(trade.ts.0, covered),
            },
            None => match near(held, trade.ts, 0).find(|at| !matched[*at] && alike(*at)) {
                Some(at) => {
                    matched[at] = true;
                    RowVerdict::Held
                }
                None if near(held, trade.ts, 1).any(|at| own.get(at).id.is_some()) => RowVerdict::Doubtful,
                None => unheld(trade.ts.0, covered),
            },
        });
    }
    verdicts
}

/// The rows within so many microseconds of an instant.
fn near(rows: &Batch, at: Micros, micros: i64) -> Range<usize> {
    let first = rows.ts().partition_point(|ts| *ts < at.0 - micros);
    first..rows.ts().partition_point(|ts| *ts <= at.0 + micros)
}
