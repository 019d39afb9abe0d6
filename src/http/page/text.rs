//! Text for the page: escaped HTML, and times for people.

use std::fmt::{Arguments, Write};

use crate::model;

/// HTML under construction.
pub(super) struct Html(String);

impl Html {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Html(String::with_capacity(bytes))
    }

    /// Appends a line unescaped.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    pub(super) fn add(&mut self, text: Arguments<'_>) {
        self.0.write_fmt(text).expect("a String takes any text");
    }
}

impl From<Html> for String {
    fn from(html: Html) -> String {
        html.0
    }
}

/// Escapes text for an element or a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in model::escaped(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Instants as their distance from now, with the exact instant as a tooltip.
pub(super) mod ago {
    use crate::model::{Micros, Zone};

    /// A cell with an instant, or a dash.
    pub(in crate::http::page) fn cell(at: Option<Micros>, now: Micros) -> String {
        let of = |at: Micros| format!("<td title=\"{}\">{}</td>", exactly(at), distance(at, now));
        at.map_or_else(|| "<td>\u{2013}</td>".to_owned(), of)
    }

    /// To the second, in UTC.
    pub(in crate::http::page) fn exactly(at: Micros) -> String {
        let whole = Micros(at.0.div_euclid(1_000_000) * 1_000_000);
        let text = whole.to_string();
        text.get(..19).map_or_else(|| Zone::UTC.minute(at), |text| text.replace('T', " "))
    }

    fn distance(at: Micros, now: Micros) -> String {
        let secs = (at.0 - now.0) as f64 / 1e6;
        let length = length(secs.abs());
        if secs > 0.0 { format!("in {length}") } else { format!("{length} ago") }
    }

    /// A duration in its largest whole unit.
    pub(in crate::http::page) fn length(secs: f64) -> String {
        let secs = secs.max(0.0) as u64;
        match secs {
            0..60 => format!("{secs} s"),
            60..3_600 => format!("{} min", secs / 60),
            3_600..172_800 => format!("{} h", secs / 3_600),
            _ => format!("{} d", secs / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_their_largest_whole_unit() {
        assert_eq!(
            [0.4, 59.9, 60.0, 3_600.0, 172_799.0, 172_800.0].map(ago::length),
            ["0 s", "59 s", "1 min", "1 h", "47 h", "2 d"]
        );
    }
}
