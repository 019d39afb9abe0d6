//! Every alert and every panel, asked of a running Prometheus: each gets an answer, or says why it cannot.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::catalogue::OF_COLLECT;
use crate::dashboards;
use crate::process::{Server, ask};
use crate::promql::{names, selectors};
use crate::shipped::{alerts, recordings};

/// The prefixes of metrics of live series.
const LIVE: [&str; 3] = ["dccd_websocket_", "dccd_stream_", "dccd_book_"];

/// Parts of queries about live series that have no answer in a run whose exchange stalls once.
const SILENT_LIVE: [(&str, &str); 1] = [("ALERTS{", "nothing fires any more when it is asked")];

/// Parts of queries that have no answer in a short run of two candle series, and why.
const SILENT: [(&str, &str); 19] = [
    (LIVE[0], "the run has no live series"),
    (LIVE[1], "the run has no live series"),
    (LIVE[2], "the run has no live series"),
    ("(dccd_worker_heartbeat_timestamp_seconds{job=~", "the daemon takes no tasks yet"),
    ("(dccd_job_lease_timestamp_seconds{job=~", "no run need be under way"),
    ("dccd_sync_", "the run has no remote"),
    ("dccd_restore_", "the run has no remote"),
    ("dccd_task_oldest_due_timestamp_seconds{", "no task waits"),
    ("alertmanager_notifications_failed_total[", "no notification fails"),
    ("-deriv(", "the disk need not be filling"),
    ("ALERTS{", "nothing fires any more when it is asked"),
    (
        "dccd_series_gap_seconds{job=~\".+\", instance=~\".+\", exchange=~\".+\", pair=~\".+\", kind=~\".+\"} > 0",
        "nothing is missing",
    ),
    ("(increase(dccd_rows_set_aside_total{", "every row can be true"),
    ("kind=\"trades\"", "the run has no series of trades"),
    ("series:dccd_job_consecutive_errors:at_threshold", "there is one only while runs fail"),
    ("exchange:dccd_failures:reported", "there is one only while runs fail"),
    ("exchange:dccd_exchange_banned:active", "no exchange need ban anybody"),
    ("instance:dccd_storage:full", "the disk need not be full"),
    ("instance:dccd_storage:refusing", "the disk need not refuse anything"),
];

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {}

/// Each selector of each rule finds samples, and each query of each panel gives some.
pub(crate) async fn assert_answers(prometheus: &Server) {
    assert_none_is_silent(prometheus, |query| excuse(query).is_none()).await;
}

/// The same of those about live series.
pub(crate) async fn assert_live_answers(prometheus: &Server) {
    let has = |query: &str, parts: &[&str]| parts.iter().any(|part| query.contains(part));
    let excused = SILENT_LIVE.map(|(part, _)| part);
    assert_none_is_silent(prometheus, |query| has(query, &LIVE) && !has(query, &excused)).await;
}

async fn assert_none_is_silent(prometheus: &Server, is_asked: impl Fn(&str) -> bool) {
    let mut asked: BTreeSet<String> = dashboards::all()
        .iter()
        .flat_map(|dashboard| dashboard.panels.iter().flat_map(|panel| &panel.targets))
        .map(|target| dashboards::filled(&target.expr))
        .collect();
    for rule in alerts().iter().chain(&recordings()) {
        asked.extend(selectors(&rule.expr).into_iter().map(|mut selector| {
            selector.offset = None;
            selector.to_string()
        }));
    }
    let mut silent = Vec::new();
    for query in asked.into_iter().filter(|query| is_asked(query)) {
        // A panel of what went wrong leaves out what is well; here it is enough that there is a sample.
        let whole = query.replace(" > 0", "").replace(" == 1", "");
        let is_live = LIVE.iter().any(|name| query.contains(name));
        if rows(prometheus, if is_live { &whole } else { &query }).await == 0 {
            silent.push(query);
        }
    }
    assert!(silent.is_empty(), "no samples of {silent:#?}");
}

/// Why a query may have no answer.
fn excuse(query: &str) -> Option<&'static str> {
    let by_part = SILENT.iter().find(|(part, _)| query.contains(part)).map(|(_, why)| *why);
    let by_name = |name: &String| OF_COLLECT.contains(&name.as_str()).then_some("it is in a textfile");
    by_part.or_else(|| names(query).iter().find_map(by_name))
}

/// How many series a query gives.
pub(crate) async fn rows(prometheus: &Server, query: &str) -> usize {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/api/v1/query?query={encoded}");
    let answer =
        ask(prometheus.address, "GET", &path, "").await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let answer: Answer =
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{query}: {error}: {answer}"));
    assert_eq!(answer.status, "success", "{query}");
    answer.data.result.len()
}
