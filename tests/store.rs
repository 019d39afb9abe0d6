//! The store as its users see it: files appear whole, rows are merged by key, and whatever happens to a
//! file becomes a gap rather than a loss.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write a broken file on purpose.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dccd::model::{Batch, Candle, Kind, Micros, Series, Side, Trade, Window};
use dccd::store::{
    Accepted, Finding, FindingKind, Layout, Ledger, Opened, Part, Store, StoreError, StoreSettings, Writer,
    inventory, open_period_file, period_files, verify_series,
};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000;
/// 2024-01-01 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200_000_000;

#[test]
fn what_is_accepted_is_in_the_files_and_the_ledger_after_a_flush() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let writer = home.open();
    accept(&writer, hours(-2, 5, 1.0));

    let flushed = writer.flush().unwrap();

    assert_eq!(flushed.files.iter().map(|file| file.period.as_str()).collect::<Vec<_>>(), ["2023", "2024"]);
    assert_eq!(flushed.tally.added, 5);
    assert_eq!(home.stored(), (-2..3).map(|hour| (hour, 1.0)).collect());
    let ledger = home.open().ledger().clone();
    assert_eq!(ledger.covered.first(), Some(span(-2, 5)));
    assert_eq!(ledger.rows(), 5);
    assert!(verify_series(&home.layout, &home.series).unwrap().is_empty());
}

#[test]
fn a_deleted_file_is_a_gap_at_the_next_opening() {
    let home = Home::with_two_years();
    fs::remove_file(home.file("2023")).unwrap();

    let (writer, findings) = home.restart().unwrap();

    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].kind, FindingKind::Missing);
    let gaps = writer.ledger().gaps(Micros(YEAR_2024 + 3 * HOUR));
    assert_eq!(gaps.iter().collect::<Vec<_>>(), [span(-2, 2)]);
    assert_eq!(writer.ledger().reason(span(-2, 2)), Some("its file was deleted"));
}

#[test]
fn a_file_whose_content_changed_under_its_footer_is_set_aside_and_its_period_is_a_gap() {
    let home = Home::with_two_years();
    let path = home.file("2024");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40..60].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(verify_series(&home.layout, &home.series).unwrap().len(), 1);

    let (writer, findings) = home.restart().unwrap();

    assert_eq!(findings[0].kind, FindingKind::Quarantined);
    assert!(!path.exists());
    assert_eq!(fs::read_dir(home.layout.quarantine()).unwrap().count(), 1, "set aside, not deleted");
    assert_eq!(writer.ledger().gaps(Micros(YEAR_2024 + 3 * HOUR)).iter().collect::<Vec<_>>(), [span(0, 3)]);

    accept(&writer, hours(0, 3, 1.0));
    writer.flush().unwrap();
    assert_eq!(home.stored(), (-2..3).map(|hour| (hour, 1.0)).collect());
}

#[test]
fn a_truncated_file_is_set_aside() {
    let home = Home::with_two_years();
    let path = home.file("2024");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let (_, findings) = home.restart().unwrap();
    assert_eq!(findings[0].kind, FindingKind::Quarantined);
}

#[test]
fn a_foreign_file_is_left_alone_and_named() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let writer = home.open();
    accept(&writer, hours(0, 3, 1.0));
    writer.flush().unwrap();
    // The same rows as another program would write them: our entry is not in the footer.
    let foreign = without_our_entry(&fs::read(home.file("2024")).unwrap());
    fs::write(home.file("2022"), &foreign).unwrap();

    let error = home.restart().unwrap_err();

    assert!(matches!(error, StoreError::Foreign { .. }));
    assert!(error.to_string().contains("2022.parquet") && error.to_string().contains("dccd import"));
    assert_eq!(fs::read(home.file("2022")).unwrap(), foreign);
    assert!(matches!(open_period_file(&home.file("2022"), Kind::Ohlc).unwrap(), Opened::Foreign));
}

