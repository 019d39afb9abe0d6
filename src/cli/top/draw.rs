//! The overview as lines of a terminal. Pure.

use std::time::Duration;

use crate::api::{Overview, OverviewExchange, OverviewJob, OverviewRemote, OverviewWorker};
use crate::model::{Micros, Zone, bytes, escaped, thousands};

/// The most problems that are shown.
const MOST_REASONS: usize = 8;
/// The most exchanges, remotes and workers each.
const MOST_PARTS: usize = 8;

/// Everything that is drawn.
pub(super) struct Shown {
    pub(super) overview: Overview,
    pub(super) zone: Zone,
    /// Rows a second since the last refresh.
    pub(super) rate: Option<f64>,
    /// Why there is no newer overview.
    pub(super) lost: Option<String>,
    /// Jobs that are scrolled past.
    pub(super) scrolled: usize,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Quiet,
    Good,
    Busy,
    Bad,
}

/// A line in pieces.
pub(super) type Line = Vec<(Tone, String)>;

/// A line without its looks.
pub(super) fn text(line: &Line) -> String {
    line.iter().map(|(_, text)| text.as_str()).collect::<String>().trim_end().to_owned()
}

/// The lines of a screen of so many columns and rows; the jobs take the rows that are left.
pub(super) fn lines(shown: &Shown, columns: usize, rows: usize) -> Vec<Line> {
    let Shown { overview, .. } = shown;
    let mut lines = vec![head(shown), work(shown)];
    if let Some(lost) = &shown.lost {
        lines.push(vec![(Tone::Bad, format!("not refreshed: {}", escaped(lost)))]);
    }
    reasons(overview, &shown.zone, &mut lines);
    parts("Exchanges", overview.exchanges.iter().map(|own| exchange(own, &shown.zone)), &mut lines);
    let streams = overview.streams.iter().map(|(state, count)| {
        let tone = if state == "live" { Tone::Good } else { Tone::Busy };
        (tone, format!("{count} {state}"))
    });
    parts("Streams", streams, &mut lines);
    parts("Remotes", overview.remotes.iter().map(|own| remote(own, now(overview))), &mut lines);
    parts("Workers", overview.workers.iter().map(worker), &mut lines);
    lines.push(Vec::new());
    jobs(shown, columns, rows, &mut lines);
    lines.truncate(rows);
    lines.iter_mut().for_each(|line| cut(line, columns));
    lines
}

fn head(shown: &Shown) -> Line {
    let Overview { status, environment, version, generated_at, .. } = &shown.overview;
    let tone = match status.as_str() {
        "healthy" => Tone::Good,
        "degraded" => Tone::Busy,
        _ => Tone::Bad,
    };
    let at = instant(generated_at).map_or_else(|| generated_at.clone(), |at| shown.zone.second(at));
    let environment = match environment.is_empty() {
        true => String::new(),
        false => format!("{}  ", escaped(environment)),
    };
    vec![
        (Tone::Strong, format!("dccd {}  ", escaped(version))),
        (tone, format!("{}  ", escaped(status))),
        (Tone::Plain, environment),
        (Tone::Quiet, format!("{at}  q leaves")),
    ]
}

fn work(shown: &Shown) -> Line {
    let overview = &shown.overview;
    let sums = &overview.jobs;
    let rate = shown.rate.map_or_else(String::new, |rate| format!(", {} a second", thousands(rate as u64)));
    let mut line = vec![
        (Tone::Plain, format!("{} jobs, {} running, {} waiting, ", sums.total, sums.running, sums.waiting)),
        (if sums.failing > 0 { Tone::Bad } else { Tone::Plain }, format!("{} failing", sums.failing)),
        (Tone::Plain, format!(", {} paused   {} rows{rate}   ", sums.paused, thousands(sums.rows))),
        (
            Tone::Plain,
            format!("{} free of {}", bytes(overview.disk_free_bytes), bytes(overview.disk_size_bytes)),
        ),
    ];
    if let Some(took) = overview.store_latency_ms {
        line.push((Tone::Quiet, format!("   {} {took:.1} ms", escaped(&overview.store))));
    }
    line
}

fn reasons(overview: &Overview, zone: &Zone, lines: &mut Vec<Line>) {
    for reason in overview.reasons.iter().take(MOST_REASONS) {
        let since = instant(&reason.since).map_or_else(|| reason.since.clone(), |at| zone.second(at));
        lines.push(vec![
            (Tone::Bad, format!("! {}: {}", escaped(&reason.about), escaped(&reason.why))),
            (Tone::Quiet, format!("  since {since}")),
        ]);
    }
    let more = overview.reasons.len().saturating_sub(MOST_REASONS);
    if more > 0 {
        lines.push(vec![(Tone::Bad, format!("! and {more} more"))]);
    }
}

fn parts(name: &str, all: impl Iterator<Item = (Tone, String)>, lines: &mut Vec<Line>) {
    let all: Vec<(Tone, String)> = all.collect();
    if all.is_empty() {
        return;
    }
    let mut line = vec![(Tone::Strong, format!("{name:<10}"))];
    let more = all.len().saturating_sub(MOST_PARTS);
    for (tone, text) in all.into_iter().take(MOST_PARTS) {
        line.push((tone, format!("{text}   ")));
    }
    if more > 0 {
        line.push((Tone::Quiet, format!("and {more} more")));
    }
    lines.push(line);
}

