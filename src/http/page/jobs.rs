//! Jobs and runs: lists of both, and one job with its attempts, its progress and what can be done about it.

use super::fields::{acting, address, button, next_page};
use super::form::Form;
use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, segment};
use super::table::{Align, Table};
use super::times::{ago_of, ends_of, length, parsed};
use crate::api::{
    AttemptLine, RunLine, RunProgress, RunsAsked, RunsPage, TaskDetail, TaskLine, TasksAsked, TasksPage,
};
use crate::model::Micros;

const KINDS: [(&str, &str); 5] =
    [("", "All"), ("job", "Job"), ("backfill", "Backfill"), ("repair", "Repair"), ("stream", "Stream")];
const STATUSES: [(&str, &str); 7] = [
    ("", "All"),
    ("pending", "Pending"),
    ("in_progress", "In progress"),
    ("failed", "Failed"),
    ("exhausted", "Exhausted"),
    ("succeeded", "Succeeded"),
    ("ignored", "Ignored"),
];
const OUTCOMES: [(&str, &str); 8] = [
    ("", "All"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("rate_limited", "Rate limited"),
    ("lease_lost", "Lease lost"),
    ("given_back", "Given back"),
    ("cancelled", "Cancelled"),
];

/// The jobs; none of them are shown if the question is refused.
pub(in crate::http) fn jobs(frame: &Frame, shown: Option<&TasksPage>, asked: &TasksAsked) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Jobs and runs</h1>");
        tabs(html, true);
        html.line("<form class=\"filters\" method=\"get\" action=\"/jobs\" role=\"search\" aria-label=\"Filter jobs\">");
        let mut form = Form::new(frame, "/jobs");
        let (series, exchange) = (asked.series.as_deref(), asked.exchange.as_deref());
        filters(html, &mut form, series, exchange, asked.kind.as_deref());
        form.select(html, "status", "State", &STATUSES, asked.status.as_deref());
        html.line("<button>Filter</button>");
        form.other_faults(html);
        html.line("</form>\n<div id=\"jobs\" data-live>");
        let Some(shown) = shown else { return html.line("</div>") };
        if shown.jobs.is_empty() {
            html.line("<p class=\"quiet\">No job is so.</p>");
        } else {
            table(html, shown, frame.at);
        }
        let pairs = [
            ("series", asked.series.as_deref()),
            ("exchange", asked.exchange.as_deref()),
            ("kind", asked.kind.as_deref()),
            ("status", asked.status.as_deref()),
            ("limit", asked.limit.as_deref()),
        ];
        next_page(html, "/jobs", &pairs, shown.next.as_deref());
        html.line("</div>");
    })
}

fn tabs(html: &mut Html, is_jobs: bool) {
    let current = |own| if own { " aria-current=\"page\"" } else { "" };
    html.add(format_args!(
        "<ul class=\"tabs\"><li><a href=\"/jobs\"{}>Jobs</a></li><li><a href=\"/runs\"{}>Runs</a></li></ul>\n",
        current(is_jobs),
        current(!is_jobs)
    ));
}

fn filters(
    html: &mut Html,
    form: &mut Form<'_>,
    series: Option<&str>,
    exchange: Option<&str>,
    kind: Option<&str>,
) {
    form.input(html, "series", "Series", series, "placeholder=\"kraken/BTC-USDT/ohlc/1h\"");
    form.input(html, "exchange", "Exchange", exchange, "placeholder=\"kraken\" size=\"10\"");
    form.select(html, "kind", "Kind", &KINDS, kind);
}

fn table(html: &mut Html, shown: &TasksPage, now: Micros) {
    let columns = [
        ("Series", Align::Text),
        ("Kind", Align::Text),
        ("State", Align::Text),
        ("Attempts", Align::Number),
        ("Due", Align::Text),
        ("Changed", Align::Text),
        ("Worker", Align::Text),
    ];
    let table = Table { caption: "Jobs, the last changed first", columns: &columns };
    table.open(html);
    for task in &shown.jobs {
        let is_bad = matches!(task.status, "failed" | "exhausted");
        let cells = [
            format!("<a href=\"{}\">{}</a>{}", path(&task.id), escaped(&task.series), window(task)),
            escaped(task.kind),
            state(task),
            attempts(task),
            if due(task) { ago_of(Some(&task.run_at), now) } else { "\u{2013}".to_owned() },
            ago_of(Some(&task.updated_at), now),
            or_dash(task.worker.as_deref(), escaped),
        ];
        table.row(html, if is_bad { "failed" } else { "" }, &cells);
        if let Some(reason) = &task.reason {
            table.note(html, reason);
        }
    }
    table.close(html);
}

/// The path of a job's page.
pub(in crate::http) fn path(id: &str) -> String {
    format!("/jobs/{}", segment(id))
}

fn window(task: &TaskLine) -> String {
    if task.from.is_none() && task.until.is_none() {
        return String::new();
    }
    let [from, until] = ends_of(task.from.as_deref(), task.until.as_deref());
    format!("<br><small>{from} to {until}</small>")
}

