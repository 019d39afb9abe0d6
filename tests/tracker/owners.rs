//! One process writes a series.

use dccd::tracker::{Claimer, SeriesFence};

use crate::world::{LEASE, World, on_both_stores};

on_both_stores!(
    a_series_has_one_owner_until_its_lease_ends,
    who_takes_a_series_over_gets_a_higher_fence_and_who_keeps_it_the_same,
    ownership_is_renewed_in_one_statement_and_given_up_in_one,
    a_series_given_up_is_nobodys_and_is_not_renewed,
    a_fence_is_lifted_above_another_one_only_by_who_owns_the_series,
);

const SERIES: &str = "binance/BTC-USDT/ohlc/1m";

async fn own(world: &World, worker: &str) -> Vec<i64> {
    let claimer = Claimer { worker, lease: LEASE };
    let owned = world.tracker.own(claimer, &[SERIES.to_owned()]).await.unwrap();
    owned.iter().for_each(|SeriesFence { series, .. }| assert_eq!(series, SERIES));
    owned.into_iter().map(|owned| owned.fence).collect()
}

async fn a_series_has_one_owner_until_its_lease_ends(world: World) {
    assert_eq!(own(&world, "a").await, [1]);
    world.at(899.999);
    assert_eq!(own(&world, "b").await, [0_i64; 0]);
    world.at(900.0);
    assert_eq!(own(&world, "b").await, [2]);
    assert_eq!(own(&world, "a").await, [0_i64; 0]);
}

async fn who_takes_a_series_over_gets_a_higher_fence_and_who_keeps_it_the_same(world: World) {
    assert_eq!(own(&world, "a").await, [1]);
    assert_eq!(own(&world, "a").await, [1]);
    world.at(5_000.0);
    assert_eq!(own(&world, "a").await, [1], "no other worker had it meanwhile");
    world.at(10_000.0);
    assert_eq!(own(&world, "b").await, [2]);
    world.at(20_000.0);
    assert_eq!(own(&world, "a").await, [3]);
}

async fn a_series_given_up_is_nobodys_and_is_not_renewed(world: World) {
    let series = [SERIES.to_owned()];
    assert_eq!(own(&world, "a").await, [1]);
    let owner = world.tracker.owners(&series).await.unwrap().remove(0);
    assert_eq!((owner.worker.as_str(), owner.fence, owner.is_live()), ("a", 1, true));

    world.tracker.give_up("a", &series).await.unwrap();

    assert!(world.tracker.keep_owned("a", LEASE).await.unwrap().is_empty());
    let owner = world.tracker.owners(&series).await.unwrap().remove(0);
    assert_eq!((owner.worker.as_str(), owner.is_live()), ("", false));
    assert_eq!(own(&world, "a").await, [2], "what it does from now on is another ownership");
}

async fn a_fence_is_lifted_above_another_one_only_by_who_owns_the_series(world: World) {
    assert_eq!(own(&world, "a").await, [1]);
    assert_eq!(world.tracker.raise_fence("b", SERIES, 7).await.unwrap(), None);
    assert_eq!(world.tracker.raise_fence("a", SERIES, 7).await.unwrap(), Some(8));
    assert_eq!(own(&world, "a").await, [8]);
    world.at(900.0);
    assert_eq!(world.tracker.raise_fence("a", SERIES, 9).await.unwrap(), None, "its lease is over");
}

async fn ownership_is_renewed_in_one_statement_and_given_up_in_one(world: World) {
    let claimer = Claimer { worker: "a", lease: LEASE };
    let all: Vec<String> = (0..100).map(|number| format!("binance/P{number}-USDT/trades")).collect();
    assert_eq!(world.tracker.own(claimer, &all).await.unwrap().len(), 100);
    world.at(600.0);
    assert_eq!(world.tracker.keep_owned("a", LEASE).await.unwrap().len(), 100);
    world.at(1_000.0);
    let other = Claimer { worker: "b", lease: LEASE };
    assert_eq!(world.tracker.own(other, &all).await.unwrap().len(), 0);

    world.tracker.disown("a").await.unwrap();

    assert_eq!(world.tracker.own(other, &all).await.unwrap().len(), 100);
    assert_eq!(world.tracker.keep_owned("a", LEASE).await.unwrap().len(), 0);
    world
        .tracker
        .beat(&dccd::tracker::Beat {
            worker: "b",
            place: "box",
            started_at: crate::world::T,
            slots: 1,
            held: 0,
            lag: LEASE,
            rss_bytes: 0,
        })
        .await
        .unwrap();
    world.tracker.disown_place("box", "c").await.unwrap();
    assert_eq!(own(&world, "c").await.len(), 1);
    assert_eq!(world.tracker.own(claimer, &all).await.unwrap().len(), 100);
}
