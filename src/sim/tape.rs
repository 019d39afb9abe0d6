//! The instants of trades: ids are contiguous from 0 at the listing, and each instant is a pure function of the
//! id.
//!
//! Trades are evenly spaced in trading time, which pauses in holes, and are then clustered: some share the
//! millisecond of the previous one, and in every fourth cluster all share one.

use super::hash::{below, draw};
use crate::model::{Micros, Windows};

const HOUR_MS: u128 = 3_600_000;

/// The most trades per hour: ten per millisecond.
pub const MOST_PER_HOUR: u64 = 36_000_000;

/// A time since which a market trades more busily.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surge {
    /// Its beginning.
    pub from: Micros,
    /// Trades in an hour from then on.
    pub trades_per_hour: u64,
}

/// The trades of one symbol along time: at its usual rate, then at others.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    usual: Run,
    /// The later runs in the order of time, the id of the first trade of each, and its first millisecond.
    surges: Vec<(Run, u64, i64)>,
}

impl Tape {
    /// The tape of a symbol that is listed at `from` and does not trade in `holes`.
    pub(super) fn new(
        seed: u64,
        from: Micros,
        per_hour: u64,
        cluster: u64,
        holes: &Windows,
        surges: &[Surge],
    ) -> Self {
        let mut tape = Tape { usual: Run::new(seed, from, per_hour, cluster, holes), surges: Vec::new() };
        for surge in surges {
            let begins = surge.from.max(from);
            let run = Run::new(seed ^ 7, begins, surge.trades_per_hour, cluster, holes);
            tape.surges.push((run, tape.first_at_or_after(begins), begins.millis_ceil()));
        }
        tape
    }

    /// The millisecond of a trade; it never falls as ids grow.
    pub(super) fn ts_ms(&self, id: u64) -> i64 {
        match self.surges.iter().rfind(|(_, first, _)| id >= *first) {
            Some((run, first, _)) => run.ts_ms(id - first),
            None => self.usual.ts_ms(id),
        }
    }

    /// The first trade at or after an instant.
    pub(super) fn first_at_or_after(&self, at: Micros) -> u64 {
        match self.surges.iter().rfind(|(.., begins_ms)| at.millis_ceil() > *begins_ms) {
            Some((run, first, _)) => first + run.first_at_or_after(at),
            None => self.usual.first_at_or_after(at),
        }
    }
}

/// Trades at one rate.
#[derive(Clone, Debug)]
struct Run {
    seed: u64,
    listed_ms: i64,
    per_hour: u64,
    cluster: u64,
    /// Milliseconds without trades, as half-open ranges, in order and after the listing.
    rests: Vec<(i64, i64)>,
}

impl Run {
    fn new(seed: u64, from: Micros, per_hour: u64, cluster: u64, holes: &Windows) -> Self {
        let listed_ms = from.millis_ceil();
        let rests = holes
            .iter()
            .map(|hole| (hole.from.millis_ceil().max(listed_ms), hole.until.millis_ceil()))
            .filter(|(from, until)| from < until)
            .collect();
        Run { seed, listed_ms, per_hour: per_hour.clamp(1, MOST_PER_HOUR), cluster: cluster.max(1), rests }
    }

    /// The millisecond of a trade; monotonic in its id.
    fn ts_ms(&self, id: u64) -> i64 {
        let anchor = self.anchor(id);
        let slot = self.slot_ms(anchor);
        let width = self.slot_ms(anchor.saturating_add(1)) - slot;
        self.wall_ms(slot + below(draw(self.seed, anchor), width))
    }

