//! The cost of claims and completions on both stores, and of counts beside a million finished tasks:
//! `cargo bench --bench parts -- tracker`.

use std::time::{Duration, Instant};

use dccd::db::Database;
use dccd::telemetry::Telemetry;
use dccd::tracker::{Claimer, HeldLease, NewTask, Tracker, Verdict};

use crate::tasks::{DEFERRED, FINISHED, QUEUE, WAITING, defer, fill};

const LEASE: Duration = Duration::from_secs(60);
/// Clients that claim from PostgreSQL side by side.
const CLIENTS: u64 = 4;

#[tokio::main]
pub(crate) async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = Database::open(folder.path()).await.expect("an empty folder");
    measure("SQLite", &sqlite, 4_000, 40_000, 1).await;
    match crate::postgres::Server::start("") {
        Some(server) => {
            let address = server.database().await;
            let database = Database::connect(&address).await.expect("a new database");
            measure("PostgreSQL", &database, 2_000, 40_000, CLIENTS).await;
            database.close().await;
        }
        None => println!("PostgreSQL cannot run here"),
    }
}

async fn measure(store: &str, database: &Database, singles: u64, batched: u64, clients: u64) {
    let tracker = Tracker::new(database, &Telemetry::new());
    fill(database, "single", singles, 0).await;
    let took = one_by_one(&tracker).await;
    println!("{store}: {:.0} claims and completions a second, one by one", rate(singles, took));
    fill(database, "batch", batched, 0).await;
    let began = Instant::now();
    let mut working = tokio::task::JoinSet::new();
    (0..clients).for_each(|client| drop(working.spawn(in_batches(tracker.clone(), client))));
    working.join_all().await;
    println!("{store}: {:.0} a second in batches of 50, {clients} client(s)", rate(batched, began.elapsed()));

    fill(database, "finished", FINISHED, 40).await;
    defer(database).await;
    fill(database, "waiting", WAITING, 0).await;
    tracker.fold_counts().await.expect("counts");
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let counts = tracker.counts().await.expect("counts");
        took.push(began.elapsed());
        assert_eq!(counts[0].due, WAITING);
    }
    took.sort_unstable();
    println!(
        "{store}: counts with {FINISHED} finished, {DEFERRED} failed and due later, and {WAITING} waiting: p50 {:?}, p99 {:?}",
        took[100], took[197]
    );
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..300 {
        let began = Instant::now();
        assert_eq!(claim(&tracker, 1).await.len(), 1);
        took.push(began.elapsed());
    }
    took.sort_unstable();
    println!("{store}: a claim of one beside them: p50 {:?}, p99 {:?}", took[150], took[296]);
    let one = NewTask::named("one more", QUEUE);
    tracker.enqueue(&one).await.expect("a plan");
}

async fn claim(tracker: &Tracker, most: u32) -> Vec<dccd::tracker::Claim> {
    tracker.claim(Claimer { worker: "bench", lease: LEASE }, QUEUE, most).await.expect("a claim")
}

async fn one_by_one(tracker: &Tracker) -> Duration {
    let began = Instant::now();
    while let Some(claim) = claim(tracker, 1).await.pop() {
        tracker.settle(&claim, &Verdict::Succeeded { again_at: None }, None).await.expect("it is held");
    }
    began.elapsed()
}

async fn in_batches(tracker: Tracker, _: u64) {
    loop {
        let held: Vec<HeldLease> = claim(&tracker, 50).await.iter().map(HeldLease::from).collect();
        if held.is_empty() {
            return;
        }
        assert_eq!(tracker.complete(QUEUE, &held).await.expect("they are held").len(), held.len());
    }
}

fn rate(tasks: u64, took: Duration) -> f64 {
    tasks as f64 / took.as_secs_f64()
}
