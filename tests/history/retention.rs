//! Ninety days and more: what is too old goes, and the store does not grow.

use std::time::Duration;

use dccd::db::Pool;
use dccd::history::Resolution;
use dccd::model::Micros;

use crate::world::{World, at, on_both_stores};

on_both_stores! {
    each_resolution_keeps_as_many_points_as_it_promises
    a_metric_and_a_worker_that_are_no_more_are_forgotten
}

const METRICS: u32 = 5;

async fn rows(world: &World) -> i64 {
    let text = "SELECT COUNT(*) FROM history_point";
    match world.db.pool() {
        Pool::Sqlite { read, .. } => sqlx::query_scalar(text).fetch_one(read).await.unwrap(),
        Pool::Postgres(pool) => sqlx::query_scalar(text).fetch_one(pool).await.unwrap(),
    }
}

/// Records for so long, restarting each day.
async fn pass(world: &World, from: Micros, days: u64, every: Duration) -> Micros {
    let (mut now, mut process) = (from, world.process("a", "0"));
    let until = from + Duration::from_secs(days * 86_400);
    while now < until {
        now = now + every;
        if Resolution::Day.bucket(now) != Resolution::Day.bucket(now - every) {
            process = world.process("a", &now.to_string());
            process.history.cleanup_at(now).await.unwrap();
        }
        for number in 0..METRICS {
            process.value(&format!("size:{number}"), (now.0 % 1_000) as f64 + 1.0, now);
        }
        process.write(now).await;
    }
    process.history.cleanup_at(now).await.unwrap();
    now
}

async fn each_resolution_keeps_as_many_points_as_it_promises(world: &World) {
    let now = pass(world, at("00:00:00"), 95, Duration::from_secs(4 * 3_600)).await;
    // The last week in full.
    let now = pass(world, now, 1, Duration::from_secs(60)).await;

    for resolution in [Resolution::Minute, Resolution::FiveMinutes, Resolution::Day] {
        for metric in world.read("size", resolution, now, None).await {
            assert_eq!(metric.points.len(), resolution.points() as usize, "{} {resolution}", metric.key);
        }
    }
    let most: i64 = Resolution::ALL.iter().map(|resolution| i64::from(resolution.points())).sum();
    assert!(rows(world).await <= i64::from(METRICS) * most);
}

async fn a_metric_and_a_worker_that_are_no_more_are_forgotten(world: &World) {
    let (gone, stays) = (world.process("gone", "1"), world.process("stays", "2"));
    let then = at("10:00:00");
    gone.count("delisted", 1.0, then);
    gone.write(then).await;
    stays.count("listed", 1.0, then);
    stays.write(then).await;
    let now = then + Resolution::MOST_AGE + Duration::from_secs(3 * 86_400);
    stays.count("listed", 2.0, now);
    stays.write(now).await;

    assert_eq!(stays.history.cleanup_at(now).await.unwrap(), 8);

    assert_eq!(rows(world).await, 4);
    assert_eq!(world.db.history_workers().await.unwrap(), ["stays"]);
    // A metric that was forgotten meanwhile comes back, also in a process that remembers it.
    gone.count("delisted", 5.0, now);
    assert!(gone.history.write(now).await);
    assert!(world.read("delisted", Resolution::Day, now, None).await.is_empty());
    stays.count("delisted", 5.0, now);
    stays.write(now).await;
    assert_eq!(world.read("delisted", Resolution::Day, now, None).await.len(), 1);
}

#[tokio::test]
async fn the_store_is_no_larger_after_a_hundred_and_eighty_days_than_after_ninety() {
    let is_siege = std::env::var_os("DCCD_SIEGE").is_some_and(|value| value == "1");
    let every = Duration::from_secs(if is_siege { 60 } else { 3_600 });
    let world = World::sqlite().await.unwrap();
    let now = pass(&world, at("00:00:00"), 95, every).await;
    let (pages, points) = (used_pages(&world).await, rows(&world).await);

    let now = pass(&world, now, 90, every).await;

    assert_eq!(rows(&world).await, points);
    let later = used_pages(&world).await;
    assert!(later <= pages + pages / 10 + 2, "{pages} pages, then {later}");
    assert_eq!(world.read("size", Resolution::Day, now, None).await[0].points.len(), 90);
}

/// Pages that hold something.
async fn used_pages(world: &World) -> i64 {
    let Pool::Sqlite { read, .. } = world.db.pool() else { panic!("it is embedded") };
    let all: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(read).await.unwrap();
    let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(read).await.unwrap();
    all - free
}
