//! Fits a wanted window in among nearby tasks of the same series and kind. Pure.
//!
//! A range that several requests ask for is fetched once: parts that a task is working on or will retry are left
//! to that task, waiting tasks are merged with what touches them, and ignored parts stay undone.

use std::time::Duration;

use crate::model::{Micros, Window, Windows};
use crate::tracker::status::Status;

/// How long an exhausted window rests before it is planned again without an explicit request.
pub const EXHAUSTED_REST: Duration = Duration::from_secs(3_600);

/// An unfinished task that overlaps or touches the wanted window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Near {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) window: Window,
    pub(crate) finished_at: Option<Micros>,
}

/// How a wanted window was placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Windows to wait, each with the tasks it is merged with.
    pub(crate) parts: Vec<Part>,
    /// Tasks already working on some of it.
    pub(crate) open: Vec<String>,
    /// Tasks that block it: ignored, or exhausted and resting.
    pub(crate) blocked: Vec<String>,
}

/// A window to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) window: Window,
    /// The task that is widened to it; `None` for a new one.
    pub(crate) into: Option<String>,
    /// Tasks that it absorbs.
    pub(crate) absorbed: Vec<String>,
}

/// Places a window. `is_explicit`: it was requested explicitly, so exhausted tasks need not rest.
pub(crate) fn place(wanted: Window, near: &[Near], is_explicit: bool, now: Micros) -> Placed {
    let (mut left, mut placed) = (Windows::from(wanted), Placed::default());
    for own in near.iter().filter(|own| own.window.intersection(wanted).is_some()) {
        let standing = match own.status {
            Status::InProgress | Status::Failed => &mut placed.open,
            Status::Ignored => &mut placed.blocked,
            Status::Exhausted if !rested(own, is_explicit, now) => &mut placed.blocked,
            Status::Exhausted | Status::Pending | Status::Succeeded => continue,
        };
        standing.push(own.id.clone());
        left.remove(own.window);
    }
    let joinable: Vec<&Near> = near.iter().filter(|own| joins(own, is_explicit, now)).collect();
    let mut all = left.clone();
    joinable.iter().for_each(|own| all.add(own.window));
    for window in all.iter().filter(|window| !left.within(*window).is_empty()) {
        let mut inside = joinable.iter().filter(|own| own.window.intersection(window).is_some());
        let into = inside.next().map(|own| own.id.clone());
        placed.parts.push(Part { window, into, absorbed: inside.map(|own| own.id.clone()).collect() });
    }
    placed
}

fn joins(own: &Near, is_explicit: bool, now: Micros) -> bool {
    own.status == Status::Pending || own.status == Status::Exhausted && rested(own, is_explicit, now)
}

/// Whether an exhausted task may be tried again.
fn rested(own: &Near, is_explicit: bool, now: Micros) -> bool {
    is_explicit || own.finished_at.is_none_or(|at| at + EXHAUSTED_REST <= now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Micros = Micros::from_secs(1_000_000);

    fn window(from: i64, until: i64) -> Window {
        Window::new(Micros(from), Micros(until)).unwrap()
    }

    fn near(id: &str, status: Status, from: i64, until: i64) -> Near {
        let finished_at = (!status.is_open()).then_some(NOW);
        Near { id: id.into(), status, window: window(from, until), finished_at }
    }

    fn part(from: i64, until: i64, into: Option<&str>, absorbed: &[&str]) -> Part {
        let absorbed = absorbed.iter().map(|id| (*id).to_owned()).collect();
        Part { window: window(from, until), into: into.map(str::to_owned), absorbed }
    }

    #[test]
    fn a_window_nobody_has_becomes_a_task_of_its_own() {
        let placed = place(window(0, 9), &[], false, NOW);
        assert_eq!(placed.parts, [part(0, 9, None, &[])]);
    }

    #[test]
    fn windows_that_wait_are_joined_with_what_overlaps_or_touches_them() {
        let held = [near("a", Status::Pending, 0, 5), near("b", Status::Pending, 8, 12)];
        let placed = place(window(5, 9), &held, false, NOW);
        assert_eq!(placed.parts, [part(0, 12, Some("a"), &["b"])]);
    }

    #[test]
    fn what_somebody_works_on_is_not_asked_for_again() {
        let held = [near("a", Status::InProgress, 2, 5), near("b", Status::Failed, 7, 9)];
        let placed = place(window(0, 9), &held, false, NOW);
        assert_eq!(placed.parts, [part(0, 2, None, &[]), part(5, 7, None, &[])]);
        assert_eq!(placed.open, ["a", "b"]);
    }

    #[test]
    fn an_ignored_window_is_never_planned_again_and_an_exhausted_one_by_name_or_after_an_hour() {
        let held = [near("no", Status::Ignored, 0, 3), near("spent", Status::Exhausted, 3, 6)];
        let later = NOW + EXHAUSTED_REST;

        let soon = place(window(0, 6), &held, false, NOW);
        assert_eq!((soon.parts.len(), soon.blocked.len()), (0, 2));
        assert_eq!(place(window(0, 6), &held, true, NOW).parts, [part(3, 6, Some("spent"), &[])]);
        assert_eq!(place(window(0, 6), &held, false, later).parts, [part(3, 6, Some("spent"), &[])]);
    }

    #[test]
    fn a_window_that_a_waiting_task_holds_goes_into_that_task() {
        let held = [near("a", Status::Pending, 0, 20)];
        assert_eq!(place(window(5, 9), &held, false, NOW).parts, [part(0, 20, Some("a"), &[])]);
    }

    proptest! {
        #[test]
        fn every_instant_wanted_is_in_exactly_one_place(
            held in prop::collection::vec((0_i64..30, 1_i64..10, prop::sample::select(vec![
                Status::Pending, Status::InProgress, Status::Failed, Status::Ignored, Status::Exhausted,
            ])), 0..6),
            from in 0_i64..30, len in 1_i64..15, is_explicit in any::<bool>(),
        ) {
            let wanted = window(from, from + len);
            let near: Vec<Near> = held.iter().enumerate()
                .map(|(at, (from, len, status))| near(&at.to_string(), *status, *from, from + len))
                .filter(|own| own.window.from <= wanted.until && wanted.from <= own.window.until)
                .collect();
            let placed = place(wanted, &near, is_explicit, NOW);

            let waiting: Windows = placed.parts.iter().map(|part| part.window).collect();
            prop_assert_eq!(waiting.len(), placed.parts.len(), "parts overlap or touch");
            let named = |ids: &[String], at| near.iter().any(|own| ids.contains(&own.id) && own.window.holds(at));
            for at in (from..from + len).map(Micros) {
                let elsewhere = named(&placed.open, at) || named(&placed.blocked, at);
                prop_assert!(waiting.holds(at) || elsewhere, "{} is lost", at.0);
            }
            // A merged task lies entirely inside its part, and in one part only.
            for own in near.iter() {
                let takers = placed.parts.iter().filter(|part| part.into.as_ref() == Some(&own.id) || part.absorbed.contains(&own.id));
                let takers: Vec<_> = takers.collect();
                prop_assert!(takers.len() <= 1);
                prop_assert!(takers.iter().all(|part| part.window.from <= own.window.from && own.window.until <= part.window.until));
            }
        }
    }
}
