//! Streams: every live series with its state, the exchanges that send, and a tap of what is accepted.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::{address, input, select};
use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, segment};
use super::table::{Align, Table};
use super::times::{ago, ago_of, parsed};
use crate::api::{StreamView, Streams};
use crate::model::Micros;

/// Series of a page.
const PAGE: usize = 200;

/// Selects live series.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct StreamsAsked {
    /// Only series in this state.
    pub(in crate::http) state: Option<String>,
    /// Only series whose name contains this text, in upper or lower case.
    pub(in crate::http) text: Option<String>,
    /// The page, from 1.
    pub(in crate::http) page: Option<String>,
}

const STATES: [(&str, &str); 6] = [
    ("", "All"),
    ("live", "Live"),
    ("connecting", "Connecting"),
    ("stale", "Stale"),
    ("refused", "Refused"),
    ("off", "Off"),
];

/// The page.
pub(in crate::http) fn streams(frame: &Frame, shown: &Streams<'_>, asked: &StreamsAsked) -> String {
    let now = parsed(&shown.at).unwrap_or(frame.at);
    frame.around(&["tap.js"], |html| {
        html.line("<h1>Streams</h1>\n<div id=\"sums\" data-live>");
        cards(html, shown, now);
        html.line("</div>");
        if shown.streams.is_empty() {
            html.line(
                "<p class=\"quiet\">Nothing is listened to. Add a stream in the <a href=\"/configuration\">configuration</a>.</p>",
            );
            return;
        }
        html.line("<form class=\"filters\" method=\"get\" action=\"/streams\" role=\"search\" aria-label=\"Filter streams\">");
        input(html, "text", "Series", asked.text.as_deref(), "placeholder=\"BTC-USDT\"");
        select(html, "state", "State", &STATES, asked.state.as_deref());
        html.line("<button>Filter</button></form>\n<div id=\"streams\" data-live>");
        list(html, shown, asked, now);
        html.line("</div>");
        tap(html);
    })
}

fn cards(html: &mut Html, shown: &Streams<'_>, now: Micros) {
    let live = shown.states.get("live").copied().unwrap_or_default();
    let other: Vec<String> = shown
        .states
        .iter()
        .filter(|(state, number)| **state != "live" && **number > 0)
        .map(|(state, number)| format!("{} {state}", count(*number)))
        .collect();
    let rest = if other.is_empty() { "none is in another state".to_owned() } else { other.join(", ") };
    html.line("<div class=\"cards\">");
    html.add(format_args!("<div class=\"card\"><h2>Live</h2><b>{}</b><p>{rest}</p></div>\n", count(live)));
    let books = &shown.books;
    let (fallen, tone) =
        (books.out_of_step.len() as u64, if books.out_of_step.is_empty() { "" } else { " class=\"bad\"" });
    html.add(format_args!(
        "<div class=\"card\"><h2>Books in step</h2><b>{}</b><p{tone}>{} out of step</p></div>\n",
        count(books.in_step),
        count(fallen)
    ));
    for exchange in &shown.exchanges {
        let rate =
            or_dash(exchange.messages_per_second, |rate| format!("<data value=\"{rate}\">{rate:.1}</data>"));
        let minute = match exchange.minute.as_deref() {
            Some(minute) => format!("messages a second, minute of {}", ago_of(Some(minute), now)),
            None => "messages a second: no whole minute yet".to_owned(),
        };
        html.add(format_args!(
            "<div class=\"card\"><h2>{}</h2><b>{rate}</b><p>{minute}</p></div>\n",
            escaped(&exchange.exchange)
        ));
    }
    html.line("</div>");
}