#[test]
fn a_publish_cut_short_before_its_ledger_is_adopted() {
    let home = Home::with_two_years();
    let before = fs::read(home.layout.ledger(&home.series)).unwrap();
    let writer = home.open();
    accept(&writer, hours(3, 4, 2.0));
    writer.flush().unwrap();
    fs::write(home.layout.ledger(&home.series), before).unwrap();
    assert!(verify_series(&home.layout, &home.series).unwrap().is_empty(), "no fault to verify");

    let (writer, findings) = home.restart().unwrap();

    assert_eq!(findings[0].kind, FindingKind::Adopted);
    assert_eq!(writer.ledger().covered.first(), Some(span(-2, 9)));
    assert_eq!(writer.ledger().rows(), 9);
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_footers() {
    let home = Home::with_two_years();
    let before = home.open().ledger().clone();
    fs::remove_file(home.layout.ledger(&home.series)).unwrap();

    let (writer, findings) = home.restart().unwrap();

    assert!(findings.iter().all(|finding| finding.kind == FindingKind::Adopted));
    // Only a ledger says how far the journal is settled.
    let rebuilt = Ledger { journal: before.journal, ..(*writer.ledger()).clone() };
    assert_eq!(rebuilt, *before);
}

#[test]
fn temporary_files_of_the_dead_are_swept_and_nothing_else() {
    let home = Home::with_two_years();
    let folder = home.layout.folder(&home.series);
    fs::write(folder.join(".2024.parquet.tmp-999999"), b"half").unwrap();
    fs::write(folder.join("notes.txt"), b"mine").unwrap();

    let (_, findings) = home.restart().unwrap();

    assert_eq!(findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::Swept]);
    assert!(folder.join("notes.txt").exists() && !folder.join(".2024.parquet.tmp-999999").exists());
}

#[test]
fn an_append_to_a_large_period_rewrites_only_its_open_file() {
    let home = Home::with_minutes(300_000);
    let writer = home.open();
    accept(&writer, minutes(300_000, 10, 1.0));

    let flushed = writer.flush().unwrap();

    assert_eq!(flushed.files.len(), 1);
    assert_eq!((flushed.files[0].part, flushed.files[0].entry.rows), (Part::Open, 10));
    assert_eq!(writer.ledger().rows(), 300_010);
    assert!(verify_series(&home.layout, &home.series).unwrap().is_empty());
}

#[test]
fn rows_that_are_all_there_already_write_nothing() {
    let home = Home::with_minutes(300_000);
    let writer = home.open();
    accept(&writer, minutes(299_997, 3, 1.0));

    let flushed = writer.flush().unwrap();

    assert_eq!((flushed.files.len(), flushed.tally.repeated), (0, 3));
}

#[test]
fn a_late_or_revised_row_goes_into_a_large_file_alone_and_what_it_does_not_touch_is_copied() {
    let home = Home::with_minutes(300_000);
    let writer = home.open();
    accept(&writer, minutes(300_000, 10, 1.0));
    writer.flush().unwrap();
    accept(&writer, minutes(5, 1, 2.0));

    let flushed = writer.flush().unwrap();

    assert_eq!((flushed.tally.revised, flushed.tally.added, flushed.folds), (1, 0, 1));
    assert_eq!(flushed.files.iter().map(|file| file.part).collect::<Vec<_>>(), [Part::File, Part::Open]);
    assert!(flushed.files[0].copied_bytes > 0);
    assert_eq!((flushed.files[0].entry.rows, flushed.files[1].entry.rows), (300_000, 10));
    let [file, open] = &period_files(&home.layout, &home.series, "2024").unwrap()[..] else {
        panic!("two files")
    };
    let rows = file.rows().unwrap();
    assert_eq!(rows.candles().get(5).close, 2.0);
    assert!(rows.in_order() && open.rows().unwrap().len() == 10);
    assert!(verify_series(&home.layout, &home.series).unwrap().is_empty());
}

#[test]
fn the_newest_candles_are_taken_out_of_the_file_once_and_can_be_revised_for_the_price_of_an_append() {
    let home = Home::with_minutes(300_000);
    let writer = home.open();
    let mut files = Vec::new();
    for step in 0..50 {
        accept(&writer, minutes(299_997 + step, 4, f64::from(i32::try_from(step).unwrap() + 2)));
        files.extend(writer.flush().unwrap().files.into_iter().map(|file| (file.part, file.entry.rows)));
    }

    // The open file had its name before the file gave its rows up.
    assert_eq!(files[..2], [(Part::Open, 4), (Part::File, 299_997)]);
    assert!(files[2..].iter().all(|(part, _)| *part == Part::Open), "{files:?}");
    assert_eq!(writer.ledger().rows(), 300_050);
    let [file, open] = &period_files(&home.layout, &home.series, "2024").unwrap()[..] else {
        panic!("two files")
    };
    assert!(file.last_key() < open.first_key());
    assert!(verify_series(&home.layout, &home.series).unwrap().is_empty());
}

