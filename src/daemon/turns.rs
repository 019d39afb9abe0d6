//! Jobs take turns: which due ones begin, and when a run makes way for one that waits.
//!
//! An exchange may answer slowly or allow few requests, and a first history may take days. Neither keeps the jobs of other
//! exchanges waiting, nor the other jobs of its own for long.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Micros, Series};

/// When a run makes way for another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    /// How long a run keeps its slot though others wait.
    pub(super) lasts: Duration,
    /// How long one of them waits.
    pub(super) waits: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { lasts: Duration::from_secs(300), waits: Duration::from_secs(60) }
    }
}

impl Turns {
    /// Whether the run that has lasted longest makes way for the job that is due longest.
    pub(super) fn makes_way(self, lasted: Duration, waited: Duration) -> bool {
        lasted >= self.lasts && waited >= self.waits
    }
}

/// A job that is due, and since when.
pub(super) type Due = (Micros, Arc<Series>);

/// The jobs that begin now, beside so many runs of each exchange, and of those that do not the one that is due longest. Of
/// the exchange with the fewest runs the job that is due longest is first. An exchange without a run begins one though all
/// slots are taken.
pub(super) fn next(
    due: Vec<Due>,
    mut running: BTreeMap<String, usize>,
    slots: usize,
) -> (Vec<Due>, Option<Due>) {
    let mut total: usize = running.values().sum();
    let mut waiting: BTreeMap<String, BTreeSet<Due>> = BTreeMap::new();
    for own in due {
        waiting.entry(own.1.exchange().to_owned()).or_default().insert(own);
    }
    let mut begun = Vec::new();
    loop {
        let runs = |exchange: &String| running.get(exchange).copied().unwrap_or_default();
        let first =
            waiting.iter().filter_map(|(exchange, own)| Some((runs(exchange), own.first()?, exchange)));
        let Some((count, _, exchange)) = first.min().filter(|(count, ..)| *count == 0 || total < slots)
        else {
            return (begun, waiting.values().filter_map(BTreeSet::first).min().cloned());
        };
        let exchange = exchange.clone();
        begun.extend(waiting.get_mut(&exchange).and_then(BTreeSet::pop_first));
        running.insert(exchange, count + 1);
        total += 1;
    }
}

/// Whether the end of a run of one exchange lets a job of another begin, and not the one that made way.
pub(super) fn helps(ended: &str, waiting: &str, running: &BTreeMap<String, usize>) -> bool {
    ended == waiting || running.get(ended) > running.get(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at: i64, name: &str) -> Due {
        (Micros(at), Arc::new(format!("{name}/trades").parse().unwrap()))
    }

    fn begun(due: &[Due], running: &[(&str, usize)], slots: usize) -> Vec<String> {
        let running = running.iter().map(|(exchange, count)| ((*exchange).to_owned(), *count)).collect();
        next(due.to_vec(), running, slots).0.into_iter().map(|(_, series)| series.to_string()).collect()
    }

    #[test]
    fn the_job_that_waits_is_the_one_due_longest_of_those_that_do_not_begin() {
        let all = vec![due(1, "okx/A-USDT"), due(5, "kraken/A-USD"), due(4, "kraken/B-USD")];
        let running = BTreeMap::from([("kraken".to_owned(), 1)]);

        assert_eq!(next(all.clone(), running, 1), (vec![all[0].clone()], Some(all[2].clone())));
        assert_eq!(next(all, BTreeMap::new(), 3).1, None);
    }

    #[test]
    fn a_run_helps_one_that_waits_if_it_is_of_the_same_exchange_or_of_one_with_more_runs() {
        let running =
            BTreeMap::from([("kraken".to_owned(), 2), ("okx".to_owned(), 1), ("bybit".to_owned(), 1)]);

        assert!(helps("kraken", "okx", &running) && helps("okx", "okx", &running));
        assert!(!helps("bybit", "okx", &running) && !helps("okx", "kraken", &running));
    }

    #[test]
    fn the_job_due_longest_is_first_as_far_as_there_are_slots() {
        let due = [due(3, "kraken/A-USD"), due(1, "kraken/B-USD"), due(2, "kraken/C-USD")];

        assert_eq!(begun(&due, &[], 2), ["kraken/B-USD/trades", "kraken/C-USD/trades"]);
        assert_eq!(begun(&due, &[("kraken", 1)], 2), ["kraken/B-USD/trades"]);
        assert_eq!(begun(&due, &[("kraken", 2)], 2), Vec::<String>::new());
    }

    #[test]
    fn an_exchange_without_a_run_begins_one_though_all_slots_are_taken() {
        let due = [due(1, "kraken/A-USD"), due(2, "okx/A-USDT"), due(3, "okx/B-USDT")];

        assert_eq!(begun(&due, &[("kraken", 2)], 2), ["okx/A-USDT/trades"]);
    }

    #[test]
    fn exchanges_take_turns_at_the_slots() {
        let due =
            [due(1, "kraken/A-USD"), due(1, "kraken/B-USD"), due(1, "kraken/C-USD"), due(9, "okx/A-USDT")];

        let names = ["kraken/A-USD/trades", "okx/A-USDT/trades", "kraken/B-USD/trades"];
        assert_eq!(begun(&due, &[], 3), names);
    }

    #[test]
    fn a_run_makes_way_once_it_had_its_turn_and_another_has_waited_for_a_while() {
        let (turns, second) = (Turns::default(), Duration::from_secs(1));

        assert!(turns.makes_way(turns.lasts, turns.waits));
        assert!(!turns.makes_way(turns.lasts - second, turns.waits));
        assert!(!turns.makes_way(turns.lasts, turns.waits - second));
    }
}
