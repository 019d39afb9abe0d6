//! Folds the series of a pair into the pair's entry.

use std::collections::BTreeMap;

use super::{HealthState, PairHealth, SeriesHealth};
use crate::model::Micros;

impl HealthState {
    /// Every pair's entry. Rows known beyond its series are added; such times and errors count only if no
    /// series of the pair has recorded a run.
    pub(super) fn folded(&self) -> BTreeMap<String, PairHealth> {
        let mut by_pair: BTreeMap<String, Vec<&SeriesHealth>> = BTreeMap::new();
        for health in self.series.values() {
            by_pair.entry(health.series.pair_key()).or_default().push(health);
        }
        let mut folded = self.pairs.clone();
        for (key, series) in by_pair {
            let pair = folded.entry(key).or_default();
            *pair = fold(pair.rows_collected, &series);
        }
        folded
    }
}

/// Rows are summed; the errors are the highest, the last run the newest, the last success the oldest.
fn fold(rows_beyond: u64, series: &[&SeriesHealth]) -> PairHealth {
    let newest_run = series.iter().filter_map(|health| health.last_run_at).max();
    // A missing success counts as the oldest: the pair is only as healthy as its worst series.
    let oldest_success = series.iter().map(|health| health.last_success_at).min().flatten();
    PairHealth {
        last_run_at: newest_run.map(Micros::as_secs_f64),
        last_success_at: oldest_success.map(Micros::as_secs_f64),
        rows_collected: series.iter().fold(rows_beyond, |rows, health| rows.saturating_add(health.rows)),
        errors_count: series.iter().map(|health| health.consecutive_errors).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "binance/BTC/USDT";

    #[test]
    fn a_pair_is_as_well_as_the_worst_of_its_series() {
        let state = state(&[
            health("binance/BTC-USDT/ohlc/1h", Some(30), Some(30), 10, 0),
            health("binance/BTC-USDT/trades", Some(40), Some(20), 5, 2),
        ]);

        let pair = &state.folded()[KEY];

        assert_eq!((pair.last_run_at, pair.last_success_at), (Some(40.0), Some(20.0)));
        assert_eq!((pair.rows_collected, pair.errors_count), (15, 2));
    }

    #[test]
    fn a_pair_with_a_series_that_never_succeeded_has_no_last_success() {
        let state = state(&[
            health("binance/BTC-USDT/ohlc/1h", Some(30), Some(30), 10, 0),
            health("binance/BTC-USDT/ohlc/1d", Some(40), None, 0, 1),
        ]);

        assert_eq!(state.folded()[KEY].last_success_at, None);
    }

    #[test]
    fn what_the_file_said_gives_its_rows_only_once_a_series_has_run() {
        let mut state = state(&[health("binance/BTC-USDT/ohlc/1h", Some(30), Some(30), 10, 0)]);
        let known = PairHealth {
            last_run_at: Some(99.0),
            last_success_at: None,
            rows_collected: 100,
            errors_count: 7,
        };
        state.pairs.insert(KEY.to_owned(), known.clone());
        state.pairs.insert("kraken/ETH/USD".to_owned(), known.clone());

        let folded = state.folded();

        assert_eq!((folded[KEY].rows_collected, folded[KEY].errors_count), (110, 0));
        assert_eq!(folded[KEY].last_run_at, Some(30.0));
        assert_eq!(folded["kraken/ETH/USD"], known);
    }

    fn state(series: &[SeriesHealth]) -> HealthState {
        let series = series.iter().map(|health| (health.series.clone(), health.clone())).collect();
        HealthState { series, ..HealthState::default() }
    }

    fn health(series: &str, run: Option<i64>, success: Option<i64>, rows: u64, errors: u32) -> SeriesHealth {
        SeriesHealth {
            series: series.parse().unwrap(),
            last_run_at: run.map(Micros::from_secs),
            last_success_at: success.map(Micros::from_secs),
            rows,
            consecutive_errors: errors,
            last_error: None,
        }
    }
}