fn due(task: &TaskLine) -> bool {
    matches!(task.status, "pending" | "failed") && !task.paused
}

fn attempts(task: &TaskLine) -> String {
    let most = task.max_attempts.map_or_else(String::new, |most| format!(" of {most}"));
    format!("{}{most}", count(u64::from(task.attempts)))
}

fn state(task: &TaskLine) -> String {
    let paused = if task.paused { format!(" {}", chip("quiet", "paused")) } else { String::new() };
    let tone = match task.status {
        "in_progress" => "busy",
        "failed" | "exhausted" => "bad",
        "succeeded" => "good",
        _ => "quiet",
    };
    format!("{}{paused}", chip(tone, &task.status.replace('_', " ")))
}

/// One job.
pub(in crate::http) fn job(frame: &Frame, shown: &TaskDetail) -> String {
    let task = &shown.task;
    frame.around(&[], |html| {
        html.add(format_args!("<h1>{}</h1>\n", escaped(&task.series)));
        html.add(format_args!(
            "<div id=\"state\" data-live><p class=\"lead\">{} {}</p>\n",
            state(task),
            escaped(task.kind)
        ));
        shown.progress.iter().for_each(|progress| self::progress(html, progress, frame.at));
        facts(html, task, frame.at);
        html.line("</div>");
        acting(html, frame, |html| actions(html, frame, task));
        html.line("<div id=\"attempts\" data-live>");
        attempts_table(html, &shown.attempts_kept, frame.at);
        html.line("</div>");
    })
}

/// How far a run is.
pub(super) fn progress(html: &mut Html, progress: &RunProgress, now: Micros) {
    let left =
        progress.seconds_left.map_or_else(String::new, |left| format!(", about {} left", length(left)));
    html.add(format_args!(
        "<div class=\"panel\"><p><label>Running since {}<progress max=\"{}\" value=\"{}\"></progress></label></p>\n\
         <p>{} of {} windows, {} rows, {:.0} rows a second{left}</p></div>\n",
        ago_of(Some(&progress.since), now),
        progress.planned.max(1),
        progress.done.min(progress.planned.max(1)),
        count(progress.done),
        count(progress.planned),
        count(progress.rows),
        progress.rows_per_second,
    ));
}

fn facts(html: &mut Html, task: &TaskLine, now: Micros) {
    html.line("<dl class=\"facts\">");
    let mut fact = |name: &str, value: String| {
        html.add(format_args!("<dt>{name}</dt><dd>{value}</dd>\n"));
    };
    let series = segment(&task.series);
    fact("Series", format!("<a href=\"/series/{series}\">{}</a>", escaped(&task.series)));
    fact("Id", format!("<code>{}</code>", escaped(&task.id)));
    if task.from.is_some() || task.until.is_some() {
        let [from, until] = ends_of(task.from.as_deref(), task.until.as_deref());
        fact("Window", format!("{from} to {until}"));
    }
    if due(task) {
        fact("Due", ago_of(Some(&task.run_at), now));
    }
    fact("Attempts", format!("{}, {} in all", attempts(task), count(u64::from(task.attempts_total))));
    if let Some(worker) = &task.worker {
        let lease = ago_of(task.lease_until.as_deref(), now);
        fact("Worker", format!("{}, its lease ends {lease}", escaped(worker)));
    }
    if task.cancel_requested {
        fact("Cancelled", "it was asked to stop".to_owned());
    }
    if let Some(reason) = &task.reason {
        fact("Reason", escaped(reason));
    }
    fact("Changed", ago_of(Some(&task.updated_at), now));
    let logs = address("/logs", &[("series", Some(&task.series))]);
    fact("Log", format!("<a href=\"{}\">Lines of this series</a>", escaped(&logs)));
    html.line("</dl>");
}

fn actions(html: &mut Html, frame: &Frame, task: &TaskLine) {
    let path = path(&task.id);
    let act = |word: &str| format!("{path}/{word}");
    html.line("<div class=\"actions\" id=\"actions\" data-live>");
    if task.kind == "job" {
        button(html, &act("run"), "Run now", "main");
    }
    if matches!(task.kind, "job" | "stream") {
        match task.paused {
            true => button(html, &act("resume"), "Resume", ""),
            false => button(html, &act("pause"), "Pause", ""),
        }
    }
    match task.status {
        "in_progress" => {
            button(html, &act("cancel"), "Cancel", "danger");
            button(html, &act("unlock"), "Unlock", "danger");
        }
        _ => button(html, &act("retry"), "Retry now", if task.kind == "job" { "" } else { "main" }),
    }
    if task.kind != "stream" && !matches!(task.status, "in_progress" | "ignored" | "succeeded") {
        html.add(format_args!(
            "<form class=\"actions\" method=\"post\" action=\"{}\">",
            escaped(&act("ignore"))
        ));
        let mut form = Form::new(frame, &act("ignore"));
        form.input(
            html,
            "reason",
            "Skip it until it is retried, because",
            None,
            "required maxlength=\"500\"",
        );
        html.line("<button>Ignore</button>");
        form.other_faults(html);
        html.line("</form>");
    }
    html.line("</div>");
}

