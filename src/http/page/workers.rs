//! Workers and queues: every worker that the state store knows, and the queue of each exchange.

use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, size};
use super::table::{Align, Table};
use super::times::{instant_of, length};
use crate::api::{QueueHealth, Queues, WorkerView};

/// The page.
pub(in crate::http) fn workers(frame: &Frame, shown: &Queues<'_>) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Workers and queues</h1>\n<div id=\"workers\" data-live>");
        if let Some(error) = shown.error {
            html.add(format_args!("<p class=\"refusal\">{}</p>\n", escaped(error)));
        }
        worker_table(html, shown.workers);
        queue_table(html, shown);
        html.line("</div>");
    })
}

fn worker_table(html: &mut Html, workers: &[WorkerView]) {
    html.line("<h2>Workers</h2>");
    if workers.is_empty() {
        return html.line("<p class=\"quiet\">None is known yet.</p>");
    }
    let columns = [
        ("Worker", Align::Text),
        ("State", Align::Text),
        ("Running", Align::Number),
        ("Last seen", Align::Text),
        ("Loop lag", Align::Number),
        ("Memory", Align::Number),
        ("Process", Align::Number),
        ("Version", Align::Text),
    ];
    let table = Table { caption: "Workers of this state store, this process first", columns: &columns };
    table.open(html);
    for worker in workers {
        let tone = match worker.state {
            "running" | "healthy" => "good",
            "stuck" | "dead" => "bad",
            "stale" => "warn",
            _ => "quiet",
        };
        let cells = [
            escaped(&worker.id),
            chip(tone, worker.state),
            count(worker.in_progress),
            format!("<data value=\"{}\">{}</data> ago", worker.last_seen_s, length(worker.last_seen_s)),
            format!("<data value=\"{}\">{:.3}</data> s", worker.loop_lag_s, worker.loop_lag_s),
            or_dash(worker.rss_bytes, size),
            worker.pid.to_string(),
            escaped(&worker.version),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
}

fn queue_table(html: &mut Html, shown: &Queues<'_>) {
    html.line("<h2>Queues</h2>");
    if shown.queues.is_empty() {
        return html.line("<p class=\"quiet\">No exchange has work.</p>");
    }
    let columns = [
        ("Exchange", Align::Text),
        ("State", Align::Text),
        ("Due", Align::Number),
        ("Oldest", Align::Number),
        ("Scheduled", Align::Number),
        ("Running", Align::Number),
        ("Failing", Align::Number),
        ("Given up", Align::Number),
        ("Paused", Align::Number),
        ("Limit", Align::Number),
    ];
    let table = Table { caption: "The work of each exchange", columns: &columns };
    table.open(html);
    for queue in shown.queues.values() {
        let bad = |number: u64| match number {
            0 => count(0),
            number => format!("<span class=\"bad\">{}</span>", count(number)),
        };
        let oldest = queue.oldest_waiting_s;
        let cells = [
            format!(
                "<a href=\"/jobs?exchange={}\">{}</a>",
                super::html::segment(queue.name),
                escaped(queue.name)
            ),
            state(queue),
            count(queue.depth),
            if oldest > 0.0 {
                format!("<data value=\"{oldest}\">{}</data>", length(oldest))
            } else {
                "\u{2013}".to_owned()
            },
            count(queue.scheduled),
            count(queue.in_progress),
            bad(queue.failed),
            bad(queue.exhausted),
            count(queue.paused),
            or_dash(queue.rate_limit.as_ref(), |limit| {
                format!("{} per {}", count(u64::from(limit.limit)), length(limit.per_s))
            }),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
}

fn state(queue: &QueueHealth<'_>) -> String {
    let free_in = queue.rate_limit.as_ref().map_or(0.0, |limit| limit.free_in_s);
    match (&queue.paused_until, queue.status) {
        (Some(until), _) => format!("{} until {}", chip("bad", "banned"), instant_of(Some(until))),
        (None, _) if free_in > 0.0 => format!("{} for {}", chip("warn", "limited"), length(free_in)),
        (None, "active") => chip("good", "active"),
        (None, other) => chip("quiet", other),
    }
}
