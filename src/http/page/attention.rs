//! The verdict of the overview, and what needs attention: each with a link to where it is mended.

use super::html::{Html, chip, count, escaped, plural, segment};
use super::times::ago_of;
use crate::api::{Overview, OverviewFailing, OverviewJob};
use crate::model::{Micros, thousands};

/// The most failing series that are listed; a link leads to all.
const MOST_FAILING: usize = 10;

/// Up to so many failing series of an exchange have a line of their own.
const FEW_FAILING: u64 = 3;

/// The state of everything in a sentence.
pub(super) fn verdict(shown: &Overview) -> String {
    let jobs = &shown.jobs;
    if jobs.total == 0 && shown.streams.is_empty() {
        return "Nothing is collected yet: <a href=\"/configuration\">add a job or a stream</a>.".to_owned();
    }
    let sums = &shown.freshness;
    let mut parts = Vec::new();
    if sums.expected > 0 {
        let tone = if sums.fresh == sums.expected { "good" } else { "warn" };
        let (fresh, expected) = (count(sums.fresh), count(sums.expected));
        parts.push(format!("<span class=\"{tone}\">{fresh} of {expected} series fresh</span>"));
    } else {
        parts.push(plural(jobs.total, "job", "jobs"));
    }
    parts.push(match (sums.with_gaps, shown.not_live()) {
        (0, 0) => "no gaps".to_owned(),
        (0, unknown) => format!(
            "no gaps known yet: <a class=\"warn\" href=\"/streams\">{} not live</a>",
            plural(unknown, "stream is", "streams are")
        ),
        (gaps, _) => {
            format!("<a class=\"warn\" href=\"/series?sort=-gap_seconds\">{} with gaps</a>", count(gaps))
        }
    });
    parts.push(match jobs.failing {
        0 => "none failing".to_owned(),
        failing => {
            format!("<a class=\"bad\" href=\"/series?state=failing\">{} failing</a>", count(failing))
        }
    });
    if jobs.paused > 0 {
        parts.push(format!("<a href=\"/series?state=paused\">{} paused</a>", count(jobs.paused)));
    }
    format!("{}.", parts.join(", "))
}

/// Problems, alerts that would fire, and failing series.
pub(super) fn list(html: &mut Html, shown: &Overview, now: Micros) {
    let failing: Vec<&OverviewJob> = shown.series.iter().filter(|job| job.consecutive_errors > 0).collect();
    if shown.reasons.is_empty() && shown.alerts.is_empty() && failing.is_empty() {
        return html.line("<p class=\"quiet\">Nothing needs attention.</p>");
    }
    html.line("<h2>Needs attention</h2>\n<ul class=\"attention\">");
    for reason in &shown.reasons {
        item(html, ("bad", "problem"), (&mended_at(&reason.about), &reason.about), &reason.why, &|| {
            format!("since {}", ago_of(Some(&reason.since), now))
        });
    }
    // Faults that many series of one exchange share are one line.
    let many: Vec<&OverviewFailing> = shown.failing.iter().filter(|own| own.series > FEW_FAILING).collect();
    many.iter().for_each(|own| group(html, own));
    let grouped: u64 = many.iter().map(|own| own.series).sum();
    let is_single = |job: &&OverviewJob| {
        let exchange = job.series.split('/').next().unwrap_or_default();
        !many.iter().any(|own| own.exchange == exchange && own.unlisted == job.unlisted)
    };
    let failing: Vec<&OverviewJob> = failing.into_iter().filter(is_single).collect();
    for job in failing.iter().take(MOST_FAILING) {
        let why = job.last_error.as_deref().unwrap_or("its last run failed");
        let why = why.strip_prefix(&format!("{}: ", job.series)).unwrap_or(why);
        let address = format!("/series/{}", segment(&job.series));
        item(html, ("bad", "failing"), (&address, &job.series), why, &|| {
            plural(job.consecutive_errors.into(), "time", "times in a row")
        });
    }
    // The overview lists a few hundred jobs at most, and counts all.
    let single = shown.jobs.failing.saturating_sub(grouped).max(failing.len() as u64);
    let more = single.saturating_sub(MOST_FAILING as u64);
    if more > 0 {
        html.add(format_args!(
            "<li><a href=\"/series?state=failing\">{}</a></li>\n",
            plural(more, "more failing series", "more failing series")
        ));
    }
    for alert in &shown.alerts {
        let tone = if alert.severity == "critical" { "bad" } else { "warn" };
        let address = alert
            .series
            .as_ref()
            .map_or_else(|| mended_at(&alert.about), |series| format!("/series/{}", segment(series)));
        item(html, (tone, "alert"), (&address, &alert.about), &alert.summary, &|| {
            format!("{} would fire", escaped(&alert.name))
        });
    }
    html.line("</ul>");
}

/// Failing series of one exchange as one item: how many, the first of them, and why.
fn group(html: &mut Html, own: &OverviewFailing) {
    let address = format!("/series?state=failing&exchange={}", segment(&own.exchange));
    let more = own.series.saturating_sub(own.first.len() as u64);
    let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
    let number = thousands(own.series);
    let first = own.first.join(", ");
    let (what, error) = match (own.unlisted, own.last_error.as_deref()) {
        (true, _) => (format!("{number} series whose pairs it does not list: {first}{more}"), ""),
        (false, error) => (format!("{number} series: {first}{more}"), error.unwrap_or_default()),
    };
    item(html, ("bad", "failing"), (&address, &own.exchange), &what, &|| match error {
        "" => String::new(),
        error => format!("the first: {}", escaped(error)),
    });
}

/// One item: its state, what it is about with a link, why, and since when.
fn item(
    html: &mut Html,
    (tone, word): (&str, &str),
    (address, about): (&str, &str),
    why: &str,
    since: &dyn Fn() -> String,
) {
    html.add(format_args!(
        "<li>{}<a href=\"{}\">{}</a><span class=\"why\">{}</span><span class=\"quiet\">{}</span></li>\n",
        chip(tone, word),
        escaped(address),
        escaped(about),
        escaped(why),
        since()
    ));
}

/// The view where a part is mended.
fn mended_at(about: &str) -> String {
    let of = |kind: &str| about.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' '));
    if let Some(exchange) = of("jobs of") {
        return format!("/series?state=failing&exchange={}", segment(exchange));
    }
    if let Some(exchange) = of("tasks of") {
        return format!("/jobs?status=exhausted&exchange={}", segment(exchange));
    }
    let views = [
        ("exchange", "/jobs"),
        ("streams", "/streams"),
        ("books", "/streams"),
        ("worker", "/workers"),
        ("state store", "/storage"),
        ("disk", "/storage"),
        ("remote", "/storage"),
        ("journal", "/storage"),
        ("queue", "/workers"),
        ("config", "/configuration"),
    ];
    let found = views.iter().find(|(kind, _)| about.starts_with(kind));
    found.map_or("/logs", |(_, view)| view).to_owned()
}
