//! The tracker's record of the runs of a daemon and of the one-shot commands.

use std::sync::Arc;
use std::time::Duration;

use dccd::daemon::Scheduler;
use dccd::daemon::Status as Shown;
use dccd::db::Database;
use dccd::engine::{Job, Work, carry_out};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use dccd::telemetry::Telemetry;
use dccd::tracker::{Attempt, Filter, NewTask, Start, Status, Task, TaskKind, Tracker};
use tokio_util::sync::CancellationToken;

use crate::program::{command, configure, dccd, end, request, terminate, wait_for, wait_for_exit};
use crate::test_daemon::{MINUTELY, TestDaemon, backfill, run};
use crate::{pooler, postgres};

/// Runs the daemon of a setup until the tracker says what is waited for.
async fn daemon_until(setup: &TestDaemon, is_so: impl Fn(&Task) -> bool) {
    let engine = Arc::new(setup.engine().await);
    let (stop, tracker) = (CancellationToken::new(), tracker(setup).await);
    let scheduler = Scheduler::new(Arc::clone(&engine), Arc::new(Shown::new()), Job::all(&setup.config()), 2);
    let waiting = async {
        let waited = tokio::time::timeout(Duration::from_secs(60), async {
            while !tracker.task(MINUTELY).await.unwrap().is_some_and(|task| is_so(&task)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let waited = waited.await;
        stop.cancel();
        waited.expect("it never comes to that");
    };
    tokio::join!(scheduler.run(&stop), waiting);
    engine.close().await;
}

async fn tracker(setup: &TestDaemon) -> Tracker {
    std::fs::create_dir_all(setup.layout().own()).unwrap();
    let database = Database::open(&setup.layout().own()).await.unwrap();
    Tracker::new(&database, &Telemetry::new())
}

async fn known(setup: &TestDaemon) -> (Task, Vec<Attempt>) {
    let tracker = tracker(setup).await;
    let task = tracker.task(MINUTELY).await.unwrap().unwrap();
    (task, tracker.attempts(MINUTELY).await.unwrap())
}

async fn setup(knobs: Knobs) -> TestDaemon {
    let job = "{exchange: binance, pairs: [BTC/USDT], span: 60, retry_delay: 0.01, max_retries: 2}";
    TestDaemon::with(job, "2024-01-01 03:00:30", knobs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_of_a_job_is_an_attempt_of_its_one_task_which_is_armed_again() {
    let setup = setup(Knobs::default()).await;

    daemon_until(&setup, |task| task.status == Status::Pending && task.attempts_total == 1).await;

    let (task, attempts) = known(&setup).await;
    assert_eq!((task.kind, task.queue.as_str(), task.attempts), (TaskKind::Job, "binance", 0));
    assert!(task.run_at > task.updated_at, "it is due at the next close");
    assert_eq!(attempts[0].outcome.as_deref(), Some("succeeded"));
    assert!(attempts[0].ended_at > Some(attempts[0].started_at));
    assert_eq!(tracker(&setup).await.workers().await.unwrap(), [], "who ends in good order leaves");

    daemon_until(&setup, |task| task.attempts_total == 2 && task.status == Status::Pending).await;
    assert_eq!(known(&setup).await.1.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_is_on_record_with_its_class_message_and_causes_and_comes_again() {
    let faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)];
    let setup = setup(Knobs { faults, ..Knobs::default() }).await;

    daemon_until(&setup, |task| task.status == Status::Failed).await;

    let (task, attempts) = known(&setup).await;
    assert_eq!((task.attempts, task.max_attempts), (1, None));
    assert!((29..=30).contains(&task.run_at.since(task.updated_at).as_secs()), "it comes again after 30 s");
    let failed = &attempts[0];
    assert_eq!((failed.outcome.as_deref(), failed.error_class.as_deref()), (Some("failed"), Some("refused")));
    assert!(failed.error.as_deref().is_some_and(|error| error.contains(MINUTELY)), "{failed:?}");
    assert!(!failed.causes.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_held_is_taken_at_the_next_start_without_waiting_for_its_lease() {
    let setup = setup(Knobs::default()).await;
    let engine = setup.engine().await;
    let tracker = tracker(&setup).await;
    let job = NewTask::job(&MINUTELY.parse().unwrap(), Duration::from_secs(2));
    tracker.enqueue(&job).await.unwrap();
    let dead = tracker.workers().await.unwrap().remove(0).id;
    tracker.claim_by_id(MINUTELY, &Start::new(&dead, Duration::from_secs(3_600))).await.unwrap();
    // A process that is killed gives nothing back but the lock, which is the system's.
    engine.close().await;
    let beat = dccd::tracker::Beat {
        worker: &dead,
        place: &place(&setup),
        started_at: dccd::model::Micros(0),
        slots: 1,
        held: 1,
        lag: Duration::ZERO,
        rss_bytes: 0,
    };
    tracker.beat(&beat).await.unwrap();

    daemon_until(&setup, |task| task.attempts_total == 2 && task.status == Status::Pending).await;

    let outcomes: Vec<_> =
        known(&setup).await.1.into_iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!(outcomes, ["lease_lost", "succeeded"]);
}

/// The identity of the data path of a setup.
fn place(setup: &TestDaemon) -> String {
    let id = std::fs::read_to_string(setup.layout().own().join("place")).unwrap();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    format!("{}:{}", host.trim(), id.trim())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ignored_job_is_not_run() {
    let setup = setup(Knobs::default()).await;
    configure(&setup, &setup.text());
    let tracker = tracker(&setup).await;
    tracker.enqueue(&NewTask::job(&MINUTELY.parse().unwrap(), Duration::ZERO)).await.unwrap();
    tracker.ignore(MINUTELY, "delisted").await.unwrap();

    let collected = dccd(&setup, &["collect"]).await;

    assert_eq!(
        (collected.code, collected.out.trim()),
        (Some(0), "Done. successes=0 failures=0"),
        "{collected:?}"
    );
    assert!(collected.err.contains("is ignored (delisted)"), "{collected:?}");
    assert_eq!(setup.sim.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_is_a_window_task_of_each_series() {
    let setup = setup(Knobs::default()).await;
    let filter = Filter { kind: Some(TaskKind::Backfill), ..Filter::default() };
    let order = backfill(MINUTELY, "2024-01-01 00:00:00");
    let stop = CancellationToken::new();

    let engine = setup.engine().await;
    let fetch = |order: &dccd::jobs::Order, stop: &CancellationToken| {
        let (engine, work, stop) = (&engine, Work::fetch(order.clone()), stop.clone());
        async move { carry_out(engine, &work, Duration::ZERO, &|_| {}, &stop).await.outcome }
    };
    let done = fetch(&order, &stop).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    let tracker = tracker(&setup).await;
    let task = tracker.tasks(&filter, 9).await.unwrap().remove(0);
    assert_eq!((task.status, task.series.as_str()), (Status::Succeeded, MINUTELY));
    assert_eq!(task.window.unwrap().from, crate::test_daemon::at("2024-01-01 00:00:00"));

    let stopped = CancellationToken::new();
    stopped.cancel();
    fetch(&backfill(MINUTELY, "2023-12-31"), &stopped).await;
    let task = tracker.tasks(&filter, 9).await.unwrap().remove(0);
    assert_eq!((task.status, task.attempts), (Status::Pending, 0), "it was given back");

    tracker.ignore(&task.id, "the exchange lost it").await.unwrap();
    let refused = fetch(&backfill(MINUTELY, "2023-12-31"), &stop).await;
    assert!(refused.error.is_none(), "what lies beside the ignored window is fetched");
    assert!(run(&engine, &order).await.error.is_none());
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_daemon_is_asked_for_and_what_it_refuses_are_tasks_and_a_job_that_is_removed_has_none() {
    const OTHER: &str = "binance/ETH-USDT/ohlc/1m";
    let two = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 60, retry_delay: 0.01}";
    let setup = TestDaemon::with(two, "2024-01-01 03:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    let child = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let tracker = tracker(&setup).await;
    let state = |id: &'static str| {
        let tracker = tracker.clone();
        async move { tracker.task(id).await.unwrap().map(|task| task.status) }
    };
    wait_for(|| async { state(MINUTELY).await == Some(Status::Pending) }).await;
    wait_for(|| async { state(OTHER).await == Some(Status::Pending) }).await;

    let fetched = dccd(&setup, &["backfill", "--pairs", "BTC/USDT", "--start", "2024-01-01"]).await;
    assert_eq!(fetched.code, Some(0), "{fetched:?}");
    let filter = Filter { kind: Some(TaskKind::Backfill), ..Filter::default() };
    let windows = tracker.tasks(&filter, 9).await.unwrap();
    assert_eq!((windows.len(), windows[0].status), (1, Status::Succeeded));
    assert_eq!(windows[0].window.unwrap().from, crate::test_daemon::at("2024-01-01"));

    assert_eq!(dccd(&setup, &["jobs", "ignore", MINUTELY, "--reason", "delisted"]).await.code, Some(0));
    let named = dccd(&setup, &["jobs", "run", MINUTELY]).await;
    assert_eq!((named.code, &*named.out), (Some(1), "Done. successes=0 failures=1\n"), "{named:?}");
    assert!(named.err.contains("is ignored (delisted)"), "{named:?}");
    let all = dccd(&setup, &["collect"]).await;
    assert_eq!((all.code, &*all.out), (Some(0), "Done. successes=1 failures=0\n"), "{all:?}");
    assert!(all.err.contains("is ignored (delisted)"), "{all:?}");

    configure(&setup, &setup.text().replace(", ETH/USDT", ""));
    assert_eq!(request(&setup, "POST", "/-/reload", "").await.status, 200);
    wait_for(|| async { state(OTHER).await.is_none() }).await;
    assert_eq!(state(MINUTELY).await, Some(Status::Ignored), "a decision stays");
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_keeps_nothing_for_a_connection_is_named_and_worked_with() {
    for is_strict in [true, false] {
        let Some(url) = pooler::database(is_strict).await else { return };
        let setup = setup(Knobs::default()).await;
        let text = setup.text().replace("span: 60", "span: 60, every: 1");
        configure(&setup, &format!("{text}store: {url}\n"));

        let before = dccd(&setup, &["validate", "--online"]).await;
        let fetched = dccd(&setup, &["backfill", "--parallel", "--start", "2024-01-01"]).await;
        let collected = dccd(&setup, &["collect"]).await;
        let shown = dccd(&setup, &["jobs", "show", MINUTELY]).await;

        assert!(before.out.contains("✓ store PostgreSQL: answers through a pooler"), "{before:?}");
        for ended in [fetched, collected] {
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        assert!(shown.out.contains("succeeded after"), "{shown:?}");
        let child = command(&setup, &["start"]).spawn().unwrap();
        wait_for_exit(&setup, &["healthcheck"], 0).await;
        let asked = setup.asked(Endpoint::Ohlc).len();
        wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > asked }).await;
        terminate(&child).await;
        let ended = end(child).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.err.contains("prepared statement"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_kept_in_postgres_where_the_configuration_says_so() {
    let Some(url) = postgres::database().await else { return };
    let setup = setup(Knobs::default()).await;
    let secret = setup.folder.path().join("store-url");
    std::fs::write(&secret, format!("{url}\n")).unwrap();
    configure(&setup, &format!("{}store_file: {}\n", setup.text(), secret.display()));

    let collected = dccd(&setup, &["collect"]).await;
    let shown = dccd(&setup, &["jobs", "show", MINUTELY]).await;
    let checked = dccd(&setup, &["validate", "--online"]).await;

    assert_eq!(collected.code, Some(0), "{collected:?}");
    assert!(!setup.layout().own().join("state.db").exists());
    assert!(shown.out.contains("succeeded after"), "{shown:?}");
    assert!(checked.out.contains("✓ store PostgreSQL: answers"), "{checked:?}");

    configure(&setup, &format!("{}store: postgres://me:hunter2@127.0.0.1:1/x\n", setup.text()));
    let refused = dccd(&setup, &["collect"]).await;
    assert_eq!(refused.code, Some(74));
    assert!(refused.err.contains("127.0.0.1:1/x") && !refused.err.contains("hunter2"), "{refused:?}");
}
