//! The landing page: what runs here, whether it is ready, and its jobs. Plain HTML, nothing loaded, no scripts.

use std::fmt::Write;

use crate::model::{Micros, Zone};
use crate::telemetry::JobRow;

/// The most jobs in the table; the rest is counted.
const ROWS: usize = 2_000;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}\
.scroll{overflow-x:auto}\
table{border-collapse:collapse;width:100%}\
th,td{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #8886;white-space:nowrap}\
th{font-weight:600}\
.number{text-align:right;font-variant-numeric:tabular-nums}\
.bad{color:light-dark(#b00020,#ff8a80);font-weight:600}\
.error td{white-space:normal;overflow-wrap:anywhere;padding-top:0;color:light-dark(#b00020,#ff8a80)}\
.failed>*{border-bottom:0}\
caption{text-align:left;opacity:.7}";

/// The page as HTML. Times are UTC.
pub(super) fn landing(jobs: &[JobRow], unready: &[String]) -> String {
    let mut html = String::with_capacity(2_048 + 400 * jobs.len().min(ROWS));
    html.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    push(&mut html, format_args!("<title>dccd</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"));
    push(&mut html, format_args!("<h1>dccd {}</h1>\n", env!("CARGO_PKG_VERSION")));
    html.push_str(
        "<p>Collects market data. <a href=\"/metrics\">Metrics</a> \u{b7} \
         <a href=\"/-/healthy\">Healthy</a> \u{b7} <a href=\"/-/ready\">Ready</a></p>\n",
    );
    push_readiness(&mut html, unready);
    push_jobs(&mut html, jobs);
    html.push_str("</body>\n</html>\n");
    html
}

fn push_readiness(html: &mut String, unready: &[String]) {
    if unready.is_empty() {
        html.push_str("<p>Ready.</p>\n");
        return;
    }
    html.push_str("<p class=\"bad\">Not ready:</p>\n<ul>\n");
    for reason in unready {
        push(html, format_args!("<li>{}</li>\n", escaped(reason)));
    }
    html.push_str("</ul>\n");
}

fn push_jobs(html: &mut String, jobs: &[JobRow]) {
    if jobs.is_empty() {
        html.push_str("<p>No jobs.</p>\n");
        return;
    }
    html.push_str(
        "<div class=\"scroll\">\n<table>\n<caption>Jobs; times are UTC</caption>\n<thead><tr>\
         <th scope=\"col\">Series</th><th scope=\"col\">Last run</th><th scope=\"col\">Last success</th>\
         <th scope=\"col\" class=\"number\">Rows</th><th scope=\"col\" class=\"number\">Errors in a row</th>\
         <th scope=\"col\">Newest row</th><th scope=\"col\">Next run</th></tr></thead>\n<tbody>\n",
    );
    for job in jobs.iter().take(ROWS) {
        push_job(html, job);
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    if jobs.len() > ROWS {
        push(html, format_args!("<p>And {} more.</p>\n", jobs.len() - ROWS));
    }
}

fn push_job(html: &mut String, job: &JobRow) {
    let errors_class = if job.consecutive_errors > 0 { "number bad" } else { "number" };
    let error = job.last_error.as_deref().filter(|_| job.consecutive_errors > 0);
    let row_class = if error.is_some() { " class=\"failed\"" } else { "" };
    push(
        html,
        format_args!(
            "<tr{row_class}><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"{errors_class}\">{}</td><td>{}</td><td>{}</td></tr>\n",
            escaped(&job.series.to_string()),
            when(job.last_run_at),
            when(job.last_success_at),
            job.rows,
            job.consecutive_errors,
            when(job.newest_row),
            when(job.next_run_at),
        ),
    );
    if let Some(error) = error {
        push(html, format_args!("<tr class=\"error\"><td colspan=\"7\">{}</td></tr>\n", escaped(error)));
    }
}

fn when(at: Option<Micros>) -> String {
    at.map_or_else(|| "\u{2013}".to_owned(), |at| Zone::UTC.minute(at))
}

/// Text that stays text inside an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_shows_when_it_ran_what_it_holds_and_what_went_wrong() {
        let html = landing(&[job(Some("429 <script>alert('x')</script> & more"))], &[]);

        let rows: Vec<&str> = html.lines().filter(|line| line.starts_with("<tr class")).collect();
        assert_eq!(
            rows,
            [
                "<tr class=\"failed\"><th scope=\"row\">binance/BTC-USDT/ohlc/1h</th><td>2025-05-17 00:00</td>\
                 <td>\u{2013}</td><td class=\"number\">120</td><td class=\"number bad\">2</td>\
                 <td>2025-05-16 23:00</td><td>\u{2013}</td></tr>",
                "<tr class=\"error\"><td colspan=\"7\">429 &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; \
                 more</td></tr>",
            ]
        );
    }

    #[test]
    fn reasons_against_readiness_are_shown_as_text() {
        let html = landing(&[], &["store: <b>full</b>\u{1b}".to_owned()]);

        assert!(html.contains("<li>store: &lt;b&gt;full&lt;/b&gt;\u{fffd}</li>"), "{html}");
        assert!(html.contains("No jobs."));
    }

    #[test]
    fn a_table_beyond_its_bound_says_how_many_are_left_out() {
        let html = landing(&vec![job(None); ROWS + 3], &[]);

        assert_eq!(html.matches("<tr><th scope=\"row\">").count(), ROWS);
        assert!(html.contains("And 3 more."));
    }

    fn job(last_error: Option<&str>) -> JobRow {
        JobRow {
            series: "binance/BTC-USDT/ohlc/1h".parse().unwrap(),
            last_run_at: Some(Micros::from_secs(1_747_440_000)),
            last_success_at: None,
            rows: 120,
            consecutive_errors: 2,
            last_error: last_error.map(str::to_owned),
            newest_row: Some(Micros::from_secs(1_747_436_400)),
            next_run_at: None,
        }
    }
}