    fn first_at_or_after(&self, at: Micros) -> u64 {
        let at_ms = at.millis_ceil();
        let elapsed = u128::try_from(self.elapsed_ms(at_ms)).unwrap_or(0);
        let near = u64::try_from(elapsed * u128::from(self.per_hour) / HOUR_MS).unwrap_or(u64::MAX);
        // A trade is never further from its even place than its cluster extends.
        let (mut low, mut high) = (near.saturating_sub(1), near.saturating_add(self.cluster + 1));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.ts_ms(middle) < at_ms {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The trade whose instant this one shares: itself, or an earlier one in its cluster.
    fn anchor(&self, id: u64) -> u64 {
        let first = id - id % self.cluster;
        if draw(self.seed ^ 1, first).is_multiple_of(4) {
            return first;
        }
        let mut anchor = id;
        while anchor > first && draw(self.seed ^ 2, anchor).is_multiple_of(4) {
            anchor -= 1;
        }
        anchor
    }

    /// The even place of a trade, in milliseconds of trading time since the listing.
    fn slot_ms(&self, id: u64) -> i64 {
        i64::try_from(u128::from(id) * HOUR_MS / u128::from(self.per_hour)).unwrap_or(i64::MAX)
    }

    fn wall_ms(&self, elapsed_ms: i64) -> i64 {
        let mut at = self.listed_ms.saturating_add(elapsed_ms);
        for &(from, until) in &self.rests {
            if at < from {
                break;
            }
            at = at.saturating_add(until - from);
        }
        at
    }

    /// Trading time until an instant; inside a hole, until its beginning.
    fn elapsed_ms(&self, at_ms: i64) -> i64 {
        let rested: i64 = self
            .rests
            .iter()
            .take_while(|(from, _)| *from < at_ms)
            .map(|(from, until)| at_ms.min(*until) - from)
            .sum();
        at_ms.saturating_sub(self.listed_ms).saturating_sub(rested)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Window;

    const LISTED_MS: i64 = 1_600_000_000_000;

    fn tape(per_hour: u64, cluster: u64, rests: &[(i64, i64)], surges: &[Surge]) -> Tape {
        let at = |ms| Micros::from_millis(LISTED_MS + ms);
        let holes = rests.iter().filter_map(|&(from, until)| Window::new(at(from), at(until))).collect();
        Tape::new(7, at(0), per_hour, cluster, &holes, surges)
    }

    proptest! {
        #[test]
        fn time_never_falls_and_the_first_trade_after_an_instant_is_found(
            per_hour in prop_oneof![1_u64..50, 1_000_u64..100_000, Just(MOST_PER_HOUR)],
            cluster in prop_oneof![Just(1_u64), Just(8), Just(300)],
            rests in prop::collection::vec((-5_000_i64..4_000_000, 1_i64..3_000_000), 0..3),
            surges in prop::collection::vec(
                (-5_000_i64..5_000_000, prop_oneof![Just(20_u64), Just(90_000), Just(MOST_PER_HOUR)]),
                0..4,
            ),
            probe in -10_000_i64..8_000_000,
        ) {
            let rests: Vec<_> = rests.into_iter().map(|(from, len)| (from, from + len)).collect();
            let surge = |(from, trades_per_hour)| Surge { from: Micros::from_millis(LISTED_MS + from), trades_per_hour };
            let mut surges: Vec<Surge> = surges.into_iter().map(surge).collect();
            surges.sort_by_key(|surge| surge.from);
            let tape = tape(per_hour, cluster, &rests, &surges);
            let id = tape.first_at_or_after(Micros::from_millis(LISTED_MS + probe));

            prop_assert!(tape.ts_ms(id) >= LISTED_MS + probe);
            prop_assert!(id == 0 || tape.ts_ms(id - 1) < LISTED_MS + probe);
            for id in id.saturating_sub(50)..id + 50 {
                let ts = tape.ts_ms(id);
                prop_assert!(ts <= tape.ts_ms(id + 1));
                prop_assert!(ts >= LISTED_MS);
                let resting = |&(from, until): &(i64, i64)| (LISTED_MS + from..LISTED_MS + until).contains(&ts);
                prop_assert!(!rests.iter().any(resting), "a trade at {} lies in a hole", ts);
            }
        }
    }

    #[test]
    fn a_whole_cluster_may_share_one_millisecond() {
        let tape = tape(3_600, 2_500, &[], &[]);
        let shared =
            (0..40).any(|cluster| tape.ts_ms(cluster * 2_500) == tape.ts_ms(cluster * 2_500 + 2_499));
        assert!(shared);
    }

    #[test]
    fn trades_before_a_surge_are_as_they_were_and_its_rate_holds_after() {
        let from = Micros::from_millis(LISTED_MS + 1_800_000);
        let (usual, busy) =
            (tape(3_600, 8, &[], &[]), tape(3_600, 8, &[], &[Surge { from, trades_per_hour: 360_000 }]));
        let first = busy.first_at_or_after(from);
        assert_eq!(first, usual.first_at_or_after(from));
        assert!((0..first).all(|id| busy.ts_ms(id) == usual.ts_ms(id)));
        let beyond = busy.first_at_or_after(from + std::time::Duration::from_secs(10)) - first;
        assert!((990..1_010).contains(&beyond), "{beyond} trades in ten seconds");
    }
}
