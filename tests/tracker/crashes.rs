//! Workers that race, die, stop or have a wrong clock: no task is done by two, and nothing is lost.

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use dccd::db::{Database, Pool};
use dccd::telemetry::Telemetry;
use dccd::tracker::{Claimer, HeldLease, NewTask, Refusal, Start, Status, Tracker, Verdict};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::dice::times;
use crate::postgres;
use crate::process::{Killed, name, open, told_tracker, worker, worker_with};
use crate::shim;
use crate::world::QUEUE;

/// The leases of those who are to lose them.
const LEASE: Duration = Duration::from_secs(2);
/// How long anything may take.
const AT_MOST: Duration = Duration::from_secs(60);

/// A store by its address, opened, kept as long as this is.
struct Store {
    address: String,
    tracker: Tracker,
    database: Database,
    _folder: TempDir,
}

impl Store {
    async fn sqlite() -> Option<Store> {
        let folder = TempDir::new().unwrap();
        Some(Store::at(folder.path().to_str().unwrap().to_owned(), folder).await)
    }

    async fn postgres() -> Option<Store> {
        Some(Store::at(postgres::database().await?, TempDir::new().unwrap()).await)
    }

    async fn at(address: String, _folder: TempDir) -> Store {
        let database = open(&address).await;
        Store { tracker: Tracker::new(&database, &Telemetry::new()), address, database, _folder }
    }

    /// Plans tasks that are tried again soon.
    async fn plan(&self, tasks: u64) {
        for number in 0..tasks {
            let retry_delay = Duration::from_millis(10);
            let new = NewTask { retry_delay, ..NewTask::named(&format!("t{number:05}"), QUEUE) };
            self.tracker.enqueue(&new).await.unwrap();
        }
    }

    async fn outcomes(&self, id: &str) -> Vec<String> {
        let attempts = self.tracker.attempts(id).await.unwrap();
        attempts.into_iter().map(|attempt| attempt.outcome.unwrap_or_else(|| "running".into())).collect()
    }

    /// The store's present time, in microseconds since 1970.
    async fn now(&self) -> i64 {
        match self.database.pool() {
            Pool::Postgres(pool) => {
                sqlx::query_scalar("SELECT tracker_now(NULL)").fetch_one(pool).await.unwrap()
            }
            Pool::Sqlite { .. } => dccd::clock::now().0,
        }
    }
}

/// Runs each case once on SQLite and once on PostgreSQL.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $case() {
                if let Some(store) = super::Store::sqlite().await { super::$case(store).await }
            })+
        }
        mod postgres_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $case() {
                if let Some(store) = super::Store::postgres().await { super::$case(store).await }
            })+
        }
    };
}

on_both!(
    sixteen_workers_run_every_task_once_and_none_meets_an_error,
    of_two_who_start_one_task_at_once_one_wins,
    what_a_killed_process_held_runs_elsewhere_soon_after_its_lease,
    a_task_that_aborts_its_process_every_time_is_exhausted_and_holds_up_no_other,
    a_process_that_was_stopped_past_its_lease_changes_nothing_when_it_goes_on,
    clocks_that_are_an_hour_off_steal_no_lease_and_leave_no_task_behind,
);

async fn sixteen_workers_run_every_task_once_and_none_meets_an_error(store: Store) {
    let tasks = times(600, 10_000);
    store.plan(tasks).await;
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..16_u32 {
        let (tracker, most) = (store.tracker.clone(), if number % 2 == 0 { 1 } else { 50 });
        workers.spawn(async move {
            let worker = format!("worker-{number}");
            let claimer = Claimer { worker: &worker, lease: Duration::from_secs(60) };
            let mut done = 0;
            loop {
                let claimed = tracker.claim(claimer, QUEUE, most).await.unwrap();
                if claimed.is_empty() {
                    return done;
                }
                assert!(claimed.iter().all(|claim| claim.fence == 1), "it was claimed before");
                let held: Vec<HeldLease> = claimed.iter().map(HeldLease::from).collect();
                done += tracker.complete(QUEUE, &held).await.unwrap().len() as u64;
            }
        });
    }
    let done: u64 = workers.join_all().await.into_iter().sum();

    assert_eq!(done, tasks);
    let counts = store.tracker.counts().await.unwrap().remove(0);
    assert_eq!((counts.of(Status::Succeeded), counts.due), (tasks, 0));
}

async fn of_two_who_start_one_task_at_once_one_wins(store: Store) {
    for round in 0..times(50, 1_000) {
        let id = format!("round-{round}");
        store.tracker.enqueue(&NewTask::named(&id, QUEUE)).await.unwrap();
        let start = |worker: &'static str| {
            let (tracker, id) = (store.tracker.clone(), id.clone());
            tokio::spawn(async move { tracker.claim_by_id(&id, &Start::new(worker, LEASE)).await })
        };
        let (one, two) = (start("one"), start("two"));
        let told = [one.await.unwrap(), two.await.unwrap()];

        assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 1, "round {round}");
        let refused = told.iter().find_map(|told| told.as_ref().err()).unwrap();
        assert!(matches!(refused.refusal(), Some(Refusal::TaskLocked { .. })), "{refused}");
        assert_eq!(store.tracker.task(&id).await.unwrap().unwrap().attempts, 1);
    }
}