fn list(html: &mut Html, shown: &Streams<'_>, asked: &StreamsAsked, now: Micros) {
    let text = asked.text.as_deref().map(str::to_lowercase);
    let is_wanted = |own: &&StreamView| {
        asked.state.as_deref().is_none_or(|state| own.state == state)
            && text.as_deref().is_none_or(|text| own.series.to_lowercase().contains(text))
    };
    let mut wanted: Vec<&StreamView> = shown.streams.iter().filter(is_wanted).collect();
    wanted.sort_by_key(|own| (rank(own), &own.series));
    let pages = wanted.len().div_ceil(PAGE).max(1);
    let page = asked.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1_usize).clamp(1, pages);
    table(html, wanted.iter().skip((page - 1) * PAGE).take(PAGE), now);
    if pages > 1 {
        let link = |number: usize, word: &str| {
            let number = number.to_string();
            let pairs = [
                ("text", asked.text.as_deref()),
                ("state", asked.state.as_deref()),
                ("page", Some(&*number)),
            ];
            format!("<a href=\"{}\">{word}</a>", escaped(&address("/streams", &pairs)))
        };
        let back = if page > 1 { link(page - 1, "Previous page") } else { String::new() };
        let on = if page < pages { link(page + 1, "Next page") } else { String::new() };
        html.add(format_args!(
            "<nav class=\"pages\" aria-label=\"Pages\">{back}<span>Page {page} of {pages}</span>{on}</nav>\n"
        ));
    }
}

fn table<'a>(html: &mut Html, streams: impl Iterator<Item = &'a &'a StreamView>, now: Micros) {
    let columns = [
        ("Series", Align::Text),
        ("State", Align::Text),
        ("Since", Align::Text),
        ("Last message", Align::Text),
        ("Lag", Align::Number),
        ("Reconnects", Align::Number),
    ];
    let table = Table { caption: "Live series, those that are not live first", columns: &columns };
    table.open(html);
    for stream in streams {
        let cells = [
            format!("<a href=\"/series/{}\">{}</a>", segment(&stream.series), escaped(&stream.series)),
            state(stream),
            ago(Some(stream.since), now),
            ago(stream.last_message, now),
            or_dash(stream.lag_s, |lag| format!("<data value=\"{lag}\">{lag:.3}</data> s")),
            count(stream.reconnects),
        ];
        let why = stream.why.as_deref().filter(|_| stream.state != "live");
        table.row(html, if why.is_some() { "failed" } else { "" }, &cells);
        why.into_iter().for_each(|why| table.note(html, why));
        if let Some(fallen) = &stream.out_of_step {
            table.note(html, &format!("Its book is out of step: {}", fallen.reason));
        }
    }
    table.close(html);
}

fn state(stream: &StreamView) -> String {
    let tone = match stream.state {
        "live" => "good",
        "connecting" => "busy",
        "off" => "quiet",
        _ => "bad",
    };
    let book = match (&stream.out_of_step, stream.series.ends_with("/orderbook") && stream.state == "live") {
        (Some(_), _) => format!(" {}", chip("bad", "out of step")),
        (None, true) => format!(" {}", chip("good", "in step")),
        (None, false) => String::new(),
    };
    format!("{}{book}", chip(tone, stream.state))
}

fn rank(stream: &StreamView) -> u8 {
    match stream.state {
        "refused" | "stale" => 0,
        _ if stream.out_of_step.is_some() => 1,
        "connecting" => 2,
        "live" => 3,
        _ => 4,
    }
}

/// Filled by a script from the events.
fn tap(html: &mut Html) {
    html.line(
        "<section aria-labelledby=\"tap-title\"><h2 id=\"tap-title\">Tap</h2>\n\
         <p class=\"quiet\">Rows of live series as they are accepted.</p>\n\
         <noscript><p class=\"quiet\">The tap needs JavaScript. <code>dccd tap</code> prints the same.</p></noscript>\n\
         <form id=\"tap-form\" class=\"filters\" hidden><label>Series\
         <input id=\"tap-series\" type=\"text\" placeholder=\"binance/BTC-USDT/trades\" autocomplete=\"off\"></label>\
         <button id=\"tap-switch\">Listen</button></form>\n\
         <div class=\"log panel\" id=\"tap\" role=\"log\" aria-live=\"off\" aria-label=\"Accepted rows\" tabindex=\"0\" hidden></div></section>",
    );
}
