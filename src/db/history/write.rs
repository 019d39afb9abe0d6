//! Writes the totals of one process.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use crate::db::history::sql::{CLAIM, POSTGRES, SQLITE, TOUCH};
use crate::db::{Database, DbError, Pool, begin, on_either};
use crate::model::Micros;
use crate::telemetry::rollup::{Key, Point, Unwritten};

/// The points of one statement in SQLite.
const ROWS_AT_ONCE: usize = 100;
/// The columns of a point.
const COLUMNS: usize = 11;

/// A process that writes the history of its worker, and the metrics that it knows of the store.
#[derive(Debug)]
pub struct HistoryWriter {
    id: i64,
    run: String,
    known: HashMap<Key, Known>,
}

/// A metric as the store has it.
#[derive(Clone, Debug)]
struct Known {
    id: i64,
    kind: String,
    unit: String,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteEnd {
    /// Everything is stored, except for metrics that the store knows with another kind or unit.
    Written {
        /// These metrics.
        refused: Vec<Key>,
    },
    /// Another process has become the writer; nothing is stored.
    Overtaken,
}

#[derive(Serialize)]
struct Definition<'a> {
    key: &'a str,
    kind: &'static str,
    unit: &'a str,
}

/// The end of a write, and the metrics that it met for the first time. They count once the transaction is committed:
/// after a rollback their identities may become those of other metrics.
type Wrote = (WriteEnd, HashMap<Key, Known>);

/// A point with the identity of its metric.
type Row<'a> = (i64, &'a Unwritten);

/// The steps of a write in a transaction of either store.
macro_rules! steps {
    ($all:expr, $sql:expr, $persistent:expr, $writer:expr, $points:expr, $at:expr, $put:ident) => {{
        let (mut all, persistent, writer, points) = ($all, $persistent, $writer, $points);
        let touch = sqlx::query(TOUCH).persistent(persistent).bind(writer.id).bind(&writer.run).bind($at.0);
        if touch.execute(&mut *all).await?.rows_affected() == 0 {
            return Ok((WriteEnd::Overtaken, HashMap::new()));
        }
        let mut new_ones = HashMap::new();
        if let Some(new) = writer.unknown(points) {
            sqlx::query($sql.define).persistent(persistent).bind(&new).execute(&mut *all).await?;
            let defined = sqlx::query_as($sql.defined).persistent(persistent).bind(&new);
            new_ones = of_rows(defined.fetch_all(&mut *all).await?);
        }
        let (rows, refused) = writer.rows(points, &new_ones);
        $put(&mut all, writer.id, &rows, persistent).await?;
        all.commit().await?;
        Ok((WriteEnd::Written { refused }, new_ones))
    }};
}

impl Database {
    /// Makes a process the writer of a worker on a data path. `run` differs for each process that ever ran.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn claim_history(
        &self,
        (worker, place): (&str, &str),
        run: &str,
        at: Micros,
    ) -> Result<HistoryWriter, DbError> {
        let claimed: sqlx::Result<i64> = on_either!(self, |on, persistent| {
            let claim = sqlx::query_scalar(CLAIM).persistent(persistent).bind(worker).bind(place);
            claim.bind(run).bind(at.0).fetch_one(on).await
        });
        let id = claimed.map_err(|source| self.failed(source))?;
        Ok(HistoryWriter { id, run: run.to_owned(), known: HashMap::new() })
    }

    /// Stores totals, all in one transaction.
    ///
    /// # Errors
    /// If the store cannot be written; the same totals may be written again.
    pub async fn write_history(
        &self,
        writer: &mut HistoryWriter,
        points: &[Unwritten],
        at: Micros,
    ) -> Result<WriteEnd, DbError> {
        let mut written = self.wrote(writer, points, at).await;
        if matches!(&written, Err(error) if is_forgotten(error)) {
            // Another process has deleted a metric that this one knew.
            writer.known.clear();
            written = self.wrote(writer, points, at).await;
        }
        let (end, new_ones) = written.map_err(|source| self.failed(source))?;
        writer.known.extend(new_ones);
        Ok(end)
    }

    async fn wrote(&self, writer: &HistoryWriter, points: &[Unwritten], at: Micros) -> sqlx::Result<Wrote> {
        match self.pool() {
            Pool::Sqlite { write, .. } => {
                let all = write.begin_with("BEGIN IMMEDIATE").await?;
                steps!(all, SQLITE, true, writer, points, at, put_in_sqlite)
            }
            Pool::Postgres(pool) => {
                let is_pooled = self.is_pooled();
                let all = begin(pool, is_pooled).await?;
                steps!(all, POSTGRES, !is_pooled, writer, points, at, put_in_postgres)
            }
        }
    }
}

