//! An event as one line: control characters escaped, values truncated.
//!
//! The series comes right after the level, so that the lines of one job are easy to find.

use std::fmt::{self, Write};

use opentelemetry::trace::{SpanId, TraceId};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::format::{LogFormat, level_name};
use crate::model::{Micros, is_hidden};
use crate::telemetry::trace;

/// The longest value written, in bytes; the rest, for example of a long error body, is left out.
const VALUE_LIMIT_BYTES: usize = 2_048;

/// The most fields of a line; with the limit on values this bounds the line.
const FIELD_LIMIT: usize = 24;

/// The fixed members of every line's JSON object.
const TAKEN: [&str; 7] = ["timestamp", "level", "series", "message", "target", "trace_id", "span_id"];

/// The parts of an event.
pub(super) struct LogLine {
    level: Level,
    target: &'static str,
    series: Option<String>,
    message: String,
    fields: Vec<(&'static str, Value)>,
    /// The trace and span in which it was logged.
    ids: Option<(TraceId, SpanId)>,
}

enum Value {
    Text(String),
    /// A number or a boolean, written the same way in text and JSON.
    Plain(String),
}

impl LogLine {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let about = event.metadata();
        let mut line = LogLine {
            level: *about.level(),
            target: about.target(),
            series: None,
            message: String::new(),
            fields: Vec::new(),
            ids: trace::current(),
        };
        event.record(&mut line);
        line
    }

    /// The message, without its fields.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The series, else the exchange, that it concerns.
    pub(super) fn whose(&self) -> Option<&str> {
        let exchange = || {
            self.fields.iter().find_map(|(name, value)| match value {
                Value::Text(text) if *name == "exchange" => Some(text.as_str()),
                _ => None,
            })
        };
        self.series.as_deref().or_else(exchange)
    }

    /// The line without details: its message and what it concerns.
    pub(super) fn bare(&self) -> LogLine {
        let exchange = self.whose().filter(|_| self.series.is_none());
        LogLine {
            level: self.level,
            target: self.target,
            series: self.series.clone(),
            message: self.message.clone(),
            fields: exchange.map(|name| ("exchange", Value::Text(name.to_owned()))).into_iter().collect(),
            ids: None,
        }
    }

    /// The same line, stating that this many similar ones were left out.
    pub(super) fn left_out(mut self, lines: u64) -> LogLine {
        push(&mut self.message, format_args!(": {lines} like it were left out"));
        self
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// The formatted line, with its newline.
    pub(super) fn text(&self, format: LogFormat, at: Micros) -> String {
        let mut out = String::with_capacity(160);
        match format {
            LogFormat::Text => self.push_text(&mut out, at),
            LogFormat::Json => self.push_json(&mut out, at),
        }
        out.push('\n');
        out
    }

    fn push_text(&self, out: &mut String, at: Micros) {
        push_instant(out, at);
        let level = level_name(self.level).to_ascii_uppercase();
        push(out, format_args!(" {level:<5}"));
        if let Some(series) = &self.series {
            out.push(' ');
            push_escaped(out, series);
        }
        out.push(' ');
        push_escaped(out, &self.message);
        for (name, value) in &self.fields {
            push(out, format_args!(" {name}="));
            match value {
                Value::Plain(value) => out.push_str(value),
                Value::Text(value) if is_bare(value) => out.push_str(value),
                Value::Text(value) => push_quoted(out, value),
            }
        }
        if let Some((trace, span)) = self.ids {
            push(out, format_args!(" trace_id={trace} span_id={span}"));
        }
    }

    fn push_json(&self, out: &mut String, at: Micros) {
        out.push_str("{\"timestamp\":\"");
        push_instant(out, at);
        push(out, format_args!("\",\"level\":\"{}\"", level_name(self.level)));
        if let Some(series) = &self.series {
            out.push_str(",\"series\":");
            push_quoted(out, series);
        }
        out.push_str(",\"message\":");
        push_quoted(out, &self.message);
        out.push_str(",\"target\":");
        push_quoted(out, self.target);
        if let Some((trace, span)) = self.ids {
            push(out, format_args!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\""));
        }
        for (name, value) in &self.fields {
            // Our own members of the object take precedence.
            let taken = TAKEN.contains(name);
            push(out, format_args!(",\"{}{name}\":", if taken { "field_" } else { "" }));
            match value {
                Value::Plain(value) => out.push_str(value),
                Value::Text(value) => push_quoted(out, value),
            }
        }
        out.push('}');
    }

    fn take(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Plain(text)) => self.message = text,
            ("series", Value::Text(text) | Value::Plain(text)) => self.series = Some(text),
            (name, value) if self.fields.len() < FIELD_LIMIT => {
                self.fields.push((name.trim_start_matches("r#"), value));
            }
            _ => {}
        }
    }
}

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded(String::new());
        // An error only means that the limit was reached.
        let whole = write!(text, "{value:?}").is_ok();
        self.take(field, Value::Text(if whole { text.0 } else { text.0 + "\u{2026}" }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON cannot represent infinity and NaN.
        let text = value.to_string();
        self.take(field, if value.is_finite() { Value::Plain(text) } else { Value::Text(text) });
    }
}

