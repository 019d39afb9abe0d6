//! Encodes families as lines: the text format 0.0.4 and the similar OpenMetrics 1.0.

use std::fmt::Write;
use std::io;

use prometheus::proto::{Histogram, LabelPair, MetricFamily, MetricType};

use super::Format;
use crate::telemetry::exemplars::{Exemplar, Exemplars};
use crate::telemetry::metrics::unit_of;

/// All families as text.
///
/// # Errors
/// If a family has a type that is not supported.
pub(in crate::telemetry) fn encode(
    families: &[MetricFamily],
    format: Format,
    exemplars: &Exemplars,
) -> io::Result<String> {
    let samples: usize = families.iter().map(|family| family.get_metric().len()).sum();
    let mut encoder = Encoder { out: String::with_capacity(128 * samples), format, exemplars };
    families.iter().try_for_each(|family| encoder.push_family(family))?;
    if format == Format::OpenMetrics {
        encoder.out.push_str("# EOF\n");
    }
    Ok(encoder.out)
}

struct Encoder<'a> {
    out: String,
    format: Format,
    exemplars: &'a Exemplars,
}

impl Encoder<'_> {
    fn push_family(&mut self, family: &MetricFamily) -> io::Result<()> {
        let kind = kind_of(family)?;
        self.push_comments(family, kind);
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

    fn push_comments(&mut self, family: &MetricFamily, kind: Kind) {
        let is_open = self.format == Format::OpenMetrics;
        let (name, word) = match kind {
            Kind::Info if is_open => (kind.base(family.name()), "info"),
            Kind::Info => (family.name(), "gauge"),
            Kind::Counter if is_open => (kind.base(family.name()), "counter"),
            Kind::Counter => (family.name(), "counter"),
            Kind::Gauge => (family.name(), "gauge"),
            Kind::Histogram => (family.name(), "histogram"),
        };
        let out = &mut self.out;
        push(out, format_args!("# TYPE {name} {word}\n"));
        if let Some(unit) = unit_of(name).filter(|_| is_open) {
            push(out, format_args!("# UNIT {name} {unit}\n"));
        }
        push(out, format_args!("# HELP {name} "));
        push_escaped(out, family.help(), is_open);
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
        MetricType::GAUGE if family.name().ends_with("_info") => Ok(Kind::Info),
        MetricType::GAUGE => Ok(Kind::Gauge),
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
