//! Finds the line of each key and list item in the file.
//!
//! `serde_yaml` parses the values and words the errors, but keeps no positions; this parses the same text again
//! just for positions, and only if there are problems to show.

use saphyr_parser::{Event, Parser};

use crate::config::secret::shown_key;

/// Lines of the keys and items below a value.
#[derive(Default)]
pub(super) struct Lines(Vec<(String, usize, Lines)>);

type Events<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

impl Lines {
    /// Reads the positions in valid YAML text; empty where it uses unsupported features.
    pub(super) fn of(text: &str) -> Lines {
        let mut events = Parser::new_from_str(text);
        loop {
            match events.next() {
                Some(Ok((Event::StreamStart | Event::DocumentStart(_), _))) => {}
                Some(Ok((event, _))) => return below(&event, &mut events).unwrap_or_default(),
                Some(Err(_)) | None => return Lines::default(),
            }
        }
    }

    /// The line of `histo_jobs[2].exchange`, or of its nearest ancestor in the file. For a duplicate key, the
    /// second.
    pub(super) fn of_place(&self, at: &str) -> Option<usize> {
        let found = self.0.iter().rev().find_map(|(own, line, below)| {
            let rest = at.strip_prefix(own.as_str())?;
            let is_whole = rest.is_empty() || rest.starts_with(['.', '[']);
            is_whole.then(|| (line, below, rest.strip_prefix('.').unwrap_or(rest)))
        });
        let (line, below, rest) = found?;
        below.of_place(rest).or(Some(*line))
    }
}

/// The positions below a value that has just begun.
fn below(begun: &Event<'_>, events: &mut Events<'_>) -> Option<Lines> {
    let mut found = Vec::new();
    match begun {
        Event::MappingStart(..) => loop {
            let (key, at) = events.next()?.ok()?;
            if key == Event::MappingEnd {
                break;
            }
            let name = match &key {
                Event::Scalar(text, ..) => shown_key(text),
                _ => String::new(),
            };
            below(&key, events)?;
            let (value, _) = events.next()?.ok()?;
            found.push((name, at.start.line(), below(&value, events)?));
        },
        Event::SequenceStart(..) => loop {
            let (item, at) = events.next()?.ok()?;
            if item == Event::SequenceEnd {
                break;
            }
            found.push((format!("[{}]", found.len()), at.start.line(), below(&item, events)?));
        },
        _ => {}
    }
    Some(Lines(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
settings: {timezone: UTC,
  environment: x}
histo_jobs:
  - exchange: binance
    pairs:
      - BTC/USDT
      - ETH/USDT
  -
    exchange: &name kraken
    pairs: [A/B,
      C/D]
    'odd key': |
      text
    exchange: again
";

    #[test]
    fn every_key_and_item_has_its_line() {
        let lines = Lines::of(TEXT);
        for (at, line) in [
            ("settings", 2),
            ("settings.environment", 3),
            ("histo_jobs[0]", 5),
            ("histo_jobs[0].pairs[1]", 8),
            ("histo_jobs[1].pairs[0]", 11),
            ("histo_jobs[1].pairs[1]", 12),
            ("histo_jobs[1].`odd key`", 13),
            ("histo_jobs[1].exchange", 15),
        ] {
            assert_eq!(lines.of_place(at), Some(line), "{at}");
        }
    }

    #[test]
    fn what_is_missing_has_the_line_of_what_it_is_missing_in() {
        let lines = Lines::of(TEXT);
        assert_eq!(lines.of_place("histo_jobs[0].span"), Some(5));
        assert_eq!(lines.of_place("settings.timezone.nothing"), Some(2));
        assert_eq!(lines.of_place("settings_too"), None);
        assert_eq!(lines.of_place(""), None);
        assert_eq!(Lines::of("a: [").of_place("a"), None);
    }
}
