//! The parts of the daemon on the overview: cards of figures, exchanges, workers, remotes.

use super::html::{Html, chip, count, escaped, or_dash, segment, size};
use super::table::{Align, Table};
use super::times::{ago_of, instant_of, length};
use crate::api::{Overview, OverviewExchange};
use crate::model::Micros;

pub(super) fn cards(html: &mut Html, shown: &Overview) {
    let jobs = &shown.jobs;
    html.line("<div class=\"cards\">");
    let series = format!("{} rows stored by their runs", count(jobs.rows));
    card(html, ("Jobs", "/jobs"), &count(jobs.total), &series);
    let waiting = format!("{} due and waiting", count(jobs.waiting));
    card(html, ("Running", "/jobs?status=in_progress"), &count(jobs.running), &waiting);
    streams(html, shown);
    disk(html, shown);
    let latency = or_dash(shown.store_latency_ms, |ms| format!("<data value=\"{ms}\">{ms:.1}</data> ms"));
    card(html, ("State store", "/storage"), &latency, &format!("{} answers", escaped(&shown.store)));
    html.line("</div>");
}

fn streams(html: &mut Html, shown: &Overview) {
    let total: u64 = shown.streams.values().sum();
    if total == 0 {
        return;
    }
    let live = shown.streams.get("live").copied().unwrap_or(0);
    let others = shown.streams.iter().filter(|(state, _)| *state != "live");
    let others: Vec<String> =
        others.map(|(state, number)| format!("{} {}", count(*number), escaped(state))).collect();
    let words = if others.is_empty() { "all live".to_owned() } else { others.join(", ") };
    card(html, ("Streams live", "/streams"), &format!("{} of {}", count(live), count(total)), &words);
}

fn disk(html: &mut Html, shown: &Overview) {
    let (free, whole) = (shown.disk_free_bytes, shown.disk_size_bytes);
    html.add(format_args!(
        "<div class=\"card\"><h3><a href=\"/storage\">Disk free</a></h3><b>{}</b><p>of {}</p>",
        size(free),
        size(whole)
    ));
    if whole > 0 {
        let share = free as f64 / whole as f64;
        html.add(format_args!(
            "<meter min=\"0\" max=\"1\" low=\"0.05\" high=\"0.25\" optimum=\"1\" value=\"{share:.3}\" \
             aria-label=\"Free space\">{:.0} %</meter>",
            share * 100.0
        ));
    }
    html.line("</div>");
}

fn card(html: &mut Html, (name, address): (&str, &str), value: &str, words: &str) {
    html.add(format_args!(
        "<div class=\"card\"><h3><a href=\"{}\">{name}</a></h3><b>{value}</b><p>{words}</p></div>\n",
        escaped(address)
    ));
}

pub(super) fn exchanges(html: &mut Html, shown: &Overview) {
    if shown.exchanges.is_empty() {
        return;
    }
    html.line("<section><h2>Exchanges</h2>");
    let table = Table {
        caption: "Exchanges in use, and whether they answer",
        columns: &[("Exchange", Align::Text), ("State", Align::Text), ("Until", Align::Text)],
    };
    table.open(html);
    for exchange in &shown.exchanges {
        let name = &exchange.name;
        let name = format!("<a href=\"/series?exchange={}\">{}</a>", segment(name), escaped(name));
        table.row(html, "", &[name, state(exchange), instant_of(exchange.until.as_deref())]);
    }
    table.close(html);
    html.line("</section>");
}

fn state(exchange: &OverviewExchange) -> String {
    let tone = match exchange.state.as_str() {
        "up" => "good",
        "limited" => "warn",
        "unknown" => "quiet",
        _ => "bad",
    };
    let word = if exchange.state == "unknown" { "not asked yet" } else { &exchange.state };
    chip(tone, word)
}

pub(super) fn workers(html: &mut Html, shown: &Overview) {
    html.line("<h2>Workers</h2>");
    let table = Table {
        caption: "Every worker of the state store",
        columns: &[
            ("Worker", Align::Text),
            ("State", Align::Text),
            ("Running", Align::Number),
            ("Last seen", Align::Text),
            ("Memory", Align::Number),
        ],
    };
    table.open(html);
    for worker in &shown.workers {
        let tone = match worker.state.as_str() {
            "running" | "healthy" => "good",
            "stuck" | "dead" => "bad",
            _ => "quiet",
        };
        let cells = [
            escaped(&worker.id),
            chip(tone, &worker.state),
            count(worker.in_progress),
            format!("<data value=\"{}\">{}</data> ago", worker.last_seen_s, length(worker.last_seen_s)),
            or_dash(worker.rss_bytes, size),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
}

pub(super) fn remotes(html: &mut Html, shown: &Overview, now: Micros) {
    if shown.remotes.is_empty() {
        return;
    }
    html.line("<section><h2>Remotes</h2>");
    let table = Table {
        caption: "Copies of published files elsewhere",
        columns: &[
            ("Remote", Align::Text),
            ("State", Align::Text),
            ("Not verified yet", Align::Number),
            ("Their size", Align::Number),
            ("Last complete", Align::Text),
        ],
    };
    table.open(html);
    for remote in &shown.remotes {
        let state = match &remote.last_error {
            Some(_) => chip("bad", "failing"),
            None if remote.last_success.is_none() => chip("quiet", "not synced yet"),
            None if remote.pending_files == 0 => chip("good", "in step"),
            None => chip("busy", "behind"),
        };
        let cells = [
            escaped(&remote.name),
            state,
            count(remote.pending_files),
            size(remote.pending_bytes),
            ago_of(remote.last_success.as_deref(), now),
        ];
        table.row(html, "", &cells);
        if let Some(error) = &remote.last_error {
            table.note(html, error);
        }
    }
    table.close(html);
    html.line("</section>");
}
