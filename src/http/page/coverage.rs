//! Coverage as pictures: a bar of how much is missing, and a map of years with every window.

use super::html::{Html, escaped};
use super::times::{end_words, exactly, length, parsed};
use crate::api::{Coverage, CoverageSeconds, CoverageWindow, InventoryLine};
use crate::model::Micros;

/// The width of a map in its own units.
const WIDTH: f64 = 1_000.0;
/// The most years with a line of their own; longer ranges are one line.
const MOST_YEARS: i64 = 30;

/// How much of a series is missing, as a bar.
pub(super) fn share_bar(held: &InventoryLine) -> String {
    let Some(gap_secs) = held.gap_seconds else { return "\u{2013}".to_owned() };
    let ends = held.from.as_deref().and_then(parsed).zip(held.to.as_deref().and_then(parsed));
    let span = ends.map_or(0.0, |(from, to)| (to.0 - from.0) as f64 / 1e6);
    if span <= 0.0 && gap_secs <= 0.0 {
        return "\u{2013}".to_owned();
    }
    let missing =
        (gap_secs / span.max(gap_secs) * 100.0).clamp(if gap_secs > 0.0 { 2.0 } else { 0.0 }, 100.0);
    let words = match gap_secs > 0.0 {
        true => format!("{} missing", length(gap_secs)),
        false => "nothing missing".to_owned(),
    };
    format!(
        "<svg class=\"map bar\" role=\"img\" aria-label=\"{words}\" viewBox=\"0 0 100 10\" \
         preserveAspectRatio=\"none\"><title>{words}</title><rect class=\"covered\" width=\"100\" height=\"10\"/>\
         <rect class=\"gap\" x=\"{:.1}\" width=\"{missing:.1}\" height=\"10\"/></svg>",
        100.0 - missing
    )
}

/// A line of a map: its name and its range.
struct Track {
    name: String,
    from: Micros,
    until: Micros,
}

/// A map of the years, or of the whole range, with every window in its place.
pub(super) fn map(html: &mut Html, coverage: &Coverage) {
    let ends = coverage.from.as_deref().and_then(parsed).zip(coverage.until.as_deref().and_then(parsed));
    let Some((from, until)) = ends.filter(|_| !coverage.windows.is_empty()) else {
        return html
            .line("<p class=\"quiet\">Nothing was asked for yet, so nothing is covered or missing.</p>");
    };
    html.line("<div class=\"years\">");
    for track in tracks(from, until) {
        line(html, &track, &coverage.windows);
    }
    html.line(
        "</div>\n<p id=\"coverage-part\" class=\"quiet\" data-keep>Point at a part to see what it is.</p>",
    );
    key(html, &coverage.total);
}

fn tracks(from: Micros, until: Micros) -> Vec<Track> {
    let year = |at: Micros| exactly(at).get(..4).and_then(|text| text.parse::<i64>().ok());
    let first_of = |year: i64| parsed(&format!("{year:04}-01-01T00:00:00Z"));
    let years = year(from).zip(year(Micros(until.0 - 1)));
    let whole = || vec![Track { name: "all".to_owned(), from, until }];
    let Some((first, last)) = years.filter(|(first, last)| last > first && last - first < MOST_YEARS) else {
        return whole();
    };
    let track =
        |year: i64| Some(Track { name: year.to_string(), from: first_of(year)?, until: first_of(year + 1)? });
    (first..=last).map(track).collect::<Option<Vec<_>>>().unwrap_or_else(whole)
}

fn line(html: &mut Html, track: &Track, windows: &[CoverageWindow]) {
    let whole = (track.until.0 - track.from.0) as f64;
    html.add(format_args!(
        "<span class=\"quiet\">{0}</span><svg class=\"map\" role=\"img\" aria-label=\"Coverage, {0}\" \
         viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\">",
        escaped(&track.name)
    ));
    for window in windows {
        let Some((from, until)) = parsed(&window.from).zip(parsed(&window.until)) else { continue };
        let (from, until) = (from.max(track.from), until.min(track.until));
        if from >= until {
            continue;
        }
        let at = |at: Micros| (at.0 - track.from.0) as f64 / whole * WIDTH;
        // A window that is missing is never too thin to be seen.
        let least = if window.state == "covered" { 0.1 } else { 2.0 };
        let width = (at(until) - at(from)).max(least);
        let words = escaped(&words(window));
        html.add(format_args!(
            "<rect class=\"{0}\" x=\"{1:.2}\" width=\"{width:.2}\" height=\"10\" data-part=\"{words}\"/>",
            window.state,
            at(from).min(WIDTH - width)
        ));
    }
    html.line("</svg>");
}

