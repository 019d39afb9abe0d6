//! The overview as it is drawn.

use super::draw::{Shown, lines, text};
use crate::api::{AlertView, Freshness, JobSums, Overview, OverviewExchange, OverviewJob, OverviewReason};
use crate::model::Zone;

fn job(series: &str, state: &str) -> OverviewJob {
    OverviewJob {
        series: series.to_owned(),
        state: state.to_owned(),
        rows: 1_234_567,
        newest_row: Some("2025-06-15T11:00:00Z".to_owned()),
        last_run_at: Some("2025-06-15T11:58:30Z".to_owned()),
        next_run_at: Some("2025-06-15T12:10:00Z".to_owned()),
        ..OverviewJob::default()
    }
}

fn shown() -> Shown {
    let failed = OverviewJob {
        consecutive_errors: 3,
        last_error: Some("no such\u{1b}[2J market".to_owned()),
        ..job("okx/LTC-USDT/trades", "failed")
    };
    let overview = Overview {
        status: "degraded".to_owned(),
        environment: "production".to_owned(),
        version: "0.1.0".to_owned(),
        generated_at: "2025-06-15T12:00:00Z".to_owned(),
        reasons: vec![OverviewReason {
            about: "jobs of okx".to_owned(),
            why: "1 failed when they last ran".to_owned(),
            since: "2025-06-15T11:00:00Z".to_owned(),
        }],
        jobs: JobSums { total: 40, running: 1, waiting: 2, failing: 1, paused: 0, rows: 9_999 },
        disk_free_bytes: 3 << 30,
        disk_size_bytes: 9 << 30,
        exchanges: vec![OverviewExchange { name: "okx".into(), state: "up".into(), until: None }],
        streams: [("live".to_owned(), 4)].into(),
        series: std::iter::once(failed)
            .chain((0..39).map(|number| job(&format!("okx/C{number}-USDT/ohlc/1h"), "ok")))
            .collect(),
        ..Overview::default()
    };
    Shown { overview, zone: Zone::UTC, rate: Some(1_250.0), lost: None, scrolled: 0 }
}

fn drawn(shown: &Shown, columns: usize, rows: usize) -> Vec<String> {
    lines(shown, columns, rows).iter().map(text).collect()
}

#[test]
fn problems_come_before_parts_and_failing_jobs_before_others() {
    let drawn = drawn(&shown(), 120, 12);

    assert_eq!(
        drawn,
        [
            "dccd 0.1.0  degraded  production  2025-06-15 12:00:00  q leaves",
            "40 jobs, 1 running, 2 waiting, 1 failing, 0 paused   9,999 rows, 1,250 a second   3.0 GiB free of 9.0 GiB",
            "! jobs of okx: 1 failed when they last ran  since 2025-06-15 11:00:00",
            "Exchanges okx up",
            "Streams   4 live",
            "",
            "Series                State             Rows     Newest   Last run   Next run",
            "okx/LTC-USDT/trades   failed       1,234,567     60 min       90 s  in 10 min  3x no such\\u{1b}[2J market",
            "okx/C0-USDT/ohlc/1h   ok           1,234,567     60 min       90 s  in 10 min",
            "okx/C1-USDT/ohlc/1h   ok           1,234,567     60 min       90 s  in 10 min",
            "okx/C2-USDT/ohlc/1h   ok           1,234,567     60 min       90 s  in 10 min",
            "and 36 more",
        ]
    );
}

#[test]
fn freshness_and_alerts_that_would_fire_are_those_of_the_overview() {
    let mut shown = shown();
    let alert = |number: u64| AlertView {
        name: "DccdSeriesStale".to_owned(),
        severity: "warning".to_owned(),
        about: format!("okx/C{number}-USDT/ohlc/1h"),
        series: None,
        summary: "its newest row is 7 h old".to_owned(),
    };
    shown.overview.alerts = (0..7).map(alert).collect();
    shown.overview.freshness = Freshness { expected: 40, fresh: 38, with_gaps: 0, gap_seconds: 0.0 };
    shown.overview.streams.insert("connecting".to_owned(), 3);
    let lines = drawn(&shown, 120, 20);

    assert_eq!(lines[2], "38 of 40 series fresh, no gaps known yet: 3 streams are not live");
    assert_eq!(lines[4], "~ okx/C0-USDT/ohlc/1h: its newest row is 7 h old  DccdSeriesStale would fire");
    assert_eq!(lines[9], "~ and 2 more alerts would fire");
    shown.overview.freshness.with_gaps = 2;
    shown.overview.freshness.gap_seconds = 7_200.0;
    assert_eq!(drawn(&shown, 120, 20)[2], "38 of 40 series fresh, 2 with gaps, 2 h missing");
}

#[test]
fn nothing_is_wider_or_longer_than_the_screen() {
    let mut shown = shown();
    shown.lost = Some("it does not answer".to_owned());
    for (columns, rows) in [(0, 0), (1, 1), (10, 3), (40, 8), (80, 24), (300, 100)] {
        let drawn = lines(&shown, columns, rows);
        assert!(drawn.len() <= rows, "{columns}x{rows}");
        for line in &drawn {
            let width: usize = line.iter().map(|(_, text)| text.chars().count()).sum();
            assert!(width <= columns, "{columns}x{rows}: {line:?}");
        }
    }
}

#[test]
fn a_daemon_that_does_not_answer_is_shown_beside_what_it_last_told() {
    let mut shown = shown();
    shown.lost = Some("the daemon was lost".to_owned());
    shown.scrolled = 38;

    let drawn = drawn(&shown, 100, 20);

    assert_eq!(drawn[2], "not refreshed: the daemon was lost");
    assert!(drawn.last().unwrap().starts_with("okx/C38-USDT/ohlc/1h"), "{drawn:?}");
}
