//! Encodes families as lines: the text format 0.0.4 and the similar OpenMetrics 1.0.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::sync::Arc;

use prometheus::proto::{Histogram, LabelPair, MetricFamily, MetricType};

use super::Format;
use crate::telemetry::exemplars::{Exemplar, Exemplars};
use crate::telemetry::metrics::{About, FamilyWriter, LabelSet, Table, unit_of};

/// All families as text.
///
/// # Errors
/// If a family has a type that is not supported.
pub(in crate::telemetry) fn encode(
    families: &[MetricFamily],
    format: Format,
    exemplars: &Exemplars,
) -> io::Result<String> {
    encode_all(families, &[], format, exemplars)
}

/// The same with the families of tables, all of them in the order of their names.
///
/// # Errors
/// If a family has a type that is not supported.
pub(super) fn encode_all(
    families: &[MetricFamily],
    tables: &[Arc<dyn Table>],
    format: Format,
    exemplars: &Exemplars,
) -> io::Result<String> {
    let mut texts = BTreeMap::new();
    for family in families {
        let mut encoder = Encoder { out: String::new(), format, exemplars };
        encoder.push_family(family)?;
        texts.insert(family.name().to_owned(), encoder.out);
    }
    for table in tables {
        let mut lines =
            Lines { texts, begun: None, encoder: Encoder { out: String::new(), format, exemplars } };
        table.write(&mut lines);
        texts = lines.end();
    }
    let end = if format == Format::OpenMetrics { "# EOF\n" } else { "" };
    let mut out = String::with_capacity(texts.values().map(String::len).sum::<usize>() + end.len());
    texts.into_values().for_each(|text| out.push_str(&text));
    out.push_str(end);
    Ok(out)
}

/// The lines of a table's families, each family by its name.
struct Lines<'a> {
    texts: BTreeMap<String, String>,
    /// The family under way, and whether it has a sample.
    begun: Option<(About, MetricType, bool)>,
    encoder: Encoder<'a>,
}

impl Lines<'_> {
    fn end(mut self) -> BTreeMap<String, String> {
        self.keep();
        self.texts
    }

    fn keep(&mut self) {
        let text = std::mem::take(&mut self.encoder.out);
        if let Some(((name, _), _, true)) = self.begun.take() {
            self.texts.insert(name.to_owned(), text);
        }
    }
}

impl FamilyWriter for Lines<'_> {
    fn begin(&mut self, about: About, kind: MetricType) {
        self.keep();
        self.begun = Some((about, kind, false));
    }

    fn sample(&mut self, labels: &LabelSet, more: Option<(&str, &str)>, value: f64) {
        let Some(((name, help), kind, has_sample)) = &mut self.begun else { return };
        if !std::mem::replace(has_sample, true) {
            let kind = if *kind == MetricType::COUNTER { Kind::Counter } else { Kind::of_gauge(name) };
            self.encoder.push_comments(name, help, kind);
        }
        let labels = labels.text(|pairs| {
            let mut text = String::new();
            push_labels(&mut text, pairs.iter().map(|pair| (pair.name(), pair.value())));
            text
        });
        self.encoder.push_value(name, labels, more, value);
    }
}

struct Encoder<'a> {
    out: String,
    format: Format,
    exemplars: &'a Exemplars,
}

impl Encoder<'_> {
    fn push_family(&mut self, family: &MetricFamily) -> io::Result<()> {
        let kind = kind_of(family)?;
        self.push_comments(family.name(), family.help(), kind);
        let mut labels = String::new();
        for metric in family.get_metric() {
            labels.clear();
            let pairs = metric.get_label().iter().map(|pair: &LabelPair| (pair.name(), pair.value()));
            push_labels(&mut labels, pairs);
            match kind {
                Kind::Counter => {
                    let value = metric.get_counter().get_value();
                    self.push_sample(family.name(), "", &labels, value);
                }
                Kind::Gauge | Kind::Info => {
                    self.push_sample(family.name(), "", &labels, metric.get_gauge().get_value());
                }
                Kind::Histogram => self.push_histogram(family.name(), &labels, metric.get_histogram()),
            }
        }
        Ok(())
    }

    fn push_comments(&mut self, family: &str, help: &str, kind: Kind) {
        let is_open = self.format == Format::OpenMetrics;
        let (name, word) = match kind {
            Kind::Info if is_open => (kind.base(family), "info"),
            Kind::Info => (family, "gauge"),
            Kind::Counter if is_open => (kind.base(family), "counter"),
            Kind::Counter => (family, "counter"),
            Kind::Gauge => (family, "gauge"),
            Kind::Histogram => (family, "histogram"),
        };
        let out = &mut self.out;
        push(out, format_args!("# TYPE {name} {word}\n"));
        if let Some(unit) = unit_of(name).filter(|_| is_open) {
            push(out, format_args!("# UNIT {name} {unit}\n"));
        }
        push(out, format_args!("# HELP {name} "));
        push_escaped(out, help, is_open);
        out.push('\n');
    }

    fn push_histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let is_open = self.format == Format::OpenMetrics;
        let exemplars = if is_open { self.exemplars.of(name, labels) } else { None }.unwrap_or_default();
        let count = histogram.get_sample_count();
        let buckets = histogram.get_bucket().iter().map(|one| (one.upper_bound(), one.cumulative_count()));
        let finite = buckets.filter(|(bound, _)| bound.is_finite());
        for (index, (bound, cumulative)) in finite.chain([(f64::INFINITY, count)]).enumerate() {
            self.push_bucket(name, labels, bound, cumulative);
            if let Some(exemplar) = exemplars.get(index).copied().flatten() {
                push_exemplar(&mut self.out, &exemplar);
            }
            self.out.push('\n');
        }
        self.push_sample(name, "_sum", labels, histogram.get_sample_sum());
        self.push_sample(name, "_count", labels, count as f64);
    }

    /// A bucket, without the line end.
    fn push_bucket(&mut self, name: &str, labels: &str, bound: f64, cumulative: u64) {
        let comma = if labels.is_empty() { "" } else { "," };
        push(&mut self.out, format_args!("{name}_bucket{{{labels}{comma}le=\""));
        match self.format {
            // OpenMetrics requires bounds to be written as floats.
            Format::OpenMetrics if bound.is_finite() => push(&mut self.out, format_args!("{bound:?}")),
            _ => push_number(&mut self.out, bound),
        }
        push(&mut self.out, format_args!("\"}} {cumulative}"));
    }

    fn push_sample(&mut self, name: &str, suffix: &str, labels: &str, value: f64) {
        self.out.push_str(name);
        self.out.push_str(suffix);
        if !labels.is_empty() {
            self.out.push('{');
            self.out.push_str(labels);
            self.out.push('}');
        }
        self.push_end(value);
    }

    /// A sample with one label more, where there is one.
    fn push_value(&mut self, name: &str, labels: &str, more: Option<(&str, &str)>, value: f64) {
        let Some(more) = more else { return self.push_sample(name, "", labels, value) };
        self.out.push_str(name);
        self.out.push('{');
        self.out.push_str(labels);
        self.out.push_str(if labels.is_empty() { "" } else { "," });
        push_labels(&mut self.out, [more]);
        self.out.push('}');
        self.push_end(value);
    }

    fn push_end(&mut self, value: f64) {
        self.out.push(' ');
        push_number(&mut self.out, value);
        self.out.push('\n');
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    /// A gauge that is always 1 and carries information in its labels.
    Info,
    Histogram,
}

