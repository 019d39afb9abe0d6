//! Decides which series a worker takes and gives up, so that every series is written and each worker writes its
//! share.
//!
//! Ownership is sticky: a series moves only when its owner ends, or when its owner has more than its share and the
//! series is idle.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::tracker::Owner;

/// State kept between rounds.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// When each unowned wanted series was first seen unowned.
    free: HashMap<String, Instant>,
    /// Series beyond the share that no other worker wanted.
    spare: HashSet<String>,
    /// The live workers when `spare` was filled.
    workers: Vec<String>,
}

/// The reason a series stays with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nothing: it may be given up.
    Idle,
    /// It is listened to, which ends if the fleet asks.
    Live,
    /// A run, or rows that are not uploaded.
    Busy,
}

/// A worker's view of the fleet in one round.
pub(crate) struct View<'a> {
    /// The configured series, most preferred first.
    pub(crate) wanted: &'a [String],
    /// The series it owns, each with the reason it stays.
    pub(crate) own: &'a HashMap<String, Hold>,
    /// The current, or last, owners of wanted series.
    pub(crate) owners: &'a HashMap<String, Owner>,
    /// Live workers, this one included, in order. Empty if series are not shared.
    pub(crate) workers: &'a [String],
    /// How long a series may be unowned before the first worker to see it takes it.
    pub(crate) patience: Duration,
    pub(crate) now: Instant,
}

/// The decisions of one round.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) take: Vec<String>,
    /// Idle series to give up, and live ones to end for that.
    pub(crate) give: Vec<String>,
    /// Wanted series without an owner.
    pub(crate) unowned: usize,
}

impl Memory {
    pub(crate) fn plan(&mut self, view: &View<'_>) -> Plan {
        if self.workers != view.workers {
            // A new worker may want them.
            self.spare.clear();
            self.workers = view.workers.to_vec();
        }
        let share = view.wanted.len().div_ceil(view.workers.len().max(1));
        let is_free = |series: &&String| {
            !view.own.contains_key(*series) && view.owners.get(*series).is_none_or(|owner| !owner.is_live())
        };
        let free: Vec<&String> = view.wanted.iter().filter(is_free).collect();
        self.free.retain(|series, _| free.contains(&series));
        let mut plan = Plan { unowned: free.len(), ..Plan::default() };
        let mut room = share.saturating_sub(view.own.len());
        for series in free {
            let since = *self.free.entry(series.clone()).or_insert(view.now);
            if room > 0 {
                room -= 1;
            } else if view.now.saturating_duration_since(since) >= view.patience {
                self.spare.insert(series.clone());
            } else {
                continue;
            }
            plan.take.push(series.clone());
        }
        plan.give = self.give(view, share);
        plan
    }

