//! The series: found by words, in a state, sorted, page by page.

use super::coverage::share_bar;
use super::fields::address;
use super::form::Form;
use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, plural, segment, size};
use super::table::{Align, Table};
use super::times::{ago_of, ago_secs, length};
use crate::api::{SERIES_STATES, SeriesAsked, SeriesLine, SeriesPage};
use crate::model::{Kind, thousands};

/// The columns, each with the figure that it sorts by.
const COLUMNS: [(&str, Align, Option<&str>); 8] = [
    ("Series", Align::Text, Some("series")),
    ("State", Align::Text, None),
    ("Newest row", Align::Text, Some("to")),
    ("Coverage", Align::Text, Some("gap_seconds")),
    ("Gaps", Align::Number, Some("gaps")),
    ("Rows", Align::Number, Some("rows")),
    ("Size", Align::Number, Some("bytes")),
    ("Last run", Align::Text, Some("last_run_at")),
];

/// The content of the page.
pub(in crate::http) struct SeriesView<'a> {
    pub(in crate::http) asked: &'a SeriesAsked,
    /// None if the question is refused.
    pub(in crate::http) page: Option<&'a SeriesPage>,
    /// The exchanges in use.
    pub(in crate::http) exchanges: Vec<&'a str>,
}

/// The page.
pub(in crate::http) fn series(frame: &Frame, view: &SeriesView<'_>) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Series</h1>");
        filters(html, frame, view);
        html.line("<div id=\"series\" data-live>");
        let Some(page) = view.page else { return html.line("</div>") };
        states(html, view.asked, page);
        match page.series.is_empty() {
            true => html.line(
                "<p class=\"quiet\">No series here. <a href=\"/series\">All series</a>, or \
                 <a href=\"/configuration\">add some to the configuration</a>.</p>",
            ),
            false => table(html, frame, view.asked, page),
        }
        pages(html, view.asked, page);
        html.line("</div>");
    })
}

/// Everything that is asked for, but for the page.
fn values(asked: &SeriesAsked) -> [(&'static str, Option<&str>); 7] {
    [
        ("text", asked.text.as_deref()),
        ("exchange", asked.exchange.as_deref()),
        ("pair", asked.pair.as_deref()),
        ("kind", asked.kind.as_deref()),
        ("state", asked.state.as_deref()),
        ("sort", asked.sort.as_deref()),
        ("limit", asked.limit.as_deref()),
    ]
}

/// The values with one of them changed.
fn changed<'v>(
    values: &[(&'static str, Option<&'v str>)],
    name: &str,
    value: Option<&'v str>,
) -> Vec<(&'static str, Option<&'v str>)> {
    values.iter().map(|(own, before)| (*own, if *own == name { value } else { *before })).collect()
}

