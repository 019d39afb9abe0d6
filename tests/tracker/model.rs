//! Both stores against the pure state machine: random operations end alike, in every field of every task.

use std::collections::BTreeMap;
use std::time::Duration;

use dccd::model::Micros;
use dccd::tracker::{
    Claim, Claimer, HeldLease, NewTask, Next, Priority, Refusal, Start, Status, Task, TaskKind, TrackerError,
    Verdict, outcome,
};

use crate::dice::{Dice, times};
use crate::world::{LEASE, QUEUE, T, World, after, fault, on_both_stores};

on_both_stores!(random_operations_end_in_the_store_as_in_the_state_machine,);

const WORKERS: [&str; 3] = ["one", "two", "three"];

/// The state machine by itself.
#[derive(Default)]
struct Model {
    tasks: BTreeMap<String, Task>,
    /// The outcome of each attempt by its fence; none while it lasts.
    attempts: BTreeMap<String, BTreeMap<i64, Option<&'static str>>>,
}

async fn random_operations_end_in_the_store_as_in_the_state_machine(world: World) {
    let (mut dice, mut model) = (Dice::drawn(), Model::default());
    let (mut secs, mut held): (f64, Vec<Claim>) = (0.0, Vec::new());
    for step in 0..times(600, 20_000) {
        secs += dice.below(4) as f64 * [0.5, 5.0, 300.0, 1_000.0][dice.below(4) as usize];
        world.at(secs);
        let now = after(secs);
        let id = format!("t{}", dice.below(8));
        let what = dice.below(13);
        match what {
            0 | 1 => enqueue(&world, &mut model, &new_task(&id, now, &mut dice), now).await,
            2 | 3 => held.extend(claim(&world, &mut model, &mut dice, now).await),
            4 => held.extend(start(&world, &mut model, &id, &held, &mut dice, now).await),
            5 | 6 => settle(&world, &mut model, &held, &mut dice, now).await,
            7 => complete(&world, &mut model, &held, &mut dice, now).await,
            8 => renew(&world, &mut model, &held, &mut dice, now).await,
            9 => reap(&world, &mut model, now).await,
            10 => {
                let force = dice.once_in(2);
                let said = world.tracker.retry(&id, force).await;
                agree(said, model.decide(&id, |task| task.retry(force, now)));
            }
            11 => {
                let said = world.tracker.ignore(&id, "no").await;
                agree(said, model.decide(&id, |task| task.ignore("no", now)));
            }
            _ if dice.once_in(2) => {
                let said = world.tracker.cancel(&id).await;
                agree(said, model.decide(&id, |task| task.cancel(now)));
            }
            _ => {
                let said = world.tracker.unlock(&id).await;
                let lost = model.change(&id, |task| task.unlock(now));
                lost.iter().for_each(|fence| model.close(&id, *fence, outcome::LEASE_LOST));
                agree(said, lost);
            }
        }
        // Old claims stay, so that those who lost their lease come back; the oldest go.
        if held.len() > 40 {
            held.drain(..20);
        }
        for (id, task) in &model.tasks {
            let stored = world.tracker.task(id).await.unwrap();
            let expected = Task { as_of: now, ..task.clone() };
            assert_eq!(stored.as_ref(), Some(&expected), "after step {step}, operation {what}");
        }
    }
    for (id, attempts) in &model.attempts {
        let newest = attempts.values().skip(attempts.len().saturating_sub(20));
        let expected: Vec<&str> = newest.map(|outcome| outcome.unwrap_or("running")).collect();
        assert_eq!(world.outcomes(id).await, expected, "{id}");
    }
    assert!(model.attempts.len() > 4, "hardly anything happened");
    assert_eq!(world.tracker.recount().await.unwrap(), [], "kept counts");
}

fn new_task(id: &str, now: Micros, dice: &mut Dice) -> NewTask {
    let is_job = dice.once_in(4);
    NewTask {
        kind: if is_job { TaskKind::Job } else { TaskKind::Backfill },
        max_attempts: (!is_job).then_some(1 + dice.below(3) as u32),
        priority: [Priority::High, Priority::Normal, Priority::Low, Priority::Idle][dice.below(4) as usize],
        run_at: Some(now + Duration::from_secs(dice.below(2) * 60)),
        ..NewTask::named(id, QUEUE)
    }
}