impl HistoryWriter {
    /// The identity of its rows.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The metrics that it does not know of the store, as JSON; `None` if there are none.
    fn unknown(&self, points: &[Unwritten]) -> Option<String> {
        let unknown = points.iter().filter(|one| !self.known.contains_key(&one.key));
        let mut new: Vec<Definition<'_>> = unknown
            .map(|one| Definition { key: one.key.as_str(), kind: one.kind.name(), unit: &one.unit })
            .collect();
        // In one order in all processes, so that none waits for another in a circle.
        new.sort_unstable_by_key(|one| one.key);
        new.dedup_by_key(|one| one.key);
        if new.is_empty() { None } else { serde_json::to_string(&new).ok() }
    }

    /// The points that can be stored, and the metrics whose points cannot.
    fn rows<'a>(&self, points: &'a [Unwritten], new_ones: &HashMap<Key, Known>) -> (Vec<Row<'a>>, Vec<Key>) {
        let (mut rows, mut refused) = (Vec::with_capacity(points.len()), Vec::new());
        for one in points {
            match self.known.get(&one.key).or_else(|| new_ones.get(&one.key)) {
                Some(known) if known.kind == one.kind.name() && known.unit == *one.unit => {
                    rows.push((known.id, one));
                }
                _ => refused.push(one.key.clone()),
            }
        }
        refused.dedup();
        (rows, refused)
    }
}

fn of_rows(rows: Vec<(i64, String, String, String)>) -> HashMap<Key, Known> {
    let known =
        rows.into_iter().map(|(id, key, kind, unit)| Some((Key::new(&key).ok()?, Known { id, kind, unit })));
    known.flatten().collect()
}

/// Whether a row refers to a metric that is not there.
fn is_forgotten(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
}

async fn put_in_sqlite(
    all: &mut Transaction<'static, Sqlite>,
    writer: i64,
    rows: &[Row<'_>],
    _: bool,
) -> sqlx::Result<()> {
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let tuple = format!("({})", ["?"; COLUMNS].join(", "));
        let text =
            SQLITE.put.replacen("VALUES ROWS", &format!("VALUES {}", vec![tuple; rows.len()].join(", ")), 1);
        // Only the number of rows varies, never what they hold.
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(rows.len() == ROWS_AT_ONCE);
        for (metric, Unwritten { resolution, bucket, point, .. }) in rows {
            query = query.bind(metric).bind(resolution.secs()).bind(bucket.0).bind(writer);
            query = query.bind(count(point)).bind(point.sum).bind(point.min).bind(point.max);
            query = query.bind(point.last).bind(point.sampled_at.0).bind(sketch(point));
        }
        query.execute(&mut **all).await?;
    }
    Ok(())
}

async fn put_in_postgres(
    all: &mut Transaction<'static, Postgres>,
    writer: i64,
    rows: &[Row<'_>],
    is_persistent: bool,
) -> sqlx::Result<()> {
    fn column<T>(rows: &[Row<'_>], of: impl Fn(&Unwritten) -> T) -> Vec<T> {
        rows.iter().map(|(_, one)| of(one)).collect()
    }
    let metrics: Vec<i64> = rows.iter().map(|(metric, _)| *metric).collect();
    let query = sqlx::query(POSTGRES.put).persistent(is_persistent).bind(writer).bind(metrics);
    let query = query.bind(column(rows, |one| one.resolution.secs()));
    let query = query.bind(column(rows, |one| one.bucket.0)).bind(column(rows, |one| count(&one.point)));
    let query = query.bind(column(rows, |one| one.point.sum)).bind(column(rows, |one| one.point.min));
    let query = query.bind(column(rows, |one| one.point.max)).bind(column(rows, |one| one.point.last));
    let query = query.bind(column(rows, |one| one.point.sampled_at.0));
    let query = query.bind(column(rows, |one| sketch(&one.point)));
    query.execute(&mut **all).await.map(drop)
}

fn count(point: &Point) -> i64 {
    i64::try_from(point.count).unwrap_or(i64::MAX)
}

fn sketch(point: &Point) -> Option<Vec<u8>> {
    point.sketch.as_ref().map(crate::telemetry::rollup::Sketch::to_bytes)
}
