//! The operations on one task, case by case, the same on both stores.

use std::time::Duration;

use dccd::model::Micros;
use dccd::tracker::{Claimer, HeldLease, NewTask, Next, Priority, Refusal, Start, Status, Verdict};

use crate::world::{LEASE, QUEUE, T, World, after, fault, on_both_stores};

on_both_stores!(
    a_new_task_is_pending_and_was_never_tried,
    a_task_that_exists_is_not_made_anew,
    a_start_takes_the_lock_until_its_lease_ends_and_not_an_instant_longer,
    who_gives_the_fence_of_the_lock_is_not_locked_out,
    an_ignored_lock_fences_its_old_holder_out,
    success_resets_the_attempts_and_keeps_their_total,
    a_failed_task_waits_for_its_backoff_in_the_queue,
    a_task_that_failed_as_often_as_it_may_is_exhausted_and_only_force_starts_it,
    a_success_between_makes_the_count_begin_anew,
    an_ignored_task_is_neither_claimed_nor_started_until_it_is_forced,
    the_lock_is_looked_at_before_everything_else,
    what_succeeded_runs_again_only_when_asked_to,
    retry_makes_an_exhausted_task_claimable_at_once,
    unlock_fences_the_holder_out_of_everything,
    renewal_keeps_others_out_and_carries_progress,
    progress_of_a_failed_attempt_is_there_for_the_next,
    claims_go_by_priority_and_never_see_what_is_deferred,
    an_attempt_the_exchange_refused_for_its_limit_does_not_count,
    a_failure_waits_at_least_as_long_as_the_exchange_asked,
    a_permanent_failure_exhausts_at_once,
    a_task_that_kills_its_worker_every_time_is_exhausted_in_the_end,
    a_completion_after_the_lease_ran_out_counts_while_nobody_took_the_task,
    work_that_is_given_back_is_claimable_at_once_and_was_no_attempt,
    a_cancelled_holder_learns_it_at_the_next_renewal,
    an_attempt_keeps_its_worker_times_outcome_class_message_and_causes,
);

async fn a_new_task_is_pending_and_was_never_tried(world: World) {
    assert!(world.new_task("w1").await);

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts, task.attempts_total, task.fence), (Status::Pending, 0, 0, 0));
    assert_eq!((task.lease, task.data.as_str(), task.created_at), (None, "{}", T));
    assert_eq!(world.outcomes("w1").await, [""; 0]);
    assert_eq!(world.tracker.task("nope").await.unwrap(), None);
    let refused = world.start("nope", "a").await.unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::NotFound { id: "nope".into() }));
}

async fn a_task_that_exists_is_not_made_anew(world: World) {
    world.new_task("w1").await;
    world.fail_times("w1", 2).await;
    let before = world.task("w1").await;

    assert!(!world.new_task("w1").await);

    assert_eq!(world.task("w1").await, before);
}

async fn a_start_takes_the_lock_until_its_lease_ends_and_not_an_instant_longer(world: World) {
    world.new_task("w1").await;
    world.start("w1", "first").await.unwrap();
    let held = world.task("w1").await;
    let lease = held.lease.unwrap();
    assert_eq!((held.status, held.attempts, held.fence), (Status::InProgress, 1, 1));
    assert_eq!((lease.since, lease.until), (T, after(900.0)));

    world.at(899.999_999);
    let refused = world.start("w1", "second").await.unwrap_err();
    let locked = Refusal::TaskLocked { id: "w1".into(), worker: "first".into(), until: after(900.0) };
    assert_eq!(refused.refusal(), Some(&locked));
    assert_eq!(world.task("w1").await.attempts, 1);

    world.at(900.0);
    let second = world.start("w1", "second").await.unwrap();
    assert_eq!((second.attempts, second.fence), (2, 2));
    assert_eq!(world.outcomes("w1").await, ["lease_lost", "running"]);
    assert_eq!(world.sample("dccd_task_leases_lost_total{exchange=\"binance\"}"), 1.0);
}

