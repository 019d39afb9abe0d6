//! Trees of Python dccd 2.x and 3.x become ours: every row that can be told from an invented one, and no other.
//!
//! In place, the original is kept under `.dccd/imported/` before anything takes its place; from another
//! path, the source is only read. A run that was cut short is simply done again: what is in the ledger is
//! done, everything else is converted anew from the originals.

mod books;
mod candles;
mod layout;
mod originals;
mod raw;
mod report;
mod samples;
mod taken;
mod trades;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::import::candles::{Context, Survey};
use crate::import::layout::required;
use crate::import::raw::RawFile;
use crate::import::taken::Taken;
use crate::import::tree::{Folder, Folders, Source, look};
use crate::model::{Batch, Kind, Micros, Series, Windows};
use crate::store::{Adoption, Fate, Layout, Ledger, Opened, Period, StoreError, open_period_file};

pub use report::{Change, Problem, Reason, Report, SeriesReport};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// Where the rows go. Its owner holds the lock, but for a dry run.
    pub layout: &'a Layout,
    /// Another tree to read; none for the data path itself.
    pub source: Option<&'a Path>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// The present: no row may be newer, no candle may end later.
    pub now: Micros,
}

/// Why a gap is one where nothing was found.
const NOT_IN_THE_TREE: &str = "not in what was imported, or not proven by it";
/// Windows of one reason that are noted; older ones stay gaps without one.
const MOST_NOTED: usize = 500;

