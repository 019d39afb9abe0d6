//! Owning series: one process writes a series, under a lease with a fence of its own.

use std::time::Duration;

use crate::tracker::change::json;
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{Claimer, Tracker, TrackerError};

/// A series that is the asking worker's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The series, as text.
    pub series: String,
    /// What the ownership proves itself with; it grows whenever another worker takes the series over.
    pub fence: i64,
}

impl Tracker {
    /// Makes series the worker's that nobody else owns; gives those that are its own now.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn own(&self, claimer: Claimer<'_>, series: &[String]) -> Result<Vec<Owned>, TrackerError> {
        let (lease, wanted) = (micros(claimer.lease), json(series));
        let values = values![self.now(), lease, &wanted, claimer.worker];
        let owned: Vec<(String, i64)> = self.write("own", |sql| sql.own, values).await?;
        Ok(owned.into_iter().map(|(series, fence)| Owned { series, fence }).collect())
    }

    /// Renews everything a worker owns, in one statement; gives what is still its own.
    ///
    /// # Errors
    /// Where the store fails; the ownership then lasts as long as it did.
    pub async fn keep_owned(&self, worker: &str, lease: Duration) -> Result<Vec<String>, TrackerError> {
        let kept: Vec<(String,)> =
            self.write("own", |sql| sql.keep, values![self.now(), micros(lease), worker]).await?;
        Ok(kept.into_iter().map(|(series,)| series).collect())
    }

    /// Gives up everything a worker owns.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn disown(&self, worker: &str) -> Result<(), TrackerError> {
        let _: Vec<(String,)> = self.write("own", |sql| sql.disown, values![self.now(), worker]).await?;
        Ok(())
    }

    /// Gives up what other workers of a place owned, who are known to be dead.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn disown_place(&self, place: &str, worker: &str) -> Result<(), TrackerError> {
        let values = values![self.now(), place, worker];
        let _: Vec<(String,)> = self.write("own", |sql| sql.disown_place, values).await?;
        Ok(())
    }
}
