//! The metrics as Prometheus reads them.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails its test")]

mod needs;
mod open_metrics;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dccd::model::{Kind, Micros, OddFault, OddRow, Series, Window};
use dccd::telemetry::events::*;
use dccd::telemetry::exposition::{Format, encode};
use dccd::telemetry::{
    Discard, JobCounts, LiveState, Reason, Refusal, RunRecord, ScrapeRefusal, SignInOutcome, StorageReason,
    SyncReason, Telemetry, exposition,
};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::proto::MetricType;
use tracing_subscriber::layer::SubscriberExt;

const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";
const LABELS: &str = r#"exchange="binance",kind="ohlc",pair="BTC/USDT",span="1h""#;
const TOOK: Duration = Duration::from_millis(30);
const AT: Micros = Micros::from_secs(1_747_440_000);

#[test]
fn promtool_finds_nothing_wrong_with_any_family() {
    if !needs::programs(&["promtool"]) {
        return;
    }
    let telemetry = declared();
    emit_every_event(&telemetry);

    let findings = lint(&exposed(&telemetry));

    assert_eq!(findings, "");
}

#[test]
fn openmetrics_is_what_its_specification_says_and_says_what_the_text_says() {
    let telemetry = declared();
    emit_every_event(&telemetry);

    let open = open_metrics::read(&encode(telemetry.metrics(), Format::OpenMetrics).unwrap());

    let named = |name: &str, labels: &BTreeMap<String, String>| {
        let labels = labels.iter().map(|(name, value)| match (name.as_str(), value.parse::<f64>()) {
            ("le", Ok(bound)) => (name.clone(), bound.to_string()),
            _ => (name.clone(), value.clone()),
        });
        format!("{name} {:?}", labels.collect::<BTreeMap<_, _>>())
    };
    let said: BTreeMap<String, f64> = open
        .values()
        .flat_map(|family| &family.samples)
        .map(|sample| (named(&sample.name, &sample.labels), sample.value))
        .collect();
    // The text is a subset of OpenMetrics but for its names of families.
    let text: BTreeMap<String, f64> = samples(&telemetry)
        .iter()
        .map(|(name, value)| {
            let read = open_metrics::sample(&format!("{name} {value}"));
            (named(&read.name, &read.labels), read.value)
        })
        .collect();
    let ours = |all: &BTreeMap<String, f64>| -> Vec<(String, f64)> {
        all.iter()
            .filter(|(name, _)| name.starts_with("dccd_"))
            .map(|(name, value)| (name.clone(), *value))
            .collect()
    };
    assert_eq!(ours(&said), ours(&text));
    assert_eq!(open["dccd_build"].kind, "info");
    assert_eq!(open["dccd_http_response_bytes"].unit.as_deref(), Some("bytes"));
    assert_eq!(open["process_cpu_seconds"].kind, "counter");
    assert!(open.values().flat_map(|family| &family.samples).all(|sample| sample.exemplar.is_none()));
}

#[test]
fn what_is_measured_inside_a_trace_names_it_in_its_bucket() {
    let telemetry = declared();
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let mut trace = String::new();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _span = tracing::info_span!("run").entered();
        trace = dccd::telemetry::trace::current().unwrap().0.to_string();
        emit_every_event(&telemetry);
    });
    assert_eq!(dccd::telemetry::trace::current(), None);
    emit_every_event(&telemetry);

    let open = open_metrics::read(&encode(telemetry.metrics(), Format::OpenMetrics).unwrap());

    for name in [
        "dccd_job_run_duration_seconds",
        "dccd_http_request_duration_seconds",
        "dccd_storage_publish_duration_seconds",
    ] {
        let buckets = open[name].samples.iter().filter_map(|sample| sample.exemplar.as_ref());
        let said: Vec<(&str, f64)> =
            buckets.map(|exemplar| (exemplar.labels["trace_id"].as_str(), exemplar.value)).collect();
        assert_eq!(said, [(trace.as_str(), TOOK.as_secs_f64())], "{name}");
    }
    assert!(!exposed(&telemetry).contains(&trace), "the text format has no exemplars");
    telemetry.forget_series(&series(HOURLY));
    telemetry.declare_series(&series(HOURLY), "job-0", Duration::from_secs(3_600));
    let again = encode(telemetry.metrics(), Format::OpenMetrics).unwrap();
    let of_runs = again.lines().filter(|line| line.starts_with("dccd_job_run_duration_seconds"));
    assert!(of_runs.clone().count() > 0 && of_runs.clone().all(|line| !line.contains(&trace)));
}

#[test]
fn how_a_remote_stands_is_shown_before_its_first_sync_and_every_label_set_from_the_start() {
    let telemetry = declared();
    telemetry.emit(remote_known(4, Some(AT)));

    let shown = samples(&telemetry);
    for (family, value) in [
        ("sync_runs_total", "0"),
        ("sync_consecutive_errors", "4"),
        ("sync_interval_seconds", "3600"),
        ("sync_last_success_timestamp_seconds", "1747440000"),
        ("sync_pending_files", "7"),
        ("sync_pending_bytes", "70"),
        ("sync_copied_bytes_total", "0"),
        ("sync_duration_seconds_count", "0"),
    ] {
        assert_eq!(shown[&format!("dccd_{family}{{remote=\"nas:crypto\"}}")], value, "{family}");
    }
    for reason in SyncReason::ALL {
        for family in ["sync_failures_total", "restore_failures_total"] {
            assert_eq!(shown[&format!("dccd_{family}{{reason=\"{reason}\",remote=\"nas:crypto\"}}")], "0");
        }
    }
}

