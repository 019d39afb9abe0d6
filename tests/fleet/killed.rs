//! Workers that share the work, one that is killed, and its return.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{World, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_share_24_series_and_a_killed_one_loses_nothing_and_overwrites_nothing() {
    let Some(world) = World::new(12).await else { return };
    assert_eq!(world.series().len(), 24);
    let world = Arc::new(world);
    // Slow enough that the kill comes amid the work.
    world.sim.set(|knobs| knobs.latency = Duration::from_millis(400));
    let (mut a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let all = [&a, &b, &c];
    wait_for("each owns its share", &all, || async {
        world.owners().await.values().copied().collect::<Vec<_>>() == [8, 8, 8]
    })
    .await;
    // The killed one has rows that the bucket has not.
    wait_for("one has rows of its own", &all, || async { a.journal_bytes() > 100_000 }).await;
    a.kill().await;
    let left = [&b, &c];
    wait_for("the others own everything", &left, || async {
        let owners = world.owners().await;
        !owners.contains_key("a") && owners.values().sum::<i64>() == 24
    })
    .await;
    world.sim.set(|knobs| knobs.latency = Duration::ZERO);
    wait_for("nothing is missing in the bucket", &left, || world.is_complete()).await;
    world.assert_true().await;
    let before = fences(&world).await;

    let mut a = world.start("a");
    wait_for("the killed one is back with a share", &[&a, &b, &c], || async {
        world.owners().await.get("a").is_some_and(|owned| *owned == 8)
    })
    .await;
    wait_for("it has taken its share over", &[&a, &b, &c], || async {
        let mut taken = 0;
        for series in world.series() {
            let (there, here) = (world.ledger(&series).await.unwrap(), a.ledger(&series));
            taken += usize::from(
                here.is_some_and(|here| here.fence == there.fence && here.covered == there.covered),
            );
        }
        taken >= 8
    })
    .await;
    world.assert_true().await;
    world.assert_one_at_a_time().await;
    assert!(fences(&world).await.iter().zip(&before).all(|(now, before)| now >= before), "fences only grow");

    a.stop().await;
    wait_for("what it had is owned again", &[&b, &c], || async {
        let owners = world.owners().await;
        !owners.contains_key("a") && owners.values().sum::<i64>() == 24
    })
    .await;
    world.assert_true().await;
}

async fn fences(world: &World) -> Vec<u64> {
    let mut fences = Vec::new();
    for series in world.series() {
        fences.push(world.ledger(&series).await.unwrap().fence);
    }
    fences
}
