//! A worker whose PostgreSQL is away for longer than its lease.

use std::time::{Duration, Instant};

use crate::postgres::Server;
use crate::world::{LEASE_SECS, World, is_covered, wait_for};

/// How long an upload that began under a lease may go on after it.
const UPLOAD: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_collected_without_postgresql_is_published_once_it_answers_again() {
    let Some(mut server) = Server::start("-c fsync=off -c synchronous_commit=off") else { return };
    let world = World::on(server.database().await, 1).await;
    // The pages of a run take longer than a lease lasts.
    world.sim.set(|knobs| knobs.latency = Duration::from_secs(8));
    let worker = world.start("alone");
    wait_for("it is amid its work", &[&worker], || async { worker.journal_bytes() > 100_000 }).await;

    server.order("stop");
    let stopped = Instant::now();
    // Its lease ends meanwhile: runs stop before that, and go on as far as this disk goes. What they had stored is
    // uploaded while the lease lasts.
    wait_for("its runs were stopped", &[&worker], || async { worker.log().contains("stopped") }).await;
    let is_over = || async { stopped.elapsed() > Duration::from_secs(LEASE_SECS) + UPLOAD };
    wait_for("its lease is over", &[&worker], is_over).await;
    let objects = world.served.objects();
    world.sim.set(|knobs| knobs.latency = Duration::ZERO);
    wait_for("everything is on its disk", &[&worker], || async {
        world.series().iter().all(|series| worker.ledger(series).is_some_and(|ledger| is_covered(&ledger)))
    })
    .await;
    assert!(!world.is_complete().await, "nothing is published that may be another's");
    assert!(world.served.objects() == objects, "nothing is uploaded without a lease");

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
