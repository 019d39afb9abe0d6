//! Sets impossible rows aside, once two answers contained them, and accounts for them before their page is
//! accepted.

use std::path::Path;

use crate::model::{Micros, OddFault, OddRow, Window};
use crate::store::{StoreError, Writer};
use crate::telemetry::Telemetry;
use crate::telemetry::events::RowsSetAside;

/// Sets odd rows aside, each with the window that it alone would have covered, if known, and returns how many were
/// not set aside before. Those windows become unfillable.
///
/// Must be called before the page is accepted, and the page's coverage must exclude these windows, since coverage
/// recorded later replaces what is unfillable.
///
/// # Errors
/// If the rows' texts cannot be made durable, or exceed the limit. The page must not be accepted then.
pub(super) fn set_aside(
    writer: &Writer,
    telemetry: &Telemetry,
    odd: &[(OddRow, Option<Window>)],
    seen_at: Micros,
) -> Result<u64, StoreError> {
    let rows: Vec<OddRow> = odd.iter().map(|(row, _)| row.clone()).collect();
    let new = writer.set_aside(&rows, seen_at)?;
    let file = writer.set_aside_file();
    for (fault, rows) in &new {
        telemetry.emit(RowsSetAside { series: writer.series(), fault: *fault, rows: *rows, file: &file });
    }
    writer.account(|ledger| {
        for (row, window) in odd {
            window.iter().for_each(|window| ledger.give_up(*window, &reason(row.fault, &file)));
        }
    });
    Ok(new.values().sum())
}

/// Why the window of an odd row is unfillable. Rows of one fault share a reason, so that adjacent windows merge;
/// the file states the fault of each row.
fn reason(fault: OddFault, file: &Path) -> String {
    let fault = match fault {
        OddFault::OffGrid => "it opens off the grid of its span",
        OddFault::Contradiction => "its values contradict one another",
        OddFault::Value => "a price or an amount is absent, negative or no number",
        OddFault::Time => "its instant is outside reason",
        OddFault::Id => "it has no id",
        OddFault::Shape => "it is not of the documented shape",
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("the exchange's row here cannot be true ({fault}); its text is in .dccd/quarantine/rows/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Kind, Series};
    use crate::store::{Accepted, Layout, Store, StoreSettings, set_aside_rows};

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn an_odd_row_is_text_in_a_file_a_count_and_an_unfillable_window_and_comes_twice_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let telemetry = Telemetry::new();
        telemetry.declare_series(&series, "job-0", std::time::Duration::from_secs(3_600));
        let count =
            |fault: &str| telemetry.metrics().odd.rows.with_label_values(&["binance", "ohlc", fault]).get();
        let (store, _) = Store::open(&layout, StoreSettings::of(7, Micros(0))).unwrap();
        let (writer, _) = store.writer(&series).unwrap();
        writer.account(|ledger| ledger.wanted_since = Some(Micros(0)));
        let odd = [
            (row(OddFault::Contradiction, 1), hours(1, 2)),
            (row(OddFault::Contradiction, 2), hours(2, 3)),
            (row(OddFault::Value, 4), hours(4, 5)),
            (row(OddFault::Time, 9), None),
        ];

        assert_eq!(set_aside(&writer, &telemetry, &odd, Micros(HOUR)).unwrap(), 4);
        for covered in [hours(0, 1), hours(3, 4)] {
            let rows = Batch::of(Kind::Ohlc);
            writer.accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(set_aside(&writer, &telemetry, &odd, Micros(HOUR)).unwrap(), 0);

        assert_eq!((count("contradiction"), count("value"), count("time"), count("id")), (2, 1, 1, 0));
        assert_eq!(set_aside_rows(&layout, &series).unwrap().rows.len(), 4);
        let ledger = writer.ledger();
        assert!(ledger.gaps(Micros(5 * HOUR)).is_empty(), "{ledger:?}");
        let unfillable: Vec<_> =
            ledger.unfillable.iter().map(|note| (Some(note.window), note.reason.as_str())).collect();
        let file = ".dccd/quarantine/rows/binance__ohlc__BTC-USDT__1h.jsonl";
        let [first, second] =
            ["its values contradict one another", "a price or an amount is absent, negative or no number"]
                .map(|fault| {
                    format!("the exchange's row here cannot be true ({fault}); its text is in {file}")
                });
        assert_eq!(unfillable, [(hours(1, 3), first.as_str()), (hours(4, 5), second.as_str())]);
    }

    #[test]
    fn what_cannot_be_set_aside_is_neither_counted_nor_called_unfillable() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let telemetry = Telemetry::new();
        let (store, _) = Store::open(&layout, StoreSettings::of(7, Micros(0))).unwrap();
        let (writer, _) = store.writer(&series).unwrap();
        // A folder where the file should be.
        std::fs::create_dir_all(layout.set_aside(&series)).unwrap();

        let refused = set_aside(&writer, &telemetry, &[(row(OddFault::Value, 1), hours(1, 2))], Micros(0));

        let said = refused.unwrap_err().to_string();
        assert!(said.contains("rows/binance__ohlc__BTC-USDT__1h.jsonl"), "{said}");
        assert!(writer.ledger().unfillable.is_empty());
        assert_eq!(telemetry.metrics().odd.rows.with_label_values(&["binance", "ohlc", "value"]).get(), 0);
    }

    fn row(fault: OddFault, hour: i64) -> OddRow {
        OddRow::new(fault, "it is odd", &format!("[{hour}]"), Some(Micros(hour * HOUR)))
    }

    fn hours(from: i64, until: i64) -> Option<Window> {
        Window::new(Micros(from * HOUR), Micros(until * HOUR))
    }
}
