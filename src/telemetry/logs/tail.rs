//! The last lines of the log, across its rotated files, of everything or of one series.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::file::{KEPT, numbered};
use crate::disk::atomic;
use crate::model::{Series, matches_selector};

/// The longest line that is kept completely. With the number of lines it bounds the memory.
pub(super) const LINE_LIMIT_BYTES: u64 = 64 * 1024;

/// The most lines returned, however many are requested.
const LINES_LIMIT: usize = 10_000;

/// The last `lines` lines of the log at `path` and its rotated files, oldest first; with a selector only those
/// that concern a matching series. Empty if there is no log.
///
/// # Errors
/// If an existing file cannot be read.
pub fn tail(path: &Path, selector: Option<&str>, lines: usize) -> io::Result<Vec<String>> {
    let wanted = lines.min(LINES_LIMIT);
    let mut found: VecDeque<String> = VecDeque::new();
    for file in newest_first(path)? {
        let missing = wanted - found.len();
        if missing == 0 {
            break;
        }
        let older = last_of(file, selector, missing)?;
        older.into_iter().rev().for_each(|line| found.push_front(line));
    }
    Ok(found.into())
}

/// All files, opened before any is read, so that each is read once even if they are rotated meanwhile.
pub(super) fn newest_first(path: &Path) -> io::Result<Vec<File>> {
    use std::os::unix::fs::MetadataExt;

    let mut seen = Vec::new();
    let mut files = Vec::new();
    for path in std::iter::once(path.to_owned()).chain((1..=KEPT).map(|number| numbered(path, number))) {
        let file = match atomic::open_own(&path, File::options().read(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let about = file.metadata()?;
        let identity = (about.dev(), about.ino());
        if !seen.contains(&identity) {
            seen.push(identity);
            files.push(file);
        }
    }
    Ok(files)
}

fn last_of(file: File, selector: Option<&str>, lines: usize) -> io::Result<VecDeque<String>> {
    let mut reader = BufReader::new(file);
    let mut last = VecDeque::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(LINE_LIMIT_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(last);
        }
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
        if selector.is_some_and(|selector| !speaks_of(&text, selector)) {
            continue;
        }
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(text.into_owned());
    }
}

pub(super) fn speaks_of(line: &str, selector: &str) -> bool {
    let whose = if line.starts_with('{') {
        // This cannot occur inside a JSON string: its quotes would be escaped.
        line.split_once(",\"series\":\"").and_then(|(_, rest)| rest.split('"').next())
    } else {
        line.split_ascii_whitespace().nth(2)
    };
    let series = whose.and_then(|whose| whose.parse::<Series>().ok());
    series.is_some_and(|series| matches_selector(selector, &series))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_are_taken_over_the_rotated_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        put(&numbered(&path, 2), "a\nb\n");
        put(&numbered(&path, 1), "c\nd\n");
        put(&path, "e\n");

        assert_eq!(tail(&path, None, 4).unwrap(), ["b", "c", "d", "e"]);
        assert_eq!(tail(&path, None, 99).unwrap(), ["a", "b", "c", "d", "e"]);
        assert!(tail(&path, None, 0).unwrap().is_empty());
    }

    #[test]
    fn lines_of_one_series_are_picked_from_text_and_json_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        put(
            &path,
            concat!(
                "T INFO  binance/BTC-USDT/ohlc/1h run succeeded rows=1\n",
                "T INFO  binance/BTC-USDT/ohlc/1d run succeeded rows=2\n",
                "T INFO  request failed error=\"binance/BTC-USDT/ohlc/1h\"\n",
                "{\"timestamp\":\"T\",\"level\":\"info\",\"series\":\"binance/BTC-USDT/ohlc/1h\",\"rows\":3}\n",
                "{\"timestamp\":\"T\",\"message\":\",\\\"series\\\":\\\"binance/BTC-USDT/ohlc/1h\\\"\"}\n",
            ),
        );

        let of_series = tail(&path, Some("binance/BTC-USDT/ohlc/1h"), 99).unwrap();
        let of_pair = tail(&path, Some("binance/BTC-USDT"), 99).unwrap();

        let rows = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line.trim_end_matches('}').chars().last().unwrap().to_string()).collect()
        };
        assert_eq!(rows(&of_series), ["1", "3"]);
        assert_eq!(rows(&of_pair), ["1", "2", "3"]);
        assert_eq!(rows(&tail(&path, Some("binance/BTC/USDT/ohlc/1d"), 99).unwrap()), ["2"]);
    }

    #[test]
    fn no_log_is_no_lines_and_a_line_without_end_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        assert!(tail(&path, None, 5).unwrap().is_empty());

        put(&path, &"x".repeat(200_000));

        let lines = tail(&path, None, 2).unwrap();
        assert!(lines.iter().all(|line| line.len() as u64 <= LINE_LIMIT_BYTES), "{}", lines.len());
    }

    fn put(path: &Path, text: &str) {
        File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    }
}