async fn who_gives_the_fence_of_the_lock_is_not_locked_out(world: World) {
    world.new_task("w1").await;
    let first = world.start("w1", "first").await.unwrap();
    world.at(10.0);

    let ask = Start { fence: Some(first.fence), ..Start::new("first", LEASE) };
    let again = world.tracker.claim_by_id("w1", &ask).await.unwrap();

    assert_eq!((again.attempts, again.fence), (2, 2));
    let wrong = Start { fence: Some(first.fence), ..Start::new("first", LEASE) };
    assert!(world.tracker.claim_by_id("w1", &wrong).await.is_err(), "an old fence opens nothing");
}

async fn an_ignored_lock_fences_its_old_holder_out(world: World) {
    world.new_task("w1").await;
    let first = world.start("w1", "first").await.unwrap();
    world.at(10.0);

    let ask = Start { ignore_lock: true, ..Start::new("second", LEASE) };
    let second = world.tracker.claim_by_id("w1", &ask).await.unwrap();

    assert_eq!(second.fence, 2);
    let late = world.succeed(&first).await.unwrap_err();
    assert_eq!(late.refusal(), Some(&Refusal::LeaseLost { id: "w1".into() }));
    assert_eq!(world.task("w1").await.status, Status::InProgress);
    assert_eq!(world.succeed(&second).await.unwrap(), Status::Succeeded);
}

async fn success_resets_the_attempts_and_keeps_their_total(world: World) {
    world.new_task("w1").await;
    let claim = world.start("w1", "a").await.unwrap();
    world.at(3.0);
    assert_eq!(world.succeed(&claim).await.unwrap(), Status::Succeeded);

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts, task.attempts_total), (Status::Succeeded, 0, 1));
    assert_eq!((task.lease, task.finished_at), (None, Some(after(3.0))));
}

async fn a_failed_task_waits_for_its_backoff_in_the_queue(world: World) {
    world.new_task("w1").await;
    let claim = world.claim(1).await.remove(0);
    world.fail(&claim, "boom").await.unwrap();

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts, task.run_at), (Status::Failed, 1, after(5.0)));
    let attempt = world.tracker.attempts("w1").await.unwrap().remove(0);
    assert_eq!(attempt.error.as_deref(), Some("boom"));
    world.at(4.999_999);
    assert_eq!(world.claim(1).await, []);
    world.at(5.0);
    assert_eq!(world.claim(1).await[0].id, "w1");
}

async fn a_task_that_failed_as_often_as_it_may_is_exhausted_and_only_force_starts_it(world: World) {
    world.new_task("w1").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        world.fail_times("w1", 1).await;
        let task = world.task("w1").await;
        seen.push((task.status, task.run_at.since(T).as_secs()));
    }
    assert_eq!(seen[..2], [(Status::Failed, 5), (Status::Failed, 10)]);
    assert_eq!((seen[2].0, world.task("w1").await.attempts), (Status::Exhausted, 3));
    assert_eq!(world.outcomes("w1").await, ["failed"; 3]);
    assert_eq!(world.sample("dccd_task_exhaustions_total{exchange=\"binance\"}"), 1.0);

    let refused = world.start("w1", "a").await.unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::NoMoreRetries { id: "w1".into(), attempts: 3 }));
    assert_eq!(world.task("w1").await.attempts_total, 3);

    let force = Start { force: true, ..Start::new("a", LEASE) };
    let claim = world.tracker.claim_by_id("w1", &force).await.unwrap();
    assert_eq!(world.fail(&claim, "boom").await.unwrap(), Status::Exhausted);
    assert_eq!(world.task("w1").await.attempts_total, 4);

    let claim = world.tracker.claim_by_id("w1", &force).await.unwrap();
    assert_eq!(world.succeed(&claim).await.unwrap(), Status::Succeeded);
    let task = world.task("w1").await;
    assert_eq!((task.attempts, task.attempts_total, task.reason), (0, 5, None));
    assert_eq!(world.outcomes("w1").await, ["failed", "failed", "failed", "failed", "succeeded"]);
}

async fn a_success_between_makes_the_count_begin_anew(world: World) {
    world.new_task("w1").await;
    world.fail_times("w1", 2).await;
    let claim = world.start("w1", "a").await.unwrap();
    world.succeed(&claim).await.unwrap();

    let rerun = Start { rerun: true, ..Start::new("a", LEASE) };
    let claim = world.tracker.claim_by_id("w1", &rerun).await.unwrap();
    world.fail(&claim, "boom").await.unwrap();

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts, task.attempts_total), (Status::Failed, 1, 4));
}