#[test]
fn every_family_that_is_gathered_is_listed_and_the_list_holds_nothing_else() {
    let telemetry = declared();
    emit_every_event(&telemetry);

    let listed = telemetry.metrics().families();

    let said: Vec<_> = listed
        .iter()
        .map(|family| {
            let labels: BTreeSet<String> = family.labels.iter().cloned().collect();
            (family.name.clone(), family.kind, labels, family.help.clone())
        })
        .collect();
    let gathered: Vec<_> = telemetry
        .metrics()
        .gather()
        .iter()
        .map(|family| {
            let kind = match family.get_field_type() {
                MetricType::COUNTER => "counter",
                MetricType::GAUGE => "gauge",
                MetricType::HISTOGRAM => "histogram",
                other => panic!("{other:?}"),
            };
            let labels =
                family.get_metric()[0].get_label().iter().map(|pair| pair.name().to_owned()).collect();
            (family.name().to_owned(), kind, labels, family.help().to_owned())
        })
        .collect();
    // A family whose label sets come with remotes or tasks, of which none are configured, has no sample yet.
    let unseen: Vec<_> = said.iter().filter(|family| !gathered.contains(family)).collect();
    assert!(unseen.iter().all(|(.., labels, _)| !labels.is_empty()), "{unseen:#?}");
    let unlisted: Vec<_> = gathered.iter().filter(|family| !said.contains(family)).collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    assert!(listed.iter().all(|family| !family.help.is_empty() && family.help.ends_with('.')));
    let unused = Telemetry::new();
    assert_eq!(unused.metrics().families(), listed, "a family without a sample is listed too");
}

