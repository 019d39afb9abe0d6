//! Alerts that would fire by the thresholds of the shipped rules, and how many series are fresh: from the metrics of
//! this process. Pure.
//!
//! A rule is met here as soon as its threshold is; Prometheus waits for as long as the rule says, and knows the past.

mod found;
mod freshness;
mod rules;
mod samples;

use prometheus::proto::MetricFamily;

use self::freshness::FAMILIES;
pub(super) use self::freshness::freshness;
use self::rules::RULES;
use self::samples::Samples;
use crate::api::AlertView;
use crate::model::Micros;

/// The most alerts of one rule that are told; its last says how many more there are.
const MOST_OF_A_RULE: usize = 20;

/// Whether a family is looked at here: gathering all of them would cost far more.
pub(super) fn is_looked_at(family: &str) -> bool {
    FAMILIES.contains(&family) || RULES.iter().any(|rule| rule.test.looks_at(family))
}

/// The alerts that would fire, in the order of the rules.
pub(super) fn would_fire(families: &[MetricFamily], at: Micros) -> Vec<AlertView> {
    let samples = Samples::of(families, at);
    let mut alerts = Vec::new();
    for rule in RULES {
        let mut found = rule.test.found(&samples);
        let more = found.len().saturating_sub(MOST_OF_A_RULE);
        found.truncate(MOST_OF_A_RULE);
        alerts.extend(found.into_iter().map(|found| AlertView {
            name: rule.name.to_owned(),
            severity: rule.severity.to_owned(),
            about: found.series.clone().or(found.exchange).unwrap_or_else(|| rule.about.to_owned()),
            series: found.series,
            summary: (rule.summary)(found.value),
        }));
        if more > 0 {
            alerts.push(AlertView {
                name: rule.name.to_owned(),
                severity: rule.severity.to_owned(),
                about: rule.about.to_owned(),
                series: None,
                summary: format!("and {more} more"),
            });
        }
    }
    alerts
}

#[cfg(test)]
mod tests {
    use prometheus::{GaugeVec, Opts, Registry};

    use super::*;
    use crate::api::Freshness;

    const AT: Micros = Micros(1_800_000_000_000_000);
    const NOW: f64 = 1_800_000_000.0;