async fn an_ignored_task_is_neither_claimed_nor_started_until_it_is_forced(world: World) {
    world.new_task("w1").await;
    world.tracker.ignore("w1", "delisted").await.unwrap();

    assert_eq!(world.task("w1").await.status, Status::Ignored);
    assert_eq!(world.claim(1).await, []);
    let refused = world.start("w1", "a").await.unwrap_err();
    let ignored = Refusal::Ignored { id: "w1".into(), reason: "delisted".into() };
    assert_eq!(refused.refusal(), Some(&ignored));

    let force = Start { force: true, ..Start::new("a", LEASE) };
    let claim = world.tracker.claim_by_id("w1", &force).await.unwrap();
    assert_eq!(world.succeed(&claim).await.unwrap(), Status::Succeeded);
}

async fn the_lock_is_looked_at_before_everything_else(world: World) {
    world.new_task("w1").await;
    world
        .by_hand(
            "UPDATE task SET status = 30, locked_by = 'x', lock_time = 1704067200000000,
             lease_until = 1704067300000000 WHERE id = 'w1'",
        )
        .await;
    let plain = Start::new("a", LEASE);
    let refusal = |ask: Start<'static>| {
        let tracker = world.tracker.clone();
        async move { tracker.claim_by_id("w1", &ask).await.map_err(|error| error.refusal().cloned().unwrap()) }
    };

    assert!(matches!(refusal(plain.clone()).await, Err(Refusal::TaskLocked { .. })));
    let ignoring = Start { ignore_lock: true, ..plain.clone() };
    assert!(matches!(refusal(ignoring.clone()).await, Err(Refusal::NoMoreRetries { .. })));
    let forced = Start { force: true, ..plain };
    assert!(matches!(refusal(forced).await, Err(Refusal::TaskLocked { .. })));
    assert!(refusal(Start { force: true, ..ignoring }).await.is_ok());
}

async fn what_succeeded_runs_again_only_when_asked_to(world: World) {
    world.new_task("w1").await;
    let claim = world.start("w1", "a").await.unwrap();
    world.succeed(&claim).await.unwrap();

    let refused = world.start("w1", "a").await.unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::AlreadySucceeded { id: "w1".into() }));
    assert!(world.tracker.retry("w1", false).await.is_err());
    let rerun = Start { rerun: true, ..Start::new("a", LEASE) };
    assert_eq!(world.tracker.claim_by_id("w1", &rerun).await.unwrap().attempts_total, 2);
}

async fn retry_makes_an_exhausted_task_claimable_at_once(world: World) {
    world.new_task("w1").await;
    world.fail_times("w1", 3).await;

    world.tracker.retry("w1", false).await.unwrap();

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts, task.attempts_total), (Status::Pending, 0, 3));
    assert_eq!(world.claim(1).await[0].id, "w1");
    assert!(world.tracker.retry("w1", true).await.is_err(), "a worker holds it");
}

async fn unlock_fences_the_holder_out_of_everything(world: World) {
    world.new_task("w1").await;
    let held = world.start("w1", "a").await.unwrap();

    world.tracker.unlock("w1").await.unwrap();

    assert_eq!(world.task("w1").await.status, Status::Failed);
    let claimer = Claimer { worker: "a", lease: LEASE };
    assert_eq!(world.tracker.renew(claimer, &[HeldLease::from(&held)]).await.unwrap(), []);
    let lost = Refusal::LeaseLost { id: "w1".into() };
    assert_eq!(world.succeed(&held).await.unwrap_err().refusal(), Some(&lost));
    assert_eq!(world.fail(&held, "boom").await.unwrap_err().refusal(), Some(&lost));
    assert_eq!(world.tracker.complete(QUEUE, &[HeldLease::from(&held)]).await.unwrap(), [""; 0]);
    assert_eq!(world.outcomes("w1").await, ["lease_lost"]);
    assert_eq!(world.claim(1).await[0].id, "w1");
    assert!(matches!(
        world.tracker.unlock("nope").await.unwrap_err().refusal(),
        Some(Refusal::NotFound { .. })
    ));
}

