//! Reads the history: the points of all workers, merged.

use std::collections::BTreeMap;
use std::ops::Range;

use futures_util::TryStreamExt;

use crate::db::history::point::{odd, of_row};
use crate::db::history::sql::{KEYS, POINTS, STORED, WORKERS};
use crate::db::{Database, DbError, Pool, begin};
use crate::model::Micros;
use crate::telemetry::rollup::{Key, Kind, Point, Resolution};

/// The part of the history to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Whole segments that the keys begin with; empty for all keys.
    pub prefix: String,
    /// Only what this worker recorded.
    pub worker: Option<String>,
    /// The width of the buckets.
    pub resolution: Resolution,
    /// Only buckets that begin in here.
    pub range: Range<Micros>,
    /// Only keys after this one.
    pub after: Option<String>,
    /// The most metrics.
    pub most: u32,
}

/// Metrics in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryPage {
    /// The metrics; each has a point.
    pub metrics: Vec<KeptMetric>,
    /// Whether there are further ones.
    pub has_more: bool,
}

/// A metric and its points.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptMetric {
    /// Its key.
    pub key: Key,
    /// Its kind.
    pub kind: Kind,
    /// Its unit; empty if it has none.
    pub unit: String,
    /// The points by the start of their bucket. A bucket without observations is absent.
    pub points: BTreeMap<Micros, Point>,
}

/// Reads in one transaction of either store.
macro_rules! reading {
    ($database:expr, |$on:ident, $persistent:ident| $body:expr) => {
        match $database.pool() {
            Pool::Sqlite { read, .. } => {
                let (mut $on, $persistent) = (read.begin().await?, true);
                let found = $body;
                $on.commit().await?;
                found
            }
            Pool::Postgres(pool) => {
                let is_pooled = $database.is_pooled();
                let (mut $on, $persistent) = (begin(pool, is_pooled).await?, !is_pooled);
                let found = $body;
                $on.commit().await?;
                found
            }
        }
    };
}

impl Database {
    /// Reads a page of the history.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn read_history(&self, query: &HistoryQuery) -> Result<HistoryPage, DbError> {
        self.page(query).await.map_err(|source| self.failed(source))
    }

    /// The workers that have written history, by name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn history_workers(&self) -> Result<Vec<String>, DbError> {
        let read = async {
            Ok(reading!(self, |on, persistent| {
                sqlx::query_scalar(WORKERS).persistent(persistent).fetch_all(&mut *on).await?
            }))
        };
        read.await.map_err(|source| self.failed(source))
    }

    /// The points that a writer stored in a range of buckets.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn stored_history(
        &self,
        writer: i64,
        resolution: Resolution,
        range: Range<Micros>,
    ) -> Result<BTreeMap<(Key, Micros), Point>, DbError> {
        let read = async {
            let rows = reading!(self, |on, persistent| {
                let rows = sqlx::query_as(STORED).persistent(persistent).bind(writer);
                let rows = rows.bind(resolution.secs()).bind(range.start.0).bind(range.end.0);
                rows.fetch_all(&mut *on).await?
            });
            let points = rows.into_iter().map(|row| of_row(row).map(|(key, at, point)| ((key, at), point)));
            points.collect::<sqlx::Result<_>>()
        };
        read.await.map_err(|source| self.failed(source))
    }

    async fn page(&self, query: &HistoryQuery) -> sqlx::Result<HistoryPage> {
        let HistoryQuery { prefix, worker, resolution, range, after, most } = query;
        let (worker, after) = (worker.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
        let (from, until, secs) = (range.start.0, range.end.0, resolution.secs());
        let mut page = HistoryPage::default();
        reading!(self, |on, persistent| {
            let keys = sqlx::query_as(KEYS).persistent(persistent).bind(prefix).bind(after);
            let keys = keys.bind(i64::from(*most) + 1).bind(secs).bind(from).bind(until).bind(worker);
            let keys: Vec<(i64, String, String, String)> = keys.fetch_all(&mut *on).await?;
            page.has_more = keys.len() > *most as usize;
            page.metrics = keys.into_iter().take(*most as usize).map(metric).collect::<sqlx::Result<_>>()?;
            if let (Some(first), Some(last)) = (page.metrics.first(), page.metrics.last()) {
                let (first, last) = (first.key.to_string(), last.key.to_string());
                let rows = sqlx::query_as(POINTS).persistent(persistent).bind(prefix).bind(first).bind(last);
                let mut rows = rows.bind(secs).bind(from).bind(until).bind(worker).fetch(&mut *on);
                // Merged as they come: a fleet has many rows of a point.
                while let Some(row) = rows.try_next().await? {
                    page.take(of_row(row)?);
                }
            }
        });
        Ok(page)
    }
}

impl HistoryPage {
    fn take(&mut self, (key, bucket, point): (Key, Micros, Point)) {
        let Ok(place) = self.metrics.binary_search_by(|metric| metric.key.cmp(&key)) else { return };
        let points = &mut self.metrics[place].points;
        points.entry(bucket).and_modify(|known| known.merge(&point)).or_insert(point);
    }
}

fn metric((_, key, kind, unit): (i64, String, String, String)) -> sqlx::Result<KeptMetric> {
    Ok(KeptMetric {
        key: Key::new(&key).map_err(|_| odd("a key"))?,
        kind: Kind::named(&kind).ok_or_else(|| odd("a kind"))?,
        unit,
        points: BTreeMap::new(),
    })
}
