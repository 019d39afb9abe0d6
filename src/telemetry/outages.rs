//! Attributes failed runs to their series, to an outage of the exchange, or to an outage of everything. Pure.
//!
//! One outage must raise one alert. Whether a series fails alone shows in the other series that ran since its first
//! failure, so this is decided at the end of each run: alert rules sample gauges and cannot know which changed first.

use std::collections::{BTreeMap, BTreeSet};

use super::SeriesHealth;
use crate::model::{Micros, Series};

/// The last runs of every series and the outages under way.
#[derive(Default)]
pub(super) struct Outages {
    /// Consecutive failed runs that raise an alert.
    threshold: u32,
    runs: BTreeMap<Series, Runs>,
    /// Series that fail alone: no outage of their exchange explains the failures.
    alone: BTreeSet<Series>,
    /// Exchanges most of whose series fail, with the time of the first failed run.
    exchanges: BTreeMap<String, Micros>,
    /// Whether every exchange fails.
    all: bool,
    /// Whether the disk refuses writes, which has alerts of its own.
    is_disk_refusing: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// On our own disk or database.
    OnStorage,
    /// Anywhere else.
    Elsewhere,
}

/// The latest runs of one series.
#[derive(Clone, Copy, Default)]
struct Runs {
    last_run: Option<Micros>,
    /// Consecutive failures.
    errors: u32,
    /// End of the first of them; after a restart, end of the last success.
    failing_since: Option<Micros>,
}

/// The alerts that should be active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether every exchange fails, so that the cause is most likely local.
    pub(super) all: bool,
    /// Exchanges that fail as a whole.
    pub(super) exchanges: Vec<String>,
    /// Series that fail alone.
    pub(super) series: BTreeSet<Series>,
}

impl Outages {
    /// Sets how many consecutive failures raise an alert.
    pub(super) fn set_threshold(&mut self, runs: u32) {
        self.threshold = runs;
    }

    /// Sets whether the disk refuses writes.
    pub(super) fn set_disk_refusing(&mut self, is_refusing: bool) {
        self.is_disk_refusing = is_refusing;
    }

    /// Adds a series to those of its exchange.
    pub(super) fn declare(&mut self, series: &Series) {
        self.runs.entry(series.clone()).or_default();
    }

    /// Restores runs of an earlier process and attributes their failures.
    pub(super) fn restore(&mut self, known: &[SeriesHealth]) {
        for health in known {
            let runs = Runs {
                last_run: health.last_run_at,
                errors: health.consecutive_errors,
                failing_since: health.last_success_at.filter(|_| health.consecutive_errors > 0),
            };
            self.runs.insert(health.series.clone(), runs);
        }
        let failing = known.iter().map(|health| &health.series).filter(|series| self.is_at_threshold(series));
        failing.cloned().collect::<Vec<_>>().iter().for_each(|series| self.blame(series));
    }

    /// Records the end of a run.
    pub(super) fn record(&mut self, series: &Series, at: Micros, ended: Ended) {
        let runs = self.runs.entry(series.clone()).or_default();
        runs.last_run = Some(at);
        if ended == Ended::Well {
            *runs = Runs { last_run: Some(at), ..Runs::default() };
            self.alone.remove(series);
            // The first success anywhere ends it by definition.
            self.all = false;
            self.end_where_most_succeed();
        } else {
            runs.errors = runs.errors.saturating_add(1);
            runs.failing_since = runs.failing_since.or(Some(at));
            let is_disk = ended == Ended::OnStorage && self.is_disk_refusing;
            if self.is_at_threshold(series) && !is_disk {
                self.blame(series);
            }
        }
    }

    /// Removes a series.
    pub(super) fn forget(&mut self, series: &Series) {
        self.runs.remove(series);
        self.alone.remove(series);
        self.all &= self.runs.values().any(|runs| runs.errors > 0);
        self.end_where_most_succeed();
    }

