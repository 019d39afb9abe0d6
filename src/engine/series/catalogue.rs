//! Every series at once: what is held of it, and how its runs went.
//!
//! A page of a hundred series costs no more than a glance at the folders: an account is read again only if its ledger
//! or its folder changed, and everything found is good for a second. Where looking takes longer than a reader should wait,
//! it gets what was found before, at most some seconds old, and the look goes on; [`Catalogue::refresh`] keeps that true
//! between reads, so that the first view of ten thousand series waits for no account.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::account::Account;
use super::status::{SeriesRuns, configured};
use crate::api::{SERIES_STATES, SeriesLine, SeriesStatus};
use crate::clock::now;
use crate::config::Config;
use crate::db::Database;
use crate::model::{Micros, Series, Windows};
use crate::store::{Layout, holding};
use crate::tracker::TrackerError;

/// How long everything found is good.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// How long a reader waits for a new look while there is an earlier one.
const PATIENCE: Duration = Duration::from_millis(50);
/// How old an earlier look may be that is shown in place of one that lasts.
const OLDEST: Duration = Duration::from_secs(30);
/// A folder that changed so shortly before it was read may have changed again without showing it.
const UNSURE_FOR: Duration = Duration::from_secs(1);

/// Every series of a data path and its configuration, as last found.
#[derive(Default)]
pub(crate) struct Catalogue {
    accounts: Arc<Mutex<BTreeMap<Series, Marked>>>,
    state: tokio::sync::Mutex<Looks>,
}

type Known = Arc<Vec<KnownSeries>>;

/// The series of the last look, and the look that lasts.
#[derive(Default)]
struct Looks {
    /// With the instant at which its look began.
    found: Option<(Instant, Known)>,
    /// One look at a time.
    looking: JoinSet<Result<Known, CatalogueError>>,
    began: Option<Instant>,
    /// Whether what the look finds may be of before a change that the next answer is to show.
    is_outdated: bool,
}

/// Why the series cannot be listed.
#[derive(Debug, Error)]
pub(crate) enum CatalogueError {
    /// The state store cannot be read.
    #[error(transparent)]
    Store(#[from] TrackerError),
    /// The thread that read the ledgers panicked.
    #[error("reading the ledgers broke off: {0}; please report this")]
    Broken(String),
}

/// A series that is held, configured, or ever ran.
#[derive(Clone)]
pub(crate) struct KnownSeries {
    pub(super) series: Series,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) account: Option<Arc<Account>>,
    pub(super) runs: Option<SeriesStatus>,
    /// The number of its gaps, and their length in microseconds.
    pub(super) gaps: Option<(i64, i64)>,
}

/// An account, and by what it is known to be unchanged.
struct Marked {
    mark: Option<Mark>,
    account: Arc<Account>,
}

type Mark = [(i64, i64, u64, u64); 2];

impl Catalogue {
    /// Forgets what was found, so that the next answer shows a change just made.
    pub(crate) async fn expire(&self) {
        let mut looks = self.state.lock().await;
        looks.found = None;
        // One that lasts may have read before the change.
        looks.is_outdated = !looks.looking.is_empty();
    }

