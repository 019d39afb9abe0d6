//! Untrue answers in a backfill, one at one place or all: the run that meets them, and the next one, which meets none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dccd::engine::Engine;
use dccd::jobs::Outcome;
use dccd::model::{Batch, Micros, Windows};
use dccd::sim::{Endpoint, Fault, Rule};
use tokio::time::timeout;

use crate::cases::Case;
use crate::judge::{Difference, Verdict, judge, judge_healed};
use crate::test_daemon::{self, TestDaemon, error_of};

/// Longer than any run takes that ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// More requests than one untrue answer may cost.
const MOST_REQUESTS: usize = 200;

/// The well-formed answers of true rows that are not what was asked for.
pub(crate) const UNTRUTHS: [Fault; 14] = [
    Fault::Empty,
    Fault::Short,
    Fault::SecondHalf,
    Fault::Reversed,
    Fault::OtherEnd,
    Fault::Newest,
    Fault::Oldest,
    Fault::NoFirst,
    Fault::NoMiddle,
    Fault::NoLast,
    Fault::Earlier,
    Fault::Later,
    Fault::Ahead,
    Fault::Back,
];

/// The requests of an honest backfill.
pub(crate) struct Honest {
    /// How many requests each endpoint of the series got.
    pub(crate) places: Vec<(Endpoint, u64)>,
    /// How many these are together.
    pub(crate) requests: usize,
    /// The gaps it leaves although nothing is there: an exchange that forgets trades early cannot show that.
    pub(crate) open: Windows,
}

/// Where a backfill meets which untrue answer.
#[derive(Clone, Copy)]
pub(crate) struct Trial<'a> {
    pub(crate) case: &'static Case,
    pub(crate) honest: &'a Honest,
    pub(crate) endpoint: Endpoint,
    pub(crate) place: Place,
    pub(crate) fault: Fault,
}

/// Which answers are untrue.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// The one of a number, from 1, of so many.
    Once { number: u64, of: u64 },
    /// Each.
    Always,
}

/// The result of a trial.
pub(crate) struct Tried<'a> {
    pub(crate) trial: Trial<'a>,
    pub(crate) verdict: Verdict,
    /// The requests of the first run.
    pub(crate) asked: Vec<String>,
    /// Why it failed, if it did.
    pub(crate) said: String,
}

/// Runs a backfill that meets the truth alone, and checks that it gets everything.
pub(crate) fn honest(case: &Case) -> Honest {
    in_its_own_runtime(async {
        let setup = case.setup().await;
        let (truth, engine) = (case.truth(&setup), setup.engine().await);
        fill_before(case, &engine).await;
        let before = case.endpoints().iter().map(|endpoint| setup.asked(*endpoint).len());
        let before: Vec<usize> = before.collect();
        let outcome = run(case, &setup, &engine).await;
        let outcome = outcome.unwrap_or_else(|| panic!("{} does not end", case.name()));
        assert_eq!(error_of(&outcome), "", "{}", case.name());
        assert!(Difference::of(case, &setup, &truth).is_none(), "{}: an honest run is not true", case.name());
        let open = setup.ledger(case.series).settled().missing(case.window);
        let in_a_gap = truth.ts().iter().filter(|at| open.holds(Micros(**at))).count();
        assert_eq!(in_a_gap, 0, "{}: an honest run leaves gaps", case.name());
        let count = |(endpoint, before): (&Endpoint, usize)| {
            (*endpoint, (setup.asked(*endpoint).len() - before) as u64)
        };
        let places: Vec<_> = case.endpoints().iter().zip(before).map(count).collect();
        engine.close().await;
        let requests = places.iter().map(|(_, count)| *count as usize).sum();
        Honest { places, requests, open }
    })
}

impl<'a> Trial<'a> {
    pub(crate) fn name(&self) -> String {
        let Trial { case, endpoint, place, fault, .. } = self;
        let place = match place {
            Place::Once { number, of } => format!("{number} of {of}"),
            Place::Always => "always".to_owned(),
        };
        format!("{}, {} {place}, {fault}", case.name(), endpoint.name())
    }