    /// The alerts that should be active now.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict {
            all: self.all,
            exchanges: self.exchanges.keys().cloned().collect(),
            // The threshold may have been raised since.
            series: self.alone.iter().filter(|series| self.is_at_threshold(series)).cloned().collect(),
        }
    }

    fn is_at_threshold(&self, series: &Series) -> bool {
        self.runs.get(series).is_some_and(|runs| runs.errors >= self.threshold.max(1))
    }

    /// Attributes the failures of a series at the threshold: to an outage under way, to one they reveal, or to itself.
    fn blame(&mut self, series: &Series) {
        if self.alone.contains(series) || self.all || self.exchanges.contains_key(series.exchange()) {
            return;
        }
        let since = self.runs.get(series).and_then(|runs| runs.failing_since).unwrap_or(Micros::OLDEST);
        let is_only_one = self.of(series.exchange()).nth(1).is_none();
        if self.all_fail(since) {
            self.all = true;
        } else if !is_only_one && self.most_fail(series.exchange(), since) {
            self.exchanges.insert(series.exchange().to_owned(), since);
        } else {
            self.alone.insert(series.clone());
        }
    }

    /// Whether at least two exchanges had runs since an instant and each of these fails for most of its series.
    fn all_fail(&self, since: Micros) -> bool {
        let mut tried: Vec<&str> = self
            .runs
            .iter()
            .filter(|(_, runs)| runs.ran_since(since))
            .map(|(series, _)| series.exchange())
            .collect();
        tried.dedup();
        tried.len() > 1 && tried.iter().all(|exchange| self.most_fail(exchange, since))
    }

    /// Whether the latest run failed for more than half of an exchange's series that ran since an instant.
    fn most_fail(&self, exchange: &str, since: Micros) -> bool {
        let ran: Vec<&Runs> = self.of(exchange).filter(|runs| runs.ran_since(since)).collect();
        2 * ran.iter().filter(|runs| runs.errors > 0).count() > ran.len()
    }

    fn end_where_most_succeed(&mut self) {
        let over: Vec<String> = self
            .exchanges
            .iter()
            .filter(|(exchange, since)| !self.most_fail(exchange, **since))
            .map(|(exchange, _)| exchange.clone())
            .collect();
        self.exchanges.retain(|exchange, _| !over.contains(exchange));
    }

    fn of(&self, exchange: &str) -> impl Iterator<Item = &Runs> {
        self.runs.iter().filter(move |(series, _)| series.exchange() == exchange).map(|(_, runs)| runs)
    }
}

