//! The one writer of a series: it accepts pages and publishes them.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::atomic;
use crate::model::{Batch, Micros, Series, Window, Windows};
use crate::store::file::{Opened, open_period_file};
use crate::store::merge::{Tally, keys, merge_onto, tidy};
use crate::store::publish::{Order, publish};
use crate::store::recover::recover;
use crate::store::rows::GROUP_ROWS;
use crate::store::{FileEntry, Finding, Layout, Ledger, Period, Published, StoreError};

/// Rows and what they prove, taken together.
#[derive(Debug)]
pub struct Accepted {
    /// The rows of one answer that lie in the window asked for.
    pub rows: Batch,
    /// What the answer proves to be covered.
    pub covered: Option<Window>,
    /// What the answer proves to be empty.
    pub empty: Option<Window>,
}

/// What a flush made durable.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// The files.
    pub files: Vec<Published>,
    /// Rows stored, revised and repeated.
    pub tally: Tally,
}

/// The writer of a series. Its owner holds the data path's lock and is the only one.
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    series: Series,
    ledger: Ledger,
    /// The ledger as it is on disk differs from `ledger`.
    unwritten: bool,
    /// Accepted rows in order; of a key asked twice the later answer.
    pending: Batch,
    pending_since: Option<Instant>,
    covered: Vec<Window>,
    empty: Vec<Window>,
}

/// Why two empty answers settle a window.
const TWO_EMPTY: &str = "the exchange answered twice that it has nothing here";

impl Writer {
    /// Opens a series, making its ledger and its files agree first.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] where a file that is not ours lies in the way, or a refusal of the
    /// operating system.
    pub fn open(layout: &Layout, series: &Series) -> Result<(Self, Vec<Finding>), StoreError> {
        let (ledger, findings) = recover(layout, series)?;
        let mut writer = Writer {
            layout: layout.clone(),
            series: series.clone(),
            ledger,
            unwritten: !findings.is_empty(),
            pending: Batch::of(series.kind()),
            pending_since: None,
            covered: Vec::new(),
            empty: Vec::new(),
        };
        if writer.unwritten {
            writer.write_ledger()?;
        }
        Ok((writer, findings))
    }

    /// The ledger as published; accepted rows that are not published yet are not in it.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The series.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Rows accepted and not published yet.
    #[must_use]
    pub fn waiting_rows(&self) -> usize {
        self.pending.len()
    }

    /// What is settled, accepted pages included: what need not be asked for now.
    #[must_use]
    pub fn settled(&self) -> Windows {
        let mut settled = self.ledger.settled();
        self.covered.iter().chain(&self.empty).for_each(|window| settled.add(*window));
        settled
    }

    /// Changes what the ledger says beside coverage: what is wanted, what is unfillable, why a gap is one.
    pub fn account(&mut self, change: impl FnOnce(&mut Ledger)) {
        let before = self.ledger.clone();
        change(&mut self.ledger);
        self.unwritten |= self.ledger != before;
    }

    /// Takes back what two empty answers claimed of a window; gives the parts that are open again.
    pub fn doubt_empty(&mut self, window: Window) -> Windows {
        let mut claimed: Windows = self.empty.drain(..).collect();
        let mut doubted = claimed.within(window);
        claimed.remove(window);
        self.empty.extend(claimed.iter());
        doubted.add_all(&self.ledger.doubt_empty(window, TWO_EMPTY));
        self.unwritten |= !doubted.is_empty();
        // What was covered meanwhile stays so.
        let covered: Windows = self.covered.iter().copied().collect();
        doubted.remove_all(&covered);
        doubted
    }

    /// Accepts the rows of one answer with what they prove. Says how many the answer itself repeated.
    pub fn accept(&mut self, page: Accepted) -> u64 {
        let (rows, repeats) = tidy(page.rows);
        if self.pending.is_empty() {
            self.pending = rows;
        } else {
            merge_onto(&mut self.pending, &rows);
        }
        self.covered.extend(page.covered);
        self.empty.extend(page.empty);
        if self.is_dirty() {
            self.pending_since.get_or_insert_with(Instant::now);
        }
        repeats
    }

    /// The `ord` of the next update of a book: one more than the highest of the series.
    ///
    /// # Errors
    /// Where the newest file cannot be read.
    pub fn next_ord(&self) -> Result<i64, StoreError> {
        let waiting = keys(&self.pending).last().copied();
        let stored = match self.ledger.files.keys().next_back() {
            None => None,
            Some(newest) => {
                let path = self.layout.folder(&self.series).join(format!("{newest}.parquet"));
                match open_period_file(&path, self.series.kind())? {
                    Opened::Ours(file) => file.last_key(),
                    Opened::Foreign => return Err(StoreError::Foreign { path }),
                    Opened::Damaged(reason) => return Err(StoreError::ReadBack { path, reason }),
                }
            }
        };
        Ok(waiting.max(stored).map_or(0, |last| last + 1))
    }

