//! A state store, and processes that record into it at instants that the case names.

use dccd::db::Database;
use dccd::history::{HistoryQuery, KeptMetric, Kind, MetricHistory, Point, Resolution};
use dccd::model::{Micros, Zone};
use dccd::telemetry::Telemetry;
use tempfile::TempDir;

use crate::postgres;

/// The day of the cases.
const DAY: &str = "2026-01-05";

/// A store.
pub(crate) struct World {
    pub(crate) db: Database,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn sqlite() -> Option<World> {
        let folder = TempDir::new().unwrap();
        let db = Database::open(folder.path()).await.unwrap();
        Some(World { db, _folder: folder })
    }

    pub(crate) async fn postgres() -> Option<World> {
        let db = Database::connect(&postgres::database().await?).await.unwrap();
        Some(World { db, _folder: TempDir::new().unwrap() })
    }

    /// A process of a worker; `run` tells processes apart.
    pub(crate) fn process(&self, worker: &str, run: &str) -> Process {
        let telemetry = Telemetry::new();
        let history = MetricHistory::new(&self.db, &telemetry, (worker, &format!("{worker}:place")), run);
        Process { telemetry, history }
    }

    /// The metrics under a prefix at an instant, over all that is kept.
    pub(crate) async fn read(
        &self,
        prefix: &str,
        resolution: Resolution,
        now: Micros,
        worker: Option<&str>,
    ) -> Vec<KeptMetric> {
        let query = HistoryQuery {
            prefix: prefix.to_owned(),
            worker: worker.map(str::to_owned),
            resolution,
            range: resolution.kept(now),
            after: None,
            most: 1_000,
        };
        let page = self.db.read_history(&query).await.unwrap();
        assert!(!page.has_more);
        page.metrics
    }

    /// The points of one metric.
    pub(crate) async fn points(
        &self,
        key: &str,
        resolution: Resolution,
        now: Micros,
        worker: Option<&str>,
    ) -> Vec<(String, Point)> {
        let mut metrics = self.read(key, resolution, now, worker).await;
        metrics.retain(|metric| metric.key.as_str() == key);
        let points = metrics.pop().map(|metric| metric.points).unwrap_or_default();
        points.into_iter().map(|(at, point)| (at.to_string(), point)).collect()
    }

    /// The sums of the buckets of one metric, by their time of day.
    pub(crate) async fn sums(&self, key: &str, resolution: Resolution, now: Micros) -> Vec<(String, f64)> {
        let points = self.points(key, resolution, now, None).await;
        points.into_iter().map(|(at, point)| (at[11..16].to_owned(), point.sum)).collect()
    }
}

/// A process that records.
pub(crate) struct Process {
    pub(crate) telemetry: Telemetry,
    pub(crate) history: MetricHistory,
}

impl Process {
    pub(crate) fn count(&self, key: &str, by: f64, at: Micros) {
        self.telemetry.history().record(key, (Kind::Counter, ""), by, at).unwrap();
    }

    pub(crate) fn level(&self, key: &str, level: f64, at: Micros) {
        self.telemetry.history().record(key, (Kind::Gauge, ""), level, at).unwrap();
    }

    pub(crate) fn value(&self, key: &str, value: f64, at: Micros) {
        self.telemetry.history().record(key, (Kind::Histogram, ""), value, at).unwrap();
    }

    pub(crate) async fn write(&self, at: Micros) {
        assert!(self.history.write(at).await, "the store did not take the history");
    }

    /// The value of a metric of the process itself.
    pub(crate) fn metric(&self, family: &str, label: Option<&str>) -> f64 {
        let families = self.telemetry.metrics().gather();
        let family = families.iter().find(|own| own.name() == family).unwrap();
        let is_meant = |row: &&prometheus::proto::Metric| {
            label.is_none_or(|label| row.get_label().iter().any(|own| own.value() == label))
        };
        let rows = family.get_metric().iter().filter(is_meant);
        rows.map(|row| row.get_counter().get_value() + row.get_gauge().get_value()).sum()
    }
}

/// An instant of the day of the cases.
pub(crate) fn at(time: &str) -> Micros {
    Micros::parse(&format!("{DAY}T{time}Z"), &Zone::UTC).unwrap()
}

/// One test a store for each of these cases.
macro_rules! on_both_stores {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(&$crate::world::World::sqlite().await.unwrap()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(world) = $crate::world::World::postgres().await { super::$name(&world).await; }
            })*
        }
    };
}
pub(crate) use on_both_stores;
