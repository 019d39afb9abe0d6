//! Compares the rows sent and accepted for a series with its files and its ledger.

use std::collections::{BTreeMap, BTreeSet};

use dccd::model::{Batch, Window, Windows};
use dccd::store::{Layout, Ledger, period_files, verify_series};

use crate::feed::{Page, at, push, series, versions};

/// The account of one series.
#[derive(Debug)]
pub(crate) struct Account {
    track: usize,
    /// The version accepted last of each key.
    accepted: BTreeMap<i64, u64>,
    /// Every version that was sent, accepted or not.
    sent: BTreeMap<i64, BTreeSet<u64>>,
    proven: Windows,
    claimable: Windows,
}

impl Account {
    pub(crate) fn of(track: usize) -> Self {
        let (accepted, sent) = (BTreeMap::new(), BTreeMap::new());
        Account { track, accepted, sent, proven: Windows::new(), claimable: Windows::new() }
    }

    pub(crate) fn sent(&mut self, page: &Page) {
        page.keys().for_each(|key| {
            self.sent.entry(key).or_default().insert(page.version());
        });
        page.covered.into_iter().for_each(|window| self.claimable.add(window));
    }

    pub(crate) fn accepted(&mut self, page: &Page) {
        self.accepted.extend(page.keys().map(|key| (key, page.version())));
        page.covered.into_iter().for_each(|window| self.proven.add(window));
    }

    /// Everything accepted is there once in its version or a later one, nothing is that was never sent, and the
    /// ledger claims what was proven and no more.
    pub(crate) fn check(&self, layout: &Layout) -> Result<(), String> {
        let series = series(self.track);
        let faults = verify_series(layout, &series).map_err(|error| format!("{error:?}"))?;
        // A series of which nothing was accepted may have no folder.
        if self.accepted.is_empty() && !layout.ledger(&series).exists() {
            return Ok(());
        }
        if let Some(fault) = faults.first() {
            return Err(format!("{series}: {}: {}", fault.path.display(), fault.what));
        }
        let ledger = Ledger::read(&layout.ledger(&series), &series).map_err(|error| format!("{error:?}"))?;
        let ledger = ledger.unwrap_or_default();
        let rows = held(layout, &series, &ledger)?;
        let held: BTreeMap<i64, u64> = versions(self.track, &rows).into_iter().collect();
        self.check_rows(&held, &rows)
            .and_then(|()| self.check_claims(&held, &ledger))
            .map_err(|why| format!("{series}: {why}"))
    }

    fn check_rows(&self, held: &BTreeMap<i64, u64>, rows: &Batch) -> Result<(), String> {
        for (key, version) in &self.accepted {
            match held.get(key) {
                None => return Err(format!("row {key} (version {version}) is lost")),
                Some(own) if own < version => {
                    return Err(format!("row {key} has version {own}, older than {version}"));
                }
                Some(_) => {}
            }
        }
        for (key, version) in held {
            if !self.sent.get(key).is_some_and(|sent| sent.contains(version)) {
                return Err(format!("row {key} has version {version}, which was never sent"));
            }
        }
        let mut expected = Batch::of(rows.kind());
        held.iter().for_each(|(key, version)| push(&mut expected, self.track, *key, *version));
        if *rows != expected {
            return Err(format!(
                "{} rows are held where {} should be, or others",
                rows.len(),
                expected.len()
            ));
        }
        Ok(())
    }

    fn check_claims(&self, held: &BTreeMap<i64, u64>, ledger: &Ledger) -> Result<(), String> {
        let less = |mut all: Windows, part: &Windows| -> Option<Window> {
            all.remove_all(part);
            all.first()
        };
        if let Some(window) = less(self.proven.clone(), &ledger.covered) {
            return Err(format!("coverage of {window} is lost"));
        }
        if let Some(window) = less(ledger.covered.clone(), &self.claimable) {
            return Err(format!("{window} is claimed to be covered and was never proven"));
        }
        if ledger.rows() as usize != self.rows_of(held) {
            return Err(format!("the ledger counts {} rows", ledger.rows()));
        }
        let stray = self.sent.keys().find(|key| {
            // Of a page not confirmed, what is claimed comes with its rows.
            ledger.covered.holds(at(self.track, **key)) && !held.contains_key(*key) && !self.is_quiet(**key)
        });
        stray.map_or(Ok(()), |key| Err(format!("row {key} is absent from what is claimed to be covered")))
    }

    /// Whether a key lies where a page proved something else than its rows.
    fn is_quiet(&self, key: i64) -> bool {
        !self.accepted.contains_key(&key) && self.proven.holds(at(self.track, key))
    }

    fn rows_of(&self, held: &BTreeMap<i64, u64>) -> usize {
        let mut one = Batch::of(series(self.track).kind());
        push(&mut one, self.track, 0, 0);
        held.len() * one.len()
    }
}

/// Every row of the files, period by period.
fn held(layout: &Layout, series: &dccd::model::Series, ledger: &Ledger) -> Result<Batch, String> {
    let mut rows = Batch::of(series.kind());
    for period in ledger.periods() {
        for file in period_files(layout, series, period).map_err(|error| format!("{error:?}"))? {
            rows.take_all(&file.rows().map_err(|error| format!("{error:?}"))?);
        }
    }
    Ok(rows)
}