async fn renewal_keeps_others_out_and_carries_progress(world: World) {
    world.new_task("w1").await;
    let held = world.start("w1", "a").await.unwrap();
    world.at(300.0);
    let claimer = Claimer { worker: "a", lease: LEASE };
    let progress = HeldLease { data: Some("{\"cursor\":7}".into()), ..HeldLease::from(&held) };

    let renewed = world.tracker.renew(claimer, &[progress]).await.unwrap();

    assert_eq!((renewed.len(), renewed[0].cancel_requested), (1, false));
    let task = world.task("w1").await;
    assert_eq!((task.lease.unwrap().until, task.data.as_str()), (after(1200.0), "{\"cursor\":7}"));
    world.at(1000.0);
    assert!(matches!(world.start("w1", "b").await.unwrap_err().refusal(), Some(Refusal::TaskLocked { .. })));
    // Without progress the last is kept.
    world.tracker.renew(claimer, &[HeldLease::from(&held)]).await.unwrap();
    assert_eq!(world.task("w1").await.data, "{\"cursor\":7}");
}

async fn progress_of_a_failed_attempt_is_there_for_the_next(world: World) {
    world.new_task("w1").await;
    let claim = world.claim(1).await.remove(0);
    let verdict = Verdict::Failed { fault: fault("boom"), next: Next::Backoff { at_least: Duration::ZERO } };
    world.tracker.settle(&claim, &verdict, Some("{\"cursor\":5}")).await.unwrap();
    world.at(5.0);

    assert_eq!(world.claim(1).await[0].data, "{\"cursor\":5}");
}

async fn claims_go_by_priority_and_never_see_what_is_deferred(world: World) {
    let plan = [
        ("idle", Priority::Idle, 0.0),
        ("high", Priority::High, 0.0),
        ("normal", Priority::Normal, 0.0),
        ("deferred", Priority::High, 60.0),
        ("low", Priority::Low, 0.0),
        ("normal, due before", Priority::Normal, -1.0),
    ];
    for (id, priority, due) in plan {
        let new = NewTask { priority, run_at: Some(after(due)), ..NewTask::named(id, QUEUE) };
        world.tracker.enqueue(&new).await.unwrap();
    }
    world.tracker.enqueue(&NewTask::named("elsewhere", "kraken")).await.unwrap();

    let two: Vec<String> = world.claim(2).await.into_iter().map(|claim| claim.id).collect();
    let rest: Vec<String> = world.claim(6).await.into_iter().map(|claim| claim.id).collect();

    assert_eq!(two, ["high", "normal, due before"]);
    assert_eq!(rest, ["normal", "low", "idle"]);
}

async fn an_attempt_the_exchange_refused_for_its_limit_does_not_count(world: World) {
    world.new_task("w1").await;
    let claim = world.claim(1).await.remove(0);
    let verdict = Verdict::RateLimited { fault: fault("slow down"), wait: Duration::from_secs(30) };
    world.tracker.settle(&claim, &verdict, None).await.unwrap();

    let task = world.task("w1").await;
    assert_eq!((task.status, task.attempts, task.run_at), (Status::Pending, 0, after(30.0)));
    assert_eq!(world.outcomes("w1").await, ["rate_limited"]);
}

async fn a_failure_waits_at_least_as_long_as_the_exchange_asked(world: World) {
    world.new_task("w1").await;
    let claim = world.claim(1).await.remove(0);
    let next = Next::Backoff { at_least: Duration::from_secs(77) };
    world.tracker.settle(&claim, &Verdict::Failed { fault: fault("boom"), next }, None).await.unwrap();

    assert_eq!(world.task("w1").await.run_at, after(77.0));
}

async fn a_permanent_failure_exhausts_at_once(world: World) {
    world.new_task("w1").await;
    let claim = world.claim(1).await.remove(0);
    let verdict = Verdict::Failed { fault: fault("unknown symbol"), next: Next::Never };

    assert_eq!(world.tracker.settle(&claim, &verdict, None).await.unwrap(), Status::Exhausted);
}