fn exchange(own: &OverviewExchange, zone: &Zone) -> (Tone, String) {
    let tone = match own.state.as_str() {
        "up" => Tone::Good,
        "limited" | "unknown" => Tone::Busy,
        _ => Tone::Bad,
    };
    let until = own.until.as_deref().and_then(instant);
    let until = until.map_or_else(String::new, |at| format!(" until {}", zone.second(at)));
    (tone, format!("{} {}{until}", escaped(&own.name), escaped(&own.state)))
}

fn remote(own: &OverviewRemote, now: Option<Micros>) -> (Tone, String) {
    let name = escaped(&own.name);
    let synced = own.last_success.as_deref().and_then(instant).zip(now);
    let synced = synced.map_or_else(
        || "never synced".to_owned(),
        |(at, now)| format!("synced {} ago", length(now.since(at))),
    );
    match (&own.last_error, own.pending_files) {
        (Some(_), pending) => (Tone::Bad, format!("{name} failing, {pending} files pending, {synced}")),
        (None, 0) => (Tone::Good, format!("{name} {synced}")),
        (None, pending) => {
            (Tone::Busy, format!("{name} {pending} files pending ({})", bytes(own.pending_bytes)))
        }
    }
}

fn worker(own: &OverviewWorker) -> (Tone, String) {
    let tone = match own.state.as_str() {
        "running" | "healthy" => Tone::Good,
        "starting" | "stopping" => Tone::Busy,
        _ => Tone::Bad,
    };
    let memory = own.rss_bytes.map_or_else(String::new, |rss| format!(", {}", bytes(rss)));
    let (id, state) = (escaped(&own.id), escaped(&own.state));
    (tone, format!("{id} {state}, {} running{memory}", own.in_progress))
}

/// The table of jobs, in the rows that are left.
fn jobs(shown: &Shown, columns: usize, rows: usize, lines: &mut Vec<Line>) {
    let overview = &shown.overview;
    // As wide as the longest name, so that the rest of the line is for the error.
    let width = overview.series.iter().map(|job| job.series.chars().count()).max().unwrap_or(0);
    let width = width.clamp(6, (columns / 2).max(6));
    let title = format!(
        "{:<width$}  {:<8} {:>13}  {:>9}  {:>9}  {:>9}",
        "Series", "State", "Rows", "Newest", "Last run", "Next run"
    );
    lines.push(vec![(Tone::Strong, title)]);
    let room = rows.saturating_sub(lines.len() + 1);
    let all = overview.series.iter().skip(shown.scrolled);
    lines.extend(all.take(room).map(|own| job(own, width, now(overview))));
    let shown_until = shown.scrolled.saturating_add(room).min(overview.series.len()) as u64;
    let more = overview.jobs.total.saturating_sub(shown_until);
    if more > 0 {
        lines.push(vec![(Tone::Quiet, format!("and {} more", thousands(more)))]);
    }
}

fn job(own: &OverviewJob, width: usize, now: Option<Micros>) -> Line {
    let tone = match own.state.as_str() {
        "ok" => Tone::Good,
        "running" => Tone::Busy,
        "failed" => Tone::Bad,
        _ => Tone::Quiet,
    };
    let ago = |at: &Option<String>| {
        let since = at.as_deref().and_then(instant).zip(now).map(|(at, now)| now.since(at));
        since.map_or_else(|| "-".to_owned(), length)
    };
    let next = own.next_run_at.as_deref().and_then(instant).zip(now).map(|(at, now)| at.since(now));
    let next = next.map_or_else(|| "-".to_owned(), |wait| format!("in {}", length(wait)));
    let name: String = escaped(&own.series).chars().take(width).collect();
    let mut line = vec![
        (Tone::Plain, format!("{name:<width$}  ")),
        (tone, format!("{:<8}", escaped(&own.state))),
        (
            Tone::Plain,
            format!(
                " {:>13}  {:>9}  {:>9}  {next:>9}",
                thousands(own.rows),
                ago(&own.newest_row),
                ago(&own.last_run_at)
            ),
        ),
    ];
    if let Some(error) = &own.last_error {
        line.push((Tone::Bad, format!("  {}x {}", own.consecutive_errors, escaped(error))));
    }
    line
}

fn now(overview: &Overview) -> Option<Micros> {
    instant(&overview.generated_at)
}

fn instant(text: &str) -> Option<Micros> {
    Micros::parse(text, &Zone::UTC).ok()
}

/// A length of time in one unit.
fn length(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs / 60),
        secs @ 7_200..172_800 => format!("{} h", secs / 3_600),
        secs => format!("{} d", secs / 86_400),
    }
}

/// Keeps as much of a line as fits.
fn cut(line: &mut Line, columns: usize) {
    let mut left = columns;
    for (_, text) in line.iter_mut() {
        let kept: String = text.chars().take(left).collect();
        left -= kept.chars().count();
        *text = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{JobSums, OverviewReason};

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
}
