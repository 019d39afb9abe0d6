//! Judges the rows of a window: which are missing, which should not be there, and what the ledger says of it.

use std::collections::BTreeMap;

use dccd::jobs::Outcome;
use dccd::model::{Batch, Micros, Window, Windows};
use dccd::sim::Fault;
use dccd::store::Ledger;

use crate::cases::Case;
use crate::reported;
use crate::test_daemon::{TestDaemon, error_of};

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Every row is stored, and nothing else.
    True,
    /// The run failed and says why.
    Failed,
    /// Something is missing, and the ledger calls it a gap.
    Gap,
    /// One row left out of the middle of a page, or told of another day, which nothing shows.
    Unshowable,
    /// Rows are missing, the run succeeded, and the ledger calls their time settled.
    Silent(String),
    /// A stored row is not what the exchange has, or is there twice, or in the wrong order.
    Wrong(String),
    /// A second run with true answers did not put it right.
    Unhealed(String),
    /// It panicked or never ended.
    Broken(String),
}

/// The difference between what is stored and what exists.
pub(crate) struct Difference {
    missing: Vec<Micros>,
    extra: Vec<Micros>,
    in_order: bool,
}

impl Difference {
    /// Compares the rows of the window with the truth, and what is stored beyond it with what exists there.
    pub(crate) fn of(case: &Case, setup: &TestDaemon, truth: &Batch) -> Difference {
        let series = case.parsed();
        let stored = reported::comparable(&series, &setup.stored(case.series));
        let truth = reported::comparable(&series, &with_beyond(case, setup, truth, stored.ends()));
        if stored == truth {
            return Difference { missing: Vec::new(), extra: Vec::new(), in_order: true };
        }
        let (ours, theirs) = (by_instant(&stored), by_instant(&truth));
        let mut missing = unmatched(&truth, &theirs, &stored, &ours);
        missing.retain(|at| case.window.holds(*at));
        let extra = unmatched(&stored, &ours, &truth, &theirs);
        let are_alike = stored.len() == truth.len() && missing.is_empty() && extra.is_empty();
        Difference { missing, extra, in_order: !are_alike }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.in_order
    }
}

/// The truth, and the rows stored beyond the window that exist there: they were not requested, but they may
/// be kept.
fn with_beyond(case: &Case, setup: &TestDaemon, truth: &Batch, stored: Option<(Micros, Micros)>) -> Batch {
    let Some((first, last)) = stored else { return truth.clone() };
    let mut all = Batch::of(truth.kind());
    let before = Window::new(first, case.window.from);
    let after = Window::new(case.window.until, Micros(last.0 + 1));
    before.into_iter().for_each(|window| all.take_all(&setup.existing(case.series, window)));
    all.take_all(truth);
    after.into_iter().for_each(|window| all.take_all(&setup.existing(case.series, window)));
    all
}

/// The rows of each instant, by their places.
fn by_instant(rows: &Batch) -> BTreeMap<i64, Vec<usize>> {
    let mut places: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    rows.ts().iter().enumerate().for_each(|(row, at)| places.entry(*at).or_default().push(row));
    places
}

/// The instants of the rows of one batch that have no equal in another.
fn unmatched(
    rows: &Batch,
    places: &BTreeMap<i64, Vec<usize>>,
    others: &Batch,
    other_places: &BTreeMap<i64, Vec<usize>>,
) -> Vec<Micros> {
    let mut alone = Vec::new();
    for (at, own) in places {
        let mut left = other_places.get(at).cloned().unwrap_or_default();
        for row in own {
            match left.iter().position(|other| rows.same_row(*row, others, *other)) {
                Some(found) => drop(left.swap_remove(found)),
                None => alone.push(Micros(*at)),
            }
        }
    }
    alone
}

/// Judges the run that met an untrue answer.
pub(crate) fn judge(
    case: &Case,
    setup: &TestDaemon,
    truth: &Batch,
    outcome: &Outcome,
    fault: Fault,
) -> Verdict {
    let Difference { missing, extra, in_order } = Difference::of(case, setup, truth);
    let settled = Settled::of(&setup.ledger(case.series));
    let claimed: Vec<Micros> = missing.iter().copied().filter(|at| settled.word(*at).is_some()).collect();
    let is_one_row = missing.len() == 1 && (extra.is_empty() || case.is_computed() && extra == missing);
    let is_moved = matches!(fault, Fault::Ahead | Fault::Back) && missing.len() <= 1 && extra.len() <= 1;
    let is_left_out = fault == Fault::NoMiddle && is_one_row;
    if !case.shows_holes() && (is_left_out || is_moved && !missing.is_empty()) {
        return Verdict::Unshowable;
    }
    if !extra.is_empty() {
        return Verdict::Wrong(format!("{} wrong rows, the first at {}", extra.len(), extra[0]));
    }
    if !in_order {
        return Verdict::Wrong("rows in another order than they happened".to_owned());
    }
    match (&outcome.error, claimed.is_empty()) {
        _ if missing.is_empty() && outcome.error.is_none() => Verdict::True,
        (Some(_), _) => Verdict::Failed,
        (None, true) => Verdict::Gap,
        (None, false) => Verdict::Silent(settled.account(&claimed, truth.len())),
    }
}

/// Judges a second run, whose answers were all true; an honest one leaves `by_design` open.
pub(crate) fn judge_healed(
    case: &Case,
    setup: &TestDaemon,
    truth: &Batch,
    outcome: &Outcome,
    by_design: &Windows,
) -> Verdict {
    let difference = Difference::of(case, setup, truth);
    let ledger = setup.ledger(case.series);
    let mut open = ledger.settled().missing(case.window);
    open.remove_all(by_design);
    if outcome.error.is_none() && difference.is_none() && open.is_empty() {
        return Verdict::True;
    }
    let settled = Settled::of(&ledger);
    let mut text = settled.account(&difference.missing, truth.len());
    if !difference.extra.is_empty() {
        text = format!("{text}, {} wrong rows", difference.extra.len());
    }
    if let Some(gap) = open.first() {
        text = format!("{text}, still a gap from {} to {}", gap.from, gap.until);
    }
    if outcome.error.is_some() {
        text = format!("{text}, {}", error_of(outcome));
    }
    Verdict::Unhealed(text)
}

/// The windows that a ledger calls settled, by state.
struct Settled([(&'static str, Windows); 3]);

impl Settled {
    fn of(ledger: &Ledger) -> Settled {
        let windows = |notes: &[dccd::store::Note]| notes.iter().map(|note| note.window).collect();
        Settled([
            ("covered", ledger.covered.clone()),
            ("empty", windows(&ledger.empty)),
            ("unfillable", windows(&ledger.unfillable)),
        ])
    }

    fn word(&self, at: Micros) -> Option<&'static str> {
        self.0.iter().find(|(_, windows)| windows.holds(at)).map(|(word, _)| *word)
    }

    /// How many rows are missing, from when to when, and what their time is called.
    fn account(&self, missing: &[Micros], of: usize) -> String {
        let Some((first, last)) = missing.first().zip(missing.last()) else {
            return "nothing missing".to_owned();
        };
        let mut words: BTreeMap<&str, usize> = BTreeMap::new();
        missing.iter().for_each(|at| *words.entry(self.word(*at).unwrap_or("gap")).or_default() += 1);
        let words: Vec<String> = words.iter().map(|(word, rows)| format!("{rows} {word}")).collect();
        format!("{} of {of} rows missing from {first} to {last} ({})", missing.len(), words.join(", "))
    }
}
