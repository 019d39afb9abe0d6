//! Tasks in SQLite: each claimed and settled by itself.

use std::time::Duration;

use dccd::db::Database;
use dccd::telemetry::Telemetry;
use dccd::tracker::{Claimer, Tracker, Verdict};

use crate::most;
use crate::stored_tasks::{QUEUE, fill};

const LEASE: Duration = Duration::from_secs(3_600);

pub(crate) fn claim(times: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        let database = Database::open(folder.path()).await.expect("an empty folder");
        let tracker = Tracker::new(&database, &Telemetry::new());
        fill(&database, "task", most("claim") as u64, 0).await;
        for _ in 0..times {
            let claimer = Claimer { worker: "bench", lease: LEASE };
            let claim = tracker.claim(claimer, QUEUE, 1).await.expect("a claim").pop().expect("it is due");
            let verdict = Verdict::Succeeded { again_at: None };
            tracker.settle(&claim, &verdict, None).await.expect("it is held");
        }
        database.close().await;
    });
}
