//! Ownership of series: one process writes a series, under a lease with its own fence.

use std::time::Duration;

use crate::model::Micros;
use crate::tracker::change::json;
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{Claimer, Tracker, TrackerError};

/// A series owned by the asking worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesFence {
    /// The series, as text.
    pub series: String,
    /// The fence of the ownership; it grows whenever another worker takes the series over.
    pub fence: i64,
}

/// The owner of a series, as recorded in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The series, as text.
    pub series: String,
    /// Its worker; empty if that one gave it up.
    pub worker: String,
    /// The fence of the ownership.
    pub fence: i64,
    /// When the ownership began.
    pub since: Micros,
    /// When it expires, unless it is renewed.
    pub until: Micros,
    /// When this was read.
    pub as_of: Micros,
}

impl Owner {
    /// Whether the lease is still valid.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.as_of < self.until
    }
}

type OwnerRow = (String, String, i64, i64, i64, i64);

impl Tracker {
    /// Makes a worker the owner of series without another owner; returns those it owns now.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn own(
        &self,
        claimer: Claimer<'_>,
        series: &[String],
    ) -> Result<Vec<SeriesFence>, TrackerError> {
        let (lease, wanted) = (micros(claimer.lease), json(series));
        let values = values![self.now(), lease, &wanted, claimer.worker];
        let owned: Vec<(String, i64)> = self.write("own", |sql| sql.own, values).await?;
        Ok(owned.into_iter().map(|(series, fence)| SeriesFence { series, fence }).collect())
    }

    /// Renews everything a worker owns, in one statement; returns what it still owns.
    ///
    /// # Errors
    /// If the store fails; the leases are not extended then.
    pub async fn keep_owned(&self, worker: &str, lease: Duration) -> Result<Vec<String>, TrackerError> {
        let kept: Vec<(String,)> =
            self.write("own", |sql| sql.keep, values![self.now(), micros(lease), worker]).await?;
        Ok(kept.into_iter().map(|(series,)| series).collect())
    }

    /// Gives up everything a worker owns.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn disown(&self, worker: &str) -> Result<(), TrackerError> {
        let _: Vec<(String,)> = self.write("own", |sql| sql.disown, values![self.now(), worker]).await?;
        Ok(())
    }

    /// Gives up what other workers of a data path owned, which are known to be dead.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn disown_place(&self, place: &str, worker: &str) -> Result<(), TrackerError> {
        let values = values![self.now(), place, worker];
        let _: Vec<(String,)> = self.write("own", |sql| sql.disown_place, values).await?;
        Ok(())
    }

    /// Gives up series that a worker owns; their next owner has a higher fence.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn give_up(&self, worker: &str, series: &[String]) -> Result<(), TrackerError> {
        let series = json(series);
        let values = values![self.now(), worker, &series];
        let _: Vec<(String,)> = self.write("own", |sql| sql.give_up, values).await?;
        Ok(())
    }

    /// Raises the fence of an ownership above another; returns it, or `None` if the ownership is over.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn raise_fence(
        &self,
        worker: &str,
        series: &str,
        above: i64,
    ) -> Result<Option<i64>, TrackerError> {
        let raised: Vec<(i64,)> =
            self.write("own", |sql| sql.raise, values![self.now(), worker, series, above]).await?;
        Ok(raised.first().map(|(fence,)| *fence))
    }

    /// The present, or last, owners of these series; omits series that never had one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn owners(&self, series: &[String]) -> Result<Vec<Owner>, TrackerError> {
        let series = json(series);
        let rows: Vec<OwnerRow> = self.read(|sql| sql.owners, values![self.now(), &series]).await?;
        let owner = |(series, worker, fence, since, until, as_of)| Owner {
            series,
            worker,
            fence,
            since: Micros(since),
            until: Micros(until),
            as_of: Micros(as_of),
        };
        Ok(rows.into_iter().map(owner).collect())
    }
}
