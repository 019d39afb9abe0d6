//! Recurring jobs, what is kept of them, and what is forgotten.

use std::time::Duration;

use dccd::model::Series;
use dccd::tracker::{Claimer, HeldLease, NewTask, Next, Retention, Status, Verdict};

use crate::world::{LEASE, QUEUE, World, after, fault, on_both_stores};

on_both_stores!(
    a_recurring_job_is_one_row_that_never_exhausts,
    a_recurring_job_keeps_its_last_twenty_attempts,
    a_batch_is_claimed_and_completed_at_once,
    what_succeeded_is_planned_again_when_it_is_asked_for_again,
    old_tasks_are_forgotten_with_their_attempts_and_ignored_ones_stay,
    tasks_are_listed_by_what_is_asked_for,
);

fn job() -> (String, NewTask) {
    let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
    (series.to_string(), NewTask::job(&series, Duration::from_secs(2)))
}

async fn a_recurring_job_is_one_row_that_never_exhausts(world: World) {
    let (id, new) = job();
    world.tracker.enqueue(&new).await.unwrap();
    for turn in 0..8 {
        let claim = world.start(&id, "a").await.unwrap();
        assert_eq!(claim.attempts, turn + 1);
        let next = Next::At(after(f64::from(turn) * 30.0));
        let verdict = Verdict::Failed { fault: fault("boom"), next };
        assert_eq!(world.tracker.settle(&claim, &verdict, None).await.unwrap(), Status::Failed);
        assert_eq!(world.task(&id).await.run_at, after(f64::from(turn) * 30.0));
    }
    let claim = world.start(&id, "a").await.unwrap();
    let verdict = Verdict::Succeeded { again_at: Some(after(3_600.0)) };

    assert_eq!(world.tracker.settle(&claim, &verdict, None).await.unwrap(), Status::Pending);

    let task = world.task(&id).await;
    assert_eq!((task.attempts, task.attempts_total, task.run_at), (0, 9, after(3_600.0)));
    assert!(!world.tracker.enqueue(&new).await.unwrap().is_new, "there is one row");
    assert_eq!(world.task(&id).await.run_at, after(3_600.0));
    assert!(world.tracker.cancel(&id).await.is_err(), "between two runs there is nothing to cancel");
}

async fn a_recurring_job_keeps_its_last_twenty_attempts(world: World) {
    let (id, new) = job();
    world.tracker.enqueue(&new).await.unwrap();
    for turn in 0..25_u32 {
        world.at(f64::from(turn));
        // By name and from the queue alike.
        let claim =
            if turn % 2 == 0 { world.start(&id, "a").await.unwrap() } else { world.claim(1).await.remove(0) };
        let verdict = Verdict::Succeeded { again_at: Some(after(f64::from(turn + 1))) };
        world.tracker.settle(&claim, &verdict, None).await.unwrap();
    }

    let numbers: Vec<u32> = world.tracker.attempts(&id).await.unwrap().iter().map(|own| own.number).collect();

    assert_eq!(numbers, (6..=25).collect::<Vec<_>>());
    assert_eq!(world.task(&id).await.attempts_total, 25);
}

async fn a_batch_is_claimed_and_completed_at_once(world: World) {
    for number in 0..120 {
        world.new_task(&format!("w{number:03}")).await;
    }
    let claimed = world.claim(50).await;
    assert_eq!((claimed.len(), claimed.iter().filter(|claim| claim.fence == 1).count()), (50, 50));
    world.tracker.unlock(&claimed[7].id).await.unwrap();
    let held: Vec<HeldLease> = claimed
        .iter()
        .map(|claim| HeldLease {
            data: Some(format!("{{\"of\":\"{}\"}}", claim.id)),
            ..HeldLease::from(claim)
        })
        .collect();

    let done = world.tracker.complete(QUEUE, &held).await.unwrap();

    assert_eq!((done.len(), done.contains(&claimed[7].id)), (49, false));
    let task = world.task(&claimed[0].id).await;
    assert_eq!((task.status, task.attempts, task.lease), (Status::Succeeded, 0, None));
    assert_eq!(task.data, format!("{{\"of\":\"{}\"}}", claimed[0].id));
    assert_eq!(world.outcomes(&claimed[0].id).await, ["succeeded"]);
    assert_eq!(world.tracker.complete(QUEUE, &held).await.unwrap(), [""; 0], "done once");
    let claimer = Claimer { worker: "claimer", lease: LEASE };
    assert_eq!(world.tracker.renew(claimer, &held).await.unwrap(), []);
}