    /// Whether enough waits, or long enough, that it should be published.
    #[must_use]
    pub fn wants_flush(&self, longest: Duration) -> bool {
        self.pending.len() >= GROUP_ROWS || self.pending_since.is_some_and(|since| since.elapsed() >= longest)
    }

    /// Publishes everything accepted, then the ledger that speaks of it.
    ///
    /// # Errors
    /// A refusal of the operating system or of the encoder. Nothing accepted is forgotten: files
    /// published before the failure stay, and a later flush publishes all of it again.
    pub fn flush(&mut self) -> Result<Flushed, StoreError> {
        let mut flushed = Flushed::default();
        if self.is_dirty() {
            let rows = self.take_pending();
            if let Err(error) = self.publish_all(&rows, &mut flushed) {
                self.pending = rows;
                return Err(error);
            }
            self.settle();
        }
        if self.unwritten {
            self.write_ledger()?;
        }
        Ok(flushed)
    }

    fn is_dirty(&self) -> bool {
        !self.pending.is_empty() || !self.covered.is_empty() || !self.empty.is_empty()
    }

    fn take_pending(&mut self) -> Batch {
        std::mem::replace(&mut self.pending, Batch::of(self.series.kind()))
    }

    fn publish_all(&mut self, rows: &Batch, flushed: &mut Flushed) -> Result<(), StoreError> {
        let folder = self.layout.folder(&self.series);
        atomic::create_folder(&folder).map_err(StoreError::io("creating", &folder))?;
        let mut covered = self.ledger.covered.clone();
        self.covered.iter().for_each(|window| covered.add(*window));
        let mut from = 0;
        while from < rows.len() {
            let period = Period::of(self.series.kind(), Micros(rows.ts()[from]));
            let inside = rows.ts()[from..].iter().take_while(|ts| period.window.holds(Micros(**ts))).count();
            let part = match inside == rows.len() {
                true => Cow::Borrowed(rows),
                false => Cow::Owned(rows.slice(from..from + inside)),
            };
            let published = self.publish_period(&period, &part, &covered)?;
            flushed.tally.add(published.tally);
            flushed.files.push(published);
            from += inside;
        }
        Ok(())
    }

    fn publish_period(
        &mut self,
        period: &Period,
        rows: &Batch,
        covered: &Windows,
    ) -> Result<Published, StoreError> {
        let folder = self.layout.folder(&self.series);
        let path = folder.join(period.file_name());
        let old = match self.ledger.files.contains_key(&period.name) {
            false => None,
            true => match open_period_file(&path, self.series.kind())? {
                Opened::Ours(file) => Some(file),
                Opened::Foreign => return Err(StoreError::Foreign { path }),
                Opened::Damaged(reason) => return Err(StoreError::ReadBack { path, reason }),
            },
        };
        if old.is_none() && path.exists() {
            return Err(StoreError::Foreign { path });
        }
        let order = Order {
            series: &self.series,
            period,
            folder: &folder,
            generation: self.ledger.generation + 1,
            covered,
        };
        let published = publish(&order, old.as_deref(), rows)?;
        self.enter(&published);
        Ok(published)
    }

    fn enter(&mut self, published: &Published) {
        let entry: FileEntry = published.entry.clone();
        self.ledger.generation = entry.generation;
        self.ledger.files.insert(published.period.clone(), entry);
        self.unwritten = true;
    }

    /// The files speak for the accepted pages now, so the ledger may.
    fn settle(&mut self) {
        let earliest = self.covered.iter().chain(&self.empty).map(|window| window.from).min();
        if let Some(earliest) = earliest {
            self.ledger.wanted_since.get_or_insert(earliest);
        }
        std::mem::take(&mut self.covered).into_iter().for_each(|window| self.ledger.cover(window));
        std::mem::take(&mut self.empty)
            .into_iter()
            .for_each(|window| self.ledger.confirm_empty(window, TWO_EMPTY));
        self.pending_since = None;
        self.unwritten = true;
    }

    fn write_ledger(&mut self) -> Result<(), StoreError> {
        let path = self.layout.ledger(&self.series);
        let folder = self.layout.folder(&self.series);
        atomic::create_folder(&folder).map_err(StoreError::io("creating", &folder))?;
        self.ledger.write(&path, &self.series)?;
        self.unwritten = false;
        Ok(())
    }
}
