#![allow(clippy::disallowed_methods, reason = "a test writes a broken file on purpose")]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::model::{Batch, Kind, Micros, Series, Side, Trade, Window, Windows};
use crate::store::accept::waiting::UNPROVEN;
use crate::store::{Bounds, Layout, Ledger, Mark, Part, Period, Store, StoreError, StoreSettings, Writer};

const SECOND: i64 = 1_000_000;
/// 2024-01-01 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200_000_000;

#[test]
fn a_window_is_covered_once_its_rows_are_published_and_not_before() {
    let home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    assert!(writer.ledger().covered.is_empty());
    assert_eq!(writer.settled(), Windows::from(seconds(0, 5)), "it need not be asked for");

    writer.flush().unwrap();

    assert_eq!(home.on_disk().covered, Windows::from(seconds(0, 5)));
}

#[test]
fn after_a_kill_a_window_is_covered_where_all_its_frames_were_found() {
    let home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    hear(&writer, 2).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    drop(writer);

    let ledger = home.open().ledger();

    assert_eq!((ledger.covered.clone(), ledger.rows()), (Windows::from(seconds(0, 5)), 2));
}

#[test]
fn a_frame_that_was_not_found_makes_a_gap_with_its_reason_of_the_window_and_loses_no_other_row() {
    let home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    hear(&writer, 2).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    let since = hear(&writer, 7).unwrap();
    writer.vouch(since, seconds(5, 9)).unwrap();
    drop(writer);
    home.damage_frame_of(1);

    let ledger = home.open().ledger();

    assert_eq!((ledger.covered.clone(), ledger.rows()), (Windows::from(seconds(5, 9)), 2));
    let gaps = ledger.gaps(Micros(YEAR_2024 + 9 * SECOND));
    assert_eq!(gaps, Windows::from(seconds(0, 5)), "wanted since the window began");
    assert_eq!(ledger.reason(seconds(0, 5)), Some(UNPROVEN));
}

#[test]
fn a_frame_that_was_not_found_counts_for_nothing_though_those_behind_it_are_published_as_they_are_read() {
    let mut home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    hear(&writer, 2).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    drop(writer);
    home.damage_frame_of(1);
    home.bounds.replayed_rows = 1;

    assert!(home.open().ledger().covered.is_empty());
}

#[test]
fn rows_that_were_published_by_then_need_no_frame() {
    let home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    writer.flush().unwrap();
    hear(&writer, 2).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    drop(writer);

    assert_eq!(home.open().ledger().covered, Windows::from(seconds(0, 5)));
}

#[test]
fn rows_that_were_published_and_lost_with_their_file_are_a_gap_also_where_they_were_vouched_for() {
    let home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    writer.flush().unwrap();
    hear(&writer, 2).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    home.damage_file();
    assert_eq!(writer.set_aside_damaged().unwrap().len(), 1);
    assert!(writer.settled().is_empty());

    writer.flush().unwrap();

    let ledger = home.on_disk();
    assert_eq!((ledger.covered.clone(), ledger.rows()), (Windows::new(), 1));
    assert_eq!(ledger.reason(seconds(0, 5)), Some(UNPROVEN));
}

#[test]
fn the_same_holds_after_a_kill_where_the_loss_is_in_the_ledger_already() {
    let home = Home::new();
    let writer = home.open();
    let since = hear(&writer, 1).unwrap();
    writer.flush().unwrap();
    hear(&writer, 2).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    drop(writer);
    let mut ledger = home.on_disk();
    let period = Period::named(Kind::Trades, "2024-01-01").unwrap();
    ledger.drop_file(&period, Part::File, "its file was damaged");
    home.write_ledger(&ledger);
    fs::remove_file(home.file()).unwrap();

    let ledger = home.open().ledger();

    assert_eq!((ledger.covered.clone(), ledger.rows()), (Windows::new(), 1));
}

#[test]
fn a_quiet_time_is_vouched_for_without_a_frame() {
    let home = Home::new();
    let writer = home.open();
    hear(&writer, 1).unwrap();
    writer.vouch(None, seconds(5, 9)).unwrap();
    drop(writer);
    home.damage_frame_of(1);

    assert_eq!(home.open().ledger().covered, Windows::from(seconds(5, 9)));
}

#[test]
fn what_was_vouched_for_under_an_earlier_ownership_counts_no_more() {
    let home = Home::new();
    let store = home.store();
    let (writer, _) = store.writer(&home.series).unwrap();
    let since = hear(&writer, 1).unwrap();
    writer.vouch(since, seconds(0, 5)).unwrap();
    drop((writer, store));
    home.write_ledger(&Ledger { fence: 9, ..Ledger::default() });

    let ledger = home.open().ledger();

    assert_eq!((ledger.covered.clone(), ledger.rows()), (Windows::new(), 1));
}

/// Accepts a trade of one second of 2024, with that number in its id.
fn hear(writer: &Writer, second: i64) -> Result<Option<Mark>, StoreError> {
    let mut rows = Batch::of(Kind::Trades);
    rows.trades_mut().push(Trade {
        ts: Micros(YEAR_2024 + second * SECOND),
        ts_recv: None,
        id: Some(&id(second)),
        price: 1.0,
        amount: 1.0,
        side: Some(Side::Buy),
    });
    writer.accept_live(rows, None)
}

fn id(second: i64) -> String {
    format!("trade of second {second}")
}

fn seconds(from: i64, until: i64) -> Window {
    Window::new(Micros(YEAR_2024 + from * SECOND), Micros(YEAR_2024 + until * SECOND)).unwrap()
}

struct Home {
    _root: TempDir,
    layout: Layout,
    series: Series,
    bounds: Bounds,
}

impl Home {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let series = "binance/BTC-USDT/trades".parse().unwrap();
        Home { layout: Layout::new(root.path()), series, bounds: Bounds::default(), _root: root }
    }

    fn store(&self) -> Store {
        let settings = StoreSettings { bounds: self.bounds, ..StoreSettings::of(7, Micros(YEAR_2024)) };
        Store::open(&self.layout, settings).unwrap().0
    }

    /// The writer of a process that has just begun.
    fn open(&self) -> Writer {
        self.store().writer(&self.series).unwrap().0
    }

    fn on_disk(&self) -> Ledger {
        Ledger::read(&self.layout.ledger(&self.series), &self.series).unwrap().unwrap()
    }

    fn write_ledger(&self, ledger: &Ledger) {
        fs::create_dir_all(self.layout.folder(&self.series)).unwrap();
        ledger.write(&self.layout.ledger(&self.series), &self.series).unwrap();
    }

    fn segments(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(self.layout.journal()).unwrap();
        names.map(|name| name.unwrap().path()).collect()
    }

    fn damage_frame_of(&self, second: i64) {
        let text = id(second).into_bytes();
        for path in self.segments() {
            let mut bytes = fs::read(&path).unwrap();
            if let Some(at) = bytes.windows(text.len()).position(|own| own == text) {
                bytes[at] ^= 1;
                return fs::write(&path, bytes).unwrap();
            }
        }
        panic!("no frame holds it");
    }

    fn damage_file(&self) {
        let path = self.file();
        let mut bytes = fs::read(&path).unwrap();
        bytes[40] ^= 1;
        fs::write(&path, bytes).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.layout.folder(&self.series).join(Part::File.file_name("2024-01-01"))
    }
}
