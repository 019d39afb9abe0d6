//! One series: what can be done, its newest rows, its coverage and gaps, its files and their copies, and its runs.

use super::coverage::map;
use super::fields::{acting, button};
use super::form::Form;
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
        rows::picture(html, shown);
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
        rows::newest(html, shown);
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
    let unfillable = held.and_then(|held| held.unfillable_seconds).filter(|secs| *secs > 0.0);
    let missing = match unfillable {
        Some(secs) => format!("{missing}; <data value=\"{secs}\">{}</data> unfillable", length(secs)),
        None => missing,
    };
    figure(html, "Gaps", gaps, missing);
    let bytes = or_dash(held.and_then(|held| held.bytes), size);
    let files = held.map_or(0, |held| held.files) as u64;
    figure(html, "Size", bytes, plural(files, "file", "files"));
    html.line("</div>");
}

fn act(html: &mut Html, frame: &Frame, shown: &OneSeries) {
    let path = shown.path();
    html.line("<div id=\"act\" data-live>");
    acting(html, frame, |html| {
        html.line("<div class=\"actions\" role=\"group\" aria-label=\"Actions\">");
        match shown.line.runs.as_ref().filter(|runs| runs.configured) {
            Some(runs) => {
                if runs.stream.is_none() {
                    button(html, &format!("{path}/run"), "Run now", "");
                }
                match runs.paused {
                    true => button(html, &format!("{path}/resume"), "Resume", ""),
                    false => button(html, &format!("{path}/pause"), "Pause", ""),
                }
            }
            None => html.line("<span class=\"quiet\">It is not in the configuration.</span>"),
        }
        button(html, &format!("{path}/repair"), "Repair", "");
        let action = format!("{path}/backfill");
        let mut form = Form::new(frame, &action);
        html.add(format_args!(
            "<form class=\"actions\" method=\"post\" action=\"{action}\" id=\"backfill\">"
        ));
        form.day(html, "from", "From (UTC)", "required");
        form.day(html, "until", "Until, or now", "");
        html.line("<button>Backfill</button>");
        form.other_faults(html);
        html.line("</form>\n</div>");
    });
    html.line("</div>");
}

#[cfg(test)]
mod tests {
    use super::super::frame::{View, frame};
    use super::super::one_series_view::NewestRows;
    use super::*;
    use crate::api::{
        BookAnswer, Coverage, CoverageSeconds, CoverageWindow, FileLine, FilesPage, GapLine, GapsPage,
        InventoryLine, LevelLine, LogsLine, LogsPage, RunsPage, SeriesStatus,
    };
    use crate::http::auth::Visitor;
    use crate::model::Kind;

    const NAME: &str = "okx/BTC-USDT/ohlc/1h";

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn failing() -> SeriesStatus {
        SeriesStatus {
            series: text(NAME),
            last_run_at: None,
            last_success_at: None,
            rows: 7,
            consecutive_errors: 2,
            paused: true,
            configured: true,
            stream: None,
            last_error: Some(text("<b>no</b>")),
        }
    }

    fn held() -> InventoryLine {
        InventoryLine {
            rows: Some(1_234),
            bytes: Some(2_048),
            files: 2,
            gaps: Some(1),
            gap_seconds: Some(3_600.0),
            unfillable_seconds: Some(7_200.0),
            from: Some(text("2025-01-01T00:00:00Z")),
            to: Some(text("2025-05-16T22:00:00Z")),
            gone_files: vec![text("okx/<gone>.parquet")],
            ..InventoryLine::default()
        }
    }

    fn gap() -> GapLine {
        GapLine {
            state: "gap",
            from: Some(text("2025-02-01T00:00:00Z")),
            until: Some(text("2025-02-01T01:00:00Z")),
            seconds: Some(3_600.0),
            reason: text("the file was deleted"),
            ..GapLine::default()
        }
    }

    fn file(path: &str, here: bool, remotes: &[&str]) -> FileLine {
        let (from, to) = (Some(text("2025-01-01T00:00:00Z")), None);
        let remotes = remotes.iter().map(|name| text(name)).collect();
        FileLine { path: text(path), from, to, rows: 7, bytes: 9, sha256: String::new(), here, remotes }
    }

    fn whole(rows: Shown) -> OneSeries {
        let window = CoverageWindow {
            state: "unfillable",
            from: text("2025-01-01T00:00:00Z"),
            until: text("2025-01-01T01:00:00Z"),
            reason: Some(text("too <old>")),
            mixed: None,
        };
        let files =
            vec![file("okx/2025.parquet", true, &["nas"]), file("okx/2024.parquet", false, &["nas", "s3"])];
        let long = LogsLine { text: text("a <line>"), level: Some("warn"), cut_bytes: 1_048_576 };
        OneSeries {
            line: SeriesLine {
                series: text(NAME),
                state: "paused",
                held: Some(held()),
                runs: Some(failing()),
            },
            coverage: Ok(Coverage {
                series: text(NAME),
                from: Some(window.from.clone()),
                until: Some(window.until.clone()),
                exact: true,
                windows: vec![window],
                total: CoverageSeconds::default(),
            }),
            gaps: Ok(GapsPage { series: text(NAME), gaps: vec![gap()], total: 40, next: Some(text("more")) }),
            files: Ok(FilesPage { series: text(NAME), files, total: 2, next: None }),
            runs: Ok(RunsPage { runs: vec![], next: None }),
            logs: Ok(LogsPage { lines: vec![long] }),
            rows,
        }
    }