#[test]
fn an_open_file_is_folded_once_as_many_rows_went_into_open_files_as_the_file_holds() {
    let home = Home::with_minutes(20_000);
    let writer = home.open();
    let mut written = 0;
    for step in 0..15 {
        accept(&writer, minutes(20_000 + step * 500, 500, 1.0));
        let flushed = writer.flush().unwrap();
        if flushed.folds == 1 {
            assert!(written + flushed.files[0].entry.rows - 20_000 >= 20_000, "after {written} rows");
            assert_eq!(flushed.files[1].entry.rows, 0);
            return;
        }
        written += flushed.files[0].entry.rows;
    }
    panic!("never folded, {written} rows went into open files");
}

#[test]
fn a_period_that_is_over_is_one_file() {
    let home = Home::with_minutes(527_000);
    let writer = home.open();
    accept(&writer, minutes(527_000, 10, 1.0));
    assert_eq!(writer.flush().unwrap().folds, 0);
    accept(&writer, minutes(527_010, 31, 1.0));

    let flushed = writer.flush().unwrap();

    assert_eq!(flushed.folds, 1, "2024 has 527 040 minutes");
    assert_eq!(writer.ledger().files["2024"].rows, 527_040);
    assert_eq!(writer.ledger().open_files["2024"].rows, 0);
}

#[test]
fn trades_of_one_instant_across_a_full_row_group_stay_single_when_they_are_asked_again() {
    let home = Home::new("binance/BTC-USDT/trades");
    let writer = home.open();
    let some = |first: i64, count: i64| {
        let mut rows = Batch::of(Kind::Trades);
        for at in first..first + count {
            let id = at.to_string();
            // Seven trades an instant, so that no power of two ends between two instants.
            let ts = Micros(YEAR_2024 + at / 7);
            rows.trades_mut().push(Trade {
                ts,
                ts_recv: None,
                id: Some(&id),
                price: 1.0,
                amount: 1.0,
                side: None,
            });
        }
        Accepted { rows, covered: None, empty: None, derived: false }
    };
    accept(&writer, some(0, 140_000));
    writer.flush().unwrap();
    accept(&writer, some(131_060, 30));
    accept(&writer, some(140_000, 1));

    let flushed = writer.flush().unwrap();

    assert_eq!((flushed.tally.repeated, flushed.tally.added), (30, 1));
    assert_eq!(writer.ledger().rows(), 140_001);
    assert!(verify_series(&home.layout, &home.series).unwrap().is_empty());
}

#[test]
fn accepted_rows_survive_the_end_of_the_process_and_are_published_by_the_next() {
    let home = Home::with_two_years();
    let writer = home.open();
    accept(&writer, hours(6, 4, 2.0));
    drop(writer);

    let writer = home.open();

    assert_eq!(writer.ledger().rows(), 12);
    assert_eq!(writer.ledger().covered.first(), Some(span(-2, 12)));
    assert_eq!(home.stored().range(6..).map(|(_, close)| *close).collect::<Vec<_>>(), [2.0; 4]);
}

#[test]
fn rows_computed_by_us_stand_back_behind_the_exchanges_own_and_are_marked() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let writer = home.open();
    accept(&writer, hours(0, 3, 1.0));
    accept(&writer, Accepted { derived: true, ..hours(2, 4, 9.0) });
    writer.flush().unwrap();
    assert_eq!(writer.ledger().derived.iter().collect::<Vec<_>>(), [span(3, 3)]);
    assert_eq!(home.stored()[&2], 1.0);

    accept(&writer, hours(4, 1, 2.0));
    writer.flush().unwrap();

    assert_eq!(home.stored()[&4], 2.0);
    assert_eq!(writer.ledger().derived.iter().collect::<Vec<_>>(), [span(3, 1), span(5, 1)]);
}