fn attempts_table(html: &mut Html, attempts: &[AttemptLine], now: Micros) {
    html.line("<h2>Attempts</h2>");
    if attempts.is_empty() {
        return html.line("<p class=\"quiet\">None yet.</p>");
    }
    let columns = [
        ("Attempt", Align::Number),
        ("Outcome", Align::Text),
        ("Began", Align::Text),
        ("Took", Align::Text),
        ("Worker", Align::Text),
        ("Error", Align::Text),
    ];
    let table = Table { caption: "The attempts that are kept, the last first", columns: &columns };
    table.open(html);
    let mut ordered: Vec<&AttemptLine> = attempts.iter().collect();
    ordered.sort_by_key(|attempt| std::cmp::Reverse(attempt.number));
    for attempt in ordered {
        let cells = [
            count(u64::from(attempt.number)),
            outcome(&attempt.outcome),
            ago_of(Some(&attempt.started_at), now),
            took(attempt, now),
            escaped(&attempt.worker),
            error(attempt),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
}

fn outcome(word: &str) -> String {
    let tone = match word {
        "running" => "busy",
        "succeeded" => "good",
        "failed" | "lease_lost" => "bad",
        "rate_limited" => "warn",
        _ => "quiet",
    };
    chip(tone, &word.replace('_', " "))
}

fn took(attempt: &AttemptLine, now: Micros) -> String {
    let ended = attempt.ended_at.as_deref().map_or(Some(now), parsed);
    let secs = parsed(&attempt.started_at).zip(ended).map(|(began, ended)| (ended.0 - began.0) as f64 / 1e6);
    or_dash(secs, |secs| if secs < 60.0 { format!("{:.1} s", secs.max(0.0)) } else { length(secs) })
}

/// The error with the chain of its causes.
fn error(attempt: &AttemptLine) -> String {
    let Some(error) = &attempt.error else { return "\u{2013}".to_owned() };
    let class =
        attempt.error_class.as_deref().map_or_else(String::new, |class| format!("{} ", chip("bad", class)));
    let causes: String = attempt.causes.iter().map(|cause| format!("<li>{}</li>", escaped(cause))).collect();
    let causes =
        if causes.is_empty() { String::new() } else { format!("<ol class=\"causes\">{causes}</ol>") };
    format!("{class}{}{causes}", escaped(error))
}

/// The runs; none of them are shown if the question is refused.
pub(in crate::http) fn runs(frame: &Frame, shown: Option<&RunsPage>, asked: &RunsAsked) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Jobs and runs</h1>");
        tabs(html, false);
        html.line("<form class=\"filters\" method=\"get\" action=\"/runs\" role=\"search\" aria-label=\"Filter runs\">");
        let mut form = Form::new(frame, "/runs");
        let (series, exchange) = (asked.series.as_deref(), asked.exchange.as_deref());
        filters(html, &mut form, series, exchange, asked.kind.as_deref());
        form.select(html, "outcome", "Outcome", &OUTCOMES, asked.outcome.as_deref());
        html.line("<button>Filter</button>");
        form.other_faults(html);
        html.line("</form>\n<div id=\"runs\" data-live>");
        let Some(shown) = shown else { return html.line("</div>") };
        if shown.runs.is_empty() {
            html.line("<p class=\"quiet\">No run is so.</p>");
        } else {
            runs_table(html, &shown.runs, frame.at);
        }
        let pairs = [
            ("series", asked.series.as_deref()),
            ("exchange", asked.exchange.as_deref()),
            ("kind", asked.kind.as_deref()),
            ("outcome", asked.outcome.as_deref()),
            ("limit", asked.limit.as_deref()),
        ];
        next_page(html, "/runs", &pairs, shown.next.as_deref());
        html.line("</div>");
    })
}

fn runs_table(html: &mut Html, runs: &[RunLine], now: Micros) {
    let columns = [
        ("Series", Align::Text),
        ("Kind", Align::Text),
        ("Outcome", Align::Text),
        ("Began", Align::Text),
        ("Took", Align::Text),
        ("Progress", Align::Text),
        ("Worker", Align::Text),
    ];
    let table = Table { caption: "Runs, the last begun first", columns: &columns };
    table.open(html);
    for run in runs {
        let done = |progress: &RunProgress| {
            format!(
                "{} of {} windows, {} rows",
                count(progress.done),
                count(progress.planned),
                count(progress.rows)
            )
        };
        let cells = [
            format!("<a href=\"{}\">{}</a>", path(&run.task), escaped(&run.series)),
            escaped(run.kind),
            outcome(&run.attempt.outcome),
            ago_of(Some(&run.attempt.started_at), now),
            took(&run.attempt, now),
            or_dash(run.progress.as_ref(), done),
            escaped(&run.attempt.worker),
        ];
        table.row(html, if run.attempt.error.is_some() { "failed" } else { "" }, &cells);
        if let Some(error) = &run.attempt.error {
            let chain =
                std::iter::once(error).chain(&run.attempt.causes).cloned().collect::<Vec<_>>().join(": ");
            table.note(html, &chain);
        }
    }
    table.close(html);
}
