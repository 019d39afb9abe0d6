//! A worker that stands still past its lease and goes on.

use std::time::Duration;

use crate::world::{World, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_worker_frozen_past_its_lease_becomes_visible_and_its_attempt_reads_lease_lost() {
    let Some(mut world) = World::new(1).await else { return };
    // Each job runs once, so that whatever changes after that is the frozen one's doing.
    world.every = 86_400;
    world.sim.set(|knobs| knobs.latency = Duration::from_millis(700));
    let frozen = world.start("frozen");
    wait_for("it is amid its work", &[&frozen], || async {
        let running: Vec<(i64,)> = world.ask("SELECT COUNT(*) FROM task WHERE status = 10").await;
        running.first().is_some_and(|(count,)| *count >= 1) && frozen.journal_bytes() > 100_000
    })
    .await;
    frozen.signal("STOP").await;
    let held: Vec<(String, i64)> = world.ask("SELECT id, fence FROM task WHERE status = 10").await;
    assert!(!held.is_empty(), "it was amid its work");

    let heir = world.start("heir");
    wait_for("another owns everything", &[&heir], || async { world.owners().await.get("heir") == Some(&2) })
        .await;
    world.sim.set(|knobs| knobs.latency = Duration::ZERO);
    wait_for("nothing is missing in the bucket", &[&heir], || world.is_complete()).await;
    wait_for("its runs are on record", &[&heir], || async {
        health(&world).await.iter().filter(|(_, _, success)| *success > 0).count() == 2
    })
    .await;
    let objects = world.served.objects();
    let health: Vec<(String, i64, i64)> = health(&world).await;

    frozen.signal("CONT").await;
    wait_for("it has seen that it lost them", &[&frozen], || async {
        frozen.log().matches("another's now").count() >= 2
    })
    .await;
    wait_for("it does not run what is another's", &[&frozen], || async {
        let why = frozen.output(&["jobs", "why", "binance/BTC-USDT/ohlc/1m"]).await;
        why.contains("written by heir")
    })
    .await;

    for (id, fence) in held {
        let outcomes: Vec<(String, i64, String)> = world
            .ask("SELECT task_id, fence, COALESCE(outcome, '') FROM attempt WHERE worker LIKE 'frozen%'")
            .await;
        let outcome = outcomes.into_iter().find(|(task, own, _)| (task, *own) == (&id, fence));
        assert_eq!(outcome.unwrap().2, "lease_lost");
    }
    let late: Vec<(i64,)> = world
        .ask(
            "SELECT COUNT(*) FROM attempt a JOIN attempt b ON a.task_id = b.task_id AND a.fence > b.fence
             WHERE a.worker LIKE 'frozen%' AND b.worker LIKE 'heir%'",
        )
        .await;
    assert_eq!(late, [(0,)], "it began nothing that is the heir's");
    assert_eq!(world.served.objects(), objects);
    let now = self::health(&world).await;
    assert!(now.iter().zip(&health).all(|(now, before)| now.2 >= before.2 && now.1 == before.1), "{now:?}");
    world.assert_true().await;
    world.assert_one_at_a_time().await;
}

/// The record of runs: rows and the last success of each series.
async fn health(world: &World) -> Vec<(String, i64, i64)> {
    world.ask("SELECT series, rows, COALESCE(last_success_at, 0) FROM series_health ORDER BY series").await
}
