//! The history of any metric: the list of what is kept, and one metric as a chart and as figures.

use super::fields::{address, next_page};
use super::form::Form;
use super::frame::Frame;
use super::html::{Html, escaped, or_dash};
use super::table::{Align, Table};
use super::times::instant_of;
use crate::api::{HistoryAnswer, HistoryMetric, HistoryPoint};
use crate::engine::history::Asked;

const RESOLUTIONS: [(&str, &str); 5] = [
    ("", "5 minutes"),
    ("1m", "1 minute"),
    ("5m", "5 minutes, a day"),
    ("1h", "1 hour, a week"),
    ("1d", "1 day, 90 days"),
];

/// The page; without an answer if the question is refused.
pub(in crate::http) fn history(frame: &Frame, shown: Option<&HistoryAnswer>, asked: &Asked) -> String {
    frame.around(&["uplot.min.css", "uplot.min.js", "history.js"], |html| {
        html.line("<h1>History</h1>");
        html.line("<form class=\"filters\" method=\"get\" action=\"/history\" role=\"search\" aria-label=\"Choose metrics\">");
        let mut form = Form::new(frame, "/history");
        form.input(html, "prefix", "Metric", asked.prefix.as_deref(), "placeholder=\"exchange:binance\" size=\"32\"");
        let known = shown.iter().flat_map(|shown| &shown.workers);
        let workers: Vec<(&str, &str)> =
            std::iter::once(("", "All")).chain(known.map(|own| (own.as_str(), own.as_str()))).collect();
        form.select(html, "worker", "Worker", &workers, asked.worker.as_deref());
        form.select(html, "resolution", "Resolution", &RESOLUTIONS, asked.resolution.as_deref());
        html.line("<button>Show</button>");
        form.other_faults(html);
        html.line("</form>");
        let Some(shown) = shown else { return };
        let (from, until) = (instant_of(Some(&shown.from)), instant_of(Some(&shown.until)));
        html.add(format_args!(
            "<p class=\"quiet\" id=\"range\" data-live>{from} to {until}, in buckets of {}.</p>\n",
            escaped(shown.resolution)
        ));
        match shown.metrics.as_slice() {
            [] => html.line(
                "<p class=\"quiet\" id=\"figures\" data-live>Nothing is kept under this name in this time. The history is \
                 written once a minute.</p>",
            ),
            [one] => {
                chart(html, one, shown, asked);
                html.line("<div id=\"figures\" data-live>");
                figures(html, one);
                html.line("</div>");
            }
            several => {
                html.line("<div id=\"figures\" data-live>");
                list(html, several, asked);
                let pairs = [
                    ("prefix", asked.prefix.as_deref()),
                    ("worker", asked.worker.as_deref()),
                    ("resolution", asked.resolution.as_deref()),
                ];
                next_page(html, "/history", &pairs, shown.next.as_deref());
                html.line("</div>");
            }
        }
    })
}

/// Drawn by a script from the same answer.
fn chart(html: &mut Html, metric: &HistoryMetric, shown: &HistoryAnswer, asked: &Asked) {
    let from = address(
        "/api/v1/metrics",
        &[
            ("prefix", Some(&metric.key)),
            ("worker", asked.worker.as_deref()),
            ("resolution", Some(shown.resolution)),
        ],
    );
    html.add(format_args!(
        "<section class=\"panel\" aria-label=\"Chart\"><div class=\"history\" id=\"chart\" data-from=\"{}\" \
         data-pattern=\"^{}$\" data-label=\"{}\"></div>\n\
         <noscript><p class=\"quiet\">The chart needs JavaScript; its figures are below.</p></noscript></section>\n",
        escaped(&from),
        escaped(&pattern(&metric.key)),
        escaped(if metric.unit.is_empty() { metric.kind } else { &metric.unit }),
    ));
}

/// A regular expression of a text.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

