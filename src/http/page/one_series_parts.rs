//! The tables of one series: windows, gaps, runs and files.

use super::fields::address;
use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, plural, refused, segment, size};
use super::one_series_view::OneSeries;
use super::table::{Align, Table};
use super::times::{ago_of, ends_of, instant_of, length, parsed};
use crate::api::{Coverage, CoverageWindow, GapLine, RunLine, RunProgress};
use crate::http::auth::Visitor;
use crate::model::thousands;

/// The coverage as a table.
pub(super) fn windows(html: &mut Html, coverage: &Coverage) {
    if coverage.windows.is_empty() {
        return;
    }
    html.line("<details id=\"coverage-table\"><summary>As a table</summary>");
    let exact = if coverage.exact { "" } else { "; neighbours are merged" };
    let number = plural(coverage.windows.len() as u64, "window", "windows");
    let caption = format!("{number}, the oldest first{exact}");
    let table = Table {
        caption: &caption,
        columns: &[
            ("State", Align::Text),
            ("From", Align::Text),
            ("Until", Align::Text),
            ("Length", Align::Number),
            ("Reason", Align::Text),
        ],
    };
    table.open(html);
    for window in &coverage.windows {
        let [from, until] = ends_of(Some(&window.from), Some(&window.until));
        let cells = [
            escaped(window.state),
            from,
            until,
            window_length(window),
            window.reason.as_deref().map(escaped).unwrap_or_default(),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
    html.line("</details>");
}

fn window_length(window: &CoverageWindow) -> String {
    let ends = parsed(&window.from).zip(parsed(&window.until));
    or_dash(ends, |(from, until)| length((until.0 - from.0) as f64 / 1e6))
}

/// Windows that are missing and rows that were set aside, with the button that mends each.
pub(super) fn gaps(html: &mut Html, frame: &Frame, shown: &OneSeries) {
    html.line("<section aria-labelledby=\"gaps-title\"><h2 id=\"gaps-title\">Gaps</h2>");
    match &shown.gaps {
        Err(why) => refused(html, why),
        Ok(page) if page.gaps.is_empty() => html.line("<p class=\"quiet\">None.</p>"),
        Ok(page) => {
            let (listed, total) = (page.gaps.len() as u64, page.total);
            let caption = format!("{} of {}", thousands(listed), plural(total, "window", "windows"));
            let table = Table {
                caption: &caption,
                columns: &[
                    ("State", Align::Text),
                    ("From", Align::Text),
                    ("Until", Align::Text),
                    ("Length", Align::Number),
                    ("Reason", Align::Text),
                    ("Mend", Align::Text),
                ],
            };
            table.open(html);
            page.gaps.iter().for_each(|gap| table.row(html, "", &gap_cells(frame, shown, gap)));
            table.close(html);
            if let Some(next) = &page.next {
                let next = address(&shown.path(), &[("gaps", Some(next))]);
                html.add(format_args!("<p><a href=\"{}\">Next gaps</a></p>\n", escaped(&next)));
            }
        }
    }
    html.line("</section>");
}

fn gap_cells(frame: &Frame, shown: &OneSeries, gap: &GapLine) -> [String; 6] {
    let (from, until) = (gap.from.as_deref().or(gap.at.as_deref()), gap.until.as_deref());
    let tone = if gap.state == "gap" { "bad" } else { "quiet" };
    let may_act = matches!(frame.visitor, Visitor::Admitted | Visitor::SignedIn);
    let mut mend = Html::with_capacity(256);
    if let (true, Some(from), Some(until)) = (gap.state == "gap" && may_act, &gap.from, &gap.until) {
        mend.add(format_args!(
            "<form method=\"post\" action=\"{}/backfill\"><input type=\"hidden\" name=\"from\" value=\"{}\">\
             <input type=\"hidden\" name=\"until\" value=\"{}\"><button>Repair</button></form>",
            shown.path(),
            escaped(from),
            escaped(until)
        ));
    }
    let [shown_from, shown_until] = ends_of(from, until.or(gap.last_at.as_deref()));
    let rows = gap.rows.map(|rows| format!("{}: ", plural(rows, "row", "rows"))).unwrap_or_default();
    [
        chip(tone, gap.state),
        shown_from,
        shown_until,
        or_dash(gap.seconds, length),
        format!("{rows}{}", escaped(&gap.reason)),
        String::from(mend),
    ]
}

/// The last runs, those under way with their progress.
pub(super) fn runs(html: &mut Html, frame: &Frame, shown: &OneSeries) {
    html.line("<section aria-labelledby=\"runs-title\"><h2 id=\"runs-title\">Runs</h2>");
    let series = segment(&shown.line.series);
    match &shown.runs {
        Err(why) => refused(html, why),
        Ok(page) if page.runs.is_empty() => html.line("<p class=\"quiet\">It has not run yet.</p>"),
        Ok(page) => {
            let table = Table {
                caption: "The last begun first",
                columns: &[
                    ("Begun", Align::Text),
                    ("Kind", Align::Text),
                    ("Outcome", Align::Text),
                    ("Window or progress", Align::Text),
                    ("Worker", Align::Text),
                ],
            };
            table.open(html);
            for run in &page.runs {
                table.row(html, "", &run_cells(frame, run));
                let attempt = &run.attempt;
                let causes = attempt.error.iter().chain(&attempt.causes).cloned().collect::<Vec<_>>();
                if !causes.is_empty() {
                    table.note(html, &causes.join(": "));
                }
            }
            table.close(html);
        }
    }
    html.add(format_args!("<p><a href=\"/jobs?series={series}\">Its tasks and runs</a></p></section>\n"));
}

fn run_cells(frame: &Frame, run: &RunLine) -> [String; 5] {
    let tone = match run.attempt.outcome.as_str() {
        "succeeded" => "good",
        "failed" | "lease_lost" => "bad",
        "running" => "busy",
        _ => "quiet",
    };
    let window = match (&run.progress, &run.from, &run.until) {
        (Some(own), ..) if run.attempt.ended_at.is_none() => progress(own),
        (_, Some(from), Some(until)) => ends_of(Some(from), Some(until)).join(" to "),
        _ => "\u{2013}".to_owned(),
    };
    let id = format!("<a href=\"/jobs/{}\">{}</a>", segment(&run.task), escaped(run.kind));
    [
        ago_of(Some(&run.attempt.started_at), frame.at),
        id,
        chip(tone, &run.attempt.outcome),
        window,
        escaped(run.attempt.worker.split(':').next().unwrap_or_default()),
    ]
}

/// The progress of a run with its rate and the time that is left.
pub(super) fn progress(own: &RunProgress) -> String {
    let left = own.seconds_left.map(|secs| format!(", {} left", length(secs))).unwrap_or_default();
    format!(
        "<progress max=\"{}\" value=\"{}\" aria-label=\"Windows done\"></progress>\
         <span class=\"quiet\">{} of {} windows, {} rows, {:.0} rows/s{left}</span>",
        own.planned.max(1),
        own.done,
        thousands(own.done),
        thousands(own.planned),
        count(own.rows),
        own.rows_per_second
    )
}

/// The files, and where their copies are.
pub(super) fn files(html: &mut Html, shown: &OneSeries) {
    html.line("<section aria-labelledby=\"files-title\"><h2 id=\"files-title\">Files</h2>");
    for gone in shown.line.held.iter().flat_map(|held| &held.gone_files) {
        html.add(format_args!("<p class=\"refusal\">{} is gone.</p>\n", escaped(gone)));
    }
    match &shown.files {
        Err(why) => refused(html, why),
        Ok(page) if page.files.is_empty() => html.line("<p class=\"quiet\">None is published yet.</p>"),
        Ok(page) => {
            let (listed, total) = (page.files.len() as u64, page.total);
            let caption =
                format!("{} of {}, the newest first", thousands(listed), plural(total, "file", "files"));
            let table = Table {
                caption: &caption,
                columns: &[
                    ("File", Align::Text),
                    ("First row", Align::Text),
                    ("Last row", Align::Text),
                    ("Rows", Align::Number),
                    ("Size", Align::Number),
                    ("Lies", Align::Text),
                ],
            };
            table.open(html);
            for file in &page.files {
                let here = if file.here { "here" } else { "" };
                let places = std::iter::once(here).chain(file.remotes.iter().map(String::as_str));
                let places: Vec<&str> = places.filter(|place| !place.is_empty()).collect();
                let cells = [
                    format!("<code>{}</code>", escaped(&file.path)),
                    instant_of(file.from.as_deref()),
                    instant_of(file.to.as_deref()),
                    count(file.rows),
                    size(file.bytes),
                    escaped(&places.join(", ")),
                ];
                table.row(html, "", &cells);
            }
            table.close(html);
        }
    }
    html.line("</section>");
}

/// Its newest log lines.
pub(super) fn logs(html: &mut Html, shown: &OneSeries) {
    html.line("<section aria-labelledby=\"logs-title\"><h2 id=\"logs-title\">Log</h2>");
    match &shown.logs {
        Err(why) => refused(html, why),
        Ok(page) if page.lines.is_empty() => html.line("<p class=\"quiet\">No line names it.</p>"),
        Ok(page) => {
            html.line("<ol class=\"log panel\" tabindex=\"0\" aria-label=\"Log lines\">");
            for line in &page.lines {
                let left = match line.cut_bytes {
                    0 => String::new(),
                    bytes => format!("\u{2026} ({} more bytes)", thousands(bytes)),
                };
                let level = line.level.unwrap_or("info");
                html.add(format_args!("<li class=\"{level}\">{}{left}</li>\n", escaped(&line.text)));
            }
            html.line("</ol>");
        }
    }
    let series = segment(&shown.line.series);
    html.add(format_args!("<p><a href=\"/logs?series={series}\">All its lines</a></p></section>\n"));
}