async fn enqueue(world: &World, model: &mut Model, new: &NewTask, now: Micros) {
    let told = world.tracker.enqueue(new).await.unwrap();
    let run_at = new.run_at.unwrap();
    let is_new = match model.tasks.get_mut(&new.id) {
        Some(task) if task.status == Status::Succeeded => {
            (task.status, task.attempts, task.fence) = (Status::Pending, 0, task.fence + 1);
            (task.run_at, task.priority, task.retry_delay) = (run_at, new.priority, new.retry_delay);
            (task.max_attempts, task.finished_at, task.updated_at) = (new.max_attempts, None, now);
            task.data = "{}".to_owned();
            true
        }
        Some(_) => false,
        None => model.tasks.insert(new.id.clone(), fresh(new, run_at, now)).is_none(),
    };
    assert_eq!(told.is_new, is_new);
}

fn fresh(new: &NewTask, run_at: Micros, now: Micros) -> Task {
    Task {
        id: new.id.clone(),
        queue: new.queue.clone(),
        kind: new.kind,
        series: new.series.clone(),
        window: None,
        status: Status::Pending,
        priority: new.priority,
        run_at,
        attempts: 0,
        attempts_total: 0,
        max_attempts: new.max_attempts,
        retry_delay: new.retry_delay,
        fence: 0,
        lease: None,
        cancel_requested: false,
        created_at: now,
        updated_at: now,
        finished_at: None,
        data: "{}".to_owned(),
        reason: None,
        as_of: T,
    }
}

/// A claim of the queue: what waits and is due, by priority, then by time.
async fn claim(world: &World, model: &mut Model, dice: &mut Dice, now: Micros) -> Vec<Claim> {
    let (most, worker) = (1 + dice.below(4), WORKERS[dice.below(3) as usize]);
    let claimed = world.tracker.claim(Claimer { worker, lease: LEASE }, QUEUE, most as u32).await.unwrap();
    let due = |task: &&Task| task.status.is_waiting() && task.run_at <= now;
    let mut due: Vec<&Task> = model.tasks.values().filter(due).collect();
    due.sort_by_key(|task| (std::cmp::Reverse(task.priority.code()), task.run_at, task.id.clone()));
    let expected: Vec<String> = due.iter().take(most as usize).map(|task| task.id.clone()).collect();
    assert_eq!(claimed.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>(), expected);
    for id in &expected {
        let replaced = model.change(id, |task| task.start(&Start::new(worker, LEASE), now)).unwrap();
        assert_eq!(replaced, None);
        model.open(id);
    }
    claimed
}

async fn start(
    world: &World,
    model: &mut Model,
    id: &str,
    held: &[Claim],
    dice: &mut Dice,
    now: Micros,
) -> Option<Claim> {
    let start = Start {
        fence: held.iter().rfind(|claim| claim.id == id).map(|claim| claim.fence).filter(|_| dice.once_in(3)),
        ignore_lock: dice.once_in(4),
        force: dice.once_in(3),
        rerun: dice.once_in(2),
        ..Start::new(WORKERS[dice.below(3) as usize], LEASE)
    };
    let told = world.tracker.claim_by_id(id, &start).await;
    let expected = model.change(id, |task| task.start(&start, now));
    if let Ok(replaced) = &expected {
        replaced.iter().for_each(|fence| model.close(id, *fence, outcome::LEASE_LOST));
        model.open(id);
    }
    let claim = told.as_ref().ok().cloned();
    agree(told, expected);
    claim
}

async fn settle(world: &World, model: &mut Model, held: &[Claim], dice: &mut Dice, now: Micros) {
    let Some(claim) = held.get(dice.below(held.len() as u64) as usize) else { return };
    let wait = Duration::from_secs(dice.below(100));
    let again_at = dice.once_in(2).then_some(now + wait);
    let next = [Next::Backoff { at_least: wait }, Next::At(now + wait), Next::Never][dice.below(3) as usize];
    let verdict = match dice.below(5) {
        0 => Verdict::Succeeded { again_at },
        1 => Verdict::Failed { fault: fault("boom"), next },
        2 => Verdict::RateLimited { fault: fault("slow down"), wait },
        3 => Verdict::GivenBack,
        _ => Verdict::Cancelled { again_at },
    };
    let data = dice.once_in(2).then_some("{\"cursor\":1}");
    let told = world.tracker.settle(claim, &verdict, data).await;
    let expected = model.change(&claim.id, |task| {
        task.settle(claim.fence, &verdict, now)?;
        data.into_iter().for_each(|data| data.clone_into(&mut task.data));
        Ok(())
    });
    if expected.is_ok() {
        model.close(&claim.id, claim.fence, verdict.outcome());
    }
    agree(told, expected);
}

