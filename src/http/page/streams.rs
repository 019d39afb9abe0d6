//! The table of live series: those that are not live first.

use super::text::{Html, ago, escaped};
use crate::daemon::{Snapshot, StreamView};
use crate::model::thousands;

/// The most series in the table; the rest are only counted.
const MOST: usize = 2_000;

pub(super) fn add(html: &mut Html, snapshot: &Snapshot) {
    if snapshot.streams.is_empty() {
        return;
    }
    html.line(
        "<h2>Streams</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">Series</th>\
         <th scope=\"col\">State</th><th scope=\"col\">Since</th><th scope=\"col\">Last message</th>\
         <th scope=\"col\" class=\"number\">Lag</th><th scope=\"col\" class=\"number\">Reconnects</th></tr></thead>\n\
         <tbody>",
    );
    let mut streams: Vec<&StreamView> = snapshot.streams.iter().collect();
    streams.sort_by_key(|stream| (rank(stream.state), &stream.series));
    streams.iter().take(MOST).for_each(|stream| row(html, stream, snapshot));
    html.line("</tbody>\n</table>\n</div>");
    if streams.len() > MOST {
        html.add(format_args!("<p>And {} more.</p>\n", streams.len() - MOST));
    }
}

fn row(html: &mut Html, stream: &StreamView, snapshot: &Snapshot) {
    let why = stream.why.as_deref().filter(|_| stream.state != "live");
    let class = if why.is_some() { " class=\"failed\"" } else { "" };
    let lag = stream.lag_s.map_or_else(|| "\u{2013}".to_owned(), |lag| format!("{lag:.3} s"));
    html.add(format_args!(
        "<tr{class}><th scope=\"row\">{}</th><td><span class=\"chip {}\">{}</span></td>{}{}\
         <td class=\"number\">{lag}</td><td class=\"number\">{}</td></tr>\n",
        escaped(&stream.series),
        tone(stream.state),
        stream.state,
        ago::cell(Some(stream.since), snapshot.at),
        ago::cell(stream.last_message, snapshot.at),
        thousands(stream.reconnects),
    ));
    if let Some(why) = why {
        html.add(format_args!("<tr class=\"error\"><td colspan=\"6\">{}</td></tr>\n", escaped(why)));
    }
}

fn tone(state: &str) -> &'static str {
    match state {
        "live" => "good",
        "connecting" => "busy",
        "off" => "quiet",
        _ => "bad",
    }
}

fn rank(state: &str) -> u8 {
    match state {
        "refused" | "stale" => 0,
        "connecting" => 1,
        "live" => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;

    const NOW: Micros = Micros(1_747_440_090_000_000);

    #[test]
    fn live_series_show_their_state_and_what_is_wrong_with_those_that_are_not_live() {
        let stream = |series: &str, state, why: Option<&str>| StreamView {
            series: series.to_owned(),
            state,
            since: Micros(NOW.0 - 90_000_000),
            why: why.map(str::to_owned),
            last_message: Some(Micros(NOW.0 - 1_000_000)),
            lag_s: Some(0.0421),
            reconnects: 1_200,
            ..StreamView::default()
        };
        let streams = vec![
            stream("binance/BTC-USDT/trades", "live", None),
            stream("okx/ETH-USDT/trades", "refused", Some("no <such> pair")),
        ];
        let mut html = Html::with_capacity(1_000);
        add(&mut html, &Snapshot { at: NOW, streams, ..Snapshot::default() });
        let html = String::from(html);

        let rows: Vec<&str> = html.lines().filter(|line| line.starts_with("<tr")).collect();
        assert_eq!(
            rows,
            [
                "<tr class=\"failed\"><th scope=\"row\">okx/ETH-USDT/trades</th>\
                 <td><span class=\"chip bad\">refused</span></td><td title=\"2025-05-17 00:00:00\">1 min ago</td>\
                 <td title=\"2025-05-17 00:01:29\">1 s ago</td><td class=\"number\">0.042 s</td>\
                 <td class=\"number\">1,200</td></tr>",
                "<tr class=\"error\"><td colspan=\"6\">no &lt;such&gt; pair</td></tr>",
                "<tr><th scope=\"row\">binance/BTC-USDT/trades</th>\
                 <td><span class=\"chip good\">live</span></td><td title=\"2025-05-17 00:00:00\">1 min ago</td>\
                 <td title=\"2025-05-17 00:01:29\">1 s ago</td><td class=\"number\">0.042 s</td>\
                 <td class=\"number\">1,200</td></tr>",
            ]
        );
    }

    #[test]
    fn without_live_series_there_is_no_table() {
        let mut html = Html::with_capacity(0);
        add(&mut html, &Snapshot::default());
        assert_eq!(String::from(html), "");
    }
}
