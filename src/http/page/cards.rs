//! The cards of the overview: work, disk, state store, exchanges, workers.

use super::jobs;
use super::text::{Html, ago, escaped};
use super::view::View;
use crate::daemon::{ExchangeView, QueueView, Snapshot, WorkerView};
use crate::model::{bytes, thousands};

pub(super) fn add(html: &mut Html, view: &View<'_>) {
    let snapshot = view.snapshot;
    html.line("<div class=\"cards\">");
    series(html, view);
    work(html, snapshot);
    disk(html, snapshot);
    store(html, snapshot);
    html.line("</div>");
}

fn series(html: &mut Html, view: &View<'_>) {
    let rows: u64 = view.jobs.iter().map(|job| job.rows).sum();
    let (count, failing) = (view.jobs.len(), jobs::failing(view.jobs));
    card(html, "Jobs", "", &thousands(count as u64), &format!("{} rows collected", thousands(rows)));
    let exhausted: u64 = view.snapshot.queues.iter().map(|queue| queue.exhausted).sum();
    let given_up = if exhausted > 0 { format!(", {exhausted} tasks given up") } else { String::new() };
    let failing = (failing as u64).max(view.snapshot.sums().failed);
    let tone = if failing > 0 { " class=\"bad\"" } else { "" };
    card(html, "Failing", tone, &thousands(failing), &format!("at their last run{given_up}"));
}

fn work(html: &mut Html, snapshot: &Snapshot) {
    let sums = snapshot.sums();
    card(html, "Running", "", &thousands(sums.in_progress), "runs under way");
    let oldest = snapshot.queues.iter().filter_map(|queue| queue.oldest_due).min();
    let since = oldest.map(|at| ago::length((snapshot.at.0 - at.0) as f64 / 1e6));
    let words = since.map_or_else(|| "due".to_owned(), |since| format!("due, the oldest for {since}"));
    card(html, "Waiting", "", &thousands(sums.depth), &words);
}

fn disk(html: &mut Html, snapshot: &Snapshot) {
    let disk = &snapshot.disk;
    html.add(format_args!(
        "<div class=\"card\"><h2>Disk</h2><b>{}</b><p>free of {}</p>",
        bytes(disk.free_bytes),
        bytes(disk.size_bytes)
    ));
    if disk.size_bytes > 0 {
        let free = disk.free_bytes as f64 / disk.size_bytes as f64;
        html.add(format_args!(
            "<meter min=\"0\" max=\"1\" low=\"0.05\" optimum=\"1\" value=\"{free:.3}\">{:.0} %</meter>",
            free * 100.0
        ));
    }
    fault(html, disk.error.as_deref());
    html.line("</div>");
}

fn store(html: &mut Html, snapshot: &Snapshot) {
    let store = &snapshot.store;
    let took = store.latency_ms.map_or_else(|| "\u{2013}".to_owned(), |took| format!("{took:.1} ms"));
    html.add(format_args!(
        "<div class=\"card\"><h2>State store</h2><b>{took}</b><p>{} {}</p>",
        escaped(store.kind),
        escaped(&store.version)
    ));
    fault(html, store.error.as_deref());
    html.line("</div>");
}

fn fault(html: &mut Html, why: Option<&str>) {
    why.into_iter().for_each(|why| html.add(format_args!("<p class=\"bad\">{}</p>", escaped(why))));
}

fn card(html: &mut Html, name: &str, tone: &str, value: &str, words: &str) {
    html.add(format_args!("<div class=\"card\"><h2>{name}</h2><b{tone}>{value}</b><p>{words}</p></div>\n"));
}

/// Each exchange: whether it is up, and its queue.
pub(super) fn exchanges(html: &mut Html, snapshot: &Snapshot) {
    if snapshot.exchanges.is_empty() {
        return;
    }
    html.line(
        "<h2>Exchanges</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">Exchange</th>\
         <th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Running</th>\
         <th scope=\"col\" class=\"number\">Waiting</th><th scope=\"col\" class=\"number\">Scheduled</th>\
         <th scope=\"col\" class=\"number\">Failing</th><th scope=\"col\" class=\"number\">Paused</th></tr></thead>\n<tbody>",
    );
    for exchange in &snapshot.exchanges {
        let none = QueueView::default();
        let queue = snapshot.queues.iter().find(|queue| queue.name == exchange.name).unwrap_or(&none);
        let (tone, state) = state(exchange);
        html.add(format_args!(
            "<tr><th scope=\"row\">{}</th><td><span class=\"chip {tone}\">{state}</span></td>",
            exchange.name
        ));
        for count in [queue.in_progress, queue.depth, queue.scheduled, queue.failed, queue.paused] {
            html.add(format_args!("<td class=\"number\">{}</td>", thousands(count)));
        }
        html.line("</tr>");
    }
    html.line("</tbody>\n</table>\n</div>");
}

fn state(exchange: &ExchangeView) -> (&'static str, String) {
    let until = |at| ago::exactly(at);
    match (exchange.banned_until, exchange.limited_until, exchange.is_up) {
        (Some(at), ..) => ("bad", format!("banned until {}", until(at))),
        (None, Some(at), _) => ("busy", format!("limited until {}", until(at))),
        (None, None, true) => ("good", "up".to_owned()),
        (None, None, false) => ("bad", "down".to_owned()),
    }
}

/// Every worker.
pub(super) fn workers(html: &mut Html, snapshot: &Snapshot) {
    if snapshot.workers.is_empty() {
        return;
    }
    html.line(
        "<h2>Workers</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">Worker</th>\
         <th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Running</th><th scope=\"col\">Last seen</th>\
         <th scope=\"col\" class=\"number\">Memory</th><th scope=\"col\">Version</th></tr></thead>\n<tbody>",
    );
    snapshot.workers.iter().for_each(|worker| row(html, worker));
    html.line("</tbody>\n</table>\n</div>");
}

fn row(html: &mut Html, worker: &WorkerView) {
    let tone = match worker.state {
        "running" | "healthy" => "good",
        "stuck" | "dead" => "bad",
        _ => "quiet",
    };
    html.add(format_args!(
        "<tr><th scope=\"row\">{}</th><td><span class=\"chip {tone}\">{}</span></td><td class=\"number\">{}</td>\
         <td>{} ago</td><td class=\"number\">{}</td><td>{}</td></tr>\n",
        escaped(&worker.id),
        worker.state,
        thousands(worker.in_progress),
        ago::length(worker.last_seen_s),
        worker.rss_bytes.map_or_else(|| "\u{2013}".to_owned(), bytes),
        escaped(&worker.version),
    ));
}