impl Runs {
    fn ran_since(&self, instant: Micros) -> bool {
        self.last_run.is_some_and(|at| at >= instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BTC: &str = "binance/BTC-USDT/ohlc/1m";
    const ETH: &str = "binance/ETH-USDT/ohlc/1m";
    const XRP: &str = "binance/XRP-USDT/ohlc/1h";
    const KRAKEN: &str = "kraken/ETH-USD/ohlc/1m";

    #[test]
    fn one_series_that_fails_while_others_of_its_exchange_succeed_fails_by_itself() {
        let mut outages = after(&[BTC, ETH], "BTC+ ETH+ BTC- ETH+ BTC- ETH+");
        assert_eq!(outages.verdict(), Verdict::default());

        run(&mut outages, 10, "BTC-");
        assert_eq!(said(&outages), (false, names(&[]), names(&[BTC])));
        run(&mut outages, 20, "ETH- ETH- ETH-");
        assert_eq!(said(&outages), (false, names(&["binance"]), names(&[BTC])));
        run(&mut outages, 30, "BTC+");
        assert_eq!(outages.verdict(), Verdict::default());
    }

    #[test]
    fn an_exchange_whose_series_all_fail_is_known_at_the_first_one_that_comes_to_the_threshold() {
        let mut outages = after(&[BTC, ETH, KRAKEN], "BTC+ ETH+ KRAKEN+ BTC- KRAKEN+ BTC- ETH- KRAKEN+");
        assert_eq!(outages.verdict(), Verdict::default());

        run(&mut outages, 20, "BTC-");
        assert_eq!(said(&outages), (false, names(&["binance"]), names(&[])));
        run(&mut outages, 30, "ETH- ETH- ETH- BTC-");
        assert_eq!(said(&outages), (false, names(&["binance"]), names(&[])));
    }

    #[test]
    fn after_an_outage_a_series_fails_by_itself_only_if_it_was_tried_again() {
        let mut outages = after(&[BTC, ETH], "BTC+ ETH+ BTC- ETH- BTC- ETH- BTC- ETH-");

        run(&mut outages, 20, "BTC+");
        assert_eq!(outages.verdict(), Verdict::default());
        run(&mut outages, 30, "ETH-");
        assert_eq!(said(&outages), (false, names(&[]), names(&[ETH])));
    }

    #[test]
    fn an_outage_lasts_while_more_than_half_of_the_series_that_were_tried_fail() {
        let mut outages = after(&[BTC, ETH, XRP], "BTC+ ETH+ XRP+ BTC- ETH- XRP- BTC- BTC-");
        assert_eq!(said(&outages).1, ["binance"]);

        run(&mut outages, 20, "BTC+");
        assert_eq!(said(&outages).1, ["binance"]);
        run(&mut outages, 30, "ETH+");
        assert_eq!(outages.verdict(), Verdict::default());
    }

    #[test]
    fn where_every_exchange_fails_it_is_one_outage_and_it_ends_with_the_first_answer() {
        let mut outages = after(&[BTC, ETH, KRAKEN], "BTC+ ETH+ KRAKEN+ BTC- KRAKEN- BTC- KRAKEN- BTC-");
        assert_eq!(said(&outages), (true, names(&[]), names(&[])));

        run(&mut outages, 20, "KRAKEN- ETH- ETH- ETH-");
        assert_eq!(said(&outages), (true, names(&[]), names(&[])));
        run(&mut outages, 30, "ETH+");
        assert_eq!(outages.verdict(), Verdict::default());
        run(&mut outages, 40, "BTC+ KRAKEN-");
        assert_eq!(said(&outages), (false, names(&[]), names(&[KRAKEN])));
    }

    #[test]
    fn an_exchange_with_one_series_that_fails_while_another_answers_is_told_of_by_its_series() {
        let outages = after(&[BTC, ETH, KRAKEN], "BTC+ KRAKEN+ KRAKEN- BTC+ KRAKEN- KRAKEN-");

        assert_eq!(said(&outages), (false, names(&[]), names(&[KRAKEN])));
    }

    #[test]
    fn a_series_that_has_not_run_since_says_nothing_against_an_outage() {
        let outages = after(&[BTC, XRP, KRAKEN], "BTC+ XRP+ KRAKEN+ BTC- BTC- KRAKEN+ BTC-");

        assert_eq!(said(&outages), (false, names(&["binance"]), names(&[])));
    }

    #[test]
    fn a_restart_keeps_an_outage_and_the_errors_of_a_single_series() {
        let health = |series: &str, run: i64, success: i64, errors: u32| SeriesHealth {
            series: series.parse().unwrap(),
            last_run_at: Some(Micros(run)),
            last_success_at: Some(Micros(success)),
            rows: 0,
            consecutive_errors: errors,
            last_error: None,
        };
        let mut outages = after(&[BTC, ETH, KRAKEN], "");
        let fine = health(KRAKEN, 920, 920, 0);

        outages.restore(&[health(BTC, 900, 500, 4), health(ETH, 910, 505, 2), fine.clone()]);
        assert_eq!(said(&outages), (false, names(&["binance"]), names(&[])));

        let mut outages = after(&[BTC, ETH, KRAKEN], "");
        outages.restore(&[health(BTC, 900, 500, 4), health(ETH, 910, 910, 0), fine]);
        assert_eq!(said(&outages), (false, names(&[]), names(&[BTC])));
    }

    #[test]
    fn what_fails_on_a_disk_that_takes_nothing_is_nobody_elses_fault() {
        let mut outages = after(&[BTC, ETH, KRAKEN], "BTC+ ETH+ KRAKEN+ BTC!");
        outages.set_disk_refusing(true);

        run(&mut outages, 20, "BTC! BTC! ETH! ETH! ETH! KRAKEN! KRAKEN! KRAKEN!");
        assert_eq!(outages.verdict(), Verdict::default());

        outages.set_disk_refusing(false);
        run(&mut outages, 30, "BTC+ ETH!");
        assert_eq!(said(&outages), (false, names(&[]), names(&[ETH])), "its own files are at fault");
    }

    #[test]
    fn a_higher_threshold_takes_an_alert_back() {
        let mut outages = after(&[KRAKEN], "KRAKEN- KRAKEN- KRAKEN-");
        assert_eq!(said(&outages).2, [KRAKEN]);

        outages.set_threshold(4);
        assert_eq!(outages.verdict(), Verdict::default());
        run(&mut outages, 10, "KRAKEN-");
        assert_eq!(said(&outages).2, [KRAKEN]);
    }

    #[test]
    fn an_exchange_whose_failing_series_are_removed_fails_no_more() {
        let mut outages = after(&[BTC, ETH, XRP], "BTC+ ETH+ XRP+ BTC- ETH- BTC- BTC-");
        assert_eq!(said(&outages).1, ["binance"]);

        outages.forget(&BTC.parse().unwrap());
        outages.forget(&ETH.parse().unwrap());

        assert_eq!(outages.verdict(), Verdict::default());
    }

    /// Declared series after runs such as `BTC+ ETH-`, one a microsecond; three failures make an alert.
    fn after(series: &[&str], runs: &str) -> Outages {
        let mut outages = Outages::default();
        outages.set_threshold(3);
        series.iter().for_each(|series| outages.declare(&series.parse().unwrap()));
        run(&mut outages, 0, runs);
        outages
    }

    fn run(outages: &mut Outages, from: i64, runs: &str) {
        for (at, run) in runs.split_whitespace().enumerate() {
            let (name, ended) = run.split_at(run.len() - 1);
            let ended = match ended {
                "+" => Ended::Well,
                "!" => Ended::OnStorage,
                _ => Ended::Elsewhere,
            };
            let series = match name {
                "BTC" => BTC,
                "ETH" => ETH,
                "XRP" => XRP,
                _ => KRAKEN,
            };
            let at = Micros(Micros::OLDEST.0 + 1 + from + i64::try_from(at).unwrap());
            outages.record(&series.parse().unwrap(), at, ended);
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn said(outages: &Outages) -> (bool, Vec<String>, Vec<String>) {
        let Verdict { all, exchanges, series } = outages.verdict();
        (all, exchanges, series.iter().map(ToString::to_string).collect())
    }
}