#[test]
fn all_writers_of_a_series_see_and_publish_what_any_of_them_accepted() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let settings = StoreSettings::of(7, Micros(YEAR_2024));
    let (store, _) = Store::open(&home.layout, settings).unwrap();
    let first = store.writer(&home.series).unwrap().0;
    let second = store.writer(&home.series).unwrap().0;
    accept(&first, hours(0, 2, 1.0));
    accept(&second, hours(1, 2, 2.0));
    assert_eq!(first.settled().first(), Some(span(0, 3)));
    assert_eq!((first.waiting_rows(), second.waiting_rows()), (3, 3));

    drop(first);
    second.flush().unwrap();

    assert_eq!(home.stored(), BTreeMap::from([(0, 1.0), (1, 2.0), (2, 2.0)]));
    assert_eq!(second.waiting_rows(), 0);
}

#[test]
fn rows_of_a_series_that_could_not_be_opened_at_the_start_are_there_once_it_can() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let open = || Store::open(&home.layout, StoreSettings::of(7, Micros(YEAR_2024))).unwrap();
    let (store, _) = open();
    accept(&store.writer(&home.series).unwrap().0, hours(0, 3, 1.0));
    std::mem::forget(store); // The process dies with its rows in the journal alone.
    let foreign = home.file("2024");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    let whole = fs::read(Home::with_two_years().file("2024")).unwrap();
    fs::write(&foreign, without_our_entry(&whole)).unwrap();

    let (store, replay) = open();
    assert!(matches!(replay.failures[..], [(_, StoreError::Foreign { .. })]), "{:?}", replay.failures);
    fs::remove_file(&foreign).unwrap();
    let (writer, _) = store.writer(&home.series).unwrap();
    accept(&writer, hours(3, 1, 2.0));
    writer.flush().unwrap();
    drop(writer);
    store.close().unwrap();

    open();
    assert_eq!(home.stored(), BTreeMap::from([(0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0)]));
}

#[test]
fn trades_without_an_id_or_a_side_keep_their_nulls() {
    let home = Home::new("binance/BTC-USDT/trades");
    let mut rows = Batch::of(Kind::Trades);
    let trade = Trade { ts: Micros(YEAR_2024), ts_recv: None, id: None, price: 1.5, amount: 2.0, side: None };
    rows.trades_mut().push(trade);
    rows.trades_mut().push(Trade {
        ts: Micros(YEAR_2024 + 1),
        id: Some("7"),
        side: Some(Side::Sell),
        ts_recv: Some(Micros(9)),
        ..trade
    });
    rows.trades_mut().push(Trade { ts: Micros(YEAR_2024 + 2), ..trade });
    let writer = home.open();
    accept(&writer, Accepted { rows: rows.clone(), covered: None, empty: None, derived: false });
    writer.flush().unwrap();

    let Opened::Ours(file) = open_period_file(&home.file("2024-01-01"), Kind::Trades).unwrap() else {
        panic!("not ours")
    };
    assert_eq!(file.rows().unwrap(), rows);
}

#[test]
fn nothing_is_written_where_nothing_was_accepted() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let writer = home.open();
    assert!(writer.flush().unwrap().files.is_empty());
    assert!(!home.layout.folder(&home.series).exists());
    assert_eq!(
        verify_series(&home.layout, &home.series).unwrap(),
        [],
        "nothing was published, so nothing is amiss"
    );
    fs::create_dir_all(home.layout.folder(&home.series)).unwrap();
    assert_eq!(verify_series(&home.layout, &home.series).unwrap(), [], "an empty folder is no fault");
    assert!(inventory(&home.layout).unwrap().is_empty());
}

