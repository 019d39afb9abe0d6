//! A worker whose PostgreSQL is away for longer than its lease.

use std::time::Duration;

use crate::postgres::Server;
use crate::world::{World, is_covered, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_collected_without_postgresql_is_published_once_it_answers_again() {
    let Some(mut server) = Server::start("-c fsync=off -c synchronous_commit=off") else { return };
    let world = World::on(server.database().await, 1).await;
    // The pages of a run take longer than a lease lasts.
    world.sim.set(|knobs| knobs.latency = Duration::from_secs(8));
    let worker = world.start("alone");
    wait_for("it is amid its work", &[&worker], || async { worker.journal_bytes() > 100_000 }).await;

    server.order("stop");
    // Its lease ends meanwhile: runs stop before that, and go on as far as this disk goes.
    wait_for("its runs were stopped", &[&worker], || async { worker.log().contains("stopped") }).await;
    let objects = world.served.objects();
    world.sim.set(|knobs| knobs.latency = Duration::ZERO);
    wait_for("everything is on its disk", &[&worker], || async {
        world.series().iter().all(|series| worker.ledger(series).is_some_and(|ledger| is_covered(&ledger)))
    })
    .await;
    assert!(!world.is_complete().await, "nothing is published that may be another's");
    assert_eq!(world.served.objects(), objects);

    server.order("start");
    wait_for("all of it is in the bucket", &[&worker], || world.is_complete()).await;
    world.assert_true().await;
    wait_for("results are settled", &[&worker], || async {
        let health: Vec<(i64,)> =
            world.ask("SELECT COUNT(*) FROM series_health WHERE last_success_at IS NOT NULL").await;
        health == [(2,)]
    })
    .await;
    assert!(!worker.log().contains("another's now"), "no other worker had them meanwhile");
}
