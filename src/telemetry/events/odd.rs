//! Events of rows and listing entries that are impossible or not understood, and affect only themselves.

use std::fmt::Write as _;
use std::path::Path;

use crate::model::{OddFault, Series};
use crate::telemetry::{Event, Telemetry};

/// The most listing entries named on one line.
const NAMED: usize = 10;

/// Impossible rows that two answers contained were set aside as text.
pub struct RowsSetAside<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The class of the fault.
    pub fault: OddFault,
    /// The number not set aside before.
    pub rows: u64,
    /// The file with their texts.
    pub file: &'a Path,
}

impl Event for RowsSetAside<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name(), self.fault.name()];
        telemetry.metrics().odd.rows.with_label_values(&labels).inc_by(self.rows);
        tracing::warn!(
            series = %self.series,
            fault = self.fault.name(),
            rows = self.rows,
            file = %self.file.display(),
            "rows that cannot be true were set aside, all others are stored; `dccd gaps` names them"
        );
    }
}

/// Entries of a listing are not fully understood; the others are not affected.
pub struct ListingEntriesOdd<'a> {
    /// The exchange of the listing.
    pub exchange: &'a str,
    /// The exchange's name of each, and its problem.
    pub entries: &'a [(&'a str, &'a str)],
}

impl Event for ListingEntriesOdd<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let odd = &telemetry.metrics().odd;
        let entries = self.entries.iter().filter(|(symbol, _)| odd.is_new(self.exchange, symbol));
        let new: Vec<&(&str, &str)> = entries.collect();
        if new.is_empty() {
            return;
        }
        odd.listing_entries.with_label_values(&[self.exchange]).inc_by(new.len() as u64);
        let mut named = String::new();
        for (symbol, why) in new.iter().take(NAMED) {
            let parted = if named.is_empty() { "" } else { "; " };
            let _ = write!(named, "{parted}{symbol}: {why}");
        }
        if let Some(more) = new.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let _ = write!(named, "; and {more} more");
        }
        tracing::warn!(
            exchange = self.exchange,
            entries = new.len(),
            named,
            "entries of the listing are not understood; they are in the way of no others"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::filter::LevelFilter;

    use super::*;
    use crate::telemetry::logs::{LogFormat, LogSettings, subscriber};

    #[test]
    fn rows_set_aside_are_told_with_their_fault_and_file_and_entries_of_a_listing_once_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let (level, format) = (LevelFilter::INFO, LogFormat::Text);
        let settings = LogSettings { level, format, file: Some(&path), to_stderr: false };
        let telemetry = Telemetry::new();
        let (subscriber, guard) = subscriber(settings, None, Arc::clone(telemetry.metrics())).unwrap();
        let names: Vec<String> = (0..12).map(|number| format!("S{number}")).collect();
        let entries: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), "of no known kind")).collect();
        let series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();

        tracing::subscriber::with_default(subscriber, || {
            let (fault, file) = (OddFault::Value, Path::new("rows/x.jsonl"));
            telemetry.emit(RowsSetAside { series: &series, fault, rows: 2, file });
            telemetry.emit(ListingEntriesOdd { exchange: "binance", entries: &entries });
            telemetry.emit(ListingEntriesOdd { exchange: "binance", entries: &entries });
            telemetry.emit(ListingEntriesOdd { exchange: "okx", entries: &entries[..1] });
        });
        drop(guard);

        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[0].contains("WARN  binance/BTC-USDT/ohlc/1h rows that cannot be true were set aside"),
            "{text}"
        );
        assert!(lines[0].ends_with("fault=value rows=2 file=rows/x.jsonl"), "{text}");
        assert!(lines[1].contains("S0: of no known kind; S1: ") && lines[1].contains("S9: "), "{text}");
        assert!(lines[1].contains("; and 2 more") && !lines[1].contains("S10"), "{text}");
        assert!(lines[2].contains("exchange=okx") && lines[2].contains("S0: of no known kind"), "{text}");
    }
}
