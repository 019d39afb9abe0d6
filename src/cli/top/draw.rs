//! The overview as lines of a terminal. Pure.

use std::time::Duration;

use crate::api::{Overview, OverviewExchange, OverviewJob, OverviewRemote, OverviewWorker};
use crate::model::{Micros, Zone, bytes, escaped, thousands};

/// The most problems that are shown.
const MOST_REASONS: usize = 8;
/// The most alerts that are shown.
const MOST_ALERTS: usize = 5;
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
    lines.extend(freshness(overview));
    if let Some(lost) = &shown.lost {
        lines.push(vec![(Tone::Bad, format!("not refreshed: {}", escaped(lost)))]);
    }
    reasons(overview, &shown.zone, &mut lines);
    alerts(overview, &mut lines);
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

/// How many series are as new as they should be, and how many miss something; nothing before any is expected.
fn freshness(overview: &Overview) -> Option<Line> {
    let sums = &overview.freshness;
    let (all, fresh) = (thousands(sums.expected), thousands(sums.fresh));
    let is_fresh = sums.fresh == sums.expected;
    let gaps = match (sums.with_gaps, overview.not_live()) {
        (0, 0) => (Tone::Plain, "no gaps".to_owned()),
        (0, unknown) => {
            (Tone::Busy, format!("no gaps known yet: {} streams are not live", thousands(unknown)))
        }
        (gaps, _) => {
            let missing = length(Duration::try_from_secs_f64(sums.gap_seconds).unwrap_or_default());
            (Tone::Bad, format!("{} with gaps, {missing} missing", thousands(gaps)))
        }
    };
    (sums.expected > 0).then(|| {
        let tone = if is_fresh { Tone::Good } else { Tone::Bad };
        vec![(tone, format!("{fresh} of {all} series fresh, ")), gaps]
    })
}

fn alerts(overview: &Overview, lines: &mut Vec<Line>) {
    for alert in overview.alerts.iter().take(MOST_ALERTS) {
        let tone = if alert.severity == "critical" { Tone::Bad } else { Tone::Busy };
        lines.push(vec![
            (tone, format!("~ {}: {}", escaped(&alert.about), escaped(&alert.summary))),
            (Tone::Quiet, format!("  {} would fire", escaped(&alert.name))),
        ]);
    }
    let more = overview.alerts.len().saturating_sub(MOST_ALERTS);
    if more > 0 {
        lines.push(vec![(Tone::Busy, format!("~ and {more} more alerts would fire"))]);
    }
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
