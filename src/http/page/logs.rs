//! The newest lines of the log, filtered and followed.

use super::form::Form;
use super::frame::Frame;
use super::html::escaped;
use crate::api::{LogsAsked, LogsPage};
use crate::model::thousands;

const LEVELS: [(&str, &str); 5] = [
    ("", "All"),
    ("debug", "Debug and worse"),
    ("info", "Info and worse"),
    ("warn", "Warnings and worse"),
    ("error", "Errors"),
];
const LIMITS: [(&str, &str); 4] = [("", "200"), ("50", "50"), ("500", "500"), ("1000", "1,000")];

/// The page; without lines if the question is refused.
pub(in crate::http) fn logs(frame: &Frame, shown: Option<&LogsPage>, asked: &LogsAsked) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Logs</h1>");
        html.line("<form class=\"filters\" method=\"get\" action=\"/logs\" role=\"search\" aria-label=\"Filter the log\">");
        let mut form = Form::new(frame, "/logs");
        form.input(html, "series", "Series", asked.series.as_deref(), "placeholder=\"kraken/BTC-USDT\"");
        form.input(html, "text", "Words", asked.text.as_deref(), "maxlength=\"200\" placeholder=\"timed out\"");
        form.select(html, "level", "Level", &LEVELS, asked.level.as_deref());
        form.select(html, "limit", "Lines", &LIMITS, asked.limit.as_deref());
        html.line("<button>Filter</button>");
        form.other_faults(html);
        html.line("</form>\n<div id=\"lines\" data-live>");
        let Some(shown) = shown else { return html.line("</div>") };
        if shown.lines.is_empty() {
            html.line("<p class=\"quiet\">The log has no such line.</p>");
        } else {
            html.add(format_args!(
                "<p class=\"quiet\">The newest {} lines, the newest first.</p>\n",
                thousands(shown.lines.len() as u64)
            ));
            html.add(format_args!("<ol class=\"log lines panel\" reversed>"));
            for line in shown.lines.iter().rev() {
                let cut = match line.cut_bytes {
                    0 => String::new(),
                    cut => format!("\u{2026} <em>({} more bytes)</em>", thousands(cut)),
                };
                let tone = match line.level {
                    Some("error") => " class=\"bad\"",
                    Some("warn") => " class=\"warn\"",
                    Some("debug" | "trace") => " class=\"quiet\"",
                    _ => "",
                };
                html.add(format_args!("<li{tone}>{}{cut}</li>", escaped(&line.text)));
            }
            html.line("</ol>");
        }
        html.line("</div>");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::LogsLine;
    use crate::http::page::View;
    use crate::http::page::frame::frame;

    #[test]
    fn a_line_is_text_and_a_cut_one_says_how_much_is_missing() {
        let line =
            |text: &str, cut_bytes| LogsLine { text: text.to_owned(), level: Some("error"), cut_bytes };
        let lines = vec![line("<script>alert(1)</script>", 0), line("xxx", 1_044_484)];

        let html = logs(&frame(View::Logs, "Logs"), Some(&LogsPage { lines }), &LogsAsked::default());

        let first = html.find("<li class=\"bad\">xxx\u{2026} <em>(1,044,484 more bytes)</em></li>").unwrap();
        let second = html.find("<li class=\"bad\">&lt;script&gt;alert(1)&lt;/script&gt;</li>").unwrap();
        assert!(first < second && !html.contains("<script>"));
    }
}
