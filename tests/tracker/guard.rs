//! A task around a piece of work, in real time.

use std::io;
use std::time::Duration;

use dccd::telemetry::Telemetry;
use dccd::tracker::{Refusal, Running, Start, StartError, Status, Tracker};
use tokio::time::Instant;

use crate::world::{LEASE, World, on_both_stores};

on_both_stores!(
    work_is_locked_while_it_runs_and_recorded_when_it_ends,
    work_that_lasts_longer_than_its_lease_keeps_the_task,
    work_whose_task_is_taken_away_is_dropped_and_records_nothing,
);

async fn work_is_locked_while_it_runs_and_recorded_when_it_ends(world: World) {
    world.new_task("w1").await;
    let inner = world.tracker.clone();
    let start = Start::new("a", LEASE);
    let done = world
        .tracker
        .start("w1", &start, async |running: &mut Running| {
            running.data = "{\"cursor\":3}".to_owned();
            let refused = inner.claim_by_id("w1", &Start::new("b", LEASE)).await.unwrap_err();
            assert!(matches!(refused.refusal(), Some(Refusal::TaskLocked { .. })));
            Ok::<_, io::Error>(7)
        })
        .await;
    assert_eq!(done.unwrap(), 7);
    let task = world.task("w1").await;
    assert_eq!((task.status, task.data.as_str()), (Status::Succeeded, "{\"cursor\":3}"));

    world.new_task("w2").await;
    for _ in 0..3 {
        let failed =
            world.tracker.start("w2", &start, async |_| Err::<(), _>(io::Error::other("boom"))).await;
        assert!(matches!(failed, Err(StartError::Work(error)) if error.to_string() == "boom"));
    }
    let refused = world.tracker.start("w2", &start, async |_| Ok::<_, io::Error>(())).await;
    assert!(matches!(refused, Err(StartError::Refused(Refusal::NoMoreRetries { attempts: 3, .. }))));
    assert_eq!(world.tracker.attempts("w2").await.unwrap()[2].error.as_deref(), Some("boom"));
}

async fn work_that_lasts_longer_than_its_lease_keeps_the_task(world: World) {
    let tracker = Tracker::new(&world.database, &Telemetry::new());
    world.new_task("w1").await;
    let lease = Duration::from_millis(600);
    let other = tracker.clone();
    let done = tracker
        .start("w1", &Start::new("a", lease), async |_| {
            let until = Instant::now() + lease * 4;
            while Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(50)).await;
                assert!(other.claim_by_id("w1", &Start::new("b", lease)).await.is_err());
                assert_eq!(other.reap().await.unwrap(), []);
            }
            Ok::<_, io::Error>(())
        })
        .await;

    done.unwrap();
    assert_eq!(world.outcomes("w1").await, ["succeeded"]);
}

async fn work_whose_task_is_taken_away_is_dropped_and_records_nothing(world: World) {
    let tracker = Tracker::new(&world.database, &Telemetry::new());
    world.new_task("w1").await;
    let (other, lease) = (tracker.clone(), Duration::from_millis(600));

    let done = tracker
        .start("w1", &Start::new("a", lease), async |_| {
            other.unlock("w1").await.unwrap();
            std::future::pending::<()>().await;
            Ok::<_, io::Error>(())
        })
        .await;

    assert!(matches!(done, Err(StartError::Refused(Refusal::LeaseLost { .. }))));
    assert_eq!(world.outcomes("w1").await, ["lease_lost"]);
    assert_eq!(world.task("w1").await.status, Status::Failed);
}
