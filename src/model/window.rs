//! Half-open windows of time, and sets of them with their algebra.

use std::fmt;

use crate::model::Micros;

/// A non-empty window `[from, until)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first instant inside.
    pub from: Micros,
    /// The first instant after.
    pub until: Micros,
}

impl Window {
    /// The window `[from, until)`; `None` if it would be empty.
    #[must_use]
    pub fn new(from: Micros, until: Micros) -> Option<Self> {
        (from < until).then_some(Window { from, until })
    }

    /// Whether `at` is inside.
    #[must_use]
    pub fn holds(&self, at: Micros) -> bool {
        self.from <= at && at < self.until
    }

    /// The intersection of both windows.
    #[must_use]
    pub fn intersection(&self, other: Window) -> Option<Window> {
        Window::new(self.from.max(other.from), self.until.min(other.until))
    }

    /// The length in seconds, with a fraction.
    #[must_use]
    pub fn secs(&self) -> f64 {
        (self.until.0 - self.from.0) as f64 / 1e6
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.until)
    }
}

/// A set of instants as sorted windows that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Windows::default()
    }

    /// The windows, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Window> + ExactSizeIterator + '_ {
        self.0.iter().copied()
    }

    /// The number of separate windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The earliest window.
    #[must_use]
    #[doc(hidden)]
    pub fn first(&self) -> Option<Window> {
        self.0.first().copied()
    }

    /// The latest window.
    #[must_use]
    #[doc(hidden)]
    pub fn last(&self) -> Option<Window> {
        self.0.last().copied()
    }

    /// Whether `at` is inside.
    #[must_use]
    pub fn holds(&self, at: Micros) -> bool {
        let after = self.0.partition_point(|window| window.until <= at);
        self.0.get(after).is_some_and(|window| window.holds(at))
    }

    /// Whether all of `window` is inside.
    #[must_use]
    #[doc(hidden)]
    pub fn cover(&self, window: Window) -> bool {
        let after = self.0.partition_point(|own| own.until <= window.from);
        self.0.get(after).is_some_and(|own| own.from <= window.from && window.until <= own.until)
    }

    /// Adds a window, merging it with those it overlaps or touches.
    #[doc(hidden)]
    pub fn add(&mut self, window: Window) {
        let first = self.0.partition_point(|own| own.until < window.from);
        let last = self.0.partition_point(|own| own.from <= window.until);
        let joined = self.0[first..last].iter().fold(window, |joined, own| Window {
            from: joined.from.min(own.from),
            until: joined.until.max(own.until),
        });
        self.0.splice(first..last, [joined]);
    }

    /// Adds every window of `other`.
    pub(crate) fn add_all(&mut self, other: &Windows) {
        other.iter().for_each(|window| self.add(window));
    }

    /// Removes a window.
    #[doc(hidden)]
    pub fn remove(&mut self, window: Window) {
        let first = self.0.partition_point(|own| own.until <= window.from);
        let last = self.0.partition_point(|own| own.from < window.until);
        if first >= last {
            return;
        }
        let before = Window::new(self.0[first].from, window.from);
        let after = Window::new(window.until, self.0[last - 1].until);
        self.0.splice(first..last, before.into_iter().chain(after));
    }

    /// Removes every window of `other`.
    #[doc(hidden)]
    pub fn remove_all(&mut self, other: &Windows) {
        other.iter().for_each(|window| self.remove(window));
    }

    /// The part of the set inside `window`.
    #[must_use]
    #[doc(hidden)]
    pub fn within(&self, window: Window) -> Windows {
        Windows(self.0.iter().filter_map(|own| own.intersection(window)).collect())
    }

    /// The parts of `window` outside of the set: the gaps.
    #[must_use]
    #[doc(hidden)]
    pub fn missing(&self, window: Window) -> Windows {
        let mut missing = Windows::from(window);
        missing.remove_all(&self.within(window));
        missing
    }

    /// The total length in seconds, with a fraction.
    #[must_use]
    pub fn secs(&self) -> f64 {
        // The sum of an empty iterator would be -0.
        self.0.iter().map(Window::secs).fold(0.0, |sum, secs| sum + secs)
    }
}

impl From<Window> for Windows {
    fn from(window: Window) -> Self {
        Windows(vec![window])
    }
}

impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut set = Windows::new();
        windows.into_iter().for_each(|window| set.add(window));
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A small world of instants, so that every set can be compared element by element.
    const WORLD: i64 = 40;

    fn window() -> impl Strategy<Value = Window> {
        (0..WORLD, 1..12_i64)
            .prop_map(|(from, len)| Window::new(Micros(from), Micros((from + len).min(WORLD + 1))).unwrap())
    }

    fn members(set: &Windows) -> Vec<bool> {
        (0..=WORLD).map(|at| set.0.iter().any(|window| window.holds(Micros(at)))).collect()
    }

    fn is_normal(set: &Windows) -> bool {
        set.0.iter().all(|window| window.from < window.until)
            && set.0.windows(2).all(|pair| pair[0].until < pair[1].from)
    }

    proptest! {
        #[test]
        fn adding_and_removing_windows_is_the_algebra_of_sets(steps in prop::collection::vec((any::<bool>(), window()), 0..24)) {
            let mut set = Windows::new();
            let mut model = vec![false; usize::try_from(WORLD).unwrap() + 1];
            for (add, window) in steps {
                if add { set.add(window) } else { set.remove(window) }
                for at in 0..=WORLD {
                    if window.holds(Micros(at)) {
                        model[usize::try_from(at).unwrap()] = add;
                    }
                }
                prop_assert!(is_normal(&set), "{set:?}");
                prop_assert_eq!(&members(&set), &model);
            }
        }

        #[test]
        fn what_is_missing_and_what_is_within_make_up_the_window(windows in prop::collection::vec(window(), 0..8), asked in window()) {
            let set: Windows = windows.into_iter().collect();
            let (missing, within) = (set.missing(asked), set.within(asked));
            let mut whole = missing.clone();
            whole.add_all(&within);
            prop_assert_eq!(whole, Windows::from(asked));
            prop_assert!(missing.iter().all(|hole| within.iter().all(|own| own.intersection(hole).is_none())));
            prop_assert_eq!(set.cover(asked), missing.is_empty());
            for at in 0..=WORLD {
                prop_assert_eq!(set.holds(Micros(at)), set.0.iter().any(|own| own.holds(Micros(at))));
            }
        }
    }

    #[test]
    fn windows_that_touch_become_one() {
        let set: Windows = [(0, 5), (5, 9), (20, 21)]
            .into_iter()
            .filter_map(|(from, until)| Window::new(Micros(from), Micros(until)))
            .collect();
        assert_eq!(set.len(), 2);
        assert_eq!(set.first(), Window::new(Micros(0), Micros(9)));
    }
}