async fn what_a_killed_process_held_runs_elsewhere_soon_after_its_lease(store: Store) {
    store.plan(10).await;
    let (sender, said) = channel();
    let process = worker(&store.address, "crashes::holds_ten_tasks", 0, &sender);
    let said = until_said(said, "holds 10").await;
    drop(process);

    let (killed, mut taken) = (Instant::now(), Vec::new());
    let claimer = Claimer { worker: "heir", lease: AT_MOST };
    while taken.len() < 10 {
        assert!(killed.elapsed() < AT_MOST, "only {} were taken over", taken.len());
        store.tracker.reap().await.unwrap();
        taken.extend(store.tracker.claim(claimer, QUEUE, 10).await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    println!("taken over {:.1} s after the kill", killed.elapsed().as_secs_f64());
    assert!(killed.elapsed() < LEASE * 5, "{:?}", killed.elapsed());
    for claim in &taken {
        assert_eq!((claim.fence, claim.attempts), (2, 2));
        assert_eq!(store.outcomes(&claim.id).await, ["lease_lost", "running"]);
    }
    drop(said);
}

async fn a_task_that_aborts_its_process_every_time_is_exhausted_and_holds_up_no_other(store: Store) {
    store.plan(1).await;
    let mut served = 0;
    for round in 0..3 {
        let (sender, _said) = channel();
        let mut process = worker(&store.address, "crashes::aborts_with_its_task", round, &sender);
        assert!(!process.ended(), "it aborts");
        let other = NewTask::named(&format!("other-{round}"), QUEUE);
        store.tracker.enqueue(&other).await.unwrap();
        let began = Instant::now();
        while store.outcomes("t00000").await.iter().filter(|outcome| *outcome == "lease_lost").count()
            <= round as usize
        {
            assert!(began.elapsed() < AT_MOST, "the lease never ends");
            let start = Start::new("other", LEASE);
            if let Ok(claim) = store.tracker.claim_by_id(&other.id, &start).await {
                store.tracker.settle(&claim, &Verdict::Succeeded { again_at: None }, None).await.unwrap();
                served += 1;
            }
            store.tracker.reap().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    let task = store.tracker.task("t00000").await.unwrap().unwrap();
    assert_eq!((task.status, task.attempts), (Status::Exhausted, 3));
    assert_eq!(store.outcomes("t00000").await, ["lease_lost"; 3]);
    assert_eq!(served, 3, "the others were served meanwhile");
}

async fn a_process_that_was_stopped_past_its_lease_changes_nothing_when_it_goes_on(store: Store) {
    store.plan(10).await;
    let (sender, said) = channel();
    let mut process = worker(&store.address, "crashes::holds_ten_tasks", 0, &sender);
    let said = until_said(said, "holds 10").await;
    signal(&process, "STOP");
    let (stopped, mut taken) = (Instant::now(), Vec::new());
    while taken.len() < 10 {
        assert!(stopped.elapsed() < AT_MOST, "only {} were taken over", taken.len());
        store.tracker.reap().await.unwrap();
        let claimer = Claimer { worker: "heir", lease: AT_MOST };
        taken.extend(store.tracker.claim(claimer, QUEUE, 10).await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut before = Vec::new();
    for claim in &taken {
        before.push(store.tracker.task(&claim.id).await.unwrap().map(as_stored));
    }

    signal(&process, "CONT");
    writeln!(process.input(), "complete").unwrap();
    let said = until_said(said, "completed 0 of 10, settled 0 of 10, renewed 0 of 10").await;

    for (claim, before) in taken.iter().zip(before) {
        assert_eq!(store.tracker.task(&claim.id).await.unwrap().map(as_stored), before, "{}", claim.id);
        assert_eq!(store.outcomes(&claim.id).await, ["lease_lost", "running"]);
    }
    let held: Vec<HeldLease> = taken.iter().map(HeldLease::from).collect();
    assert_eq!(store.tracker.complete(QUEUE, &held).await.unwrap().len(), 10, "the heir's count");
    drop(said);
}

/// On one host SQLite's processes share a clock, so there both are as wrong.
async fn clocks_that_are_an_hour_off_steal_no_lease_and_leave_no_task_behind(store: Store) {
    let Some(shim) = shim::library() else { return };
    store.plan(40).await;
    let is_shared = matches!(store.database.pool(), Pool::Sqlite { .. });
    let offsets = if is_shared { [3_600, 3_600] } else { [3_600, -3_600] };
    let (sender, said) = channel();
    let lease = 10_000_000;
    let mut processes: Vec<Killed> = Vec::new();
    for (number, offset) in offsets.iter().enumerate() {
        let (preload, secs) = (shim.to_str().unwrap().to_owned(), offset.to_string());
        let settings = [("LD_PRELOAD", preload.as_str()), ("DCCD_CLOCK_OFFSET", secs.as_str())];
        processes.push(worker_with(
            &store.address,
            "crashes::reaps_and_works_by_its_own_clock",
            number as u64,
            &sender,
            &settings,
        ));
    }
    drop(sender);
    let mut claimed = Vec::new();
    let lines = tokio::task::spawn_blocking(move || said.into_iter().collect::<Vec<String>>());
    for line in tokio::time::timeout(AT_MOST, lines).await.unwrap().unwrap() {
        assert!(!line.contains("panicked"), "{line}");
        if let Some(rest) = line.strip_prefix("claimed ") {
            let (id, until) = rest.split_once(' ').unwrap();
            claimed.push(id.to_owned());
            let until: i64 = until.parse().unwrap();
            let offset = if is_shared { 3_600_000_000 } else { 0 };
            let left = until - (store.now().await + offset);
            assert!((0..=lease).contains(&left), "{id} was held for {left} microseconds more");
        }
    }

    assert!(processes.iter_mut().all(Killed::ended));
    claimed.sort_unstable();
    let all = claimed.len();
    claimed.dedup();
    assert_eq!((all, claimed.len()), (40, 40), "a lease was stolen or a task left behind");
    for id in &claimed {
        assert_eq!(store.outcomes(id).await, ["succeeded"], "{id}");
    }
}

/// Holds ten tasks, says so, and once it is told to completes, settles and renews what it held.
#[tokio::test]
#[ignore = "it is started by another test"]
async fn holds_ten_tasks() {
    let (tracker, name) = (told_tracker().await, name());
    let claimer = Claimer { worker: &name, lease: LEASE };
    let held = tracker.claim(claimer, QUEUE, 10).await.unwrap();
    eprintln!("holds {}", held.len());
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    let wire: Vec<HeldLease> = held.iter().map(HeldLease::from).collect();
    let completed = tracker.complete(QUEUE, &wire).await.unwrap().len();
    let renewed = tracker.renew(claimer, &wire).await.unwrap().len();
    let mut settled = 0;
    for claim in &held {
        let told = tracker.settle(claim, &Verdict::GivenBack, Some("{\"late\":true}")).await;
        settled += usize::from(told.is_ok());
    }
    eprintln!("completed {completed} of 10, settled {settled} of 10, renewed {renewed} of 10");
}

/// Claims the first task and aborts.
#[tokio::test]
#[ignore = "it is started by another test"]
async fn aborts_with_its_task() {
    let (tracker, name) = (told_tracker().await, name());
    let start = Start::new(&name, Duration::from_millis(300));
    tracker.claim_by_id("t00000", &start).await.unwrap();
    std::process::abort();
}

/// Works until nothing is left, and takes from others whatever it believes is over.
#[tokio::test]
#[ignore = "it is started by another test"]
async fn reaps_and_works_by_its_own_clock() {
    let (tracker, name) = (told_tracker().await, name());
    let claimer = Claimer { worker: &name, lease: Duration::from_secs(10) };
    let mut idle = 0;
    while idle < 10 {
        assert_eq!(tracker.reap().await.unwrap(), [], "no lease has expired");
        let claimed = tracker.claim(claimer, QUEUE, 2).await.unwrap();
        for claim in &claimed {
            let lease = tracker.task(&claim.id).await.unwrap().unwrap().lease.unwrap();
            eprintln!("claimed {} {}", claim.id, lease.until.0);
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        let held: Vec<HeldLease> = claimed.iter().map(HeldLease::from).collect();
        assert_eq!(tracker.complete(QUEUE, &held).await.unwrap().len(), held.len());
        idle = if claimed.is_empty() { idle + 1 } else { 0 };
    }
}

/// Waits until a process has said something; gives what it says after that.
async fn until_said(said: Receiver<String>, wanted: &'static str) -> Receiver<String> {
    let waiting = tokio::task::spawn_blocking(move || {
        let mut before = Vec::new();
        while let Ok(line) = said.recv_timeout(AT_MOST) {
            if line == wanted {
                return said;
            }
            before.push(line);
        }
        panic!("it never says {wanted}, only {before:?}")
    });
    waiting.await.unwrap()
}

fn signal(process: &Killed, name: &str) {
    let id = process.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

/// A task without the instant at which it was read.
fn as_stored(task: dccd::tracker::Task) -> dccd::tracker::Task {
    dccd::tracker::Task { as_of: dccd::model::Micros(0), ..task }
}