/// A window in words.
fn words(window: &CoverageWindow) -> String {
    let ends = match parsed(&window.from).zip(parsed(&window.until)) {
        Some((from, until)) => end_words(from, until),
        None => [window.from.clone(), window.until.clone()],
    };
    let reason = window.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mixed = if window.mixed.is_some() { ", with others" } else { "" };
    format!("{}{mixed}, {} to {} UTC{reason}", window.state, ends[0], ends[1])
}

fn key(html: &mut Html, total: &CoverageSeconds) {
    html.line("<ul class=\"key\">");
    for (state, secs) in [
        ("covered", total.covered),
        ("gap", total.gap),
        ("empty", total.empty),
        ("unfillable", total.unfillable),
    ] {
        html.add(format_args!(
            "<li><i class=\"{state}\"></i>{state} <data value=\"{secs}\">{}</data></li>\n",
            length(secs)
        ));
    }
    html.line("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(state: &'static str, from: &str, until: &str, reason: Option<&str>) -> CoverageWindow {
        let [from, until] = [from, until].map(str::to_owned);
        CoverageWindow { state, from, until, reason: reason.map(str::to_owned), mixed: None }
    }

    fn drawn(windows: Vec<CoverageWindow>) -> String {
        let (from, until) = (windows[0].from.clone(), windows[windows.len() - 1].until.clone());
        let coverage = Coverage {
            series: "okx/BTC-USDT/ohlc/1h".to_owned(),
            from: Some(from),
            until: Some(until),
            exact: true,
            windows,
            total: CoverageSeconds { covered: 86_400.0, ..CoverageSeconds::default() },
        };
        let mut html = Html::with_capacity(0);
        map(&mut html, &coverage);
        html.into()
    }

    #[test]
    fn a_window_lies_in_each_of_its_years_at_its_place() {
        let html = drawn(vec![
            window("covered", "2023-07-02T12:00:00Z", "2025-01-01T00:00:00Z", None),
            window("unfillable", "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", Some("too <old>")),
        ]);

        assert_eq!(html.matches("<svg").count(), 3, "{html}");
        assert!(html.contains("<rect class=\"covered\" x=\"500.00\" width=\"500.00\""), "{html}");
        assert!(html.contains("<rect class=\"covered\" x=\"0.00\" width=\"1000.00\""), "{html}");
        assert!(html.contains("<rect class=\"unfillable\" x=\"0.00\" width=\"2.74\""), "{html}");
        assert!(html.contains("2025-01-02 00:00:00 UTC: too &lt;old&gt;\""), "{html}");
    }

    #[test]
    fn a_gap_that_is_too_short_for_the_map_is_still_seen() {
        let html = drawn(vec![
            window("covered", "2024-01-01T00:00:00Z", "2024-12-31T23:59:00Z", None),
            window("gap", "2024-12-31T23:59:00Z", "2025-01-01T00:00:00Z", None),
        ]);

        assert!(html.contains("<rect class=\"gap\" x=\"998.00\" width=\"2.00\""), "{html}");
    }

    #[test]
    fn a_bar_never_shows_a_gap_as_nothing() {
        let held = |gap_seconds| InventoryLine {
            from: Some("2024-01-01T00:00:00Z".to_owned()),
            to: Some("2025-01-01T00:00:00Z".to_owned()),
            gap_seconds,
            ..InventoryLine::default()
        };

        assert!(share_bar(&held(Some(60.0))).contains("x=\"98.0\" width=\"2.0\""));
        assert!(share_bar(&held(Some(0.0))).contains("x=\"100.0\" width=\"0.0\""));
        assert_eq!(share_bar(&held(None)), "\u{2013}");
    }
}