impl Import<'_> {
    /// Imports everything that is found.
    ///
    /// # Errors
    /// Where the operating system refuses to read or write; what was finished by then stays. A series that
    /// could not be imported for another cause is among the problems of the report.
    pub fn run(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut lines: BTreeMap<Series, SeriesReport> = BTreeMap::new();
        for (_, folder) in self.folders(&mut report.problems) {
            let line = lines.entry(folder.series.clone());
            let line = line.or_insert_with(|| SeriesReport::new(folder.series.clone()));
            match self.folder(folder, line, &mut report.problems) {
                Err(error @ StoreError::Io { .. }) => return Err(error),
                Err(error) => report.problems.push(Problem {
                    path: self.layout.folder(&line.series),
                    what: error.to_string(),
                    is_failure: true,
                }),
                Ok(()) => {}
            }
        }
        report.series = lines.into_values().filter(|line| line.files > 0).collect();
        Ok(report)
    }

    /// The folders to import; in place also originals that are kept already, since a run may have been cut short.
    fn folders(&self, problems: &mut Vec<Problem>) -> Folders {
        let Some(source) = self.source else {
            let mut folders = look(self.layout.root(), problems);
            for (inside, kept) in look(&originals::folder(self.layout), &mut Vec::new()) {
                let folder = folders
                    .entry(inside)
                    .or_insert_with(|| Folder { series: kept.series.clone(), sources: Vec::new() });
                let in_tree: BTreeSet<PathBuf> =
                    folder.sources.iter().map(|source| source.inside.clone()).collect();
                let gone = kept.sources.into_iter().filter(|kept| !in_tree.contains(&kept.inside));
                folder.sources.extend(gone.map(|source| Source { is_kept_only: true, ..source }));
                folder.sources.sort_by_key(|source| source.period.window.from);
            }
            return folders;
        };
        look(source, problems)
    }

    fn folder(
        &self,
        mut folder: Folder,
        line: &mut SeriesReport,
        problems: &mut Vec<Problem>,
    ) -> Result<(), StoreError> {
        let mut adoption = Adoption::open(self.layout, &folder.series)?;
        if !folder.sources.iter().any(|source| is_pending(source, &adoption)) {
            return Ok(());
        }
        let surveys = self.survey(&mut folder, problems);
        let originals = self.keep(&mut folder)?;
        let mut reading = Reading::new(&folder, &surveys, self.now);
        let mut order: Vec<usize> = (0..folder.sources.len()).collect();
        if folder.series.kind() == Kind::OrderBook {
            // Books are numbered downwards from those held, so the newest go first.
            order.reverse();
        }
        for index in order {
            let source = &folder.sources[index];
            let taken = match reading.take(index) {
                Ok(taken) => taken,
                Err(error) => {
                    problems.push(unreadable(source, &error));
                    continue;
                }
            };
            if !is_pending(source, &adoption) {
                continue;
            }
            let own = adoption.file(&source.period);
            let is_kept = |path: &Path| originals.iter().any(|(_, original)| original == path);
            line.files +=
                usize::from(is_in_tree(&originals, index) || self.source.is_some() || !taken.rows.is_empty());
            self.adopt(&mut adoption, source, taken, &is_kept, line)?;
            let Some((_, original)) = originals.iter().find(|(at, _)| *at == index) else { continue };
            let is_replaced = *original == own && is_ours(original, folder.series.kind())?;
            if !self.dry_run && !is_replaced {
                originals::take_away(self.layout.root(), original)
                    .map_err(StoreError::io("taking away", original))?;
            }
        }
        Ok(())
    }

    /// Surveys every source; one that cannot be read is a problem and no source any more.
    fn survey(&self, folder: &mut Folder, problems: &mut Vec<Problem>) -> Vec<Survey> {
        let (series, mut surveys, mut is_cut_off) = (folder.series.clone(), Vec::new(), false);
        folder.sources.retain_mut(|source| match survey(source, &series, self.now) {
            Ok(survey) => {
                source.is_cut_off |= std::mem::take(&mut is_cut_off);
                surveys.push(survey);
                true
            }
            Err(error) => {
                problems.push(unreadable(source, &error));
                is_cut_off = true;
                false
            }
        });
        surveys
    }

    /// Keeps the original of every source in the tree and reads from there. Gives the sources' numbers with
    /// where they lay.
    fn keep(&self, folder: &mut Folder) -> Result<Vec<(usize, PathBuf)>, StoreError> {
        let mut originals = Vec::new();
        if self.source.is_some() {
            return Ok(originals);
        }
        for (index, source) in folder.sources.iter_mut().enumerate().filter(|(_, own)| !own.is_kept_only) {
            originals.push((index, source.path.clone()));
            if !self.dry_run {
                source.path = originals::keep(self.layout, &source.path, &source.inside)
                    .map_err(StoreError::io("keeping", &source.path))?;
            }
        }
        Ok(originals)
    }

    /// Merges what was taken from one source beneath what is held; the source's own period comes last, so
    /// that a cut before it leaves the original where it is found again.
    fn adopt(
        &self,
        adoption: &mut Adoption,
        source: &Source,
        taken: Taken,
        is_kept: &dyn Fn(&Path) -> bool,
        line: &mut SeriesReport,
    ) -> Result<(), StoreError> {
        let mut parts = by_period(&taken.rows);
        parts.sort_by_key(|(period, _)| *period == source.period);
        let mut left = taken.left;
        let mut publish = Vec::new();
        for (period, rows) in parts {
            if period.window.from > source.period.window.from {
                // Neither version files a row under an earlier period than its own.
                left.entry(Reason::Impossible).or_default().0 += rows.len() as u64;
                continue;
            }
            let fates = adoption.judge(&period, &rows)?;
            let new: Vec<usize> = (0..rows.len()).filter(|row| fates[*row] == Fate::New).collect();
            line.imported += new.len() as u64;
            for fate in fates {
                let reason = match fate {
                    Fate::New => continue,
                    Fate::Held => {
                        line.held += 1;
                        continue;
                    }
                    Fate::Differs => Reason::Differs,
                    Fate::Covered => Reason::Covered,
                    Fate::Doubtful => Reason::Doubtful,
                };
                left.entry(reason).or_default().0 += 1;
            }
            if !new.is_empty() || adoption.is_unentered(&period)? {
                publish.push((period, rows.gather(&new)));
            }
        }
        let hull = taken.hull;
        adoption.account(|ledger| {
            let settled = ledger.settled();
            if let Some(hull) = hull {
                ledger.wanted_since =
                    Some(ledger.wanted_since.map_or(hull.from, |since| since.min(hull.from)));
                note(ledger, &Windows::from(hull), &settled, NOT_IN_THE_TREE);
            }
            for (reason, (_, windows)) in &left {
                reason.note().into_iter().for_each(|text| note(ledger, windows, &settled, text));
            }
            taken.proven.iter().for_each(|window| ledger.cover(window));
            ledger.derived.add_all(&taken.derived);
        });
        for (reason, (count, _)) in left {
            *line.left_out.entry(reason).or_default() += count;
        }
        for (change, count) in taken.changed {
            *line.changed.entry(change).or_default() += count;
        }
        if !self.dry_run {
            for (period, rows) in publish {
                let is_kept = is_kept(&adoption.file(&period));
                adoption.publish(&period, rows, is_kept)?;
            }
            adoption.write_ledger()?;
        }
        line.until = line.until.max(hull.map(|hull| hull.until));
        let gaps = line.until.map(|until| adoption.ledger().gaps(until)).unwrap_or_default();
        (line.gaps, line.gap_secs) = (gaps.len(), gaps.secs());
        Ok(())
    }
}

