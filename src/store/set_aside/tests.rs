#![allow(clippy::disallowed_methods)] // A test may write a broken file on purpose.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::store::{Store, StoreSettings, Writer};

const SEEN: Micros = Micros::from_secs(1_730_000_000);

#[test]
fn a_row_is_kept_with_its_text_its_fault_and_its_instants() {
    let home = Home::new();
    let text = "[1,\"2\",\n\u{1b}[31m]";

    let new = home.writer().set_aside(&[odd(text, 5), nameless("x")], SEEN).unwrap();

    assert_eq!(new, BTreeMap::from([(OddFault::Contradiction, 1), (OddFault::Time, 1)]));
    let lines = fs::read_to_string(home.file()).unwrap();
    assert!(home.file().ends_with(".dccd/quarantine/rows/binance__ohlc__BTC-USDT__1h.jsonl"));
    assert_eq!(
        lines.lines().next().unwrap(),
        "{\"seen_at\":\"2024-10-27T03:33:20Z\",\"at\":\"1970-01-01T00:00:05Z\",\"fault\":\"contradiction\",\
         \"detail\":\"its high is below its low\",\"text\":\"[1,\\\"2\\\",\\n\\u001b[31m]\"}"
    );
    let read = home.read();
    assert_eq!((read.damaged, read.rows.len()), (0, 2));
    assert_eq!(
        read.rows[0],
        SetAsideRow {
            seen_at: SEEN,
            at: Some(Micros::from_secs(5)),
            fault: "contradiction".to_owned(),
            detail: "its high is below its low".to_owned(),
            text: text.to_owned(),
        }
    );
    assert_eq!(read.rows[1].at, None);
    assert_eq!(home.layout.series_with_rows_aside().unwrap(), [home.series]);
}

#[test]
fn a_text_is_kept_once_with_each_fault_however_often_it_comes() {
    let home = Home::new();
    let writer = home.writer();
    let rows = [odd("a", 1), odd("b", 2), odd("a", 1)];
    assert_eq!(writer.set_aside(&rows, SEEN).unwrap(), BTreeMap::from([(OddFault::Contradiction, 2)]));
    let before = fs::read(home.file()).unwrap();

    assert_eq!(writer.set_aside(&rows, Micros(0)).unwrap(), BTreeMap::new());
    assert_eq!(fs::read(home.file()).unwrap(), before);
    let again = OddRow { fault: OddFault::Value, ..odd("a", 1) };
    assert_eq!(writer.set_aside(&[again], SEEN).unwrap(), BTreeMap::from([(OddFault::Value, 1)]));
    assert_eq!(home.texts(), ["a", "b", "a"]);
}