async fn what_succeeded_is_planned_again_when_it_is_asked_for_again(world: World) {
    world.new_task("w1").await;
    let first = world.start("w1", "a").await.unwrap();
    world.succeed(&first).await.unwrap();

    assert!(world.new_task("w1").await);

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts_total, task.finished_at), (Status::Pending, 1, None));
    assert!(world.succeed(&first).await.is_err(), "an old fence settles nothing");
}

async fn old_tasks_are_forgotten_with_their_attempts_and_ignored_ones_stay(world: World) {
    for id in ["done", "spent", "ignored", "open", "later"] {
        world.new_task(id).await;
    }
    world.fail_times("spent", 3).await;
    world.tracker.ignore("ignored", "delisted").await.unwrap();
    let claim = world.start("done", "a").await.unwrap();
    world.succeed(&claim).await.unwrap();
    let retention = Retention::default();
    let day = 86_400.0;

    world.at(7.0 * day - 1.0);
    let claim = world.start("later", "a").await.unwrap();
    world.succeed(&claim).await.unwrap();
    world.tracker.prune(&retention).await.unwrap();
    assert!(world.tracker.task("done").await.unwrap().is_some(), "seven days are not over");
    world.at(7.0 * day + 1.0);
    assert_eq!(world.tracker.prune(&retention).await.unwrap().succeeded, 1);
    world.at(90.0 * day + 1.0);
    let pruned = world.tracker.prune(&retention).await.unwrap();

    assert_eq!((pruned.succeeded, pruned.exhausted), (1, 1));
    assert_eq!(world.tracker.attempts("done").await.unwrap(), []);
    for id in ["ignored", "open"] {
        assert!(world.tracker.task(id).await.unwrap().is_some(), "{id}");
    }
}

async fn tasks_are_listed_by_what_is_asked_for(world: World) {
    use dccd::tracker::{Filter, TaskKind};
    let (id, new) = job();
    world.tracker.enqueue(&new).await.unwrap();
    world.at(1.0);
    world.new_task("w1").await;
    world.tracker.enqueue(&NewTask::named("k1", "kraken")).await.unwrap();
    world.tracker.ignore("w1", "no").await.unwrap();
    let listed = |filter: Filter| {
        let tracker = world.tracker.clone();
        async move {
            tracker.tasks(&filter, 10).await.unwrap().into_iter().map(|task| task.id).collect::<Vec<_>>()
        }
    };

    assert_eq!(listed(Filter::default()).await, ["k1".to_owned(), "w1".to_owned(), id.clone()]);
    assert_eq!(listed(Filter { queue: Some("kraken".into()), ..Filter::default() }).await, ["k1"]);
    assert_eq!(listed(Filter { status: Some(Status::Ignored), ..Filter::default() }).await, ["w1"]);
    let job = [id];
    let last = world.tracker.task("k1").await.unwrap().unwrap();
    let after = Some((last.updated_at, last.id));
    assert_eq!(listed(Filter { after, ..Filter::default() }).await, ["w1", &job[0]]);
    assert_eq!(listed(Filter { kind: Some(TaskKind::Job), ..Filter::default() }).await, job);
    assert_eq!(
        listed(Filter { series: Some("binance/BTC-USDT/ohlc/1h".into()), ..Filter::default() }).await,
        job
    );
    assert_eq!(world.tracker.tasks(&Filter::default(), 1).await.unwrap().len(), 1);
}
