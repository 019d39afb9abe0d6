//! The tracker: a store, a clock, and operations that are retried after a conflict.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::db::{Database, Pool};
use crate::model::Micros;
use crate::telemetry::Telemetry;
use crate::telemetry::events::TrackerFailed;
use crate::tracker::TrackerError;
use crate::tracker::connection::{Change, Stored, Value, met, rows};
use crate::tracker::sql::Sql;

/// How often an operation is tried in case of conflicts.
const TRIES: u32 = 5;

/// Tasks, their attempts, workers and owners, in one store. Clones share it.
#[derive(Clone)]
pub struct Tracker {
    pub(super) database: Database,
    pub(super) telemetry: Telemetry,
    hands: Option<Arc<AtomicI64>>,
}

impl Tracker {
    /// The tracker of a store; emits its events to `telemetry`.
    #[must_use]
    pub fn new(database: &Database, telemetry: &Telemetry) -> Self {
        Tracker { database: database.clone(), telemetry: telemetry.clone(), hands: None }
    }

    /// The same tracker with an external clock: microseconds since 1970.
    #[must_use]
    pub fn with_hands(mut self, hands: Arc<AtomicI64>) -> Self {
        self.hands = Some(hands);
        self
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn store_kind(&self) -> &'static str {
        self.database.kind()
    }

    /// Whether the last operation of the store failed.
    #[must_use]
    pub(crate) fn is_store_away(&self) -> bool {
        self.database.is_away()
    }

    /// Notes that the store answered, so that waiting work may use it again.
    pub(crate) fn store_answered(&self) {
        self.database.answered();
    }

    /// The time to bind to a statement: `None` makes PostgreSQL use its own, so that workers' clocks do not
    /// matter.
    pub(super) fn now(&self) -> Option<i64> {
        match (&self.hands, self.database.pool()) {
            (Some(hands), _) => Some(hands.load(Ordering::Relaxed)),
            (None, Pool::Sqlite { .. }) => Some(system().0),
            (None, Pool::Postgres(_)) => None,
        }
    }

    /// The time for statements that need one and tolerate an error of the worker's clock.
    pub(super) fn about_now(&self) -> Micros {
        self.now().map_or_else(system, Micros)
    }

    /// Begins a change.
    pub(super) async fn change(&self) -> sqlx::Result<Change> {
        Change::begin(&self.database).await
    }

    /// The rows of a read-only statement.
    pub(super) async fn read<T: Stored>(
        &self,
        statement: fn(&Sql) -> &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, TrackerError> {
        rows(&self.database, false, statement, values).await.map_err(|source| self.failed("read", source))
    }

    /// The rows of a statement that writes, without a transaction.
    pub(super) async fn write<T: Stored>(
        &self,
        operation: &'static str,
        statement: fn(&Sql) -> &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, TrackerError> {
        self.trying(operation, || rows(&self.database, true, statement, values)).await
    }

    /// Runs an operation, retrying it after conflicts.
    pub(super) async fn trying<T, F: Future<Output = sqlx::Result<T>>>(
        &self,
        operation: &'static str,
        work: impl Fn() -> F,
    ) -> Result<T, TrackerError> {
        let mut tries = 1;
        loop {
            match work().await {
                Err(error) if tries < TRIES && met(&error) => tries += 1,
                done => return done.map_err(|source| self.failed(operation, source)),
            }
        }
    }

    /// Reports an error of the store once.
    fn failed(&self, operation: &'static str, source: sqlx::Error) -> TrackerError {
        let error = self.database.failed(source);
        self.telemetry.emit(TrackerFailed { operation, error: &error });
        TrackerError::Store(error)
    }
}

fn system() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
