//! Owning series: one process writes a series, under a lease with a fence of its own.

use std::time::Duration;

use crate::model::Micros;
use crate::tracker::change::json;
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{Claimer, Tracker, TrackerError};

/// A series that is the asking worker's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesFence {
    /// The series, as text.
    pub series: String,
    /// The fence of the ownership; it grows whenever another worker takes the series over.
    pub fence: i64,
}

/// Who writes a series, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The series, as text.
    pub series: String,
    /// Its worker; empty where that one gave it up.
    pub worker: String,
    /// The fence of the ownership.
    pub fence: i64,
    /// Since when.
    pub since: Micros,
    /// Until when, unless it is renewed.
    pub until: Micros,
    /// When this was read.
    pub as_of: Micros,
}

impl Owner {
    /// Whether the lease lasts.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.as_of < self.until
    }
}

type OwnerRow = (String, String, i64, i64, i64, i64);

impl Tracker {
    /// Makes a worker the owner of series that have no other; returns those it owns now.
    ///
    /// # Errors
    /// Where the store fails.
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

    /// Gives up series that a worker owns; their next owner has a higher fence.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn give_up(&self, worker: &str, series: &[String]) -> Result<(), TrackerError> {
        let series = json(series);
        let values = values![self.now(), worker, &series];
        let _: Vec<(String,)> = self.write("own", |sql| sql.give_up, values).await?;
        Ok(())
    }

    /// Lifts the fence of an ownership above another one's; gives it, none where the ownership is over.
    ///
    /// # Errors
    /// Where the store fails.
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

    /// The owners of these series, or their last ones; those that never had one are left out.
    ///
    /// # Errors
    /// Where the store fails.
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
