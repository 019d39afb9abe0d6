//! A program that uses the library: its own metrics, and its jobs after they were saved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dccd::history::{Kind, matches_prefix};
use dccd::tracker::{NewTask, Start, Tracker, Verdict};

use crate::world::{World, on_both_stores};

on_both_stores! {
    a_program_reads_back_what_it_records
    a_hook_is_called_after_each_job_was_saved
}

async fn a_program_reads_back_what_it_records(world: &World) {
    let process = world.process("a", "1");
    let history = &process.history;
    history.increment_counter("research:backtests", 2.0).unwrap();
    history.increment_counter("research:backtests", 1.0).unwrap();
    history.record_gauge("research:entries", 7.0).unwrap();
    history.record_histogram_value("research:took", 12.5).unwrap();
    history.record("research:read", Kind::Counter, "bytes", 4_096.0).unwrap();

    let metrics = history.get_metrics("research", Some("a")).await.unwrap();

    let told: Vec<(String, Kind, String, f64)> = metrics
        .iter()
        .map(|metric| {
            let value = metric.points.values().map(|point| point.value(metric.kind)).sum();
            (metric.key.to_string(), metric.kind, metric.unit.clone(), value)
        })
        .collect();
    let line = |key: &str, kind, unit: &str, value| (format!("research:{key}"), kind, unit.to_owned(), value);
    assert_eq!(
        told,
        [
            line("backtests", Kind::Counter, "", 3.0),
            line("entries", Kind::Gauge, "", 7.0),
            line("read", Kind::Counter, "bytes", 4_096.0),
            line("took", Kind::Histogram, "", 12.5),
        ]
    );
    assert!(metrics.iter().all(|metric| matches_prefix("research", metric.key.as_str())));
    assert!(history.get_metrics("research", Some("b")).await.unwrap().is_empty());
    assert!(history.record("research:read", Kind::Counter, "rows", 1.0).is_err());
}

async fn a_hook_is_called_after_each_job_was_saved(world: &World) {
    let process = world.process("a", "1");
    let tracker = Tracker::new(&world.db, &process.telemetry);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (noted, read) = (Arc::clone(&seen), tracker.clone());
    process.history.after_job_saved(move |job| {
        noted.lock().unwrap().push(format!("{} {} {}", job.queue, job.id, job.outcome));
    });
    for id in ["one", "two"] {
        tracker.enqueue(&NewTask::named(id, "binance")).await.unwrap();
    }

    let start = Start::new("a", Duration::from_secs(60));
    let claim = tracker.claim_by_id("one", &start).await.unwrap();
    tracker.settle(&claim, &Verdict::Succeeded { again_at: None }, None).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["binance one succeeded"]);
    assert_eq!(read.task("one").await.unwrap().unwrap().attempts_total, 1);
    let claim = tracker.claim_by_id("two", &start).await.unwrap();
    let held = dccd::tracker::HeldLease::from(&claim);
    tracker.complete("binance", &[held]).await.unwrap();

    assert_eq!(*seen.lock().unwrap(), ["binance one succeeded", "binance two succeeded"]);
}