    /// Series no longer wanted, and those beyond the share, idle ones first.
    fn give(&self, view: &View<'_>, share: usize) -> Vec<String> {
        let wanted: HashSet<&String> = view.wanted.iter().collect();
        let (kept, gone): (Vec<_>, Vec<_>) = view.own.iter().partition(|(series, _)| wanted.contains(series));
        let counted = kept.iter().filter(|(series, _)| !self.spare.contains(*series)).count();
        let surplus = counted.saturating_sub(share);
        let mut free: Vec<(bool, Option<usize>, &String)> = kept
            .into_iter()
            .filter(|(series, hold)| **hold != Hold::Busy && !self.spare.contains(*series))
            .map(|(series, hold)| {
                (*hold == Hold::Idle, view.wanted.iter().position(|own| own == series), series)
            })
            .collect();
        free.sort_unstable();
        let beyond = free.into_iter().rev().take(surplus).map(|(_, _, series)| series);
        let gone = gone.into_iter().filter(|(_, hold)| **hold == Hold::Idle).map(|(series, _)| series);
        gone.chain(beyond).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("s{number}")).collect()
    }

    fn owned(series: &[String], until: i64) -> HashMap<String, Owner> {
        let owner = |series: &String| Owner {
            series: series.clone(),
            worker: "other".to_owned(),
            fence: 1,
            since: Micros(0),
            until: Micros(until),
            as_of: Micros(5),
        };
        series.iter().map(|series| (series.clone(), owner(series))).collect()
    }

    fn idle(series: &[String]) -> HashMap<String, Hold> {
        series.iter().map(|series| (series.clone(), Hold::Idle)).collect()
    }

    fn plan(
        memory: &mut Memory,
        wanted: &[String],
        own: &HashMap<String, Hold>,
        owners: &HashMap<String, Owner>,
        workers: usize,
        now: Instant,
    ) -> Plan {
        let workers = &names(workers)[..];
        memory.plan(&View { wanted, own, owners, workers, patience: PATIENCE, now })
    }

    #[test]
    fn a_worker_takes_its_share_at_once_and_what_nobody_else_takes_a_while_later() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let wanted = names(7);
        let (none, dead) = (HashMap::new(), owned(&wanted[..2], 5));

        let first = plan(&mut memory, &wanted, &none, &dead, 3, now);
        assert_eq!((first.take, first.unowned), (wanted[..3].to_vec(), 7));
        let own = idle(&wanted[..3]);
        assert!(plan(&mut memory, &wanted, &own, &dead, 3, now).take.is_empty());
        let later = plan(&mut memory, &wanted, &own, &dead, 3, now + PATIENCE);
        assert_eq!(later.take, wanted[3..]);

        // Series that no other worker wanted are not given up again until the workers change.
        let all = idle(&wanted);
        let nobody = HashMap::new();
        assert!(plan(&mut memory, &wanted, &all, &nobody, 3, now).give.is_empty());
        assert_eq!(plan(&mut memory, &wanted, &all, &nobody, 4, now).give.len(), 5);
    }

    #[test]
    fn what_was_kept_for_a_worker_that_died_is_given_to_the_one_that_came_in_its_place() {
        let (mut memory, now, wanted) = (Memory::default(), Instant::now(), names(4));
        let (nobody, mine) = (HashMap::new(), idle(&wanted[..2]));
        let lived = ["a".to_owned(), "dead".to_owned()];
        let view = |own, workers, now| View {
            wanted: &wanted,
            own,
            owners: &nobody,
            workers,
            patience: PATIENCE,
            now,
        };
        memory.plan(&view(&mine, &lived, now));
        assert_eq!(memory.plan(&view(&mine, &lived, now + PATIENCE)).take, wanted[2..]);

        let (all, lives) = (idle(&wanted), ["a".to_owned(), "new".to_owned()]);
        assert_eq!(memory.plan(&view(&all, &lives, now + PATIENCE)).give.len(), 2);
    }

    #[test]
    fn what_another_owns_is_left_alone_however_long() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let wanted = names(2);
        let owners = owned(&wanted, 6);
        for at in [now, now + 9 * PATIENCE] {
            assert_eq!(plan(&mut memory, &wanted, &HashMap::new(), &owners, 1, at), Plan::default());
        }
    }

    #[test]
    fn only_what_lies_idle_is_given_up_down_to_the_share_and_what_is_wanted_no_more() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let wanted = names(6);
        let mut own = idle(&wanted);
        own.insert("s5".to_owned(), Hold::Busy);
        own.insert("gone".to_owned(), Hold::Idle);

        let plan = plan(&mut memory, &wanted, &own, &HashMap::new(), 3, now);

        assert_eq!(plan.give, ["gone", "s4", "s3", "s2", "s1"]);
        assert_eq!((plan.take.len(), plan.unowned), (0, 0));
    }

    #[test]
    fn live_series_are_asked_for_after_idle_ones_and_the_same_ones_until_they_are_free() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let (wanted, nobody) = (names(6), HashMap::new());
        let mut own: HashMap<String, Hold> =
            wanted.iter().map(|series| (series.clone(), Hold::Live)).collect();
        own.insert("s1".to_owned(), Hold::Idle);

        let asked = plan(&mut memory, &wanted, &own, &nobody, 2, now).give;
        assert_eq!(asked, ["s1", "s5", "s4"]);
        assert_eq!(plan(&mut memory, &wanted, &own, &nobody, 2, now).give, asked);

        own.remove("s1");
        own.insert("s4".to_owned(), Hold::Idle);
        assert_eq!(plan(&mut memory, &wanted, &own, &nobody, 2, now).give, ["s4", "s5"]);
        own.retain(|series, _| !["s4", "s5"].contains(&series.as_str()));
        assert_eq!(plan(&mut memory, &wanted, &own, &nobody, 2, now).give, Vec::<String>::new());
    }

    #[test]
    fn without_a_bucket_nothing_is_spread() {
        let (mut memory, now, wanted) = (Memory::default(), Instant::now(), names(4));
        let (own, owners) = (idle(&wanted), HashMap::new());
        let view =
            View { wanted: &wanted, own: &own, owners: &owners, workers: &[], patience: PATIENCE, now };
        assert_eq!(memory.plan(&view), Plan::default());
    }
}
