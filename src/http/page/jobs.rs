//! The table of jobs: failing ones first, then running ones, then the others.

use super::text::{Html, ago, escaped};
use super::view::View;
use crate::daemon::JobRow;
use crate::model::{Micros, thousands};

/// The most jobs in the table; the rest are only counted.
pub(super) const MOST: usize = 2_000;

/// The number of jobs whose last run failed.
pub(super) fn failing(jobs: &[JobRow]) -> usize {
    jobs.iter().filter(|job| job.consecutive_errors > 0).count()
}

pub(super) fn add(html: &mut Html, view: &View<'_>) {
    html.line("<h2>Jobs</h2>");
    if view.jobs.is_empty() {
        return html.line("<p class=\"quiet\">No jobs. `dccd add` writes one into the configuration.</p>");
    }
    html.line(
        "<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">Series</th><th scope=\"col\">State</th>\
         <th scope=\"col\">Last run</th><th scope=\"col\">Last success</th><th scope=\"col\" class=\"number\">Rows</th>\
         <th scope=\"col\">Newest row</th><th scope=\"col\">Next run</th></tr></thead>\n<tbody>",
    );
    let mut jobs: Vec<&JobRow> = view.jobs.iter().collect();
    jobs.sort_by_key(|job| (job.consecutive_errors == 0, !job.is_running));
    jobs.iter().take(MOST).for_each(|job| row(html, job, view.snapshot.at));
    html.line("</tbody>\n</table>\n</div>");
    if jobs.len() > MOST {
        html.add(format_args!("<p>And {} more.</p>\n", jobs.len() - MOST));
    }
}

fn row(html: &mut Html, job: &JobRow, now: Micros) {
    let error = job.last_error.as_deref().filter(|_| job.consecutive_errors > 0);
    let class = if error.is_some() { " class=\"failed\"" } else { "" };
    let (tone, state) = state(job);
    html.add(format_args!(
        "<tr{class}><th scope=\"row\">{}</th><td><span class=\"chip {tone}\">{state}</span></td>{}{}\
         <td class=\"number\">{}</td>{}{}</tr>\n",
        escaped(&job.series.to_string()),
        ago::cell(job.last_run_at, now),
        ago::cell(job.last_success_at, now),
        thousands(job.rows),
        ago::cell(job.newest_row, now),
        ago::cell(job.next_run_at, now),
    ));
    if let Some(error) = error {
        html.add(format_args!("<tr class=\"error\"><td colspan=\"7\">{}</td></tr>\n", escaped(error)));
    }
}

fn state(job: &JobRow) -> (&'static str, String) {
    let (tone, word) = match (job.is_running, job.is_paused, job.consecutive_errors) {
        (true, _, 0) => ("busy", "running"),
        (true, ..) => ("bad", "trying again"),
        (false, true, _) => ("quiet", "paused"),
        (false, false, 0) if job.last_run_at.is_none() => ("quiet", "not run yet"),
        (false, false, 0) => ("good", "ok"),
        (false, false, 1) => ("bad", "failed once"),
        (false, false, times) => return ("bad", format!("failed {times} times")),
    };
    (tone, word.to_owned())
}
