//! The files of a series, and where their copies are, as its ledger has them.

use crate::api::{FileLine, FilesAsked, FilesPage};
use crate::engine::paging::{count, cursor, place};
use crate::engine::wrong::Wrong;
use crate::model::{Micros, Series};
use crate::store::{FileEntry, Layout, Ledger, Part};

/// The files of an answer unless it is asked for more or fewer.
const FILES: usize = 100;
const MOST_FILES: usize = 1_000;

/// A page of files, the newest first.
///
/// # Errors
/// If the question is wrong.
pub(super) fn files(series: &Series, ledger: &Ledger, asked: &FilesAsked) -> Result<FilesPage, Wrong> {
    let most = count("limit", asked.limit.as_deref(), FILES, MOST_FILES)?;
    let query = format!("files {series}");
    let before = asked.cursor.as_deref().map(|cursor| place::<1>(cursor, &query)).transpose()?;
    let of = |part: Part, entries: &std::collections::BTreeMap<String, FileEntry>| {
        let lines = entries.iter().map(|(period, entry)| line(series, part, period, entry));
        lines.collect::<Vec<FileLine>>()
    };
    let mut all = of(Part::File, &ledger.files);
    all.extend(of(Part::Open, &ledger.open_files));
    // The order of names is that of time.
    all.sort_unstable_by(|one, other| other.path.cmp(&one.path));
    let total = all.len() as u64;
    all.retain(|line| before.as_ref().is_none_or(|[before]| line.path < *before));
    let has_more = all.len() > most;
    all.truncate(most);
    let next = all.last().filter(|_| has_more).map(|line| cursor(&query, &[&line.path]));
    Ok(FilesPage { series: series.to_string(), files: all, total, next })
}

fn line(series: &Series, part: Part, period: &str, entry: &FileEntry) -> FileLine {
    FileLine {
        path: format!("{}/{}", Layout::key(series), part.file_name(period)),
        from: (entry.rows > 0).then(|| Micros(entry.first).to_string()),
        to: (entry.rows > 0).then(|| Micros(entry.last).to_string()),
        rows: entry.rows,
        bytes: entry.bytes,
        sha256: entry.sha256.clone(),
        here: !entry.remote_only,
        remotes: entry.remotes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(remotes: &[&str], remote_only: bool) -> FileEntry {
        let remotes = remotes.iter().map(|name| (*name).to_owned()).collect();
        FileEntry { rows: 7, remotes, remote_only, ..FileEntry::default() }
    }

    #[test]
    fn files_come_newest_first_page_by_page_each_with_its_copies() {
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let mut ledger = Ledger::default();
        for (year, remotes) in [("2023", ["nas"].as_slice()), ("2024", &[]), ("2025", &["nas", "s3"])] {
            ledger.files.insert(year.to_owned(), entry(remotes, year == "2023"));
        }
        ledger.open_files.insert("2025".to_owned(), entry(&[], false));
        let mut asked = FilesAsked { limit: Some("3".to_owned()), cursor: None };
        let first = files(&series, &ledger, &asked).unwrap();
        asked.cursor = first.next;
        let second = files(&series, &ledger, &asked).unwrap();

        let shown: Vec<(&str, bool, usize)> = first
            .files
            .iter()
            .chain(&second.files)
            .map(|line| (line.path.rsplit('/').next().unwrap(), line.here, line.remotes.len()))
            .collect();
        assert_eq!(
            shown,
            [
                ("2025_open.parquet", true, 0),
                ("2025.parquet", true, 2),
                ("2024.parquet", true, 0),
                ("2023.parquet", false, 1)
            ]
        );
        assert_eq!((first.total, second.next), (4, None));
        asked.cursor = Some("e30".to_owned());
        assert!(files(&series, &ledger, &asked).is_err());
    }
}
