//! Windows of history: planned once, merged while they wait, and kept away while they are ignored.

use dccd::model::{Micros, Series, Window};
use dccd::tracker::{EXHAUSTED_REST, NewTask, Status, TaskKind};

use crate::world::{T, World, on_both_stores};

on_both_stores!(
    windows_that_wait_and_overlap_become_one_task,
    a_window_somebody_works_on_is_not_fetched_twice,
    an_exhausted_window_rests_for_an_hour_unless_it_is_asked_for_by_name,
    an_ignored_window_is_never_planned_again,
    a_window_that_was_fetched_is_planned_again_after_its_data_was_lost,
    two_planners_of_one_window_make_one_task,
);

fn window(from: i64, until: i64) -> Window {
    Window::new(Micros::from_secs(T.secs() + from), Micros::from_secs(T.secs() + until)).unwrap()
}

fn wanted(from: i64, until: i64) -> NewTask {
    let series: Series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
    NewTask::window(TaskKind::Backfill, &series, window(from, until))
}

async fn windows_that_wait_and_overlap_become_one_task(world: World) {
    let first = world.tracker.enqueue(&wanted(0, 60)).await.unwrap();
    let second = world.tracker.enqueue(&wanted(120, 180)).await.unwrap();
    let other: Series = "binance/ETH-USDT/ohlc/1m".parse().unwrap();
    world.tracker.enqueue(&NewTask::window(TaskKind::Backfill, &other, window(0, 200))).await.unwrap();
    assert!(first.is_new && second.is_new);

    let joined = world.tracker.enqueue(&wanted(60, 130)).await.unwrap();

    assert_eq!(joined.waiting, first.waiting);
    assert_eq!(world.task(&first.waiting[0]).await.window, Some(window(0, 180)));
    assert_eq!(world.tracker.task(&second.waiting[0]).await.unwrap(), None);
    assert_eq!(world.claim(9).await.len(), 2, "one of each series");
    assert!(!world.tracker.enqueue(&wanted(10, 20)).await.unwrap().is_new);
}

async fn a_window_somebody_works_on_is_not_fetched_twice(world: World) {
    world.tracker.enqueue(&wanted(0, 60)).await.unwrap();
    let claim = world.claim(1).await.remove(0);

    let again = world.tracker.enqueue(&wanted(0, 100)).await.unwrap();

    assert_eq!(again.open, [claim.id]);
    assert_eq!(world.task(&again.waiting[0]).await.window, Some(window(60, 100)));
}

async fn an_exhausted_window_rests_for_an_hour_unless_it_is_asked_for_by_name(world: World) {
    let id = world.tracker.enqueue(&wanted(0, 60)).await.unwrap().waiting.remove(0);
    world.fail_times(&id, 3).await;

    let soon = world.tracker.enqueue(&wanted(0, 60)).await.unwrap();
    assert_eq!((soon.is_new, soon.blocked), (false, vec![id.clone()]));
    let by_name = NewTask { is_explicit: true, ..wanted(0, 60) };
    assert!(world.tracker.enqueue(&by_name).await.unwrap().is_new);
    assert_eq!(world.task(&id).await.status, Status::Pending);

    world.fail_times(&id, 3).await;
    world.at(EXHAUSTED_REST.as_secs_f64());
    assert!(world.tracker.enqueue(&wanted(0, 60)).await.unwrap().is_new);
    let task = world.task(&id).await;
    assert_eq!((task.status, task.attempts, task.attempts_total), (Status::Pending, 0, 6));
}

async fn an_ignored_window_is_never_planned_again(world: World) {
    let id = world.tracker.enqueue(&wanted(0, 60)).await.unwrap().waiting.remove(0);
    world.tracker.ignore(&id, "the exchange lost it").await.unwrap();
    world.at(1e7);

    let by_name = NewTask { is_explicit: true, ..wanted(0, 100) };
    let around = world.tracker.enqueue(&by_name).await.unwrap();

    assert_eq!(around.blocked, [id]);
    assert_eq!(world.task(&around.waiting[0]).await.window, Some(window(60, 100)));
}

async fn a_window_that_was_fetched_is_planned_again_after_its_data_was_lost(world: World) {
    let id = world.tracker.enqueue(&wanted(0, 60)).await.unwrap().waiting.remove(0);
    let claim = world.start(&id, "a").await.unwrap();
    world.succeed(&claim).await.unwrap();

    let again = world.tracker.enqueue(&wanted(0, 60)).await.unwrap();

    assert_eq!((again.is_new, again.waiting), (true, vec![id.clone()]));
    assert_eq!(world.task(&id).await.status, Status::Pending);
}

async fn two_planners_of_one_window_make_one_task(world: World) {
    for turn in 0..20 {
        let (from, until) = (turn * 1_000, turn * 1_000 + 60);
        let (first, second) = (wanted(from, until), wanted(from + 30, until + 30));
        let (first, second) = tokio::join!(world.tracker.enqueue(&first), world.tracker.enqueue(&second));
        assert_eq!(first.unwrap().waiting, second.unwrap().waiting);
    }
    assert_eq!(world.claim(100).await.len(), 20);
}
