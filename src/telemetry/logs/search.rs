//! The newest lines of the log that are wanted: by series, level and words. A long line is cut.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::tail::{newest_first, speaks_of};

/// The most bytes of a line that are read as it; the rest is only counted.
const LINE_BYTES: usize = 4_096;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogSearch {
    /// A name, prefix or glob of series.
    pub series: Option<String>,
    /// The least severe level.
    pub level: Option<LogLevel>,
    /// Text in the line, in upper or lower case.
    pub text: Option<String>,
    /// How many lines.
    pub most: usize,
}

/// The level of a line, the most severe last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For finding faults in dccd.
    Trace,
    /// Details.
    Debug,
    /// The course of things.
    Info,
    /// Something that may need attention.
    Warn,
    /// A failure.
    Error,
}

impl LogLevel {
    /// Every level.
    pub const ALL: [LogLevel; 5] =
        [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }

    /// The level of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<LogLevel> {
        LogLevel::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(word))
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLine {
    /// The line, or its beginning.
    pub text: String,
    /// Its level, if it has one.
    pub level: Option<LogLevel>,
    /// Bytes that are left out at its end.
    pub cut_bytes: u64,
}

/// The newest lines of the log at `path` and its rotated files that are wanted, the oldest first.
///
/// # Errors
/// If an existing file cannot be read.
pub fn search(path: &Path, wanted: &LogSearch) -> io::Result<Vec<FoundLine>> {
    let mut found: VecDeque<FoundLine> = VecDeque::new();
    for file in newest_first(path)? {
        let missing = wanted.most.saturating_sub(found.len());
        if missing == 0 {
            break;
        }
        last_of(file, wanted, missing)?.into_iter().rev().for_each(|line| found.push_front(line));
    }
    Ok(found.into())
}

fn last_of(file: File, wanted: &LogSearch, most: usize) -> io::Result<VecDeque<FoundLine>> {
    let text = wanted.text.as_deref().map(str::to_lowercase);
    let (mut reader, mut last) = (BufReader::with_capacity(64 << 10, file), VecDeque::new());
    while let Some(line) = next_line(&mut reader)? {
        let is_wanted = wanted.series.as_deref().is_none_or(|series| speaks_of(&line.text, series))
            && wanted.level.is_none_or(|least| line.level.is_some_and(|level| level >= least))
            && text.as_deref().is_none_or(|text| line.text.to_lowercase().contains(text));
        if is_wanted {
            if last.len() == most {
                last.pop_front();
            }
            last.push_back(line);
        }
    }
    Ok(last)
}

/// The next line; of a long one only its beginning is kept.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<FoundLine>> {
    let (mut kept, mut cut_bytes, mut is_any) = (Vec::new(), 0, false);
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        is_any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let own = &piece[..end.unwrap_or(piece.len())];
        let fits = own.len().min(LINE_BYTES - kept.len());
        kept.extend_from_slice(&own[..fits]);
        cut_bytes += (own.len() - fits) as u64;
        let taken = own.len() + usize::from(end.is_some());
        reader.consume(taken);
        if end.is_some() {
            break;
        }
    }
    if !is_any {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&kept).into_owned();
    let level = level_of(&text);
    Ok(Some(FoundLine { text, level, cut_bytes }))
}

fn level_of(line: &str) -> Option<LogLevel> {
    let word = if line.starts_with('{') {
        line.split_once(",\"level\":\"").and_then(|(_, rest)| rest.split('"').next())
    } else {
        line.split_ascii_whitespace().nth(1)
    };
    LogLevel::of(word?)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test writes a log itself")]
mod tests {
    use super::*;

    fn found(text: &str, wanted: &LogSearch) -> Vec<FoundLine> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        std::fs::write(&path, text).unwrap();
        search(&path, wanted).unwrap()
    }

    const LOG: &str = concat!(
        "T INFO  binance/BTC-USDT/ohlc/1h run succeeded rows=1\n",
        "T WARN  binance/ETH-USDT/ohlc/1h run Failed error=\"<b>429</b>\"\n",
        "{\"timestamp\":\"T\",\"level\":\"error\",\"series\":\"okx/BTC-USDT/trades\",\"message\":\"gone\"}\n",
        "T DEBUG nothing of note\n",
        "no level at all\n",
    );

    #[test]
    fn lines_are_found_by_level_words_and_series_the_newest_of_them() {
        let texts = |wanted: LogSearch| -> Vec<String> {
            let found = found(LOG, &LogSearch { most: wanted.most.max(1), ..wanted });
            found.into_iter().map(|line| line.text.chars().take(14).collect()).collect()
        };
        let all = LogSearch { most: 99, ..LogSearch::default() };

        assert_eq!(texts(all.clone()).len(), 5);
        assert_eq!(texts(LogSearch::default()), ["no level at al"], "the newest");
        let warnings = texts(LogSearch { level: Some(LogLevel::Warn), ..all.clone() });
        assert_eq!(warnings, ["T WARN  binanc", "{\"timestamp\":\""]);
        assert_eq!(texts(LogSearch { text: Some("fAILED".into()), ..all.clone() }), ["T WARN  binanc"]);
        assert_eq!(texts(LogSearch { series: Some("okx".into()), ..all.clone() }), ["{\"timestamp\":\""]);
        assert!(texts(LogSearch { text: Some("nowhere".into()), ..all }).is_empty());
    }

    #[test]
    fn a_line_of_a_mebibyte_is_one_line_that_is_cut() {
        let text = format!("T INFO  {}\nT INFO  next\n", "x".repeat(1 << 20));
        let all = LogSearch { most: 99, ..LogSearch::default() };

        let lines = found(&text, &all);

        assert_eq!(lines.len(), 2);
        assert_eq!(
            (lines[0].text.len(), lines[0].cut_bytes),
            (LINE_BYTES, 8 + (1 << 20) - LINE_BYTES as u64)
        );
        assert_eq!((lines[0].level, lines[1].text.as_str()), (Some(LogLevel::Info), "T INFO  next"));
    }
}
