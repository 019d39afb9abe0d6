//! Many workers at once, some of them killed at any moment: each task is done exactly once in effect, none is
//! lost, and none has two effective owners.
//!
//! On PostgreSQL the workers are processes of their own: this program once more, running one test of its own.
//! They print what they claim and complete, which is compared with the store.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use dccd::db::Database;
use dccd::telemetry::Telemetry;
use dccd::tracker::{Claimer, Fault, Filter, HeldLease, NewTask, Next, Status, Tracker, Verdict};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::dice::{Dice, times};
use crate::process::{Killed, name, open, told_tracker, worker};
use crate::world::QUEUE;
use crate::{pooler, postgres};

/// Leases are short, so that those of the killed are soon over.
const LEASE: Duration = Duration::from_millis(1_500);
/// How many processes are killed at least.
const FEWEST_KILLS: u64 = 5;
/// The work of the processes of a storm.
const WORKS: &str = "storm::works_until_it_is_killed";
/// The time limit of a storm.
const AT_MOST: Duration = Duration::from_secs(540);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_postgres_that_are_killed_lose_no_task_and_do_none_twice() {
    let Some(url) = postgres::database().await else { return };
    killed(&url, times(1_500, 20_000), times(4, 8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_behind_a_pooler_that_are_killed_lose_no_task_and_do_none_twice() {
    let Some(url) = pooler::database(true).await else { return };
    killed(&url, times(600, 10_000), times(4, 8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_one_sqlite_file_that_are_killed_lose_no_task_and_do_none_twice() {
    let folder = TempDir::new().unwrap();
    killed(folder.path().to_str().unwrap(), times(400, 10_000), times(3, 8)).await;
}

/// Many processes work on the tasks of one store, and are killed at random, until everything is done.
async fn killed(store: &str, at_first: u64, processes: u64) {
    let database = open(store).await;
    let tracker = Tracker::new(&database, &Telemetry::new());
    let mut tasks = 0;
    plan(&tracker, &mut tasks, at_first).await;
    let (sender, said) = channel();
    let mut dice = Dice::drawn();
    let mut workers: Vec<Killed> =
        (0..processes).map(|number| worker(store, WORKS, number, &sender)).collect();
    let (mut kills, began) = (0_u64, Instant::now());

    while kills < FEWEST_KILLS || left(&tracker).await > 0 {
        assert!(began.elapsed() < AT_MOST, "{} tasks are left", left(&tracker).await);
        tokio::time::sleep(Duration::from_millis(100 + dice.below(200))).await;
        let victim = usize::try_from(dice.below(processes)).unwrap();
        kills += 1;
        workers[victim] = worker(store, WORKS, processes + kills, &sender);
        // A fast machine has done all of them before that many were killed.
        if kills < FEWEST_KILLS {
            plan(&tracker, &mut tasks, at_first / 4).await;
        }
    }
    let took = began.elapsed().as_secs_f64();
    drop((workers, sender));
    println!(
        "{}: {tasks} tasks, {processes} processes, {kills} kills, {took:.1} s, {:.0} tasks a second",
        database.kind(),
        tasks as f64 / took
    );
    check(&tracker, &Account::of(said), tasks).await;
    assert!(kills >= FEWEST_KILLS, "only {kills} kills");
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_slots_of_one_process_lose_no_task_and_do_none_twice() {
    let folder = TempDir::new().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    let mut tasks = 0;
    plan(&tracker, &mut tasks, times(1_000, 20_000)).await;
    let (sender, said) = channel();
    let mut slots = tokio::task::JoinSet::new();
    let began = Instant::now();
    let mut dice = Dice::drawn();
    for number in 0..64 {
        let work = work(tracker.clone(), format!("slot-{number}"), Dice::new(dice.next()), sender.clone());
        slots.spawn(work);
    }
    drop(sender);

    while left(&tracker).await > 0 {
        assert!(began.elapsed() < AT_MOST, "{} tasks are left", left(&tracker).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    slots.shutdown().await;
    println!("{tasks} tasks, 64 slots, {:.1} s", began.elapsed().as_secs_f64());
    check(&tracker, &Account::of(said), tasks).await;
    database.close().await;
}

/// A worker of the storm, until it is killed.
#[tokio::test]
#[ignore = "it is started by a storm"]
async fn works_until_it_is_killed() {
    let (sender, said) = channel::<String>();
    let working = work(told_tracker().await, name(), Dice::drawn(), sender);
    let telling = tokio::task::spawn_blocking(move || {
        let mut out = std::io::stderr();
        said.iter().for_each(|line| writeln!(out, "{line}").unwrap());
    });
    working.await;
    telling.await.unwrap();
}

/// Plans more tasks, numbered on.
async fn plan(tracker: &Tracker, tasks: &mut u64, more: u64) {
    for number in *tasks..*tasks + more {
        let retry_delay = Duration::from_millis(10);
        let new =
            NewTask { max_attempts: None, retry_delay, ..NewTask::named(&format!("t{number:05}"), QUEUE) };
        tracker.enqueue(&new).await.unwrap();
    }
    *tasks += more;
}

async fn left(tracker: &Tracker) -> u64 {
    tracker.fold_counts().await.unwrap();
    let counts = tracker.counts().await.unwrap();
    counts
        .iter()
        .map(|own| {
            Status::ALL.iter().filter(|status| status.is_open()).map(|status| own.of(*status)).sum::<u64>()
        })
        .sum()
}

/// Claims, and completes most of it; fails some, gives some back, and lets some leases run out.
async fn work(tracker: Tracker, name: String, mut dice: Dice, said: Sender<String>) {
    let claimer = Claimer { worker: &name, lease: LEASE };
    loop {
        let claimed = tracker.claim(claimer, QUEUE, 1 + dice.below(20) as u32).await.unwrap();
        claimed.iter().for_each(|claim| drop(said.send(format!("claimed {} {}", claim.id, claim.fence))));
        if claimed.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut held: Vec<HeldLease> = claimed.iter().map(HeldLease::from).collect();
        if let (Some(first), true) = (claimed.first(), dice.below(4) == 0) {
            let fault = Fault { class: "other".into(), message: "boom".into(), causes: Vec::new() };
            let verdict = match dice.below(3) {
                0 => Verdict::Failed { fault, next: Next::Backoff { at_least: Duration::ZERO } },
                1 => Verdict::GivenBack,
                // Too late: another worker has it by now, or may have it.
                _ => {
                    tokio::time::sleep(LEASE + LEASE / 10).await;
                    Verdict::Succeeded { again_at: None }
                }
            };
            if let Ok(Status::Succeeded) = tracker.settle(first, &verdict, None).await {
                drop(said.send(format!("completed {} {}", first.id, first.fence)));
            }
            held.remove(0);
        }
        for id in tracker.complete(QUEUE, &held).await.unwrap() {
            let fence = held.iter().find(|held| held.id == id).unwrap().fence;
            drop(said.send(format!("completed {id} {fence}")));
        }
        if dice.below(4) == 0 {
            tracker.reap().await.unwrap();
        }
    }
}

/// The output of the workers.
#[derive(Default)]
struct Account {
    claimed: HashSet<(String, i64)>,
    completed: BTreeMap<String, Vec<i64>>,
}

impl Account {
    fn of(said: Receiver<String>) -> Account {
        let mut account = Account::default();
        for line in said {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["claimed", id, fence] => {
                    let is_new = account.claimed.insert((id.to_owned(), fence.parse().unwrap()));
                    assert!(is_new, "two workers hold {id} under fence {fence}");
                }
                ["completed", id, fence] => {
                    account.completed.entry(id.to_owned()).or_default().push(fence.parse().unwrap());
                }
                _ if line.contains("panicked") => panic!("{line}"),
                _ => {}
            }
        }
        account
    }
}

async fn check(tracker: &Tracker, account: &Account, tasks: u64) {
    let all = tracker.tasks(&Filter::default(), 1_000_000).await.unwrap();
    assert_eq!(all.len() as u64, tasks, "a task is lost");
    for task in &all {
        assert_eq!((task.status, &task.lease), (Status::Succeeded, &None), "{}", task.id);
        let attempts = tracker.attempts(&task.id).await.unwrap();
        let ended = |outcome| attempts.iter().filter(move |own| own.outcome.as_deref() == Some(outcome));
        assert_eq!(ended("succeeded").count(), 1, "{}: {attempts:?}", task.id);
        assert!(attempts.iter().all(|attempt| attempt.ended_at.is_some()), "{}: {attempts:?}", task.id);
        assert_eq!(attempts.last().unwrap().outcome.as_deref(), Some("succeeded"), "{}", task.id);
        // Who was killed after its completion counted could not say so any more.
        let said = account.completed.get(&task.id).map_or(&[][..], |fences| fences);
        assert!(said.len() <= 1, "{} was completed under {said:?}", task.id);
        assert!(said.iter().all(|fence| *fence == task.fence), "{}: {said:?}, now {}", task.id, task.fence);
    }
    assert_eq!(tracker.recount().await.unwrap(), [], "kept counts");
}
