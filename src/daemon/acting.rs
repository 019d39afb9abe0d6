//! Actions of a running daemon on one series.

use std::sync::Arc;

use thiserror::Error;

use crate::api::BackfillAsked;
use crate::clock::now;
use crate::daemon::{Control, Refusal};
use crate::engine::series::{backfill_order, repair_order};
use crate::engine::wrong::Wrong;
use crate::engine::{Job, Work};
use crate::exchange::find;
use crate::model::{Series, foreign};
use crate::tracker::TaskKind;

/// Why an action on a series is refused.
#[derive(Debug, Error)]
pub(crate) enum WorkRefusal {
    /// A part of what was asked for is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// No exchange offers such a series.
    #[error("no exchange offers `{}`; write it such as binance/BTC-USDT/ohlc/1h", foreign(name))]
    NoSeries {
        /// The name that was given.
        name: String,
    },
    /// The daemon refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Control {
    /// Fetches what is missing of a range of a series, configured or not; returns the id of the request.
    ///
    /// # Errors
    /// See [`WorkRefusal`]; nothing is started then.
    pub(crate) async fn backfill(&self, name: &str, asked: &BackfillAsked) -> Result<u64, WorkRefusal> {
        let series = offered(name)?;
        let order = backfill_order(&Job::all(&self.in_force()), series, asked, now())?;
        Ok(self.work(vec![Work::fetch(order)], 1).await?.0)
    }

    /// Checks the files of a series and fetches what is missing; returns the id of the request.
    ///
    /// # Errors
    /// See [`WorkRefusal`]; nothing is started then.
    pub(crate) async fn repair(&self, name: &str) -> Result<u64, WorkRefusal> {
        let series = offered(name)?;
        let (engine, config) = (Arc::clone(self.engine()), self.in_force());
        let ordering = move || repair_order(&Job::all(&config), engine.layout(), &series);
        let order = tokio::task::spawn_blocking(ordering).await.map_err(|_| Refusal::NoAnswer)?;
        Ok(self.work(vec![Work::repair(order)], 1).await?.0)
    }

    /// Runs the job of a series now; returns the id of the request.
    ///
    /// # Errors
    /// See [`WorkRefusal`].
    pub(crate) async fn run_job(&self, name: &str) -> Result<u64, WorkRefusal> {
        let series = named(name)?;
        Ok(self.run_jobs(vec![series.to_string()]).await?.0)
    }

    /// Pauses or resumes the job of a series, or listening to it, and returns the series.
    ///
    /// # Errors
    /// See [`WorkRefusal`].
    pub(crate) async fn pause_one(&self, id: &str, is_paused: bool) -> Result<Vec<Series>, WorkRefusal> {
        let stream = id.strip_prefix(TaskKind::Stream.name()).and_then(|rest| rest.strip_prefix(':'));
        let series = named(stream.unwrap_or(id))?;
        Ok(self.pause(vec![series.to_string()], is_paused).await?)
    }
}

fn named(name: &str) -> Result<Series, WorkRefusal> {
    let shown = || name.chars().take(100).collect();
    name.parse().map_err(|_| WorkRefusal::NoSeries { name: shown() })
}

/// A series that its exchange offers.
fn offered(name: &str) -> Result<Series, WorkRefusal> {
    let series = named(name)?;
    match find(series.exchange()).and_then(|exchange| exchange.offer_for(&series)) {
        Some(_) => Ok(series),
        None => Err(WorkRefusal::NoSeries { name: name.to_owned() }),
    }
}
