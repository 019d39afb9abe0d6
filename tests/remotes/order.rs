//! The order in which two files of a period are copied: a copy that was cut short between the two still has every
//! row that its ledger speaks of.

use std::collections::BTreeMap;
use std::fs;

use dccd::model::Micros;
use dccd::store::{
    Bounds, FileEntry, Inheritance, Layout, Ledger, Part, Store, StoreSettings, Writer, scan, verify_series,
};
use tempfile::TempDir;

use crate::home::{HOUR, YEAR_2024, hours};

#[test]
fn a_copy_cut_short_between_two_files_of_a_period_has_all_rows_its_ledger_speaks_of() {
    let mut orders = BTreeMap::<bool, u64>::new();
    for seed in 1..=300 {
        let mut dice = Dice(seed);
        let home = Home::new();
        let store = home.store();
        let (writer, _) = store.writer(&home.series).unwrap();
        let mut copy = Copy::default();
        let mut next = 0;
        for version in 1..30 {
            home.publish(&writer, &mut dice, &mut next, version);
            if dice.below(3) > 0 {
                continue;
            }
            let files = writer.ledger().unverified("nas", Some(&copy.ledger));
            let is_changed =
                |(name, part, entry): &&(String, Part, FileEntry)| !copy.holds(&part.file_name(name), entry);
            let files: Vec<_> = files.iter().filter(is_changed).collect();
            if let [(_, first, _), (..)] = files[..] {
                *orders.entry(*first == Part::Open).or_default() += 1;
            }
            let is_cut = dice.below(2) == 0;
            for (name, part, _) in files.into_iter().take(if is_cut { 1 } else { 2 }) {
                let name = part.file_name(name);
                copy.files.insert(name.clone(), fs::read(home.file(&name)).unwrap());
            }
            if !is_cut {
                copy.ledger = writer.ledger().copy();
                copy.rows = home.stored();
            }
            copy.check(seed);
        }
    }
    assert!(orders[&true] > 20 && orders[&false] > 20, "{orders:?}");
}

/// A small generator of whole numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The contents of a remote: files by name, the account that was sent last, and the rows there were then.
#[derive(Default)]
struct Copy {
    files: BTreeMap<String, Vec<u8>>,
    ledger: Ledger,
    rows: BTreeMap<i64, f64>,
}

impl Copy {
    fn holds(&self, name: &str, entry: &FileEntry) -> bool {
        self.files.get(name).is_some_and(|bytes| dccd::store::sha256(bytes) == entry.sha256)
    }

    /// A new owner begins from it.
    fn check(&self, seed: u64) {
        let heir = Home::new();
        let folder = heir.layout.own().join("came");
        fs::create_dir_all(&folder).unwrap();
        self.files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
        let ledger = Ledger { fence: 2, ..self.ledger.clone() };
        let store = heir.store();

        store.inherit(&heir.series, &Inheritance { folder, ledger }).unwrap();
        drop(store.writer(&heir.series).unwrap());

        let stored = heir.stored();
        for (hour, close) in &self.rows {
            assert!(
                stored.get(hour) >= Some(close),
                "seed {seed}: hour {hour} is {:?}, not {close}: {stored:?}",
                stored.get(hour)
            );
        }
        assert_eq!(verify_series(&heir.layout, &heir.series).unwrap(), [], "seed {seed}");
    }
}

/// A data path in which a file of more than a few rows is large.
struct Home {
    _folder: TempDir,
    layout: Layout,
    series: dccd::model::Series,
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let layout = Layout::new(folder.path());
        Home { layout, _folder: folder, series: "binance/BTC-USDT/ohlc/1h".parse().unwrap() }
    }

    fn store(&self) -> Store {
        let bounds = Bounds { small_rows: 4, ..Bounds::default() };
        let settings =
            StoreSettings { bounds, ..StoreSettings::drawn(&self.layout, Micros(YEAR_2024), false).unwrap() };
        Store::open(&self.layout, settings).unwrap().0
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.layout.folder(&self.series).join(name)
    }

    /// Publishes new hours, the newest once more, or some that are late.
    fn publish(&self, writer: &Writer, dice: &mut Dice, next: &mut i64, version: i64) {
        let again = [0, 1, 3, 3, 6][dice.below(5) as usize].min(*next);
        let new = dice.below(4) as i64;
        let count = usize::try_from(again + new).unwrap();
        if count > 0 {
            writer.accept(hours(*next - again, count, version as f64)).unwrap();
            writer.flush().unwrap();
            *next += new;
        }
    }

    /// Every stored row as (hour, close).
    fn stored(&self) -> BTreeMap<i64, f64> {
        let mut found = BTreeMap::new();
        for rows in scan(&self.layout, &self.series, None, None).unwrap() {
            for candle in rows.unwrap().candles().iter() {
                let hour = (candle.ts.0 - YEAR_2024).div_euclid(HOUR);
                assert_eq!(found.insert(hour, candle.close), None, "a row is there twice");
            }
        }
        found
    }
}