fn filters(html: &mut Html, frame: &Frame, view: &SeriesView<'_>) {
    let asked = view.asked;
    html.line("<form class=\"filters\" method=\"get\" action=\"/series\" role=\"search\">");
    let mut form = Form::new(frame, "/series");
    form.input(html, "text", "Name holds", asked.text.as_deref(), "type=\"search\" maxlength=\"200\"");
    let exchange = asked.exchange.as_deref();
    let others = exchange.into_iter().filter(|name| !view.exchanges.contains(name));
    let exchanges: Vec<&str> = view.exchanges.iter().copied().chain(others).collect();
    choice(html, &mut form, "exchange", "Exchange", &exchanges, exchange);
    choice(html, &mut form, "kind", "Kind", &Kind::ALL.map(Kind::name), asked.kind.as_deref());
    for (name, value) in [("state", &asked.state), ("sort", &asked.sort), ("pair", &asked.pair)] {
        if let Some(value) = value {
            let value = escaped(value);
            html.add(format_args!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n"));
        }
    }
    html.line("<button>Find</button>");
    form.other_faults(html);
    html.line("</form>");
}

fn choice(
    html: &mut Html,
    form: &mut Form<'_>,
    name: &str,
    label: &str,
    words: &[&str],
    chosen: Option<&str>,
) {
    let words = words.iter().map(|word| (*word, *word));
    let words: Vec<(&str, &str)> = std::iter::once(("", "all")).chain(words).collect();
    form.select(html, name, label, &words, chosen);
}

/// The states with the number of series in each, as links.
fn states(html: &mut Html, asked: &SeriesAsked, page: &SeriesPage) {
    let values = values(asked);
    let all: u64 = page.states.values().sum();
    html.line("<ul class=\"tabs\" aria-label=\"States\">");
    let mut tab = |state: Option<&str>, word: &str, number: u64| {
        let current = if asked.state.as_deref() == state { " aria-current=\"true\"" } else { "" };
        let address = escaped(&address("/series", &changed(&values, "state", state)));
        html.add(format_args!(
            "<li><a href=\"{address}\"{current}>{word} <span class=\"quiet\">{}</span></a></li>\n",
            count(number)
        ));
    };
    tab(None, "all", all);
    for state in SERIES_STATES {
        let number = page.states.get(state).copied().unwrap_or(0);
        if number > 0 || asked.state.as_deref() == Some(state) {
            tab(Some(state), state_words(state).1, number);
        }
    }
    html.line("</ul>");
}

/// The tone and the words of a state.
pub(super) fn state_words(state: &str) -> (&'static str, &'static str) {
    match state {
        "unaccounted" => ("bad", "not accounted for"),
        "unconfigured" => ("quiet", "not configured"),
        "paused" => ("quiet", "paused"),
        "failing" => ("bad", "failing"),
        "not_live" => ("bad", "not live"),
        "waiting" => ("quiet", "not run yet"),
        "incomplete" => ("warn", "incomplete"),
        _ => ("good", "ok"),
    }
}

fn table(html: &mut Html, frame: &Frame, asked: &SeriesAsked, page: &SeriesPage) {
    let shown = page.series.len() as u64;
    let caption = format!("{} of {}", thousands(shown), plural(page.total, "series", "series"));
    let columns = COLUMNS.map(|(label, align, _)| (label, align));
    let table = Table { caption: &caption, columns: &columns };
    table.open_with(html, |at| heading(asked, at));
    for line in &page.series {
        table.row(html, if line.state == "failing" { "failed" } else { "" }, &cells(frame, line));
        let runs = line.runs.as_ref();
        let error =
            runs.filter(|runs| runs.consecutive_errors > 0).and_then(|runs| runs.last_error.as_deref());
        let note = line.held.as_ref().and_then(|held| held.note.as_deref());
        let own = format!("{}: ", line.series);
        let texts = [error, note].into_iter().flatten();
        texts.for_each(|text| table.note(html, text.strip_prefix(&own).unwrap_or(text)));
    }
    table.close(html);
}

/// The attributes and the content of a heading: a link that sorts by it.
fn heading(asked: &SeriesAsked, at: usize) -> (String, String) {
    let (label, _, figure) = COLUMNS[at];
    let Some(figure) = figure else { return (String::new(), label.to_owned()) };
    let sort = asked.sort.as_deref().unwrap_or("series");
    let descending = format!("-{figure}");
    // Names come first to last, figures the largest first.
    let (direction, next) = match sort {
        _ if sort == figure => (Some("ascending"), descending.as_str()),
        _ if sort == descending => (Some("descending"), figure),
        _ if figure == "series" => (None, figure),
        _ => (None, descending.as_str()),
    };
    let address = escaped(&address("/series", &changed(&values(asked), "sort", Some(next))));
    let sorted = direction.map(|word| format!(" aria-sort=\"{word}\"")).unwrap_or_default();
    let arrow = match direction {
        Some("ascending") => " \u{2191}",
        Some(_) => " \u{2193}",
        None => "",
    };
    (sorted, format!("<a href=\"{address}\">{label}</a>{arrow}"))
}

fn cells(frame: &Frame, line: &SeriesLine) -> [String; 8] {
    let (tone, word) = state_words(line.state);
    let held = line.held.as_ref();
    let (rows, bytes) = (held.and_then(|held| held.rows), held.and_then(|held| held.bytes));
    let gaps = held.and_then(|held| held.gaps);
    let gap_secs = held.and_then(|held| held.gap_seconds).filter(|secs| *secs > 0.0);
    let missing = gap_secs.map(|secs| format!(" <span class=\"quiet\">({})</span>", length(secs)));
    [
        format!("<a href=\"/series/{}\">{}</a>", segment(&line.series), escaped(&line.series)),
        chip(tone, word),
        ago_of(held.and_then(|held| held.to.as_deref()), frame.at),
        or_dash(held, share_bar),
        or_dash(gaps, |gaps| format!("{}{}", count(gaps as u64), missing.unwrap_or_default())),
        or_dash(rows, count),
        or_dash(bytes, size),
        ago_secs(line.runs.as_ref().and_then(|runs| runs.last_run_at), frame.at),
    ]
}

fn pages(html: &mut Html, asked: &SeriesAsked, page: &SeriesPage) {
    let values = values(asked);
    let (first, next) = (asked.cursor.is_some(), page.next.as_deref());
    if !first && next.is_none() {
        return;
    }
    html.line("<nav class=\"pages\" aria-label=\"Pages\">");
    if first {
        html.add(format_args!("<a href=\"{}\">First page</a>\n", escaped(&address("/series", &values))));
    }
    if let Some(next) = next {
        let mut values = values.to_vec();
        values.push(("cursor", Some(next)));
        html.add(format_args!(
            "<a href=\"{}\" rel=\"next\">Next page</a>\n",
            escaped(&address("/series", &values))
        ));
    }
    html.line("</nav>");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::frame::{View, frame};
    use super::*;
    use crate::api::SeriesStatus;

    fn failing(name: &str) -> SeriesLine {
        let runs = SeriesStatus {
            series: name.to_owned(),
            last_run_at: Some(1_747_440_000.0),
            last_success_at: None,
            rows: 0,
            consecutive_errors: 2,
            paused: false,
            configured: true,
            stream: None,
            last_error: Some("429 <script>alert('x')</script>".to_owned()),
        };
        SeriesLine { series: name.to_owned(), state: "failing", held: None, runs: Some(runs) }
    }

    fn shown(asked: &SeriesAsked, next: Option<&str>) -> String {
        let page = SeriesPage {
            series: vec![failing("okx/BTC-USDT/ohlc/1h")],
            total: 10_000,
            states: BTreeMap::from([("failing", 1), ("ok", 9_999)]),
            next: next.map(str::to_owned),
        };
        series(
            &frame(View::Series, "Series"),
            &SeriesView { asked, page: Some(&page), exchanges: vec!["okx"] },
        )
    }

    #[test]
    fn a_failing_series_shows_its_error_as_text_and_leads_to_its_own_page() {
        let html = shown(&SeriesAsked::default(), None);

        assert!(
            html.contains("<a href=\"/series/okx%2FBTC-USDT%2Fohlc%2F1h\">okx/BTC-USDT/ohlc/1h</a>"),
            "{html}"
        );
        assert!(html.contains("<span class=\"chip bad\">failing</span>"));
        assert!(
            html.contains("<td colspan=\"8\">429 &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</td>"),
            "{html}"
        );
        assert!(html.contains("1 of 10,000 series") && !html.contains("Next page"));
    }

    #[test]
    fn the_next_page_and_other_orders_keep_what_is_asked_for() {
        let asked = SeriesAsked {
            text: Some("a\"<b".to_owned()),
            sort: Some("-rows".to_owned()),
            cursor: Some("here".to_owned()),
            ..SeriesAsked::default()
        };
        let html = shown(&asked, Some("there"));

        assert!(
            html.contains("href=\"/series?text=a%22%3Cb&amp;sort=-rows&amp;cursor=there\" rel=\"next\""),
            "{html}"
        );
        assert!(html.contains("<a href=\"/series?text=a%22%3Cb&amp;sort=-rows\">First page</a>"));
        assert!(
            html.contains(
                " aria-sort=\"descending\"><a href=\"/series?text=a%22%3Cb&amp;sort=rows\">Rows</a>"
            )
        );
        assert!(html.contains("<a href=\"/series?text=a%22%3Cb&amp;state=failing&amp;sort=-rows\">failing"));
        assert!(html.contains("value=\"a&quot;&lt;b\"") && !html.contains("a\"<b"));
    }
}
