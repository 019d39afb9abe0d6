//! The newest rows of a series: candles as a chart and a table, other rows as a table, a book as a ladder with its depth.

use super::html::{Html, escaped, refused, segment};
use super::one_series_view::{NewestRows, OneSeries, Shown};
use super::table::{Align, Table};
use super::times::{ago_of, exactly, parsed};
use crate::api::{BookAnswer, LevelLine};
use crate::model::Micros;

/// Candles or a book as a picture.
pub(super) fn picture(html: &mut Html, shown: &OneSeries) {
    match &shown.rows {
        Shown::Rows(Ok(rows)) if rows.has_candles() => html.add(format_args!(
            "<section aria-labelledby=\"candles-title\"><h2 id=\"candles-title\">Candles</h2>\n\
             <div class=\"panel\" id=\"chart\" data-live><div id=\"candles\" data-keep data-from=\"{}\" role=\"img\" \
             aria-label=\"Candles with volume; a table below has the newest\"></div>\n\
             <noscript><p>The chart needs JavaScript; the newest rows are below.</p></noscript>\n<p class=\"quiet\"><small>\
             Chart by TradingView Lightweight Charts\u{2122}, \u{a9} TradingView, Inc. \
             <a href=\"https://www.tradingview.com/\" rel=\"noreferrer\">tradingview.com</a></small></p></div></section>\n",
            escaped(&rows.from)
        )),
        Shown::Book(book) => {
            html.line("<section aria-labelledby=\"book-title\"><h2 id=\"book-title\">Order book</h2>");
            html.line("<div id=\"book\" data-live>");
            match book {
                Ok(book) => ladder(html, book),
                Err(why) => refused(html, why),
            }
            html.line("</div></section>");
        }
        Shown::Rows(_) | Shown::Nothing => {}
    }
}

/// The newest rows as a table.
pub(super) fn newest(html: &mut Html, shown: &OneSeries) {
    let Shown::Rows(rows) = &shown.rows else { return };
    html.line("<section id=\"rows\" aria-labelledby=\"rows-title\"><h2 id=\"rows-title\">Newest rows</h2>");
    match rows {
        Ok(rows) => table(html, rows, &shown.line.series),
        Err(why) => refused(html, why),
    }
    html.line("</section>");
}

fn table(html: &mut Html, rows: &NewestRows, series: &str) {
    let columns: Vec<(&str, Align)> = rows
        .columns
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), if at == 0 { Align::Text } else { Align::Number }))
        .collect();
    let table = Table { caption: "The newest rows, the newest first", columns: &columns };
    table.open(html);
    for row in rows.rows.iter().rev() {
        let cell = |text: &String| match parsed(text).filter(|_| text.contains('T')) {
            Some(at) => {
                let exact = exactly(at);
                format!("<time datetime=\"{}\" title=\"{exact} UTC\">{exact}</time>", escaped(text))
            }
            None => escaped(text),
        };
        table.row(html, "", &row.iter().map(cell).collect::<Vec<_>>());
    }
    table.close(html);
    html.add(format_args!(
        "<p><a href=\"/api/v1/read?series={}&amp;format=csv\">All rows as CSV</a></p>\n",
        segment(series)
    ));
}

fn ladder(html: &mut Html, book: &BookAnswer) {
    let how = if book.source == "live" { "as it is followed now" } else { "as it was last published" };
    let at = parsed(&book.ts).map(|at| Micros(at.0 + (book.age_seconds * 1e6) as i64));
    let age = at.map_or_else(String::new, |now| ago_of(Some(&book.ts), now));
    html.add(format_args!("<p class=\"quiet\">The book {how}; its last update was {age}.</p>\n"));
    if !book.covered {
        html.line("<p class=\"quiet\">It is a snapshot that was taken by itself.</p>");
    }
    depth(html, book);
    html.line("<div class=\"ladder\">");
    for (title, levels) in [("Bids", &book.bids), ("Asks", &book.asks)] {
        html.line("<div>");
        let table = Table {
            caption: title,
            columns: &[("Price", Align::Text), ("Amount", Align::Number), ("Sum", Align::Number)],
        };
        table.open(html);
        let mut sum = 0.0;
        for level in levels.iter().take(SHOWN_LEVELS) {
            sum += level.amount;
            let cells = [level.price.to_string(), level.amount.to_string(), format!("{sum:.8}")]
                .map(|text| escaped(trimmed(&text)));
            table.row(html, "", &cells);
        }
        table.close(html);
        html.line("</div>");
    }
    html.line("</div>");
}

/// Levels a side in the ladder; the picture of the depth has more.
const SHOWN_LEVELS: usize = 12;

/// Without zeros at the end of a fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The amount up to each price, bids to the left and asks to the right.
fn depth(html: &mut Html, book: &BookAnswer) {
    let ends = |levels: &[LevelLine]| Some((levels.first()?.price, levels.last()?.price));
    let Some(((best_bid, low), (best_ask, high))) = ends(&book.bids).zip(ends(&book.asks)) else { return };
    let reach = (best_bid - low).min(high - best_ask).max((best_bid - low).max(high - best_ask) / 4.0);
    let (from, until) = (best_bid - reach, best_ask + reach);
    if until <= from {
        return;
    }
    let sums = |levels: &[LevelLine]| -> Vec<(f64, f64)> {
        let mut sum = 0.0;
        let level = |level: &LevelLine| {
            sum += level.amount;
            (level.price, sum)
        };
        levels.iter().map(level).filter(|(price, _)| (from..=until).contains(price)).collect()
    };
    let (bids, asks) = (sums(&book.bids), sums(&book.asks));
    let most = bids.iter().chain(&asks).map(|(_, sum)| *sum).fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    let x = |price: f64| (price - from) / (until - from) * 1_000.0;
    let y = |sum: f64| 100.0 - sum / most * 96.0;
    let path = |side: &[(f64, f64)], edge: f64| {
        let mut path = format!("M{:.1} 100", x(side.first().map_or(edge, |level| level.0)));
        let mut last = 100.0;
        for (price, sum) in side {
            path.push_str(&format!("L{0:.1} {last:.1}L{0:.1} {1:.1}", x(*price), y(*sum)));
            last = y(*sum);
        }
        path + &format!("L{0:.1} {last:.1}L{0:.1} 100Z", x(edge))
    };
    html.add(format_args!(
        "<svg class=\"depth\" role=\"img\" aria-label=\"Depth: the amount up to each price\" viewBox=\"0 0 1000 100\" \
         preserveAspectRatio=\"none\"><path class=\"bids\" d=\"{}\"/><path class=\"asks\" d=\"{}\"/></svg>\n",
        path(&bids, from),
        path(&asks, until)
    ));
}