#[test]
fn lines_that_are_damaged_are_counted_and_kept_as_they_are() {
    let home = Home::new();
    home.writer().set_aside(&[odd("a", 1)], SEEN).unwrap();
    let whole = fs::read(home.file()).unwrap();
    let damaged = [&whole[..20], b"\n\n\xff\xfe no text\n", &whole[..], b"cut sho"].concat();
    fs::write(home.file(), &damaged).unwrap();
    assert_eq!((home.read().damaged, home.texts()), (3, vec!["a".to_owned()]));

    home.writer().set_aside(&[odd("a", 1), odd("b", 2)], SEEN).unwrap();

    let after = fs::read(home.file()).unwrap();
    assert!(after.starts_with(&[&damaged[..], b"\n"].concat()));
    assert_eq!((home.read().damaged, home.texts()), (3, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn past_the_bound_nothing_is_added_and_the_error_names_file_and_way_out() {
    let home = Home::new();
    let writer = home.writer();
    let rows: Vec<OddRow> = (0..MOST_ROWS as i64).map(|at| odd(&at.to_string(), at)).collect();
    writer.set_aside(&rows, SEEN).unwrap();
    let before = fs::read(home.file()).unwrap();

    assert_eq!(writer.set_aside(&rows[7..9], SEEN).unwrap(), BTreeMap::new(), "these are there");
    let error = writer.set_aside(&[odd("one more", 0)], SEEN).unwrap_err();
    let file = home.file().display().to_string();
    let said = error.to_string();
    assert!(said.contains(&file) && said.contains("`dccd gaps binance/BTC-USDT/ohlc/1h`"), "{said}");
    assert!(said.contains("move the file away"), "{said}");
    assert_eq!(fs::read(home.file()).unwrap(), before);

    fs::remove_file(home.file()).unwrap();
    let long: Vec<OddRow> = (0..4_200).map(|at| odd(&format!("{at:>4090}"), at)).collect();
    let error = writer.set_aside(&long, SEEN).unwrap_err();
    assert!(matches!(error, StoreError::TooManyAside { .. }), "{error}");
    assert!(!home.file().exists());
}

#[test]
fn a_file_longer_than_dccd_writes_one_is_not_read() {
    let home = Home::new();
    home.writer().set_aside(&[odd("a", 1)], SEEN).unwrap();
    fs::OpenOptions::new().write(true).open(home.file()).unwrap().set_len(MOST_BYTES + 1).unwrap();

    let error = set_aside_rows(&home.layout, &home.series).unwrap_err();

    assert!(error.to_string().contains("rows/binance__ohlc__BTC-USDT__1h.jsonl"), "{error}");
    assert!(home.writer().set_aside(&[odd("b", 1)], SEEN).is_err());
}

#[test]
fn a_link_is_followed_neither_to_read_nor_to_write() {
    for dangling in [false, true] {
        let home = Home::new();
        let elsewhere = home.layout.root().join("elsewhere");
        home.writer().set_aside(&[odd("a", 1)], SEEN).unwrap();
        fs::rename(home.file(), &elsewhere).unwrap();
        symlink(&elsewhere, home.file()).unwrap();
        let before = fs::read(&elsewhere).unwrap();
        if dangling {
            fs::remove_file(&elsewhere).unwrap();
        }

        assert!(set_aside_rows(&home.layout, &home.series).is_err());
        assert!(home.writer().set_aside(&[odd("b", 2)], SEEN).is_err());
        assert!(fs::symlink_metadata(home.file()).unwrap().is_symlink(), "nothing takes its place");
        assert!(dangling || fs::read(&elsewhere).unwrap() == before);
    }
    let home = Home::new();
    let elsewhere = home.layout.root().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir_all(home.layout.quarantine()).unwrap();
    symlink(&elsewhere, home.layout.rows_aside()).unwrap();
    assert!(home.writer().set_aside(&[odd("b", 2)], SEEN).is_err());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn what_a_process_left_that_ended_amid_a_write_goes_with_the_next_one() {
    let home = Home::new();
    home.writer().set_aside(&[odd("a", 1)], SEEN).unwrap();
    let left = home.file().with_file_name(".binance__ohlc__BTC-USDT__1h.jsonl.tmp-4000000");
    let of_another = home.file().with_file_name(".binance__ohlc__BTC-USDT__1d.jsonl.tmp-4000000");
    fs::write(&left, "half").unwrap();
    fs::write(&of_another, "half").unwrap();

    home.writer().set_aside(&[odd("b", 2)], SEEN).unwrap();

    assert_eq!((left.exists(), of_another.exists()), (false, true));
}

#[test]
fn the_name_of_a_file_is_read_back_as_its_series_and_no_other_name_is() {
    let layout = Layout::new("/data");
    for text in ["binance/BTC-USDT/ohlc/1h", "okx/BTC-USDT_NEXT_QUARTER/trades", "okx/BTC-USDT_PERP/ohlc/1mo"]
    {
        let series: Series = text.parse().unwrap();
        let file = layout.set_aside(&series);
        assert_eq!(series_of(&file.file_name().unwrap().to_string_lossy()), Some(series), "{text}");
    }
    for name in
        ["binance__ohlc__BTC-USDT.jsonl", "binance__ohlc__BTC-USDT__1h", "..__trades__A-B.jsonl", ".jsonl"]
    {
        assert_eq!(series_of(name), None, "{name}");
    }
}

struct Home {
    _folder: tempfile::TempDir,
    layout: Layout,
    series: Series,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        Home { layout: Layout::new(folder.path()), _folder: folder, series }
    }

    fn writer(&self) -> Writer {
        let (store, _) = Store::open(&self.layout, StoreSettings::of(7, SEEN)).unwrap();
        store.writer(&self.series).unwrap().0
    }

    fn file(&self) -> PathBuf {
        self.layout.set_aside(&self.series)
    }

    fn read(&self) -> RowsAside {
        set_aside_rows(&self.layout, &self.series).unwrap()
    }

    fn texts(&self) -> Vec<String> {
        self.read().rows.into_iter().map(|row| row.text).collect()
    }
}

fn odd(text: &str, at_secs: i64) -> OddRow {
    let at = Some(Micros::from_secs(at_secs));
    OddRow::new(OddFault::Contradiction, "its high is below its low", text, at)
}

fn nameless(text: &str) -> OddRow {
    OddRow::new(OddFault::Time, "it has no instant", text, None)
}
