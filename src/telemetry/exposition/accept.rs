//! Negotiates the format with a scraper, by `Accept` and `Accept-Encoding` with their qualities.

use super::Format;

/// An entry of an accept header: its value, its parameters, and its quality from 0 to 1.
struct Entry<'a> {
    value: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

fn entries(header: &str) -> impl Iterator<Item = Entry<'_>> {
    header.split(',').filter_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let value = parts.next().filter(|value| !value.is_empty())?;
        let mut parameters: Vec<(&str, &str)> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let quality = parameters.iter().position(|(name, _)| name.eq_ignore_ascii_case("q"));
        let quality = quality.map_or(1.0, |at| parse_quality(parameters.remove(at).1));
        Some(Entry { value, parameters, quality })
    })
}

/// An invalid quality counts as a rejection.
fn parse_quality(text: &str) -> f32 {
    text.parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(0.0)
}

/// How specifically an entry matches an offer: not at all, by `*/*`, by `text/*`, by type, or by version too.
fn closeness(entry: &Entry<'_>, (class, name, version): (&str, &str, &str)) -> Option<u8> {
    let (entry_class, entry_name) = entry.value.split_once('/')?;
    let parameter =
        |wanted: &str| entry.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    match (entry_class, entry_name) {
        ("*", "*") => Some(0),
        (entry_class, "*") if entry_class.eq_ignore_ascii_case(class) => Some(1),
        _ if entry_class.eq_ignore_ascii_case(class) && entry_name.eq_ignore_ascii_case(name) => {
            match parameter("version") {
                None => Some(2),
                Some((_, named)) if named.trim_matches('"') == version => Some(3),
                Some(_) => None,
            }
        }
        _ => None,
    }
}

const OPEN_METRICS: (&str, &str, &str) = ("application", "openmetrics-text", "1.0.0");
const TEXT: (&str, &str, &str) = ("text", "plain", "0.0.4");

/// The format an `Accept` header asks for: OpenMetrics if it is listed with at least the same quality, else text.
#[must_use]
pub fn format(accept: &str) -> Format {
    let wanted = |offer| {
        let named = entries(accept).filter_map(|entry| Some((closeness(&entry, offer)?, entry.quality)));
        named.fold(
            (0, 0.0),
            |best: (u8, f32), one| {
                if one.0 > best.0 || one.0 == best.0 && one.1 > best.1 { one } else { best }
            },
        )
    };
    let ((closeness, open), (_, text)) = (wanted(OPEN_METRICS), wanted(TEXT));
    let is_named = closeness >= 2;
    if open > text || is_named && open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
}

/// Whether an `Accept-Encoding` header allows gzip; a specific entry takes precedence over `*`.
#[must_use]
pub fn gzip(accept_encoding: &str) -> bool {
    let quality_of = |coding: &str| {
        entries(accept_encoding)
            .find(|entry| entry.value.eq_ignore_ascii_case(coding))
            .map(|entry| entry.quality)
    };
    quality_of("gzip").or_else(|| quality_of("*")).is_some_and(|quality| quality > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_sent_only_to_those_who_name_it_and_want_it_no_less_than_text() {
        for asking in [
            // Prometheus 2.42, 3.x, and 2.42 with native histograms.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8",
            "text/plain, application/openmetrics-text",
            "application/*",
            "application/*, text/plain;q=0.5",
        ] {
            assert_eq!(format(asking), Format::OpenMetrics, "{asking}");
        }
        for asking in [
            "",
            "*/*",
            "text/plain",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/openmetrics-text;q=0.4, text/plain;q=0.5",
            "application/openmetrics-text;version=1.0.0;q=0, */*",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0, text/plain",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=NaN",
            ";;;,,/,q=1",
        ] {
            assert_eq!(format(asking), Format::Text, "{asking}");
        }
    }

    #[test]
    fn gzip_is_sent_only_to_those_who_allow_it() {
        for allowing in ["gzip", "deflate, GZIP;q=0.5", "*", "br;q=1.0, gzip; q=0.8, *;q=0"] {
            assert!(gzip(allowing), "{allowing}");
        }
        for refusing in ["", "identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "gzipped", "gzip;q=x"] {
            assert!(!gzip(refusing), "{refusing}");
        }
    }
}
