//! The cost of spans without a collector. One test, because it sets up the log of its whole process.

#![allow(clippy::unwrap_used)] // A test may stop at once.

use std::sync::Arc;
use std::time::Instant;

use dccd::telemetry::logs::{self, LogFormat, LogSettings};
use dccd::telemetry::trace::{self, Get};
use tracing::level_filters::LevelFilter;

#[test]
fn without_an_endpoint_no_span_is_made_whatever_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dccd.log");
    let settings = LogSettings {
        level: LevelFilter::TRACE,
        format: LogFormat::Text,
        file: Some(&file),
        to_stderr: false,
    };
    let _logs = logs::init(settings, None, Arc::default()).unwrap();
    let series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
    let get = Get { url: "https://user:secret@example.com/x", template: "/x", resent: 0 };

    tracing::trace!("everything is logged");
    let spans = [
        trace::job_run(&series),
        trace::http_get(get),
        trace::limit_wait("binance"),
        trace::journal_append(1),
        trace::ledger_write(&series),
        trace::sync_push("s3", &series),
    ];

    assert!(spans.iter().all(tracing::Span::is_disabled), "{spans:?}");
    assert!(trace::job_run(&series).in_scope(trace::current).is_none());
    assert!(std::fs::read_to_string(&file).unwrap().contains("everything is logged"));
    let (times, began) = (1_000_000, Instant::now());
    for _ in 0..times {
        trace::http_get(get).in_scope(|| trace::answered(200));
    }
    println!("an untraced attempt: {:?}", began.elapsed() / times);
}