#[test]
fn the_last_series_of_an_exchange_takes_its_label_sets_along_until_it_comes_again() {
    let telemetry = declared();
    let trades = series("binance/BTC-USDT/trades");
    telemetry.declare_series(&trades, "job-1", Duration::from_secs(60));
    let before = keys(&telemetry);

    telemetry.forget_series(&series(HOURLY));
    let with_trades = keys(&telemetry);
    telemetry.forget_series(&trades);
    let without = keys(&telemetry);
    telemetry.declare_series(&series(HOURLY), "job-0", Duration::from_secs(3_600));
    telemetry.metrics().declare_stream(&series(HOURLY));
    telemetry.declare_series(&trades, "job-1", Duration::from_secs(60));

    let of_candles = |name: &&String| name.contains("kind=\"ohlc\"") && name.contains("exchange=");
    assert_eq!(with_trades.iter().filter(of_candles).count(), 0);
    assert!(with_trades.iter().any(|name| name.starts_with("dccd_http_requests_total{")));
    // Tasks of an exchange may outlive its last job.
    let is_of_tasks = |name: &&String| name.starts_with("dccd_task");
    let left: Vec<_> =
        without.iter().filter(|name| name.contains("binance")).filter(|name| !is_of_tasks(name)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(keys(&telemetry), before);
}

#[test]
fn every_declared_label_set_is_at_0_before_any_event() {
    let telemetry = declared();

    let samples = samples(&telemetry);

    let mut expected: Vec<String> =
        S_FAMILIES.iter().map(|name| format!("dccd_{name}{{{LABELS}}}")).collect();
    expected.extend(
        ["covered", "gap", "empty", "unfillable"]
            .map(|state| format!("dccd_series_coverage_seconds{{{LABELS},state=\"{state}\"}}")),
    );
    for reason in Reason::ALL {
        expected.push(format!(
            r#"dccd_job_failures_total{{exchange="binance",kind="ohlc",pair="BTC/USDT",reason="{reason}"}}"#
        ));
        expected.push(format!(
            r#"dccd_http_request_failures_total{{endpoint="ohlc",exchange="binance",reason="{reason}"}}"#
        ));
    }
    for reason in Discard::ALL {
        expected.push(format!(
            r#"dccd_rows_discarded_total{{exchange="binance",kind="ohlc",reason="{reason}"}}"#
        ));
    }
    for fault in OddFault::ALL.map(OddFault::name) {
        expected
            .push(format!(r#"dccd_rows_set_aside_total{{exchange="binance",fault="{fault}",kind="ohlc"}}"#));
    }
    expected.push(r#"dccd_listing_entries_odd_total{exchange="binance"}"#.to_owned());
    for state in ["connecting", "live", "stale", "refused"] {
        expected.push(format!("dccd_websocket_state{{{LABELS},state=\"{state}\"}}"));
    }
    for reason in ["reset", "silent", "stale", "lifetime", "notice"] {
        let labels = format!(r#"exchange="binance",line="spot",reason="{reason}""#);
        expected.push(format!("dccd_websocket_disconnects_total{{{labels}}}"));
    }
    for reason in ["left_out", "not_sent", "restarted", "overdue", "doubtful", "reconnect", "start", "shed"] {
        let labels = format!(r#"exchange="binance",kind="ohlc",reason="{reason}""#);
        expected.push(format!("dccd_websocket_holes_total{{{labels}}}"));
    }
    for reason in StorageReason::ALL {
        expected.push(format!(r#"dccd_storage_publish_failures_total{{kind="ohlc",reason="{reason}"}}"#));
    }
    for code in ["200", "429", "418", "403", "500", "none"] {
        expected
            .push(format!(r#"dccd_http_requests_total{{code="{code}",endpoint="ohlc",exchange="binance"}}"#));
    }
    for status in ["waiting", "running", "retrying", "paused", "failed"] {
        expected.push(format!(r#"dccd_jobs{{status="{status}"}}"#));
    }
    for level in ["error", "warn", "info", "debug", "trace"] {
        expected.push(format!(r#"dccd_log_messages_total{{level="{level}"}}"#));
    }
    expected.extend(AT_ZERO.iter().map(ToString::to_string));
    let not_at_zero: Vec<_> =
        expected.iter().filter(|name| samples.get(*name).map(String::as_str) != Some("0")).collect();
    assert!(not_at_zero.is_empty(), "{not_at_zero:#?}");
}

#[test]
fn no_event_makes_a_label_set_that_was_not_there_before() {
    let telemetry = declared();
    let before: Vec<String> = samples(&telemetry).into_keys().collect();

    emit_every_event(&telemetry);

    let after: Vec<String> = samples(&telemetry).into_keys().collect();
    assert_eq!(after, before);
}

#[test]
fn events_are_seen_in_the_metrics_they_speak_of() {
    let telemetry = declared();

    emit_every_event(&telemetry);

    let samples = samples(&telemetry);
    let expected = [
        (format!("dccd_job_runs_total{{{LABELS}}}"), "5"),
        (format!("dccd_job_consecutive_errors{{{LABELS}}}"), "1"),
        (format!("dccd_job_last_run_timestamp_seconds{{{LABELS}}}"), "1747440060"),
        (format!("dccd_job_last_success_timestamp_seconds{{{LABELS}}}"), "1747440000"),
        (format!("dccd_rows_fetched_total{{{LABELS}}}"), "12"),
        (format!("dccd_rows_written_total{{{LABELS}}}"), "9"),
        (format!("dccd_candle_revisions_total{{{LABELS}}}"), "2"),
        (format!("dccd_candles_derived_total{{{LABELS}}}"), "4"),
        (format!("dccd_series_newest_row_timestamp_seconds{{{LABELS}}}"), "1747440000"),
        (format!("dccd_series_oldest_row_timestamp_seconds{{{LABELS}}}"), "0"),
        (format!("dccd_series_gaps{{{LABELS}}}"), "3"),
        (format!("dccd_series_coverage_seconds{{{LABELS},state=\"empty\"}}"), "30.5"),
        (
            r#"dccd_job_failures_total{exchange="binance",kind="ohlc",pair="BTC/USDT",reason="timeout"}"#
                .into(),
            "1",
        ),
        (r#"dccd_rows_discarded_total{exchange="binance",kind="ohlc",reason="unclosed"}"#.into(), "1"),
        (r#"dccd_rows_set_aside_total{exchange="binance",fault="off_grid",kind="ohlc"}"#.into(), "3"),
        (r#"dccd_listing_entries_odd_total{exchange="binance"}"#.into(), "2"),
        (r#"dccd_http_requests_total{code="429",endpoint="ohlc",exchange="binance"}"#.into(), "1"),
        (r#"dccd_http_requests_total{code="none",endpoint="ohlc",exchange="binance"}"#.into(), "1"),
        (
            r#"dccd_http_request_failures_total{endpoint="ohlc",exchange="binance",reason="timeout"}"#.into(),
            "1",
        ),
        (r#"dccd_http_request_duration_seconds_count{endpoint="ohlc",exchange="binance"}"#.into(), "2"),
        (r#"dccd_ratelimit_throttled_total{exchange="binance"}"#.into(), "1"),
        (r#"dccd_exchange_up{exchange="binance"}"#.into(), "1"),
        (r#"dccd_storage_file_size_bytes_bucket{kind="ohlc",le="16384"}"#.into(), "1"),
        (r#"dccd_storage_buffered_rows{kind="ohlc"}"#.into(), "44"),
        (r#"dccd_jobs{status="retrying"}"#.into(), "7"),
        (r#"dccd_holes_repaired_total{exchange="binance",kind="ohlc",outcome="filled"}"#.into(), "2"),
        ("dccd_storage_quarantined_files_total".into(), "1"),
        ("dccd_storage_adopted_files_total".into(), "1"),
        (r#"dccd_server_requests_refused_total{reason="guessing"}"#.into(), "1"),
        (r#"dccd_server_sign_ins_total{outcome="too_many"}"#.into(), "1"),
        (r#"dccd_server_scrapes_refused_total{reason="late"}"#.into(), "1"),
        ("dccd_server_connections".into(), "1"),
        ("dccd_server_scrape_duration_seconds_count".into(), "1"),
        ("dccd_server_certificate_expiry_timestamp_seconds".into(), "1747440000"),
        ("dccd_web_config_last_reload_successful".into(), "0"),
        ("dccd_storage_free_bytes".into(), "10"),
        ("dccd_storage_publish_refused".into(), "1"),
        ("dccd_status_file_write_failures_total".into(), "1"),
        (r#"dccd_config_loads_total{outcome="refused"}"#.into(), "1"),
        (format!("dccd_websocket_state{{{LABELS},state=\"stale\"}}"), "1"),
        (format!("dccd_websocket_state{{{LABELS},state=\"live\"}}"), "0"),
        (format!("dccd_websocket_last_message_timestamp_seconds{{{LABELS}}}"), "1747440000"),
        (format!("dccd_websocket_stale_total{{{LABELS}}}"), "2"),
        (r#"dccd_websocket_rows_total{exchange="binance",kind="ohlc"}"#.into(), "6"),
        (format!("dccd_websocket_covered_seconds_total{{{LABELS}}}"), "120"),
        (r#"dccd_websocket_event_lag_seconds_sum{exchange="binance",kind="ohlc"}"#.into(), "0.06"),
        (r#"dccd_websocket_accept_seconds_sum{exchange="binance"}"#.into(), "0.03"),
        ("dccd_websocket_waiting_bytes".into(), "7"),
        ("dccd_websocket_waiting_limit_bytes".into(), "24"),
        (r#"dccd_websocket_messages_total{exchange="binance",line="spot"}"#.into(), "9"),
        (r#"dccd_websocket_rows_repeated_total{exchange="binance",line="spot"}"#.into(), "3"),
        (
            r#"dccd_websocket_messages_ignored_total{exchange="binance",line="spot",reason="unasked"}"#
                .into(),
            "2",
        ),
        (r#"dccd_websocket_parse_errors_total{exchange="binance",line="spot"}"#.into(), "1"),
        (r#"dccd_websocket_connects_total{exchange="binance",line="spot"}"#.into(), "1"),
        (r#"dccd_websocket_connect_failures_total{exchange="binance",line="spot",reason="tls"}"#.into(), "1"),
        (r#"dccd_websocket_disconnects_total{exchange="binance",line="spot",reason="silent"}"#.into(), "1"),
        (r#"dccd_websocket_holes_total{exchange="binance",kind="ohlc",reason="reconnect"}"#.into(), "1"),
        (r#"dccd_websocket_holes_closed_total{exchange="binance",kind="ohlc"}"#.into(), "1"),
        (r#"dccd_websocket_holes_refilled_total{exchange="binance",kind="ohlc"}"#.into(), "1"),
        (r#"dccd_websocket_refilled_rows_total{exchange="binance",kind="ohlc"}"#.into(), "8"),
        (r#"dccd_rows_discarded_total{exchange="binance",kind="ohlc",reason="invalid"}"#.into(), "1"),
        (r#"dccd_stream_mismatches_total{exchange="binance",kind="ohlc"}"#.into(), "6"),
        (format!("dccd_job_paused{{{LABELS}}}"), "1"),
        ("dccd_health_file_write_failures_total".into(), "1"),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(&name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn spans_of_one_pair_share_their_failures_and_nothing_else() {
    let telemetry = declared();
    let daily = series("binance/BTC-USDT/ohlc/1d");
    telemetry.declare_series(&daily, "job-1", Duration::from_secs(86_400));
    telemetry.emit(job_failed(&daily, &io::Error::other("no")));
    telemetry.emit(job_failed(&series(HOURLY), &io::Error::other("no")));

    let samples = samples(&telemetry);

    let failures =
        r#"dccd_job_failures_total{exchange="binance",kind="ohlc",pair="BTC/USDT",reason="timeout"}"#;
    assert_eq!(samples[failures], "2");
    assert_eq!(samples[&format!("dccd_job_runs_total{{{LABELS}}}")], "1");
}

#[test]
fn a_series_is_expected_as_often_as_rows_can_come_and_never_where_nothing_collects_it_by_itself() {
    let telemetry = Telemetry::new();
    let minute = Duration::from_secs(60);
    for (text, every) in [
        (HOURLY, minute),
        ("binance/BTC-USDT/ohlc/1m", Duration::from_secs(300)),
        ("binance/BTC-USDT/ohlc/1d", Duration::ZERO),
        ("binance/BTC-USDT/trades", minute),
        ("binance/BTC-USDT_PERP/funding", Duration::from_secs(3_600)),
    ] {
        telemetry.declare_series(&series(text), "job", every);
    }

    let samples = samples(&telemetry);
    let expected: Vec<(&str, &str)> = samples
        .iter()
        .filter_map(|(name, value)| {
            let labels = name.strip_prefix("dccd_series_expected_interval_seconds{exchange=\"binance\",")?;
            Some((labels.trim_end_matches('}'), value.as_str()))
        })
        .collect();
    assert_eq!(
        expected,
        [
            (r#"kind="funding",pair="BTC/USDT:perp",span="""#, "28800"),
            (r#"kind="ohlc",pair="BTC/USDT",span="1d""#, "0"),
            (r#"kind="ohlc",pair="BTC/USDT",span="1h""#, "3600"),
            (r#"kind="ohlc",pair="BTC/USDT",span="1m""#, "300"),
            (r#"kind="trades",pair="BTC/USDT",span="""#, "60"),
        ]
    );
}

#[test]
fn a_run_shows_since_when_it_is_under_way_until_it_ends_however_it_ends() {
    let telemetry = declared();
    let lease = || samples(&telemetry)[&format!("dccd_job_lease_timestamp_seconds{{{LABELS}}}")].clone();
    let series = &series(HOURLY);
    let ends: [&dyn Fn(); 3] = [
        &|| telemetry.emit(JobSucceeded { series, rows: 0, took: TOOK, at: AT }),
        &|| telemetry.emit(job_failed(series, &io::Error::other("no"))),
        &|| telemetry.emit(JobStopped { series, rows: 0, took: TOOK }),
    ];
    for end in ends {
        telemetry.emit(JobStarted { series, delay: TOOK });
        let running: f64 = lease().parse().unwrap();
        end();

        assert!(running > 1.7e9, "{running}");
        assert_eq!(lease(), "0");
    }
}

#[test]
fn a_fire_drill_raises_its_gauge_until_it_is_lowered_or_its_time_is_over() {
    let telemetry = declared();
    let active = || samples(&telemetry)["dccd_test_alert_active"].clone();
    telemetry.emit(TestAlertSet { lasting: Duration::from_secs(3_600) });
    let raised = active();
    telemetry.emit(TestAlertSet { lasting: Duration::ZERO });
    let lowered = active();
    telemetry.emit(TestAlertSet { lasting: Duration::from_nanos(1) });

    assert_eq!([raised, lowered, active()], ["1", "0", "0"]);
}

#[test]
fn a_forgotten_series_has_no_metrics_and_declaring_it_again_starts_at_0() {
    let telemetry = declared();
    emit_every_event(&telemetry);

    telemetry.forget_series(&series(HOURLY));
    let forgotten = exposed(&telemetry);
    telemetry.declare_series(&series(HOURLY), "job-0", Duration::from_secs(3_600));

    assert!(!forgotten.contains(LABELS), "{forgotten}");
    assert_eq!(samples(&telemetry)[&format!("dccd_rows_written_total{{{LABELS}}}")], "0");
}

#[test]
fn a_series_beyond_the_limit_is_refused_and_counted_and_shown_nowhere() {
    let telemetry = declared();
    for number in 1..1_000 {
        telemetry.declare_series(&series(&format!("binance/A{number}-USDT/trades")), "job", Duration::ZERO);
    }
    let other = series("binance/ETH-USDT/trades");

    telemetry.declare_series(&other, "job-1", Duration::from_secs(60));
    telemetry.emit(RowsFetched { series: &other, rows: 5 });

    let samples = samples(&telemetry);
    assert_eq!(samples[r#"dccd_metrics_series_dropped_total{family="series"}"#], "2");
    assert_eq!(samples["dccd_metrics_series"], "1000");
    assert!(!samples.keys().any(|name| name.contains("ETH")));
}

#[test]
fn state_restored_from_the_store_shows_whether_the_series_is_declared_before_or_after() {
    let earlier = Telemetry::new();
    for text in [HOURLY, "kraken/ETH-USD/trades"] {
        let outcome = RunRecord { rows: 1, error: Some("no answer".to_owned()), at: AT };
        earlier.health().record_run(&series(text), outcome);
    }

    let telemetry = declared();
    telemetry.restore(earlier.health().series());
    telemetry.declare_series(&series("kraken/ETH-USD/trades"), "job-1", Duration::from_secs(60));

    let samples = samples(&telemetry);
    for labels in [LABELS, r#"exchange="kraken",kind="trades",pair="ETH/USD",span="""#] {
        assert_eq!(samples[&format!("dccd_job_consecutive_errors{{{labels}}}")], "1");
        assert_eq!(samples[&format!("dccd_job_last_run_timestamp_seconds{{{labels}}}")], "1747440000");
    }
}

#[test]
fn the_configuration_and_the_build_are_shown() {
    let telemetry = declared();
    telemetry.metrics().show_config("old", 3);
    telemetry.metrics().show_config("abc123", 5);

    let samples = samples(&telemetry);

    assert_eq!(samples[r#"dccd_config_info{hash="abc123"}"#], "1");
    assert!(!samples.contains_key(r#"dccd_config_info{hash="old"}"#));
    assert_eq!(samples["dccd_config_max_consecutive_errors"], "5");
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(samples.iter().any(|(name, value)| {
        name.starts_with("dccd_build_info{") && name.contains(&version) && value == "1"
    }));
    assert!(samples["process_cpu_seconds_total"].parse::<f64>().unwrap() >= 0.0);
}

/// A series beyond the limit is counted with others of its exchange only.
#[test]
fn a_stream_without_metrics_of_its_own_is_counted_with_its_exchange() {
    let telemetry = declared();
    let trades = series("binance/BTC-USDT/trades");
    telemetry.metrics().declare_stream(&trades);

    telemetry.emit(StreamState { series: &trades, state: LiveState::Live });
    let (heard, lag) = (None, Some(TOOK));
    telemetry.emit(StreamAccepted { series: &trades, rows: 1, heard, lag, took: TOOK, at: AT });

    let samples = samples(&telemetry);
    assert!(!samples.keys().any(|name| name.contains("kind=\"trades\",pair=")));
    assert_eq!(samples[r#"dccd_websocket_event_lag_seconds_count{exchange="binance",kind="trades"}"#], "1");
    assert_eq!(samples[r#"dccd_websocket_accept_seconds_count{exchange="binance"}"#], "1");
}

#[test]
fn a_stream_that_is_no_more_takes_its_label_sets_along_and_leaves_those_of_its_series() {
    let telemetry = declared();
    emit_every_event(&telemetry);
    let before = keys(&telemetry);

    telemetry.metrics().forget_stream(&series(HOURLY));
    let without = keys(&telemetry);
    telemetry.metrics().declare_stream(&series(HOURLY));

    // The budget of waiting rows is no stream's.
    let is_live =
        |name: &&String| (name.contains("_websocket_") && name.contains('{')) || name.contains("_stream_");
    assert_eq!(without.iter().filter(is_live).count(), 0);
    assert!(without.contains(&format!("dccd_rows_written_total{{{LABELS}}}")));
    assert_eq!(keys(&telemetry), before);
    assert_eq!(samples(&telemetry)[&format!("dccd_websocket_stale_total{{{LABELS}}}")], "0");
}

#[test]
fn a_minute_covered_is_a_success_of_the_series_with_the_rows_that_came() {
    let telemetry = declared();
    let hourly = &series(HOURLY);
    telemetry.emit(job_failed(hourly, &io::Error::other("no answer")));
    telemetry.emit(StreamAccepted { series: hourly, rows: 6, heard: None, lag: None, took: TOOK, at: AT });

    telemetry.emit(StreamCovered { series: hourly, minutes: 1, rows: 5 });
    telemetry.emit(StreamCovered { series: hourly, minutes: 1, rows: 1 });

    let health = telemetry.health().of(hourly).unwrap();
    assert_eq!((health.rows, health.consecutive_errors, health.last_error), (6, 0, None));
    assert_eq!(samples(&telemetry)[&format!("dccd_job_consecutive_errors{{{LABELS}}}")], "0");
}

#[test]
fn a_connection_that_covered_nothing_is_a_failure_of_the_series_and_ends_no_run_beside_it() {
    let telemetry = declared();
    let hourly = &series(HOURLY);
    telemetry.emit(JobStarted { series: hourly, delay: TOOK });

    telemetry.emit(StreamUncovered { series: hourly, reason: Reason::Connect, error: &"reset" });

    let health = telemetry.health().of(hourly).unwrap();
    assert_eq!((health.consecutive_errors, health.last_error.as_deref()), (1, Some("reset")));
    let samples = samples(&telemetry);
    let failures =
        r#"dccd_job_failures_total{exchange="binance",kind="ohlc",pair="BTC/USDT",reason="connect"}"#;
    assert_eq!(samples[failures], "1");
    assert_ne!(samples[&format!("dccd_job_lease_timestamp_seconds{{{LABELS}}}")], "0");
}

#[test]
fn a_book_counts_its_breaks_and_is_out_of_step_until_it_is_in_step_again() {
    let telemetry = declared();
    let book = &series("binance/BTC-USDT/orderbook");
    telemetry.declare_series(book, "job-1", Duration::from_secs(60));
    telemetry.metrics().declare_stream(book);
    let of = |family: &str| {
        let own = samples(&telemetry);
        own.iter().find(|(name, _)| name.starts_with(&format!("dccd_book_{family}{{"))).unwrap().1.clone()
    };
    let window = Window::new(Micros(0), AT).unwrap();
    assert_eq!([of("in_step"), of("breaks_total")], ["0", "0"]);

    telemetry.emit(BookInStep { series: book, gap: None });
    assert_eq!([of("in_step"), of("breaks_total")], ["1", "0"]);
    for reason in ["checksum", "shed"] {
        telemetry.emit(BookOutOfStep { series: book, reason });
    }
    telemetry.emit(BookResyncsFailed { exchange: "binance", count: 2 });

    assert_eq!([of("in_step"), of("breaks_total"), of("failed_resyncs_total")], ["0", "1", "2"]);
    let samples_now = samples(&telemetry);
    let resyncs = |reason: &str| {
        samples_now[&format!(r#"dccd_book_resyncs_total{{exchange="binance",reason="{reason}"}}"#)].clone()
    };
    assert_eq!(["checksum", "shed", "crossed"].map(resyncs), ["1", "1", "0"]);
    telemetry.emit(BookInStep { series: book, gap: Some(("checksum", window)) });
    assert_eq!(of("in_step"), "1");
    assert!(of("out_of_step_seconds_total").parse::<f64>().unwrap() >= 0.0);
}

#[test]
fn a_stream_that_the_exchange_refuses_says_so() {
    let telemetry = declared();
    telemetry.emit(StreamState { series: &series(HOURLY), state: LiveState::Live });

    telemetry.emit(StreamRefused { series: &series(HOURLY), words: "no such symbol" });

    let samples = samples(&telemetry);
    let state = |state| samples[&format!("dccd_websocket_state{{{LABELS},state=\"{state}\"}}")].clone();
    assert_eq!(["connecting", "live", "stale", "refused"].map(state), ["0", "0", "0", "1"]);
    assert_eq!(samples[r#"dccd_websocket_refusals_total{exchange="binance",kind="ohlc"}"#], "1");
}

const S_FAMILIES: [&str; 16] = [
    "websocket_last_message_timestamp_seconds",
    "websocket_stale_total",
    "websocket_covered_seconds_total",
    "job_paused",
    "job_consecutive_errors",
    "job_runs_total",
    "job_last_run_timestamp_seconds",
    "job_last_success_timestamp_seconds",
    "rows_fetched_total",
    "rows_written_total",
    "candle_revisions_total",
    "candles_derived_total",
    "series_newest_row_timestamp_seconds",
    "series_oldest_row_timestamp_seconds",
    "series_gap_seconds",
    "series_gaps",
];

const AT_ZERO: [&str; 52] = [
    r#"dccd_websocket_rows_total{exchange="binance",kind="ohlc"}"#,
    r#"dccd_stream_mismatches_total{exchange="binance",kind="ohlc"}"#,
    r#"dccd_websocket_accept_seconds_count{exchange="binance"}"#,
    r#"dccd_websocket_connect_failures_total{exchange="binance",line="spot",reason="dns"}"#,
    r#"dccd_websocket_connects_total{exchange="binance",line="spot"}"#,
    r#"dccd_websocket_event_lag_seconds_count{exchange="binance",kind="ohlc"}"#,
    r#"dccd_websocket_holes_closed_total{exchange="binance",kind="ohlc"}"#,
    r#"dccd_websocket_holes_refilled_total{exchange="binance",kind="ohlc"}"#,
    r#"dccd_websocket_messages_ignored_total{exchange="binance",line="spot",reason="unknown"}"#,
    r#"dccd_websocket_messages_total{exchange="binance",line="spot"}"#,
    r#"dccd_websocket_parse_errors_total{exchange="binance",line="spot"}"#,
    r#"dccd_websocket_refilled_rows_total{exchange="binance",kind="ohlc"}"#,
    r#"dccd_websocket_refusals_total{exchange="binance",kind="ohlc"}"#,
    r#"dccd_websocket_rows_repeated_total{exchange="binance",line="spot"}"#,
    "dccd_config_settings_awaiting_restart",
    r#"dccd_config_loads_total{outcome="accepted"}"#,
    r#"dccd_config_loads_total{outcome="refused"}"#,
    "dccd_health_file_write_failures_total",
    r#"dccd_job_run_duration_seconds_count{exchange="binance",kind="ohlc"}"#,
    r#"dccd_job_schedule_delay_seconds_count{kind="ohlc"}"#,
    r#"dccd_http_request_duration_seconds_count{endpoint="ohlc",exchange="binance"}"#,
    r#"dccd_http_response_bytes_total{endpoint="ohlc",exchange="binance"}"#,
    r#"dccd_http_retries_total{endpoint="ohlc",exchange="binance"}"#,
    r#"dccd_ratelimit_wait_seconds_count{exchange="binance"}"#,
    r#"dccd_ratelimit_throttled_total{exchange="binance"}"#,
    r#"dccd_ratelimit_tokens{exchange="binance"}"#,
    r#"dccd_ratelimit_capacity_tokens{exchange="binance"}"#,
    r#"dccd_exchange_limited_until_timestamp_seconds{exchange="binance"}"#,
    r#"dccd_exchange_banned_until_timestamp_seconds{exchange="binance"}"#,
    r#"dccd_clock_offset_seconds{exchange="binance"}"#,
    r#"dccd_exchange_up{exchange="binance"}"#,
    r#"dccd_storage_publish_duration_seconds_count{kind="ohlc"}"#,
    r#"dccd_storage_written_bytes_total{kind="ohlc"}"#,
    r#"dccd_storage_copied_bytes_total{kind="ohlc"}"#,
    r#"dccd_storage_file_size_bytes_count{kind="ohlc"}"#,
    r#"dccd_storage_buffered_rows{kind="ohlc"}"#,
    r#"dccd_metrics_series_dropped_total{family="series"}"#,
    r#"dccd_queue_dropped_total{queue="stderr"}"#,
    r#"dccd_holes_repaired_total{exchange="binance",kind="ohlc",outcome="failed"}"#,
    r#"dccd_queue_items{queue="stderr"}"#,
    r#"dccd_queue_items{queue="history"}"#,
    r#"dccd_queue_dropped_total{queue="history"}"#,
    r#"dccd_history_lost_observations_total{reason="invalid"}"#,
    "dccd_history_write_failures_total",
    r#"dccd_server_requests_refused_total{reason="credentials"}"#,
    r#"dccd_server_sign_ins_total{outcome="ok"}"#,
    r#"dccd_server_scrapes_refused_total{reason="busy"}"#,
    "dccd_storage_quarantined_files_total",
    "dccd_storage_free_bytes",
    "dccd_storage_size_bytes",
    "dccd_scheduler_last_tick_timestamp_seconds",
    "dccd_status_file_write_failures_total",
];

fn declared() -> Telemetry {
    let telemetry = Telemetry::new();
    telemetry.metrics().show_config("abc123", 3);
    telemetry.metrics().declare_exchange("binance", &["ohlc"]);
    telemetry.declare_series(&series(HOURLY), "job-0", Duration::from_secs(3_600));
    telemetry.metrics().declare_stream(&series(HOURLY));
    telemetry.metrics().declare_line("binance", "spot");
    telemetry.emit(remote_known(0, None));
    telemetry
}

fn remote_known(consecutive_errors: u32, last_success: Option<Micros>) -> RemoteKnown<'static> {
    let interval = Some(Duration::from_secs(3_600));
    let (pending_files, pending_bytes) = (7, 70);
    let remote = "nas:crypto";
    RemoteKnown { remote, interval, consecutive_errors, last_success, pending_files, pending_bytes }
}

fn emit_every_event_of_remotes(to: &Telemetry, series: &Series, error: &io::Error) {
    let (remote, reason, took) = ("nas:crypto", SyncReason::Refused, TOOK);
    to.emit(FileCopied { remote, key: "a/b", bytes: 5 });
    to.emit(SeriesNotCopied { remote, series, error });
    to.emit(SyncFailed { remote, error, reason, consecutive_errors: 5, took });
    to.emit(FileRestored { remote, series, file: "2023.parquet", bytes: 5 });
    to.emit(FileNotRestored { remote, series, file: "2023.parquet", reason, why: "no answer" });
    to.emit(FileDropped { remote, series, period: "2023", bytes: 5 });
    to.emit(NothingToDrop { free_bytes: 1, wanted_bytes: 2 });
    to.emit(RemoteOnlyCounted { files: 1, bytes: 5 });
}

fn emit_every_event_of_streams(to: &Telemetry, series: &Series, error: &io::Error) {
    let (exchange, line, lived) = ("binance", "spot", TOOK);
    to.emit(StreamConnecting { exchange, line });
    to.emit(StreamFailed { exchange, line, reason: "tls", error });
    to.emit(StreamConnected { exchange, line });
    for state in LiveState::ALL {
        to.emit(StreamState { series, state });
    }
    to.emit(StreamState { series, state: LiveState::Stale });
    to.emit(StreamsWaiting { bytes: 7, most: 24 });
    to.emit(StreamFrames { exchange, line, frames: 9, repeated: 3, unasked: 2, unknown: 1 });
    to.emit(StreamUnreadable { exchange, line, why: "no JSON", excerpt: "{" });
    let (heard, lag) = (Some(AT), Some(2 * TOOK));
    to.emit(StreamAccepted { series, rows: 6, heard, lag, took: TOOK, at: AT });
    to.emit(StreamCovered { series, minutes: 2, rows: 5 });
    let window = Window::new(Micros(0), AT).unwrap();
    to.emit(StreamUncovered { series, reason: Reason::Connect, error });
    to.emit(StreamHole { series, reason: "reconnect", window });
    to.emit(StreamHoleClosed { series, window });
    to.emit(StreamRefilled { series, rows: 8, windows: 1 });
    to.emit(StreamCheck { series, outcome: CheckOutcome::Postponed });
    to.emit(StreamOdd { series, row: &OddRow::new(OddFault::Value, "high below low", "[1]", None) });
    to.emit(StreamMismatch { series, rows: 4 });
    to.emit(StreamEnded { exchange, line, reason: "silent", error, lived });
    to.emit(StreamEnded { exchange, line, reason: "lifetime", error, lived });
}

fn emit_every_event(to: &Telemetry) {
    let hourly = &series(HOURLY);
    let error = &io::Error::other("no answer");
    emit_every_event_of_remotes(to, hourly, error);
    emit_every_event_of_streams(to, hourly, error);
    to.emit(JobStarted { series: hourly, delay: TOOK });
    to.emit(ConfigRefused { problems: &["histo_jobs[0].span: 61".to_owned()] });
    to.emit(JobsPaused { series: std::slice::from_ref(hourly), is_paused: true });
    to.emit(HealthFileWritten { error: Some(error) });
    to.emit(JobSucceeded { series: hourly, rows: 9, took: TOOK, at: AT });
    to.emit(job_failed(hourly, error));
    let window = Window::new(Micros(0), AT).unwrap();
    to.emit(WindowFailed { series: hourly, window, attempts: 2, error });
    to.emit(RowsFetched { series: hourly, rows: 12 });
    to.emit(RowsAccepted { series: hourly, fresh: 7 });
    to.emit(RowsStored { series: hourly, rows: 9, took: TOOK });
    to.emit(RowsDiscarded { series: hourly, reason: Discard::Unclosed, rows: 1 });
    let fault = OddFault::OffGrid;
    to.emit(RowsSetAside { series: hourly, fault, rows: 3, file: Path::new("rows/x.jsonl") });
    // The second listing repeats an entry of the first.
    for entries in [&[("XAUUSDT", "its kind is not known"), ("7", "no entry")][..], &[("7", "no entry")]] {
        to.emit(ListingEntriesOdd { exchange: "binance", entries });
    }
    to.emit(CandlesRevised { series: hourly, rows: 2 });
    to.emit(CandlesDerived { series: hourly, rows: 4, trades: 1_000 });
    to.emit(RowsBuffered { kind: Kind::Ohlc, before: 0, now: 44 });
    to.emit(CoverageChanged {
        series: hourly,
        oldest: None,
        newest: Some(AT),
        covered_secs: 10.0,
        gap_secs: 20.0,
        gaps: 3,
        empty_secs: 30.5,
        unfillable_secs: 40.0,
    });
    let (exchange, endpoint) = ("binance", "ohlc");
    to.emit(RequestDone { exchange, endpoint, code: 429, took: TOOK, bytes: 20 });
    to.emit(RequestFailed { exchange, endpoint, reason: Reason::RateLimited, error, took: TOOK });
    to.emit(RequestFailed { exchange, endpoint, reason: Reason::Timeout, error, took: TOOK });
    to.emit(RequestRetried { exchange, endpoint });
    to.emit(LimitWaited { exchange, waited: Duration::ZERO });
    to.emit(LimitWaited { exchange, waited: TOOK });
    to.emit(LimitLevel { exchange, tokens: 5.5, capacity: 1200.0 });
    to.emit(Limited { exchange, until: AT });
    to.emit(Banned { exchange, until: AT });
    to.emit(ClockMeasured { exchange, offset_secs: -0.25 });
    to.emit(ExchangeUp { exchange, up: true, is_new: true });
    to.emit(FilePublished {
        series: hourly,
        rows: 9,
        written_bytes: 5_000,
        copied_bytes: 4_000,
        file_bytes: 9_000,
        took: TOOK,
    });
    to.emit(PublishFailed { series: hourly, reason: StorageReason::of(error), error });
    to.emit(HolesRepaired { series: hourly, holes: 2, rows: 5, ok: true });
    to.emit(FileMissing { series: hourly, file: Path::new("2023.parquet") });
    to.emit(FileAdopted { series: hourly, file: Path::new("2024.parquet") });
    to.emit(FileQuarantined { series: hourly, file: Path::new("2024.parquet"), why: "wrong digest" });
    to.emit(SchedulerTicked { at: AT });
    to.emit(JobsCounted(JobCounts { retrying: 7, ..JobCounts::default() }));
    to.emit(DiskMeasured { free_bytes: 10, size_bytes: 100 });
    to.emit(StorageChecked { unaccepted: None, unpublished: Some("no space") });
    to.emit(StatusFileFailed { error });
    to.emit(Scraped { took: TOOK });
    ScrapeRefusal::ALL.into_iter().for_each(|reason| to.emit(ScrapeRefused(reason)));
    Refusal::ALL.into_iter().for_each(|reason| to.emit(RequestRefused { reason, peer: None }));
    SignInOutcome::ALL.into_iter().for_each(|outcome| to.emit(SignedIn { outcome, peer: None }));
    to.emit(ConnectionsChanged { opened: true });
    to.emit(WebConfigLoaded { path: Path::new("web.yml"), certificate_expiry: Some(AT), at: AT });
    to.emit(WebConfigRefused { path: Path::new("web.yml"), error });
}

fn job_failed<'a>(series: &'a Series, error: &'a io::Error) -> JobFailed<'a> {
    let at = AT + Duration::from_secs(60);
    JobFailed { series, reason: Reason::Timeout, error, rows: 0, at, took: TOOK }
}

fn series(text: &str) -> Series {
    text.parse().unwrap()
}

fn exposed(telemetry: &Telemetry) -> String {
    exposition::text(telemetry.metrics()).unwrap()
}

fn keys(telemetry: &Telemetry) -> Vec<String> {
    samples(telemetry).into_keys().collect()
}

fn samples(telemetry: &Telemetry) -> BTreeMap<String, String> {
    let text = exposed(telemetry);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn lint(text: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let findings = [said.stdout, said.stderr].concat();
    format!("{}{}", if said.status.success() { "" } else { "refused: " }, String::from_utf8_lossy(&findings))
}