fn list(html: &mut Html, metrics: &[HistoryMetric], asked: &Asked) {
    let columns = [
        ("Metric", Align::Text),
        ("Kind", Align::Text),
        ("Unit", Align::Text),
        ("Newest", Align::Number),
        ("Sum or level", Align::Number),
        ("Least", Align::Number),
        ("Most", Align::Number),
    ];
    let table = Table { caption: "Metrics by name", columns: &columns };
    table.open(html);
    for metric in metrics {
        let link = address(
            "/history",
            &[
                ("prefix", Some(&metric.key)),
                ("worker", asked.worker.as_deref()),
                ("resolution", asked.resolution.as_deref()),
            ],
        );
        let summary =
            |of: fn(&HistoryPoint) -> Option<f64>| or_dash(metric.summary.as_ref().and_then(of), figure);
        let cells = [
            format!("<a href=\"{}\">{}</a>", escaped(&link), escaped(&metric.key)),
            escaped(metric.kind),
            escaped(&metric.unit),
            or_dash(metric.points.last(), |point| figure(point.value)),
            summary(|point| Some(point.value)),
            summary(|point| point.min),
            summary(|point| point.max),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
}

/// A column of figures of the points.
type Figure = (&'static str, fn(&HistoryPoint) -> Option<f64>);

/// The figures that a kind of metric has.
fn columns_of(kind: &str) -> &'static [Figure] {
    const COUNTER: &[Figure] = &[("Value", |point| Some(point.value))];
    const GAUGE: &[Figure] =
        &[("Level", |point| Some(point.value)), ("Least", |point| point.min), ("Most", |point| point.max)];
    const HISTOGRAM: &[Figure] = &[
        ("Mean", |point| Some(point.value)),
        ("Count", |point| point.count.map(|count| count as f64)),
        ("Least", |point| point.min),
        ("Median", |point| point.p50),
        ("95 %", |point| point.p95),
        ("99 %", |point| point.p99),
        ("Most", |point| point.max),
    ];
    match kind {
        "counter" => COUNTER,
        "gauge" => GAUGE,
        _ => HISTOGRAM,
    }
}

fn figures(html: &mut Html, metric: &HistoryMetric) {
    let kinds = columns_of(metric.kind);
    let mut columns = vec![("Time", Align::Text)];
    columns.extend(kinds.iter().map(|(name, _)| (*name, Align::Number)));
    let unit = if metric.unit.is_empty() { String::new() } else { format!(" in {}", metric.unit) };
    let caption = format!("{}, a {}{unit}, the newest first", metric.key, metric.kind);
    let table = Table { caption: &caption, columns: &columns };
    table.open(html);
    for point in metric.points.iter().rev() {
        let figures = kinds.iter().map(|(_, of)| or_dash(of(point), figure));
        let cells: Vec<String> = std::iter::once(instant_of(point.at.as_deref())).chain(figures).collect();
        table.row(html, "", &cells);
    }
    table.close(html);
}

/// A number with its exact value for programs.
fn figure(value: f64) -> String {
    let size = value.abs();
    let shown = if value.fract() == 0.0 || size >= 1e6 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", crate::model::thousands(size.round() as u64))
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        // Three digits that tell something.
        let zeros = (-size.log10()).floor().clamp(0.0, 12.0) as usize;
        format!("{value:.*}", zeros + 3)
    };
    format!("<data value=\"{value}\">{shown}</data>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_for_people_and_exact_for_programs() {
        let shown = |value| figure(value).split(['>', '<']).nth(2).unwrap().to_owned();
        assert_eq!(
            [0.0, 7.0, 1_234_567.0, 1.239, 0.0541, 0.00003217, -5_000.0, 2.5e9].map(shown),
            ["0", "7", "1,234,567", "1.24", "0.0541", "0.0000322", "-5,000", "2,500,000,000"]
        );
        assert!(figure(1.239).starts_with("<data value=\"1.239\">"));
    }

    #[test]
    fn a_name_of_a_metric_is_matched_by_nothing_but_itself() {
        assert_eq!(pattern("job:okx/BTC-USDT/ohlc/1h:rows"), "job\\:okx\\/BTC\\-USDT\\/ohlc\\/1h\\:rows");
    }
}
