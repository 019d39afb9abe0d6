//! The shipped rules whose threshold the metrics of one process at one instant can meet.

use super::found::Test;
use crate::model::bytes;

/// A rule.
pub(super) struct Rule {
    /// As in `alerts/alerts.yml`.
    pub(super) name: &'static str,
    pub(super) severity: &'static str,
    /// The part of the daemon, unless a label names an exchange or a series.
    pub(super) about: &'static str,
    pub(super) test: Test,
    /// The words for a value.
    pub(super) summary: fn(f64) -> String,
}

const fn level(family: &'static str, op: &'static str, value: &'static str) -> Test {
    Test::Level { family, only: None, op, value }
}

const fn only(
    family: &'static str,
    label: (&'static str, &'static str),
    op: &'static str,
    value: &'static str,
) -> Test {
    Test::Level { family, only: Some(label), op, value }
}

const fn share(family: &'static str, of: &'static str, op: &'static str, value: &'static str) -> Test {
    Test::Share { family, of, op, value }
}

const fn critical(name: &'static str, about: &'static str, test: Test, summary: fn(f64) -> String) -> Rule {
    Rule { name, severity: "critical", about, test, summary }
}

const fn warning(name: &'static str, about: &'static str, test: Test, summary: fn(f64) -> String) -> Rule {
    Rule { name, severity: "warning", about, test, summary }
}