    /// A family, the names of its labels, and the values of each sample with its level.
    type Samples<'s> = (&'s str, &'s [&'s str], &'s [(&'s [&'s str], f64)]);

    /// Those of some families that are looked at.
    fn families(all: &[Samples<'_>]) -> Vec<MetricFamily> {
        let registry = Registry::new();
        for (name, labels, samples) in all {
            let family = GaugeVec::new(Opts::new(*name, "help"), labels).unwrap();
            samples.iter().for_each(|(values, level)| family.with_label_values(values).set(*level));
            registry.register(Box::new(family)).unwrap();
        }
        registry.gather().into_iter().filter(|family| is_looked_at(family.name())).collect()
    }

    fn told(all: &[Samples<'_>]) -> Vec<(String, String)> {
        let alerts = would_fire(&families(all), AT);
        alerts.into_iter().map(|alert| (alert.name, format!("{}: {}", alert.about, alert.summary))).collect()
    }

    const SERIES: &[&str] = &["exchange", "pair", "kind", "span"];
    const HOURLY: &[&str] = &["okx", "BTC/USDT", "ohlc", "1h"];
    const TRADES: &[&str] = &["okx", "BTC/USDT", "trades", ""];

    #[test]
    fn a_threshold_that_is_met_is_an_alert_and_one_that_is_not_is_none() {
        let disk = |free: f64| {
            told(&[
                ("dccd_storage_free_bytes", &[], &[(&[], free)]),
                ("dccd_storage_size_bytes", &[], &[(&[], 1e9)]),
            ])
        };
        assert_eq!(disk(6e7), []);
        assert_eq!(
            disk(4e7),
            [("DccdDiskLow".to_owned(), "disk: only 4.0 % of the disk is free".to_owned())]
        );

        let banned = |until: f64| {
            told(&[("dccd_exchange_banned_until_timestamp_seconds", &["exchange"], &[(&["okx"], until)])])
        };
        assert_eq!((banned(0.0), banned(NOW + 100.0)), (vec![], vec![]));
        assert_eq!(banned(NOW + 600.0)[0].1, "exchange okx: it refuses every request for 10 min more");

        let workers = told(&[("dccd_workers", &["state"], &[(&["dead"], 2.0), (&["healthy"], 3.0)])]);
        assert_eq!(workers[0].1, "workers: 2 of the workers of the state store are dead");
        let syncs = |errors: f64| {
            told(&[
                ("dccd_sync_consecutive_errors", &["remote"], &[(&["nas"], errors)]),
                ("dccd_config_max_consecutive_errors", &[], &[(&[], 3.0)]),
            ])
        };
        assert_eq!((syncs(2.0), syncs(3.0).len()), (vec![], 1));
    }

    /// Series with the age of their newest rows, hourly and of trades, in a process that has run for so long.
    fn aged(hourly: f64, trades: f64, up: f64, paused: f64) -> Vec<MetricFamily> {
        families(&[
            (
                "dccd_series_newest_row_timestamp_seconds",
                SERIES,
                &[(HOURLY, NOW - hourly), (TRADES, NOW - trades)],
            ),
            ("dccd_series_expected_interval_seconds", SERIES, &[(HOURLY, 3_600.0), (TRADES, 60.0)]),
            ("dccd_series_gap_seconds", SERIES, &[(HOURLY, 7_200.0), (TRADES, 0.0)]),
            ("dccd_job_paused", SERIES, &[(HOURLY, paused)]),
            ("process_start_time_seconds", &[], &[(&[], NOW - up)]),
        ])
    }

    #[test]
    fn a_series_is_fresh_until_the_age_of_the_shipped_rules() {
        let fresh = |hourly, trades, paused| freshness(&aged(hourly, trades, 1e4, paused), AT);

        let both = Freshness { expected: 2, fresh: 2, with_gaps: 1, gap_seconds: 7_200.0 };
        assert_eq!(fresh(11_100.0, 3_780.0, 0.0), both);
        assert_eq!(fresh(11_101.0, 3_780.0, 0.0).fresh, 1);
        assert_eq!(fresh(11_100.0, 3_781.0, 0.0).fresh, 1);
        assert_eq!((fresh(1e6, 0.0, 1.0).expected, fresh(1e6, 0.0, 1.0).fresh), (1, 1));
    }

    #[test]
    fn a_stale_series_is_named_once_the_process_had_time_to_catch_up() {
        let alerts = |up| would_fire(&aged(11_101.0, 0.0, up, 0.0), AT);

        assert_eq!(alerts(900.0), []);
        let [alert] = &alerts(901.0)[..] else { panic!("one alert") };
        assert_eq!((alert.name.as_str(), alert.severity.as_str()), ("DccdSeriesStale", "warning"));
        assert_eq!(alert.series.as_deref(), Some("okx/BTC-USDT/ohlc/1h"));
        assert_eq!(alert.summary, "its newest row is 3 h old");
    }

    #[test]
    fn of_many_alerts_of_one_rule_the_rest_is_counted() {
        let names: Vec<String> = (0..25).map(|number| format!("X{number}/USDT")).collect();
        let labels: Vec<[&str; 5]> =
            names.iter().map(|name| ["okx", name.as_str(), "trades", "", "refused"]).collect();
        let samples: Vec<(&[&str], f64)> = labels.iter().map(|labels| (&labels[..], 1.0)).collect();
        let family =
            ("dccd_websocket_state", &["exchange", "pair", "kind", "span", "state"][..], &samples[..]);

        let alerts = told(&[family]);

        assert_eq!(alerts.len(), MOST_OF_A_RULE + 1);
        assert_eq!(alerts[MOST_OF_A_RULE].1, "streams: and 5 more");
    }
}
