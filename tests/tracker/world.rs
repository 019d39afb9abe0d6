//! A tracker on a store of its own, with a clock whose hands the case moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dccd::db::{Database, Pool};
use dccd::model::Micros;
use dccd::telemetry::{Telemetry, exposition};
use dccd::tracker::{Claim, Claimer, Fault, NewTask, Next, Start, Task, Tracker, TrackerError, Verdict};
use tempfile::TempDir;

use crate::{pooler, postgres};

/// 2024-01-01 00:00 UTC.
pub(crate) const T: Micros = Micros(1_704_067_200_000_000);
/// The lease of the cases.
pub(crate) const LEASE: Duration = Duration::from_secs(900);
/// The queue of the cases.
pub(crate) const QUEUE: &str = "binance";

/// A tracker alone in its store.
pub(crate) struct World {
    pub(crate) tracker: Tracker,
    pub(crate) database: Database,
    pub(crate) telemetry: Telemetry,
    hands: Arc<AtomicI64>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn sqlite() -> Option<World> {
        let folder = TempDir::new().unwrap();
        let database = Database::open(folder.path()).await.unwrap();
        Some(World::on(database, folder))
    }

    pub(crate) async fn postgres() -> Option<World> {
        let database = Database::connect(&postgres::database().await?).await.unwrap();
        assert!(!database.is_pooled());
        Some(World::on(database, TempDir::new().unwrap()))
    }

    /// Behind a pooler that keeps nothing for a connection.
    pub(crate) async fn pooled() -> Option<World> {
        let database = Database::connect(&pooler::database(false).await?).await.unwrap();
        assert!(database.is_pooled());
        Some(World::on(database, TempDir::new().unwrap()))
    }

    fn on(database: Database, folder: TempDir) -> World {
        let (telemetry, hands) = (Telemetry::new(), Arc::new(AtomicI64::new(T.0)));
        let tracker = Tracker::new(&database, &telemetry).with_hands(Arc::clone(&hands));
        World { tracker, database, telemetry, hands, _folder: folder }
    }

    /// Moves the clock to so many seconds after T.
    pub(crate) fn at(&self, secs: f64) {
        self.hands.store(after(secs).0, Ordering::Relaxed);
    }

    /// Plans a task of the cases: three attempts, five seconds of back-off.
    pub(crate) async fn new_task(&self, id: &str) -> bool {
        self.tracker.enqueue(&NewTask::named(id, QUEUE)).await.unwrap().is_new
    }

    pub(crate) async fn task(&self, id: &str) -> Task {
        self.tracker.task(id).await.unwrap().unwrap()
    }

    /// Claims from the queue.
    pub(crate) async fn claim(&self, most: u32) -> Vec<Claim> {
        let claimer = Claimer { worker: "claimer", lease: LEASE };
        self.tracker.claim(claimer, QUEUE, most).await.unwrap()
    }

    /// Starts a task by its name, passing over nothing.
    pub(crate) async fn start(&self, id: &str, worker: &str) -> Result<Claim, TrackerError> {
        self.tracker.claim_by_id(id, &Start::new(worker, LEASE)).await
    }

    pub(crate) async fn succeed(&self, claim: &Claim) -> Result<dccd::tracker::Status, TrackerError> {
        self.tracker.settle(claim, &Verdict::Succeeded { again_at: None }, None).await
    }

    pub(crate) async fn fail(
        &self,
        claim: &Claim,
        message: &str,
    ) -> Result<dccd::tracker::Status, TrackerError> {
        let verdict =
            Verdict::Failed { fault: fault(message), next: Next::Backoff { at_least: Duration::ZERO } };
        self.tracker.settle(claim, &verdict, None).await
    }

    /// Starts a task and fails it, so often.
    pub(crate) async fn fail_times(&self, id: &str, times: usize) {
        for _ in 0..times {
            let claim = self.start(id, "worker").await.unwrap();
            self.fail(&claim, "boom").await.unwrap();
        }
    }

    /// The outcomes of a task's attempts.
    pub(crate) async fn outcomes(&self, id: &str) -> Vec<String> {
        let attempts = self.tracker.attempts(id).await.unwrap();
        attempts.into_iter().map(|attempt| attempt.outcome.unwrap_or_else(|| "running".into())).collect()
    }

    /// Runs a statement by hand.
    pub(crate) async fn by_hand(&self, statement: &'static str) {
        match self.database.pool() {
            Pool::Sqlite { write, .. } => drop(sqlx::query(statement).execute(write).await.unwrap()),
            // Not prepared: a pooler would not keep it.
            Pool::Postgres(pool) => drop(sqlx::raw_sql(statement).execute(pool).await.unwrap()),
        }
    }

    /// The value of a sample.
    pub(crate) fn sample(&self, name: &str) -> f64 {
        let text = exposition::text(self.telemetry.metrics()).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.unwrap_or_else(|| panic!("no sample {name}")).parse().unwrap()
    }
}

/// So many seconds after T.
pub(crate) fn after(secs: f64) -> Micros {
    Micros(T.0 + (secs * 1e6).round() as i64)
}

pub(crate) fn fault(message: &str) -> Fault {
    Fault { class: "other".into(), message: message.into(), causes: vec!["its cause".into()] }
}

/// Runs each case once on SQLite, once on PostgreSQL, and once on PostgreSQL behind a pooler.
macro_rules! on_both_stores {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $case() {
                if let Some(world) = $crate::world::World::sqlite().await { super::$case(world).await }
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $case() {
                if let Some(world) = $crate::world::World::postgres().await { super::$case(world).await }
            })+
        }
        mod pooled {
            $(#[tokio::test] async fn $case() {
                if let Some(world) = $crate::world::World::pooled().await { super::$case(world).await }
            })+
        }
    };
}
pub(crate) use on_both_stores;