    /// Tries it; what panics is a verdict too.
    pub(crate) fn run(self) -> Tried<'a> {
        let tried = catch_unwind(AssertUnwindSafe(|| in_its_own_runtime(self.try_it())));
        tried.unwrap_or_else(|_| {
            self.tried(Verdict::Broken("it panicked".to_owned()), Vec::new(), String::new())
        })
    }

    fn tried(self, verdict: Verdict, asked: Vec<String>, said: String) -> Tried<'a> {
        Tried { trial: self, verdict, asked, said }
    }

    async fn try_it(self) -> Tried<'a> {
        let setup = self.case.setup().await;
        let engine = setup.engine().await;
        let tried = self.try_in(&setup, &engine).await;
        engine.close().await;
        tried
    }

    async fn try_in(self, setup: &TestDaemon, engine: &Engine) -> Tried<'a> {
        let truth = self.case.truth(setup);
        fill_before(self.case, engine).await;
        let (before, earlier) = (setup.asked(self.endpoint).len() as u64, setup.sim.requests().len());
        let rule = match self.place {
            Place::Once { number, .. } => Rule::nth(self.fault, before + number),
            Place::Always => Rule::always(self.fault),
        };
        let rule = rule.at(self.endpoint);
        setup.sim.set(|knobs| knobs.faults = vec![rule]);
        let Some(outcome) = run(self.case, setup, engine).await else {
            let asked = self.asked(setup, earlier);
            return self.tried(Verdict::Broken("it asks without an end".to_owned()), asked, String::new());
        };
        let asked = self.asked(setup, earlier);
        let verdict = judge(self.case, setup, &truth, &outcome, self.fault);
        let verdict = match verdict {
            Verdict::True | Verdict::Failed | Verdict::Gap => {
                setup.sim.set(|knobs| knobs.faults.clear());
                self.healed(setup, engine, &truth).await.unwrap_or(verdict)
            }
            other => other,
        };
        self.tried(verdict, asked, error_of(&outcome))
    }

    /// The problem after a second run, if any.
    async fn healed(self, setup: &TestDaemon, engine: &Engine, truth: &Batch) -> Option<Verdict> {
        let Some(outcome) = run(self.case, setup, engine).await else {
            return Some(Verdict::Broken("a second run asks without an end".to_owned()));
        };
        Some(judge_healed(self.case, setup, truth, &outcome, &self.honest.open))
            .filter(|verdict| *verdict != Verdict::True)
    }

    /// The requests for rows after earlier ones, the one that was lied to marked.
    fn asked(self, setup: &TestDaemon, earlier: usize) -> Vec<String> {
        let own = |endpoint: &Endpoint| self.case.endpoints().contains(endpoint);
        let seen = setup.sim.requests().into_iter().skip(earlier).filter(|seen| own(&seen.endpoint));
        seen.map(|seen| format!("{}{}", if seen.fault.is_some() { "LIE " } else { "" }, seen.path)).collect()
    }
}

/// Has what is held before the backfill.
async fn fill_before(case: &Case, engine: &Engine) {
    if let Some(order) = case.earlier_order() {
        assert_eq!(error_of(&test_daemon::run(engine, &order).await), "", "{}", case.name());
    }
}

/// Runs a backfill; none where it asks without an end.
async fn run(case: &Case, setup: &TestDaemon, engine: &Engine) -> Option<Outcome> {
    let (before, order) = (setup.sim.requests().len(), case.order());
    let too_many = async {
        while setup.sim.requests().len() < before + MOST_REQUESTS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        ended = timeout(PATIENCE, test_daemon::run(engine, &order)) => ended.ok(),
        () = too_many => None,
    }
}

/// Requests come in the same order each time where one thread makes them all.
fn in_its_own_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Does all work on several threads and gives what it came to, in the order of the work.
pub(crate) fn side_by_side<W: Sync, T: Send>(work: &[W], each: impl Fn(&W) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    // Twice as many as there are cores: each waits for the disk now and then.
    let threads = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((place, one)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|place| Some((place, work.get(place)?)))
                {
                    let result = each(one);
                    done.lock().unwrap().push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
