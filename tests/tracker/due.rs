//! Tasks that wait for any worker, that are given up and return, and that are withdrawn.

use std::time::Duration;

use dccd::model::{Micros, Series, Window};
use dccd::tracker::{EXHAUSTED_REST, NewTask, Refusal, Status, TaskKind};

use crate::world::{T, World, after, on_both_stores};

on_both_stores!(
    windows_that_are_due_are_found_whoever_planned_them_and_jobs_apart_from_them,
    a_window_that_was_given_up_waits_again_after_an_hour_and_nothing_else_does,
    work_that_is_taken_back_leaves_no_task_behind,
    jobs_that_nobody_runs_any_more_are_forgotten_unless_somebody_works_on_them,
);

fn window(pair: &str, until: i64) -> NewTask {
    let series: Series = format!("binance/{pair}/ohlc/1m").parse().unwrap();
    let window = Window::new(T, T + Duration::from_secs(until.unsigned_abs())).unwrap();
    NewTask::window(TaskKind::Repair, &series, window)
}

fn job(pair: &str, due: f64) -> NewTask {
    let series: Series = format!("kraken/{pair}/ohlc/1h").parse().unwrap();
    NewTask { run_at: Some(after(due)), ..NewTask::job(&series, Duration::from_secs(1)) }
}

async fn windows_that_are_due_are_found_whoever_planned_them_and_jobs_apart_from_them(world: World) {
    world.tracker.enqueue(&window("BTC-USDT", 60)).await.unwrap();
    world.tracker.enqueue(&NewTask { run_at: Some(after(9.0)), ..window("ETH-USDT", 60) }).await.unwrap();
    world.tracker.enqueue(&job("BTC-USDT", 3.0)).await.unwrap();
    world.tracker.enqueue(&job("ETH-USDT", 3.0)).await.unwrap();
    world.tracker.enqueue(&job("LTC-USDT", 60.0)).await.unwrap();
    world.new_task("of no series").await;
    let paused: Series = "kraken/ETH-USDT/ohlc/1h".parse().unwrap();
    world.database.set_paused(&[paused], true, T).await.unwrap();
    let windows = || async {
        let due = world.tracker.due_windows(9).await.unwrap();
        due.into_iter().map(|task| (task.series, task.kind)).collect::<Vec<_>>()
    };

    let first = ("binance/BTC-USDT/ohlc/1m".to_owned(), TaskKind::Repair);
    assert_eq!(windows().await, std::slice::from_ref(&first));
    assert_eq!(world.tracker.due_jobs(9).await.unwrap(), []);
    world.at(9.0);
    assert_eq!(windows().await, [first, ("binance/ETH-USDT/ohlc/1m".to_owned(), TaskKind::Repair)]);
    let due: Vec<(String, Micros)> = world.tracker.due_jobs(9).await.unwrap();
    assert_eq!(due, [("kraken/BTC-USDT/ohlc/1h".to_owned(), after(3.0))]);

    let id = world.tracker.due_windows(1).await.unwrap().remove(0).id;
    world.start(&id, "a").await.unwrap();
    assert_eq!(windows().await.len(), 1, "a worker holds the other");
}

async fn a_window_that_was_given_up_waits_again_after_an_hour_and_nothing_else_does(world: World) {
    let id = world.tracker.enqueue(&window("BTC-USDT", 60)).await.unwrap().waiting.remove(0);
    let ignored = world.tracker.enqueue(&window("ETH-USDT", 60)).await.unwrap().waiting.remove(0);
    world.tracker.ignore(&ignored, "no").await.unwrap();
    world.new_task("no window").await;
    world.fail_times(&id, 3).await;
    world.fail_times("no window", 3).await;
    let rest = EXHAUSTED_REST.as_secs_f64();

    world.at(rest - 0.000_001);
    assert_eq!(world.tracker.reopen_rested().await.unwrap(), 0);
    world.at(rest);
    assert_eq!(world.tracker.reopen_rested().await.unwrap(), 1);

    let task = world.task(&id).await;
    assert_eq!((task.status, task.attempts, task.attempts_total), (Status::Pending, 0, 3));
    assert_eq!(task.run_at, after(rest));
    assert_eq!(world.task(&ignored).await.status, Status::Ignored);
    assert_eq!(world.task("no window").await.status, Status::Exhausted);
    assert_eq!(world.tracker.due_windows(9).await.unwrap().len(), 1);
}

async fn work_that_is_taken_back_leaves_no_task_behind(world: World) {
    world.new_task("w1").await;
    let lost = world.start("w1", "a").await.unwrap();
    world.tracker.unlock("w1").await.unwrap();
    let refused = world.tracker.withdraw(&lost).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::LeaseLost { id: "w1".into() }));
    let held = world.start("w1", "a").await.unwrap();

    world.tracker.withdraw(&held).await.unwrap();

    assert_eq!(world.tracker.task("w1").await.unwrap(), None);
    assert_eq!(world.tracker.attempts("w1").await.unwrap(), []);
    assert_eq!(world.tracker.recount().await.unwrap(), []);
    assert!(world.new_task("w1").await, "it may be asked for again");
}

async fn jobs_that_nobody_runs_any_more_are_forgotten_unless_somebody_works_on_them(world: World) {
    for pair in ["BTC-USDT", "ETH-USDT", "LTC-USDT", "XRP-USDT"] {
        world.tracker.enqueue(&job(pair, 0.0)).await.unwrap();
    }
    let id = |pair: &str| format!("kraken/{pair}/ohlc/1h");
    world.start(&id("ETH-USDT"), "a").await.unwrap();
    world.tracker.ignore(&id("LTC-USDT"), "no").await.unwrap();
    world.new_task("a window").await;

    let forgotten = world.tracker.forget_jobs(&[id("XRP-USDT")].into()).await.unwrap();

    assert_eq!(forgotten, 1);
    assert_eq!(world.tracker.task(&id("BTC-USDT")).await.unwrap(), None);
    for stays in [id("ETH-USDT"), id("LTC-USDT"), id("XRP-USDT"), "a window".to_owned()] {
        assert!(world.tracker.task(&stays).await.unwrap().is_some(), "{stays}");
    }
}