impl Kind {
    fn of_gauge(name: &str) -> Kind {
        if name.ends_with("_info") { Kind::Info } else { Kind::Gauge }
    }

    /// The name of the family; in OpenMetrics without the suffix of the samples.
    fn base(self, name: &str) -> &str {
        match self {
            Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
            Kind::Info => name.strip_suffix("_info").unwrap_or(name),
            Kind::Gauge | Kind::Histogram => name,
        }
    }
}

fn kind_of(family: &MetricFamily) -> io::Result<Kind> {
    match family.get_field_type() {
        MetricType::COUNTER => Ok(Kind::Counter),
        MetricType::GAUGE => Ok(Kind::of_gauge(family.name())),
        MetricType::HISTOGRAM => Ok(Kind::Histogram),
        other => Err(io::Error::other(format!("{} is a {other:?}, which is not exposed", family.name()))),
    }
}

/// Labels as written between braces.
pub(in crate::telemetry) fn push_labels<'a>(
    out: &mut String,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        push_escaped(out, value, true);
        out.push('"');
    }
}

fn push_exemplar(out: &mut String, exemplar: &Exemplar) {
    push(out, format_args!(" # {{trace_id=\"{}\",span_id=\"{}\"}} ", exemplar.trace, exemplar.span));
    push_number(out, exemplar.value);
    push(out, format_args!(" {:.3}", exemplar.at.as_secs_f64()));
}

fn push_escaped(out: &mut String, text: &str, with_quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if with_quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

/// Integers up to this are exact, and faster to write as integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn push_number(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        push(out, format_args!("{}", value as i64));
    } else {
        push(out, format_args!("{value}"));
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use prometheus::proto::{Gauge, Metric};

    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let written = |value: f64| {
            let mut out = String::new();
            push_number(&mut out, value);
            out
        };
        let values = [0.0, -0.0, 5.0, -2.5, 1e-7, 1_747_440_000.25, f64::NAN, f64::INFINITY, -f64::INFINITY];
        assert_eq!(
            values.map(written),
            ["0", "0", "5", "-2.5", "0.0000001", "1747440000.25", "NaN", "+Inf", "-Inf"]
        );
        assert_eq!(written(1e17).parse::<f64>().unwrap(), 1e17);
    }

    #[test]
    fn odd_characters_in_labels_and_help_cannot_end_a_line_or_a_value() {
        let mut pair = LabelPair::default();
        pair.set_name("pair".to_owned());
        pair.set_value("a\"b\\c\nd,é".to_owned());
        let mut metric = Metric::from_label(vec![pair]);
        metric.set_gauge(Gauge::default());
        let mut family = MetricFamily::default();
        family.set_name("x".to_owned());
        family.set_help("one \"two\"\nthree\\".to_owned());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(vec![metric]);

        let text = |format| encode(std::slice::from_ref(&family), format, &Exemplars::default()).unwrap();

        let sample = "x{pair=\"a\\\"b\\\\c\\nd,é\"} 0\n";
        assert_eq!(text(Format::Text), format!("# TYPE x gauge\n# HELP x one \"two\"\\nthree\\\\\n{sample}"));
        assert_eq!(
            text(Format::OpenMetrics),
            format!("# TYPE x gauge\n# HELP x one \\\"two\\\"\\nthree\\\\\n{sample}# EOF\n")
        );
    }
}
