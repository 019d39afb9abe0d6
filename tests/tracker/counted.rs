//! Counts that are kept without counting rows, and the heartbeats of workers.

use std::time::Duration;

use dccd::model::{Micros, Series};
use dccd::tracker::{Beat, NewTask, Status, WorkerState};

use crate::world::{T, World, after, on_both_stores};

on_both_stores!(
    counts_follow_every_change_of_a_task,
    the_task_waiting_longest_is_known_and_what_is_deferred_is_not_late,
    a_paused_job_waits_for_nobody_however_long_it_is_due,
    kept_counts_that_went_wrong_are_found_and_made_true,
    a_worker_is_stale_after_30_seconds_and_dead_after_60,
    a_process_that_starts_takes_what_its_place_left_behind_at_once,
);

async fn by_status(world: &World) -> Vec<u64> {
    let counts = world.tracker.counts().await.unwrap();
    let own = counts.iter().find(|counts| counts.queue == "binance").unwrap();
    Status::ALL.iter().map(|status| own.of(*status)).collect()
}

async fn counts_follow_every_change_of_a_task(world: World) {
    for id in ["a", "b", "c", "d", "e", "f"] {
        world.new_task(id).await;
    }
    assert_eq!(by_status(&world).await, [6, 0, 0, 0, 0, 0]);
    world.tracker.ignore("f", "no").await.unwrap();
    world.fail_times("e", 3).await;
    world.fail_times("d", 1).await;
    let claim = world.start("c", "w").await.unwrap();
    world.succeed(&claim).await.unwrap();
    world.start("b", "w").await.unwrap();
    world.tracker.fold_counts().await.unwrap();

    assert_eq!(by_status(&world).await, [1, 1, 1, 1, 1, 1]);
    for status in Status::ALL {
        let name = format!("dccd_tasks{{exchange=\"binance\",status=\"{status}\"}}");
        assert_eq!(world.sample(&name), 1.0, "{name}");
    }

    world.at(8.0 * 86_400.0);
    world.tracker.prune(&dccd::tracker::Retention::default()).await.unwrap();
    world.tracker.fold_counts().await.unwrap();
    assert_eq!(by_status(&world).await, [1, 1, 1, 1, 0, 1]);
    assert_eq!(world.tracker.recount().await.unwrap(), []);
}

async fn the_task_waiting_longest_is_known_and_what_is_deferred_is_not_late(world: World) {
    for (id, due) in [("a", 5.0), ("b", 9.0), ("later", 600.0)] {
        let new = NewTask { run_at: Some(after(due)), ..NewTask::named(id, "binance") };
        world.tracker.enqueue(&new).await.unwrap();
    }
    let counts = world.tracker.counts().await.unwrap().remove(0);
    assert_eq!((counts.due, counts.oldest_due, counts.scheduled()), (0, None, 3));
    world.at(30.0);

    let counts = world.tracker.counts().await.unwrap().remove(0);

    assert_eq!((counts.due, counts.oldest_due, counts.scheduled()), (2, Some(after(5.0)), 1));
    assert_eq!(world.sample("dccd_tasks_due{exchange=\"binance\"}"), 2.0);
    let oldest = world.sample("dccd_task_oldest_due_timestamp_seconds{exchange=\"binance\"}");
    assert_eq!(oldest, after(5.0).as_secs_f64());
}

async fn kept_counts_that_went_wrong_are_found_and_made_true(world: World) {
    world.new_task("a").await;
    world.tracker.fold_counts().await.unwrap();
    world.by_hand("UPDATE task_count SET n = 41 WHERE status = 0").await;
    assert_eq!(by_status(&world).await[0], 41);

    let drifts = world.tracker.recount().await.unwrap();

    assert_eq!((drifts.len(), drifts[0].difference), (1, -40));
    assert_eq!(by_status(&world).await[0], 1);
    assert_eq!(world.sample("dccd_task_counts_corrected_total"), 1.0);
}

fn beat<'a>(worker: &'a str, place: &'a str, at: Micros) -> Beat<'a> {
    let lag = Duration::from_millis(3);
    Beat { worker, place, started_at: at, slots: 8, held: 2, lag, rss_bytes: 1 << 20 }
}

async fn a_worker_is_stale_after_30_seconds_and_dead_after_60(world: World) {
    world.tracker.beat(&beat("one", "box", T)).await.unwrap();
    let mut seen = Vec::new();
    for secs in [0.0, 29.9, 30.0, 59.9, 60.0] {
        world.at(secs);
        seen.push(world.tracker.workers().await.unwrap()[0].state());
    }
    let (healthy, stale, dead) = (WorkerState::Healthy, WorkerState::Stale, WorkerState::Dead);
    assert_eq!(seen, [healthy, healthy, stale, stale, dead]);
    assert_eq!(world.sample("dccd_workers{state=\"dead\"}"), 1.0);

    world.tracker.beat(&beat("one", "box", T)).await.unwrap();
    let row = world.tracker.workers().await.unwrap().remove(0);
    assert_eq!((row.state(), row.started_at, row.held, row.slots), (healthy, T, 2, 8));
    assert_eq!(world.sample("dccd_worker_heartbeat_timestamp_seconds"), after(60.0).as_secs_f64());
    assert_eq!(world.sample("dccd_worker_held_tasks"), 2.0);

    world.tracker.leave("one").await.unwrap();
    assert_eq!(world.tracker.workers().await.unwrap(), []);
}

async fn a_process_that_starts_takes_what_its_place_left_behind_at_once(world: World) {
    world.tracker.beat(&beat("dead", "box", T)).await.unwrap();
    world.tracker.beat(&beat("elsewhere", "other box", T)).await.unwrap();
    world.tracker.beat(&beat("new", "box", T)).await.unwrap();
    for (id, worker) in [("a", "dead"), ("b", "elsewhere"), ("c", "new")] {
        world.new_task(id).await;
        world.start(id, worker).await.unwrap();
    }

    let taken = world.tracker.reap_place("box", "new").await.unwrap();

    assert_eq!(taken.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(world.outcomes("a").await, ["lease_lost"]);
    assert_eq!(world.task("a").await.run_at, after(5.0));
    assert_eq!(world.task("b").await.status, Status::InProgress);
}

async fn a_paused_job_waits_for_nobody_however_long_it_is_due(world: World) {
    let (paused, other): (Series, Series) =
        ("binance/BTC-USDT/ohlc/1h".parse().unwrap(), "binance/ETH-USDT/ohlc/1h".parse().unwrap());
    for series in [&paused, &other] {
        world.tracker.enqueue(&NewTask::job(series, Duration::from_secs(2))).await.unwrap();
    }
    world.by_hand("INSERT INTO paused_jobs (series, since) VALUES ('binance/BTC-USDT/ohlc/1h', 0)").await;
    world.at(30.0);
    let counts = world.tracker.counts().await.unwrap().remove(0);
    assert_eq!((counts.due, counts.oldest_due), (1, Some(T)));

    world.by_hand("INSERT INTO paused_jobs (series, since) VALUES ('binance/ETH-USDT/ohlc/1h', 0)").await;
    let counts = world.tracker.counts().await.unwrap().remove(0);
    assert_eq!((counts.due, counts.oldest_due, counts.scheduled()), (0, None, 2));

    world.by_hand("DELETE FROM paused_jobs").await;
    assert_eq!(world.tracker.counts().await.unwrap().remove(0).due, 2);
}