/// Reads the sources of a folder one after another and remembers what the next one is compared with.
struct Reading<'a> {
    folder: &'a Folder,
    surveys: &'a [Survey],
    context: Context,
    run: Option<trades::Run>,
}

impl<'a> Reading<'a> {
    fn new(folder: &'a Folder, surveys: &'a [Survey], now: Micros) -> Self {
        let context = Context {
            now,
            last_of_three: surveys.iter().filter_map(|survey| survey.last_of_three).max(),
            two_is_off_grid: surveys.iter().any(|survey| survey.two_is_off_grid),
            ..Context::default()
        };
        Reading { folder, surveys, context, run: None }
    }

    fn take(&mut self, index: usize) -> Result<Taken, ParquetError> {
        let (source, series, now) = (&self.folder.sources[index], &self.folder.series, self.context.now);
        let file = RawFile::open(&source.path)?;
        match series.kind() {
            Kind::Ohlc => {
                self.context.next_file = self.surveys[index + 1..].iter().find_map(|survey| survey.first);
                self.context.is_cut_off = source.is_cut_off;
                self.context.period_from = source.period.window.from;
                let sources = &self.folder.sources[..index];
                if sources.last().is_none_or(|last| last.period.window.until != source.period.window.from) {
                    self.context.before = None;
                }
                let (taken, last) = candles::read(&file, series, &self.context)?;
                self.context.before = last;
                Ok(taken)
            }
            Kind::Trades => trades::read(&file, series, now, &mut self.run),
            Kind::OrderBook => books::read(&file, now),
            Kind::Funding | Kind::OpenInterest => samples::read(&file, series, now),
        }
    }
}

/// Whether rows of a source may still have to be adopted.
fn is_pending(source: &Source, adoption: &Adoption) -> bool {
    !source.is_kept_only || !adoption.ledger().files.contains_key(&source.period.name)
}

fn survey(source: &Source, series: &Series, now: Micros) -> Result<Survey, ParquetError> {
    let file = RawFile::open(&source.path)?;
    if let Some(missing) = required(series.kind()).iter().find(|name| !file.has(name)) {
        return Err(ParquetError::General(format!("it has no column {missing}")));
    }
    match series.kind() {
        Kind::Ohlc => candles::survey(&file, series, now),
        _ => Ok(Survey::default()),
    }
}

fn unreadable(source: &Source, error: &ParquetError) -> Problem {
    let what = format!("no file of Python dccd, or damaged: {error}; left alone");
    Problem { path: source.path.clone(), what, is_failure: true }
}

fn is_in_tree(originals: &[(usize, PathBuf)], index: usize) -> bool {
    originals.iter().any(|(at, _)| *at == index)
}

fn is_ours(path: &Path, kind: Kind) -> Result<bool, StoreError> {
    Ok(path.exists() && matches!(open_period_file(path, kind)?, Opened::Ours(_)))
}

/// The rows of each period, which are in order.
fn by_period(rows: &Batch) -> Vec<(Period, Batch)> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < rows.len() {
        let period = Period::of(rows.kind(), Micros(rows.ts()[from]));
        let inside = rows.ts()[from..].iter().take_while(|ts| period.window.holds(Micros(**ts))).count();
        parts.push((period, rows.slice(from..from + inside)));
        from += inside;
    }
    parts
}

/// Says of the newest windows that are not settled why they are gaps.
fn note(ledger: &mut Ledger, windows: &Windows, settled: &Windows, reason: &str) {
    let mut open = windows.clone();
    open.remove_all(settled);
    let surplus = open.len().saturating_sub(MOST_NOTED);
    open.iter().skip(surplus).for_each(|window| ledger.note(window, reason));
}