/// Accepts text up to the limit, then fails.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = VALUE_LIMIT_BYTES - self.0.len();
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

fn push(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes any text");
}

/// `2024-01-31T23:59:59.123456Z`, with a fixed width so that columns align.
fn push_instant(out: &mut String, at: Micros) {
    push(out, format_args!("{}", at.utc().strftime("%Y-%m-%dT%H:%M:%S%.6fZ")));
}

fn is_bare(value: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "/-_.:+%[]()@µ".contains(c);
    !value.is_empty() && value.chars().all(plain)
}

/// Text in double quotes, as in JSON.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c => push_char(out, c),
        }
    }
    out.push('"');
}

/// Text without quotes. Backslashes are doubled, so that escapes cannot be forged.
fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c => push_char(out, c),
        }
    }
}

/// One character; line breaks, cursor controls and direction overrides are written as JSON escapes.
fn push_char(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_hidden(c) => {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| push(out, format_args!("\\u{unit:04x}")));
        }
        c => out.push(c),
    }
}

#[cfg(test)]
impl LogLine {
    /// A line without fields.
    pub(super) fn said(level: Level, series: Option<&str>, message: &str) -> LogLine {
        let (series, message) = (series.map(str::to_owned), message.to_owned());
        LogLine { level, target: "dccd::net", series, message, fields: Vec::new(), ids: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, fields: Vec<(&'static str, Value)>) -> LogLine {
        LogLine { fields, ..LogLine::said(Level::WARN, Some("binance/BTC-USDT/ohlc/1h"), message) }
    }

    #[test]
    fn inside_a_span_both_ids_are_on_the_line_and_a_field_of_that_name_cannot_forge_them() {
        let ids = Some((TraceId::from(0xabc), SpanId::from(0xdef)));
        let mut said = line("said", vec![("trace_id", Value::Text("forged".into()))]);
        said.ids = ids;

        let json = said.text(LogFormat::Json, Micros(0));
        said.fields.clear();
        let text = said.text(LogFormat::Text, Micros(0));

        let (trace, span) = ("00000000000000000000000000000abc", "0000000000000def");
        assert!(text.ends_with(&format!(" said trace_id={trace} span_id={span}\n")), "{text}");
        assert!(json.contains(&format!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"")), "{json}");
        assert!(json.contains("\"field_trace_id\":\"forged\""), "{json}");
    }

    #[test]
    fn text_says_when_how_bad_whose_and_what() {
        let fields = vec![("rows", Value::Plain("3".into())), ("error", Value::Text("no \"answer\"".into()))];

        let text = line("request failed", fields).text(LogFormat::Text, Micros::from_secs(0));

        let expected = "1970-01-01T00:00:00.000000Z WARN  binance/BTC-USDT/ohlc/1h request failed rows=3 \
                        error=\"no \\\"answer\\\"\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_is_one_object_that_reads_back() {
        #[derive(serde::Deserialize)]
        struct Read {
            timestamp: String,
            level: String,
            series: String,
            message: String,
            rows: u64,
            error: String,
            field_level: String,
        }
        let hostile = "a\n\"b\\\u{1b}[31m\u{2028}\u{202e}\u{e0001}";
        let fields = vec![
            ("rows", Value::Plain("3".into())),
            ("error", Value::Text(hostile.into())),
            ("level", Value::Text("x".into())),
        ];

        let text = line(hostile, fields).text(LogFormat::Json, Micros::from_secs(0));

        let read: Read = serde_json::from_str(&text).unwrap();
        assert_eq!((read.message.as_str(), read.error.as_str(), read.rows), (hostile, hostile, 3));
        assert_eq!((read.level.as_str(), read.field_level.as_str()), ("warn", "x"));
        assert_eq!(read.timestamp, "1970-01-01T00:00:00.000000Z");
        assert_eq!(read.series, "binance/BTC-USDT/ohlc/1h");
    }

    #[test]
    fn nothing_an_exchange_sends_breaks_a_line_or_moves_the_cursor() {
        let hostile = "x\r\n2024 ERROR forged\u{1b}[2J\u{85}\u{2028}\u{202e}\u{e0001}";
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = line(hostile, vec![("error", Value::Text(hostile.into()))]).text(format, Micros(0));
            let body = text.strip_suffix('\n').unwrap();
            assert!(!body.chars().any(is_hidden), "{body:?}");
        }
    }

    #[test]
    fn an_endless_value_is_cut_at_a_character() {
        let mut text = Bounded(String::new());
        assert!(write!(text, "{}", "\u{20ac}".repeat(1_000)).is_err());
        assert!(text.0.len() <= VALUE_LIMIT_BYTES && text.0.len() > VALUE_LIMIT_BYTES - 4);
        assert!(write!(text, "more").is_err());
    }
}
