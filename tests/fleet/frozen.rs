//! A worker that stands still past its lease and goes on.

use std::time::Duration;

use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_worker_frozen_past_its_lease_becomes_visible_and_its_attempt_reads_lease_lost() {
    let Some(world) = World::new(1).await else { return };
    world.sim.set(|knobs| knobs.latency = Duration::from_millis(700));
    let frozen = world.start("frozen");
    until("it is amid its work", &[&frozen], || async {
        let running: Vec<(i64,)> = world.ask("SELECT COUNT(*) FROM task WHERE status = 10").await;
        let journal = std::fs::read_dir(frozen.layout().journal());
        let bytes =
            journal.map_or(0, |all| all.flatten().map(|file| file.metadata().map_or(0, |is| is.len())).sum());
        running.first().is_some_and(|(count,)| *count >= 1) && bytes > 100_000_u64
    })
    .await;
    frozen.signal("STOP").await;
    let held: Vec<(String, i64)> = world.ask("SELECT id, fence FROM task WHERE status = 10").await;
    assert!(!held.is_empty(), "it was amid its work");

    let heir = world.start("heir");
    until("another owns everything", &[&heir], || async { world.owners().await.get("heir") == Some(&2) })
        .await;
    world.sim.set(|knobs| knobs.latency = Duration::ZERO);
    until("nothing is missing in the bucket", &[&heir], || world.is_complete()).await;
    let objects = world.served.objects();
    let health: Vec<(String, i64, i64)> = health(&world).await;

    frozen.signal("CONT").await;
    until("it has seen that it lost them", &[&frozen], || async {
        frozen.log().matches("another's now").count() >= 2
    })
    .await;
    until("it does not run what is another's", &[&frozen], || async {
        let why = frozen.said(&["jobs", "why", "binance/BTC-USDT/ohlc/1m"]).await;
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

/// What is known of runs: rows and the last success of each series.
async fn health(world: &World) -> Vec<(String, i64, i64)> {
    world.ask("SELECT series, rows, COALESCE(last_success_at, 0) FROM series_health ORDER BY series").await
}