async fn a_task_that_kills_its_worker_every_time_is_exhausted_in_the_end(world: World) {
    world.new_task("w1").await;
    world.new_task("w2").await;
    let (mut secs, mut reaped) = (0.0, Vec::new());
    for _ in 0..3 {
        let claimed = world.start("w1", "doomed").await.unwrap();
        assert_eq!(claimed.id, "w1");
        secs += 900.0;
        world.at(secs);
        reaped.extend(world.tracker.reap().await.unwrap());
    }

    assert_eq!(
        reaped.iter().map(|task| task.status).collect::<Vec<_>>(),
        [Status::Failed, Status::Failed, Status::Exhausted]
    );
    assert_eq!(world.outcomes("w1").await, ["lease_lost"; 3]);
    assert_eq!(world.claim(9).await.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["w2"]);
    assert_eq!(world.sample("dccd_task_leases_lost_total{exchange=\"binance\"}"), 3.0);
}

async fn a_completion_after_the_lease_ran_out_counts_while_nobody_took_the_task(world: World) {
    world.new_task("w1").await;
    let claim = world.start("w1", "slow").await.unwrap();
    world.at(1000.0);
    assert_eq!(world.succeed(&claim).await.unwrap(), Status::Succeeded);

    world.new_task("w2").await;
    let claim = world.start("w2", "slow").await.unwrap();
    world.at(2000.0);
    world.tracker.reap().await.unwrap();
    assert!(matches!(world.succeed(&claim).await.unwrap_err().refusal(), Some(Refusal::LeaseLost { .. })));
}

async fn work_that_is_given_back_is_claimable_at_once_and_was_no_attempt(world: World) {
    world.new_task("w1").await;
    let claim = world.claim(1).await.remove(0);
    world.at(3.0);
    let cursor = Some("{\"cursor\":1}");
    assert_eq!(world.tracker.settle(&claim, &Verdict::GivenBack, cursor).await.unwrap(), Status::Pending);

    let again = world.claim(1).await.remove(0);
    assert_eq!((again.attempts, again.attempts_total, again.data.as_str()), (1, 2, "{\"cursor\":1}"));
    assert_eq!(world.outcomes("w1").await, ["given_back", "running"]);
}

async fn a_cancelled_holder_learns_it_at_the_next_renewal(world: World) {
    world.new_task("w1").await;
    world.new_task("w2").await;
    let claim = world.start("w1", "a").await.unwrap();

    world.tracker.cancel("w1").await.unwrap();
    world.tracker.cancel("w2").await.unwrap();

    let claimer = Claimer { worker: "a", lease: LEASE };
    let renewed = world.tracker.renew(claimer, &[HeldLease::from(&claim)]).await.unwrap();
    assert!(renewed[0].cancel_requested);
    let verdict = Verdict::Cancelled { again_at: None };
    assert_eq!(world.tracker.settle(&claim, &verdict, None).await.unwrap(), Status::Ignored);
    for id in ["w1", "w2"] {
        let task = world.task(id).await;
        assert_eq!((task.status, task.reason.as_deref()), (Status::Ignored, Some("cancelled")));
    }
    assert_eq!(world.outcomes("w1").await, ["cancelled"]);
}

async fn an_attempt_keeps_its_worker_times_outcome_class_message_and_causes(world: World) {
    world.new_task("w1").await;
    let claim = world.start("w1", "box-1").await.unwrap();
    world.at(2.5);
    world.fail(&claim, "boom").await.unwrap();

    let attempt = world.tracker.attempts("w1").await.unwrap().remove(0);
    assert_eq!((attempt.number, attempt.fence, attempt.worker.as_str()), (1, 1, "box-1"));
    assert_eq!((attempt.started_at, attempt.ended_at), (T, Some(after(2.5))));
    assert_eq!(attempt.outcome.as_deref(), Some("failed"));
    assert_eq!((attempt.error_class.as_deref(), attempt.error.as_deref()), (Some("other"), Some("boom")));
    assert_eq!(attempt.causes, ["its cause"]);
    assert_ne!(attempt.ended_at, Some(Micros(0)));
}