async fn complete(world: &World, model: &mut Model, held: &[Claim], dice: &mut Dice, now: Micros) {
    let mut some: BTreeMap<&str, HeldLease> = BTreeMap::new();
    for claim in held {
        if dice.once_in(2) {
            continue;
        }
        let data = dice.once_in(2).then(|| "{\"cursor\":2}".to_owned());
        some.insert(&claim.id, HeldLease { data, ..HeldLease::from(claim) });
    }
    let some: Vec<HeldLease> = some.into_values().collect();
    let mut done = world.tracker.complete(QUEUE, &some).await.unwrap();
    let mut expected = Vec::new();
    for held in &some {
        let again_at = None;
        let settled = model.change(&held.id, |task| {
            task.settle(held.fence, &Verdict::Succeeded { again_at }, now)?;
            held.data.iter().for_each(|data| task.data.clone_from(data));
            Ok(())
        });
        if settled.is_ok() {
            model.close(&held.id, held.fence, outcome::SUCCEEDED);
            expected.push(held.id.clone());
        }
    }
    done.sort_unstable();
    assert_eq!(done, expected);
}

async fn renew(world: &World, model: &mut Model, held: &[Claim], dice: &mut Dice, now: Micros) {
    let newest: BTreeMap<&str, &Claim> = held.iter().map(|claim| (claim.id.as_str(), claim)).collect();
    let some: Vec<HeldLease> =
        newest.into_values().filter(|_| dice.once_in(2)).map(HeldLease::from).collect();
    let claimer = Claimer { worker: "any", lease: LEASE };
    let mut renewed = world.tracker.renew(claimer, &some).await.unwrap();
    renewed.sort_by(|a, b| a.id.cmp(&b.id));
    let mut expected = Vec::new();
    for held in &some {
        let Some(task) = model.tasks.get_mut(&held.id) else { continue };
        if task.fence == held.fence && task.status == Status::InProgress {
            task.lease.iter_mut().for_each(|lease| lease.until = now + LEASE);
            task.updated_at = now;
            expected.push((held.id.clone(), task.cancel_requested));
        }
    }
    let renewed: Vec<_> = renewed.into_iter().map(|own| (own.id, own.cancel_requested)).collect();
    assert_eq!(renewed, expected);
}

async fn reap(world: &World, model: &mut Model, now: Micros) {
    let mut reaped: Vec<String> =
        world.tracker.reap().await.unwrap().into_iter().map(|task| task.id).collect();
    reaped.sort_unstable();
    let mut expected = Vec::new();
    for (id, task) in &mut model.tasks {
        let fence = task.fence;
        if task.expire(now) {
            expected.push((id.clone(), fence));
        }
    }
    expected.iter().for_each(|(id, fence)| model.close(id, *fence, outcome::LEASE_LOST));
    assert_eq!(reaped, expected.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
}

impl Model {
    fn change<T>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Task) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let task = self.tasks.get_mut(id).ok_or_else(|| Refusal::NotFound { id: id.to_owned() })?;
        change(task)
    }

    fn decide(
        &mut self,
        id: &str,
        decide: impl FnOnce(&mut Task) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.change(id, decide)
    }

    fn open(&mut self, id: &str) {
        let fence = self.tasks[id].fence;
        self.attempts.entry(id.to_owned()).or_default().insert(fence, None);
    }

    fn close(&mut self, id: &str, fence: i64, outcome: &'static str) {
        let attempt = self.attempts.get_mut(id).and_then(|attempts| attempts.get_mut(&fence)).unwrap();
        assert_eq!(attempt.replace(outcome), None, "an attempt ended twice");
    }
}

/// The store said what the state machine says: done, or refused for the same reason.
fn agree<A, B>(told: Result<A, TrackerError>, expected: Result<B, Refusal>) {
    let refusal = told.err().map(|error| error.refusal().cloned().unwrap_or_else(|| panic!("{error}")));
    assert_eq!(refusal, expected.err());
}