#[test]
fn a_writer_wants_to_publish_when_a_row_waited_long_enough() {
    let home = Home::new("binance/BTC-USDT/ohlc/1h");
    let writer = home.open();
    assert!(!writer.wants_flush(Duration::ZERO));
    accept(&writer, hours(0, 1, 1.0));
    assert!(writer.wants_flush(Duration::ZERO) && !writer.wants_flush(Duration::from_secs(3_600)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_sequence_of_pages_and_reopenings_stores_the_last_answer_of_every_hour(
        steps in prop::collection::vec((-40_i64..40, 1_usize..12, 0_u8..4, any::<bool>()), 1..10),
    ) {
        let home = Home::new("binance/BTC-USDT/ohlc/1h");
        let mut writer = home.open();
        let mut model = BTreeMap::new();
        for (first, count, close, reopen) in steps {
            let close = f64::from(close);
            accept(&writer, hours(first, count, close));
            writer.flush().unwrap();
            model.extend((first..).take(count).map(|hour| (hour, close)));
            if reopen {
                writer = home.open();
            }
            prop_assert_eq!(home.stored(), model.clone());
            prop_assert_eq!(writer.ledger().rows(), model.len() as u64);
        }
        prop_assert!(verify_series(&home.layout, &home.series).unwrap().is_empty());
    }
}

/// A data path with one series.
struct Home {
    _folder: tempfile::TempDir,
    layout: Layout,
    series: Series,
}

impl Home {
    fn new(series: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Home { layout: Layout::new(folder.path()), _folder: folder, series: series.parse().unwrap() }
    }

    /// Two hours of 2023 and six of 2024.
    fn with_two_years() -> Self {
        let home = Home::new("binance/BTC-USDT/ohlc/1h");
        let writer = home.open();
        accept(&writer, hours(-2, 8, 1.0));
        writer.flush().unwrap();
        home
    }

    /// So many minutes of 2024, in a file of its own.
    fn with_minutes(count: usize) -> Self {
        let home = Home::new("binance/BTC-USDT/ohlc/1m");
        let writer = home.open();
        accept(&writer, minutes(0, count, 1.0));
        writer.flush().unwrap();
        home
    }

    /// The writer of a process that has just begun.
    fn open(&self) -> Writer {
        self.restart().unwrap().0
    }

    fn restart(&self) -> Result<(Writer, Vec<Finding>), StoreError> {
        let settings = StoreSettings::of(7, Micros(YEAR_2024));
        let (store, replay) = Store::open(&self.layout, settings)?;
        let (writer, found) = store.writer(&self.series)?;
        Ok((writer, replay.findings.into_iter().map(|(_, finding)| finding).chain(found).collect()))
    }

    fn file(&self, period: &str) -> PathBuf {
        self.layout.folder(&self.series).join(format!("{period}.parquet"))
    }

    /// Every stored row as (hour, close).
    fn stored(&self) -> BTreeMap<i64, f64> {
        let mut stored = BTreeMap::new();
        for period in parquet_files(&self.layout.folder(&self.series)) {
            let Opened::Ours(file) = open_period_file(&period, Kind::Ohlc).unwrap() else {
                panic!("not ours")
            };
            for candle in file.rows().unwrap().candles().iter() {
                let before = stored.insert((candle.ts.0 - YEAR_2024).div_euclid(HOUR), candle.close);
                assert_eq!(before, None, "a row is there twice");
            }
        }
        stored
    }
}

fn accept(writer: &Writer, page: Accepted) {
    writer.accept(page).unwrap();
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect()
}

fn span(first: i64, count: i64) -> Window {
    let from = YEAR_2024 + first * HOUR;
    Window::new(Micros(from), Micros(from + count * HOUR)).unwrap()
}

fn hours(first: i64, count: usize, close: f64) -> Accepted {
    candles(first, count, close, HOUR)
}

fn minutes(first: i64, count: usize, close: f64) -> Accepted {
    candles(first, count, close, HOUR / 60)
}

fn candles(first: i64, count: usize, close: f64, step: i64) -> Accepted {
    let mut rows = Batch::of(Kind::Ohlc);
    for at in (first..).take(count) {
        rows.candles_mut().push(Candle {
            ts: Micros(YEAR_2024 + at * step),
            open: 1.0,
            high: 9.0,
            low: 0.5,
            close,
            volume: at as f64,
            quote_volume: (at % 2 == 0).then_some(3.0),
            trades: Some(at),
        });
    }
    let until = YEAR_2024 + (first + i64::try_from(count).unwrap()) * step;
    let covered = Window::new(Micros(YEAR_2024 + first * step), Micros(until));
    Accepted { rows, covered, empty: None, derived: false }
}

/// A Parquet file with our entry's key made another, which leaves it a whole Parquet file.
fn without_our_entry(bytes: &[u8]) -> Vec<u8> {
    let key = b"\x04dccd";
    let at = bytes.windows(key.len()).rposition(|part| part == key).unwrap();
    let mut foreign = bytes.to_vec();
    foreign[at + 1..at + 5].copy_from_slice(b"tool");
    foreign
}