    fn candles() -> Shown {
        let row = ["2025-05-16T22:00:00.000000Z", "1.5"].map(text).to_vec();
        Shown::Rows(Ok(NewestRows {
            kind: Kind::Ohlc,
            columns: vec![text("ts"), text("open")],
            rows: vec![row],
            from: text("/api/v1/read?series=a&from=b"),
        }))
    }

    fn page(visitor: Visitor, shown: &OneSeries) -> String {
        one_series(&Frame { visitor, ..frame(View::Series, NAME) }, shown)
    }

    #[test]
    fn a_series_shows_its_state_its_figures_and_its_error_as_text() {
        let html = page(Visitor::SignedIn, &whole(candles()));

        for part in [
            "<h1>okx/BTC-USDT/ohlc/1h</h1>",
            "<span class=\"chip quiet\">paused</span>",
            "Failed 2 times in a row: &lt;b&gt;no&lt;/b&gt;",
            "<b><data value=\"1234\">1,234</data></b>",
            "okx/&lt;gone&gt;.parquet is gone.",
            "<p>1 h missing; <data value=\"7200\">2 h</data> unfillable</p>",
            "unfillable, 2025-01-01 00:00:00 to 2025-01-01 01:00:00 UTC: too &lt;old&gt;",
            "<td data-label=\"Reason\">the file was deleted</td>",
            "<td data-label=\"Lies\">here, nas</td>",
            "<td data-label=\"Lies\">nas, s3</td>",
            "<li class=\"warn\">a &lt;line&gt;\u{2026} (1,048,576 more bytes)</li>",
            "id=\"candles\" data-keep data-from=\"/api/v1/read?series=a&amp;from=b\"",
            "href=\"/series/okx%2FBTC-USDT%2Fohlc%2F1h?gaps=more\">Next gaps",
            "tradingview.com",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn who_is_signed_in_has_the_actions_that_the_state_allows_and_nobody_else_has_any() {
        let path = "/series/okx%2FBTC-USDT%2Fohlc%2F1h";
        let html = page(Visitor::SignedIn, &whole(candles()));

        for action in ["run", "resume", "repair", "backfill"] {
            assert!(
                html.contains(&format!("method=\"post\" action=\"{path}/{action}\"")),
                "{action} in {html}"
            );
        }
        assert!(!html.contains(&format!("{path}/pause")));
        assert!(html.contains("name=\"from\" value=\"2025-02-01T00:00:00Z\""), "a gap has its own button");
        for visitor in [Visitor::SignedOut, Visitor::ReadOnly] {
            assert!(!page(visitor, &whole(candles())).contains(&format!("action=\"{path}")), "{visitor:?}");
        }
    }

    #[test]
    fn a_part_that_cannot_be_read_says_why_and_the_others_are_there() {
        let shown = OneSeries {
            coverage: Err(text("the ledger is <gone>")),
            gaps: Err(text("no gaps")),
            ..whole(Shown::Nothing)
        };
        let html = page(Visitor::SignedOut, &shown);

        assert!(html.contains("<p class=\"refusal\">the ledger is &lt;gone&gt;</p>"), "{html}");
        assert!(html.contains("<p class=\"refusal\">no gaps</p>") && html.contains("okx/2025.parquet"));
    }

    #[test]
    fn a_book_is_a_ladder_with_sums_and_its_depth() {
        let level = |price, amount| LevelLine { price, amount, count: None };
        let book = BookAnswer {
            series: text("okx/BTC-USDT/orderbook"),
            at: None,
            source: text("live"),
            covered: true,
            ts: text("2025-05-17T00:01:28Z"),
            ts_recv: text("2025-05-17T00:01:28Z"),
            ord: None,
            seq: None,
            age_seconds: 2.0,
            bids: vec![level(99.5, 1.0), level(99.0, 0.5)],
            asks: vec![level(100.5, 2.0), level(101.0, 1.0)],
        };
        let html = page(Visitor::SignedOut, &whole(Shown::Book(Ok(book))));

        for part in [
            "as it is followed now; its last update was <time class=\"ago\" datetime=\"2025-05-17T00:01:28Z\"",
            "<th scope=\"row\">99</th><td data-label=\"Amount\" class=\"number\">0.5</td>\
             <td data-label=\"Sum\" class=\"number\">1.5</td>",
            "<path class=\"bids\" d=\"M250.0 100L250.0 100.0L250.0 68.0L0.0 68.0L0.0 52.0L0.0 52.0L0.0 100Z\"/>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        let unknown = Shown::Book(Err(text("not known until <now>")));
        assert!(page(Visitor::SignedOut, &whole(unknown)).contains("not known until &lt;now&gt;"));
    }
}