pub(super) const RULES: &[Rule] = &[
    critical("DccdDiskFull", "disk", level("dccd_storage_free_bytes", "<", "8e6"), |free| {
        format!("the disk is full: {} are free", bytes(free as u64))
    }),
    critical("DccdJournalRefusing", "journal", level("dccd_journal_refusing", "==", "1"), |_| {
        "no rows are accepted: the journal cannot be written".to_owned()
    }),
    critical("DccdPublishFailing", "disk", level("dccd_storage_publish_refused", "==", "1"), |_| {
        "files cannot be published".to_owned()
    }),
    critical(
        "DccdHeartbeatStale",
        "state store",
        Test::Age { family: "dccd_worker_heartbeat_timestamp_seconds", value: "60" },
        |age| format!("the state store was not reached for {}", length(age)),
    ),
    critical("DccdAllExchangesFailing", "exchanges", level("dccd_exchanges_all_failing", "==", "1"), |_| {
        "all exchanges are failing".to_owned()
    }),
    critical("DccdExchangeFailing", "exchange", level("dccd_exchange_failing", "==", "1"), |_| {
        "most series of it are failing".to_owned()
    }),
    warning("DccdConsecutiveErrors", "jobs", level("dccd_job_failing", "==", "1"), |_| {
        "its runs fail one after the other".to_owned()
    }),
    critical(
        "DccdSchedulerStalled",
        "scheduler",
        Test::Age { family: "dccd_scheduler_last_tick_timestamp_seconds", value: "120" },
        |age| format!("the scheduler has stood still for {}", length(age)),
    ),
    warning(
        "DccdFdExhaustion",
        "worker",
        share("process_open_fds", "process_max_fds", ">", "0.8"),
        |share| format!("{} of the file descriptors are in use", percent(share)),
    ),
    warning(
        "DccdConfigReloadFailed",
        "configuration",
        level("dccd_config_last_reload_successful", "==", "0"),
        |_| "an older configuration than the file's is in force".to_owned(),
    ),
    critical("DccdWorkerDead", "workers", only("dccd_workers", ("state", "dead"), ">", "0"), |dead| {
        format!("{dead:.0} of the workers of the state store are dead")
    }),
    warning(
        "DccdCertificateExpiring",
        "configuration",
        Test::Left {
            family: "dccd_server_certificate_expiry_timestamp_seconds",
            op: "<",
            value: "7 * 86400",
        },
        |left| format!("the server's certificate ends in {}", length(left)),
    ),
    warning(
        "DccdWebConfigReloadFailed",
        "configuration",
        level("dccd_web_config_last_reload_successful", "==", "0"),
        |_| "the web configuration cannot be used; the one before is in force".to_owned(),
    ),
    warning(
        "DccdQueueNearlyFull",
        "queue",
        share("dccd_queue_items", "dccd_queue_capacity_items", ">", "0.8"),
        |share| format!("a queue in the process is {} full", percent(share)),
    ),
    warning("DccdSeriesStale", "series", Test::Stale, |age| format!("its newest row is {} old", length(age))),
    warning(
        "DccdQueueBacklog",
        "queue",
        Test::Age { family: "dccd_task_oldest_due_timestamp_seconds", value: "900" },
        |age| format!("a task has been due for {}", length(age)),
    ),
    warning("DccdTasksExhausted", "tasks", only("dccd_tasks", ("status", "exhausted"), ">", "0"), |tasks| {
        format!("{tasks:.0} of its tasks are given up until they are retried")
    }),
    warning("DccdSeriesUnowned", "workers", level("dccd_unowned_series", ">", "0"), |series| {
        format!("{series:.0} series have no worker")
    }),
    warning("DccdBucketBehind", "remotes", level("dccd_bucket_series_waiting", ">", "0"), |series| {
        format!("{series:.0} series wait to be published to the bucket")
    }),
    critical(
        "DccdExchangeBanned",
        "exchange",
        Test::Left { family: "dccd_exchange_banned_until_timestamp_seconds", op: ">", value: "120" },
        |left| format!("it refuses every request for {} more", length(left)),
    ),
    warning("DccdClockSkew", "clock", level("dccd_clock_offset_seconds", ">", "1"), |offset| {
        format!("the clock differs from the exchange's by {offset:.1} s")
    }),
    warning(
        "DccdStreamRefused",
        "streams",
        only("dccd_websocket_state", ("state", "refused"), "==", "1"),
        |_| "the exchange refuses to send it".to_owned(),
    ),
    critical(
        "DccdDiskLow",
        "disk",
        share("dccd_storage_free_bytes", "dccd_storage_size_bytes", "<", "0.05"),
        |share| format!("only {} of the disk is free", percent(share)),
    ),
    warning(
        "DccdRoomNotMade",
        "disk",
        Test::Than { family: "dccd_storage_free_bytes", op: "<", other: "dccd_storage_wanted_free_bytes" },
        |free| format!("the room to keep cannot be made: {} are free", bytes(free as u64)),
    ),
    warning(
        "DccdSyncFailing",
        "remotes",
        Test::Than {
            family: "dccd_sync_consecutive_errors",
            op: ">=",
            other: "dccd_config_max_consecutive_errors",
        },
        |errors| format!("{errors:.0} syncs in a row failed"),
    ),
    warning("DccdTestAlert", "alerts", level("dccd_test_alert_active", "==", "1"), |_| {
        "a fire drill, raised by `dccd alerts test`".to_owned()
    }),
];

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn length(secs: f64) -> String {
    match secs as u64 {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs / 60),
        secs @ 7_200..172_800 => format!("{} h", secs / 3_600),
        secs => format!("{} d", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::freshness::{INTERVALS, MORE_OF_TRADES_SECS, MORE_SECS};
    use super::*;

    const ALERTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/alerts.yml"));
    const RECORDING: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/recording.yml"));

    /// On one line, without the selector of the scrape job, and with the families of recorded names.
    fn plain(text: &str) -> String {
        let text = text.replace("{job=\"dccd\"}", "").replace("job=\"dccd\", ", "").replace(['(', ')'], " ");
        let held = |word: &str| {
            word.strip_suffix(":held").and_then(|name| name.split(':').nth(1).map(str::to_owned))
        };
        let words = text.split_whitespace().map(|word| held(word).unwrap_or_else(|| word.to_owned()));
        words.collect::<Vec<_>>().join(" ")
    }

    /// The alerts of the file by name, each with its severity and its text.
    fn shipped() -> HashMap<&'static str, &'static str> {
        let alerts = ALERTS.split("- alert: ").skip(1);
        alerts.map(|alert| alert.split_once('\n').unwrap()).map(|(name, rest)| (name.trim(), rest)).collect()
    }

    /// The test as the rules have it.
    fn written(test: &Test) -> Vec<String> {
        match test {
            Test::Level { family, only: None, op, value } => vec![format!("{family} {op} {value}")],
            Test::Level { family, only: Some((label, wanted)), op, value } => {
                vec![format!("{family}{{{label}=\"{wanted}\"}}"), format!("{op} {value}")]
            }
            Test::Share { family, of, op, value } => {
                vec![format!("{family} / {of}"), format!("{op} {value}")]
            }
            Test::Age { family, value } => vec![format!("time - {family}"), format!("> {value}")],
            Test::Left { family, op, value } => vec![(*family).to_owned(), format!("{op} {value}")],
            Test::Than { family, op, other } => {
                vec![(*family).to_owned(), format!("{op}"), (*other).to_owned()]
            }
            Test::Stale => vec![
                "series:dccd_row_age:seconds > on".to_owned(),
                "time - process_start_time_seconds > 900".to_owned(),
            ],
        }
    }

    #[test]
    fn every_rule_has_the_name_the_severity_and_the_threshold_of_the_shipped_one() {
        let (shipped, recorded) = (shipped(), plain(ALERTS.split("- alert: DccdDiskFull").next().unwrap()));
        for rule in RULES {
            let own = shipped.get(rule.name).unwrap_or_else(|| panic!("no alert {}", rule.name));
            let text = plain(own);
            assert!(text.contains(&format!("severity: {}", rule.severity)), "{}", rule.name);
            for part in written(&rule.test) {
                let part = plain(&part);
                // Some are written into a recorded name first.
                assert!(text.contains(&part) || recorded.contains(&part), "{}: {part} in {text}", rule.name);
            }
        }
    }

    #[test]
    fn series_are_stale_from_the_age_on_that_the_shipped_rules_say() {
        let text = plain(RECORDING);

        for (kind, more) in [("!=", MORE_SECS), ("=", MORE_OF_TRADES_SECS)] {
            let part = format!(
                "{INTERVALS} * dccd_series_expected_interval_seconds{{kind{kind}\"trades\"}} > 0 + {more}"
            );
            assert!(text.contains(&part), "{part} in {text}");
        }
    }
}
