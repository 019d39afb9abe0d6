//! Instants and lengths of time for people. A script shows instants in the viewer's zone; UTC stays as the tooltip.

use super::html::escaped;
use crate::model::{Micros, Zone};

/// An instant of an answer.
pub(super) fn parsed(text: &str) -> Option<Micros> {
    Micros::parse(text, &Zone::UTC).ok()
}

/// To the second, in UTC: `2026-01-31 12:03:07`.
pub(super) fn exactly(at: Micros) -> String {
    let whole = Micros(at.0.div_euclid(1_000_000) * 1_000_000);
    let text = whole.to_string();
    text.get(..19).map_or_else(|| Zone::UTC.minute(at), |text| text.replace('T', " "))
}

/// An instant, or a dash.
pub(super) fn instant(at: Option<Micros>) -> String {
    let shown = |at: Micros| {
        let exact = exactly(at);
        format!("<time datetime=\"{at}\" title=\"{exact} UTC\">{exact}</time>")
    };
    at.map_or_else(|| "\u{2013}".to_owned(), shown)
}

/// An instant of an answer, or a dash.
pub(super) fn instant_of(text: Option<&str>) -> String {
    match text.map(|text| (text, parsed(text))) {
        None => "\u{2013}".to_owned(),
        Some((_, Some(at))) => instant(Some(at)),
        Some((text, None)) => escaped(text),
    }
}

/// An instant as its distance from now, or a dash.
pub(super) fn ago(at: Option<Micros>, now: Micros) -> String {
    let shown = |at: Micros| {
        let (exact, distance) = (exactly(at), distance(at, now));
        format!("<time class=\"ago\" datetime=\"{at}\" title=\"{exact} UTC\">{distance}</time>")
    };
    at.map_or_else(|| "\u{2013}".to_owned(), shown)
}

/// Both ends of a window in words, with their fractions where they would look the same without.
pub(super) fn end_words(from: Micros, until: Micros) -> [String; 2] {
    match (from != until).then(|| exactly(from)) {
        Some(text) if text == exactly(until) => [from, until].map(precisely),
        _ => [from, until].map(exactly),
    }
}

/// The same as instants; a dash for one that is not known.
pub(super) fn ends_of(from: Option<&str>, until: Option<&str>) -> [String; 2] {
    match from.and_then(parsed).zip(until.and_then(parsed)) {
        Some((from, until)) if from != until && exactly(from) == exactly(until) => [from, until].map(|at| {
            let exact = precisely(at);
            format!("<time class=\"exact\" datetime=\"{at}\" title=\"{exact} UTC\">{exact}</time>")
        }),
        _ => [instant_of(from), instant_of(until)],
    }
}

/// To the microsecond, in UTC: `2026-01-31 12:03:07.25`.
fn precisely(at: Micros) -> String {
    at.to_string().replace('T', " ").trim_end_matches('Z').to_owned()
}

/// An instant of an answer as its distance from now, or a dash.
pub(super) fn ago_of(text: Option<&str>, now: Micros) -> String {
    ago(text.and_then(parsed), now)
}

/// An instant in seconds since 1970 as its distance from now, or a dash.
pub(super) fn ago_secs(secs: Option<f64>, now: Micros) -> String {
    ago(secs.map(|secs| Micros((secs * 1e6) as i64)), now)
}

fn distance(at: Micros, now: Micros) -> String {
    let secs = (at.0 - now.0) as f64 / 1e6;
    if secs.abs() < 1.0 {
        return "now".to_owned();
    }
    let length = length(secs.abs());
    if secs > 0.0 { format!("in {length}") } else { format!("{length} ago") }
}

/// A duration in its largest whole unit; one below a second in milliseconds of it.
pub(super) fn length(secs: f64) -> String {
    if (0.0005..1.0).contains(&secs) {
        return format!("{} s", (secs * 1e3).round() / 1e3);
    }
    let secs = secs.max(0.0) as u64;
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{} min", secs / 60),
        3_600..172_800 => format!("{} h", secs / 3_600),
        172_800..63_072_000 => format!("{} d", secs / 86_400),
        _ => format!("{} years", secs / 31_536_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_747_440_090_000_000);

    #[test]
    fn lengths_have_their_largest_whole_unit() {
        assert_eq!(
            [0.0, 0.4, 59.9, 60.0, 3_600.0, 172_799.0, 172_800.0, 1e8].map(length),
            ["0 s", "0.4 s", "59 s", "1 min", "1 h", "47 h", "2 d", "3 years"]
        );
    }

    #[test]
    fn a_window_within_a_second_has_the_fractions_of_its_ends() {
        let [at, within, later] =
            ["2025-05-17T00:00:00.25Z", "2025-05-17T00:00:00.5Z", "2025-05-17T00:00:01.5Z"];
        let words = |from, until| end_words(parsed(from).unwrap(), parsed(until).unwrap());

        assert_eq!(words(at, within), ["2025-05-17 00:00:00.25", "2025-05-17 00:00:00.5"]);
        assert_eq!(words(at, later), ["2025-05-17 00:00:00", "2025-05-17 00:00:01"]);
        let [from, until] = ends_of(Some(at), Some(within));
        assert!(from.starts_with("<time class=\"exact\" datetime=\"2025-05-17T00:00:00.25Z\""), "{from}");
        assert!(until.ends_with(">2025-05-17 00:00:00.5</time>"), "{until}");
        assert_eq!(ends_of(Some(at), None), [instant_of(Some(at)), instant_of(None)]);
    }

    #[test]
    fn an_instant_is_there_for_people_and_for_programs() {
        assert_eq!(
            ago(Some(Micros(NOW.0 - 90_000_000)), NOW),
            "<time class=\"ago\" datetime=\"2025-05-17T00:00:00Z\" title=\"2025-05-17 00:00:00 UTC\">1 min ago</time>"
        );
        assert!(ago(Some(Micros(NOW.0 + 45_000_000)), NOW).ends_with(">in 45 s</time>"));
        assert!(instant_of(Some("2025-05-17T00:00:00.25Z")).ends_with(">2025-05-17 00:00:00</time>"));
        assert_eq!(instant_of(Some("<b>")), "&lt;b&gt;");
        assert_eq!((instant_of(None), ago(None, NOW)), ("\u{2013}".to_owned(), "\u{2013}".to_owned()));
    }
}
