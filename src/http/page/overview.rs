//! The overview: a verdict in a sentence, what needs attention, then the parts of the daemon.

use super::attention;
use super::frame::Frame;
use super::html::Html;
use super::overview_parts as parts;
use super::times::parsed;
use crate::api::Overview;

/// The page.
pub(in crate::http) fn overview(frame: &Frame, shown: &Overview) -> String {
    let now = parsed(&shown.generated_at).unwrap_or(frame.at);
    frame.around(&["uplot.min.css", "uplot.min.js", "history.js"], |html| {
        html.line("<div id=\"verdict\" data-live>\n<h1>Overview</h1>");
        html.add(format_args!("<p class=\"verdict\">{}</p>\n", attention::verdict(shown)));
        attention::list(html, shown, now);
        parts::cards(html, shown, now);
        html.line("</div>");
        charts(html);
        html.line("<div id=\"parts\" data-live>");
        parts::exchanges(html, shown);
        parts::workers(html, shown);
        parts::remotes(html, shown, now);
        html.line("</div>");
    })
}

/// Drawn by a script; the history view has the figures.
fn charts(html: &mut Html) {
    html.line("<div class=\"two\">");
    let chart = |html: &mut Html, id: &str, title: &str, query: &str, rest: &str| {
        html.add(format_args!(
            "<section class=\"panel\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}, last day</h2>\n\
             <div class=\"history\" id=\"{id}\" data-from=\"/api/v1/metrics?resolution=5m&amp;prefix={query}\" {rest}></div>\n\
             <p class=\"quiet note\" hidden>Nothing in the last day.</p>\n\
             <noscript><p class=\"quiet\"><a href=\"/history?prefix={query}\">The figures</a></p></noscript></section>\n"
        ));
    };
    let rows = "data-pattern=\"^rows:written$\" data-label=\"Rows a minute\" data-per=\"60\"";
    chart(html, "rows", "Rows a minute", "rows", rows);
    let failures =
        "data-pattern=\"^queue:.+:failed$\" data-label=\"Failed runs\" data-tone=\"bad\" data-bars=\"true\"";
    chart(html, "failures", "Failed runs", "queue", failures);
    html.line("</div>");
}
