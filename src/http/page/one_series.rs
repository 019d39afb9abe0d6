//! One series: what can be done, its newest rows, its coverage and gaps, its files and their copies, and its runs.

use super::actions;
use super::coverage::map;
use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, plural, refused, size};
use super::one_series_parts as parts;
use super::one_series_view::{OneSeries, Shown};
use super::rows;
use super::series::state_words;
use super::times::{ago_of, instant_of, length};
use crate::api::SeriesLine;

/// The page.
pub(in crate::http) fn one_series(frame: &Frame, shown: &OneSeries) -> String {
    let files: &[&str] = match &shown.rows {
        Shown::Rows(Ok(rows)) if rows.has_candles() => &["coverage.js", "candles.js"],
        _ => &["coverage.js"],
    };
    frame.around(files, |html| {
        html.add(format_args!("<h1>{}</h1>\n", escaped(&shown.line.series)));
        html.line("<div id=\"state\" data-live>");
        state(html, frame, &shown.line);
        html.line("</div>");
        act(html, frame, shown);
        rows::newest(html, shown);
        html.line("<section aria-labelledby=\"coverage-title\"><h2 id=\"coverage-title\">Coverage</h2>");
        html.line("<div id=\"coverage\" data-live>");
        match &shown.coverage {
            Ok(coverage) => {
                map(html, coverage);
                parts::windows(html, coverage);
            }
            Err(why) => refused(html, why),
        }
        html.line("</div></section>\n<div id=\"account\" data-live>");
        parts::gaps(html, frame, shown);
        parts::runs(html, frame, shown);
        parts::files(html, shown);
        parts::logs(html, shown);
        html.line("</div>");
    })
}

fn state(html: &mut Html, frame: &Frame, line: &SeriesLine) {
    let (tone, word) = state_words(line.state);
    let (held, runs) = (line.held.as_ref(), line.runs.as_ref());
    let stream = runs.and_then(|runs| runs.stream.as_deref());
    let stream =
        stream.map(|state| format!(" {}", chip(if state == "live" { "good" } else { "warn" }, state)));
    html.add(format_args!("<p>{}{}</p>\n", chip(tone, word), stream.unwrap_or_default()));
    let error = runs.filter(|runs| runs.consecutive_errors > 0);
    if let Some(runs) = error {
        let times = plural(runs.consecutive_errors.into(), "time", "times in a row");
        let why = runs.last_error.as_deref().unwrap_or("its last run failed");
        html.add(format_args!("<p class=\"refusal\">Failed {times}: {}</p>\n", escaped(why)));
    }
    if let Some(note) = held.and_then(|held| held.note.as_deref()) {
        refused(html, note);
    }
    let figure = |html: &mut Html, name: &str, value: String, words: String| {
        html.add(format_args!("<div class=\"card\"><h3>{name}</h3><b>{value}</b><p>{words}</p></div>\n"));
    };
    html.line("<div class=\"cards\">");
    let to = held.and_then(|held| held.to.as_deref());
    figure(html, "Newest row", ago_of(to, frame.at), instant_of(to));
    let from = held.and_then(|held| held.from.as_deref());
    let rows = or_dash(held.and_then(|held| held.rows), count);
    figure(html, "Rows", rows, format!("since {}", instant_of(from)));
    let gaps = or_dash(held.and_then(|held| held.gaps), |gaps| count(gaps as u64));
    let missing = held.and_then(|held| held.gap_seconds).filter(|secs| *secs > 0.0);
    let missing =
        missing.map_or_else(|| "nothing missing".to_owned(), |secs| format!("{} missing", length(secs)));
    figure(html, "Gaps", gaps, missing);
    let bytes = or_dash(held.and_then(|held| held.bytes), size);
    let files = held.map_or(0, |held| held.files) as u64;
    figure(html, "Size", bytes, plural(files, "file", "files"));
    html.line("</div>");
}

fn act(html: &mut Html, frame: &Frame, shown: &OneSeries) {
    let path = shown.path();
    if !actions::are_open(html, frame.visitor) {
        return;
    }
    html.line("<div class=\"actions\" role=\"group\" aria-label=\"Actions\">");
    let runs = shown.line.runs.as_ref().filter(|runs| runs.configured);
    html.line("<div id=\"act\" class=\"actions\" data-live>");
    match runs {
        Some(runs) => {
            if runs.stream.is_none() {
                actions::button(html, &format!("{path}/run"), "Run now");
            }
            match runs.paused {
                true => actions::button(html, &format!("{path}/resume"), "Resume"),
                false => actions::button(html, &format!("{path}/pause"), "Pause"),
            }
        }
        None => html.line("<span class=\"quiet\">It is not in the configuration.</span>"),
    }
    actions::button(html, &format!("{path}/repair"), "Repair");
    html.add(format_args!(
        "</div>\n<form class=\"actions\" method=\"post\" action=\"{path}/backfill\">\
         <label>From (UTC)<input type=\"date\" name=\"from\" required></label>\
         <label>Until, or now<input type=\"date\" name=\"until\"></label>\
         <button>Backfill</button></form>\n</div>\n",
    ));
}