    /// Every series, in the order of their names.
    ///
    /// # Errors
    /// If the state store cannot be read.
    pub(crate) async fn all(
        &self,
        layout: &Layout,
        config: &Config,
        db: &Database,
    ) -> Result<Known, CatalogueError> {
        let mut looks = self.state.lock().await;
        looks.take_ended();
        if let Some(known) = looks.found_within(GOOD_FOR) {
            return Ok(known);
        }
        loop {
            let began = self.look(&mut looks, layout, config, db);
            let ended = match looks.found_within(OLDEST) {
                // The series are known, though not as of now.
                Some(earlier) => {
                    let wait = PATIENCE.saturating_sub(began.elapsed());
                    timeout(wait, looks.ended()).await.unwrap_or(Some(Ok(earlier)))
                }
                None => looks.ended().await,
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// Looks at everything again, so that readers find it known. Returns how long it took.
    ///
    /// # Errors
    /// See [`Catalogue::all`].
    pub(crate) async fn refresh(
        &self,
        layout: &Layout,
        config: &Config,
        db: &Database,
    ) -> Result<Duration, CatalogueError> {
        let began = {
            let mut looks = self.state.lock().await;
            looks.take_ended();
            self.look(&mut looks, layout, config, db)
        };
        loop {
            // Readers come between.
            tokio::time::sleep(PATIENCE).await;
            let mut looks = self.state.lock().await;
            match looks.take_ended() {
                Some(ended) => return ended.map(|_| began.elapsed()),
                // A reader took it.
                None if looks.looking.is_empty() => return Ok(began.elapsed()),
                None => {}
            }
        }
    }

    /// Begins a look unless one lasts; returns when it began.
    fn look(&self, looks: &mut Looks, layout: &Layout, config: &Config, db: &Database) -> Instant {
        if let (false, Some(began)) = (looks.looking.is_empty(), looks.began) {
            return began;
        }
        let (accounts, layout, db) = (Arc::clone(&self.accounts), layout.clone(), db.clone());
        let configured = configured(config);
        looks.looking.spawn(async move {
            let runs = SeriesRuns::read(&db).await?.lines(&configured);
            let joining = tokio::task::spawn_blocking(move || {
                let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
                look(&mut accounts, &layout);
                joined(&accounts, runs, now())
            });
            joining.await.map(Arc::new).map_err(|error| CatalogueError::Broken(error.to_string()))
        });
        let began = Instant::now();
        looks.began = Some(began);
        began
    }
}

impl Looks {
    fn found_within(&self, age: Duration) -> Option<Known> {
        let (at, known) = self.found.as_ref()?;
        (at.elapsed() < age).then(|| Arc::clone(known))
    }

    /// Takes the result of the look if it has ended and is of after the last change.
    fn take_ended(&mut self) -> Option<Result<Known, CatalogueError>> {
        let ended = self.looking.try_join_next()?;
        self.keep(ended)
    }

    /// Waits for the end of the look; `None` if there is none, or its result is of before a change.
    async fn ended(&mut self) -> Option<Result<Known, CatalogueError>> {
        let ended = self.looking.join_next().await?;
        self.keep(ended)
    }

    fn keep(
        &mut self,
        ended: Result<Result<Known, CatalogueError>, JoinError>,
    ) -> Option<Result<Known, CatalogueError>> {
        let began = self.began.take().unwrap_or_else(Instant::now);
        if std::mem::take(&mut self.is_outdated) {
            return None;
        }
        let ended = ended.unwrap_or_else(|error| Err(CatalogueError::Broken(error.to_string())));
        if let Ok(known) = &ended {
            self.found = Some((began, Arc::clone(known)));
        }
        Some(ended)
    }
}

impl KnownSeries {
    /// The line of an answer.
    pub(super) fn line(&self, now: Micros) -> SeriesLine {
        SeriesLine {
            series: self.name.clone(),
            state: self.state,
            held: self.account.as_ref().map(|account| account.line(now)),
            runs: self.runs.clone(),
        }
    }
}

/// Reads the accounts that changed, and forgets those of series that are gone.
fn look(accounts: &mut BTreeMap<Series, Marked>, layout: &Layout) {
    let there = layout.series();
    accounts.retain(|series, _| there.binary_search(series).is_ok());
    for series in there {
        let mark = mark(layout, &series);
        if mark.is_some() && accounts.get(&series).is_some_and(|own| own.mark == mark) {
            continue;
        }
        match holding(layout, &series) {
            Some(held) => {
                let account = Arc::new(Account::of(&held));
                accounts.insert(series, Marked { mark, account });
            }
            None => drop(accounts.remove(&series)),
        }
    }
}

/// By what a folder and its ledger are known to be unchanged; `None` if they have just changed.
fn mark(layout: &Layout, series: &Series) -> Option<Mark> {
    let of = |path: &Path| {
        let found = path.metadata().ok()?;
        let age = SystemTime::now().duration_since(found.modified().ok()?).ok()?;
        (age > UNSURE_FOR).then(|| (found.ctime(), found.ctime_nsec(), found.len(), found.ino()))
    };
    Some([of(&layout.folder(series))?, of(&layout.ledger(series))?])
}

/// Joins what is held with what ran.
fn joined(accounts: &BTreeMap<Series, Marked>, runs: Vec<SeriesStatus>, now: Micros) -> Vec<KnownSeries> {
    let mut all: BTreeMap<String, KnownSeries> = BTreeMap::new();
    for (series, marked) in accounts {
        let known = of(series.clone(), Some(Arc::clone(&marked.account)));
        all.insert(known.name.clone(), known);
    }
    for run in runs {
        let Ok(series) = run.series.parse::<Series>() else { continue };
        let known = all.entry(run.series.clone()).or_insert_with(|| of(series, None));
        known.runs = Some(run);
    }
    for known in all.values_mut() {
        let gaps = known.account.as_ref().and_then(|account| account.gaps(now));
        let length = |gaps: &Windows| gaps.iter().map(|gap| gap.until.0 - gap.from.0).sum();
        known.gaps = gaps.as_ref().map(|gaps| (gaps.len() as i64, length(gaps)));
        let covered_until = known.account.as_ref().and_then(|account| account.covered_until());
        let is_incomplete = gaps.is_some_and(|gaps| {
            gaps.first().zip(covered_until).is_some_and(|(gap, covered)| gap.from < covered)
        });
        known.state = state(known, is_incomplete);
    }
    all.into_values().collect()
}

fn of(series: Series, account: Option<Arc<Account>>) -> KnownSeries {
    let name = series.to_string();
    KnownSeries { series, name, state: "", account, runs: None, gaps: None }
}

/// The first of [`SERIES_STATES`] that applies.
fn state(known: &KnownSeries, is_incomplete: bool) -> &'static str {
    let runs = known.runs.as_ref();
    let is = |of: fn(&SeriesStatus) -> bool| runs.is_some_and(of);
    let applies = [
        known.account.as_ref().is_some_and(|account| !account.is_known()),
        !is(|runs| runs.configured),
        is(|runs| runs.paused),
        is(|runs| runs.consecutive_errors > 0 || runs.last_error.is_some()),
        is(|runs| runs.stream.as_deref().is_some_and(|state| state != "live")),
        is(|runs| runs.last_run_at.is_none() && runs.stream.is_none()),
        is_incomplete,
        true,
    ];
    let first = applies.iter().position(|applies| *applies).unwrap_or_default();
    SERIES_STATES[first]
}

#[cfg(test)]
mod tests;
