//! Periods that are on remotes only: covered, known to every reader, and brought back before they are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dccd::model::Series;
use dccd::store::{FileEntry, FindingKind, NotRestored, Restore, StoreError, inventory, scan, verify_series};

use crate::home::{Home, closes, hours, span};

#[test]
fn a_file_verified_elsewhere_is_dropped_and_its_period_stays_covered_for_every_reader() {
    let home = Home::with_two_years();
    purge(&home);

    assert!(!home.file("2023").exists());
    let (writer, findings) = home.open();
    assert_eq!(findings, [], "nothing is missing");
    assert_eq!(writer.ledger().covered.first(), Some(span(-2, 5)));
    assert_eq!(verify_series(&home.layout, &home.series).unwrap(), []);
    assert_eq!(inventory(&home.layout).unwrap()[0].unknown_files, 0);
    let refused = scan(&home.layout, &home.series, None, None).err().unwrap();
    assert!(matches!(refused, StoreError::RemoteOnly { .. }), "rows left out in silence: {refused}");
    let rest = scan(&home.layout, &home.series, Some(span(0, 1).from), None).unwrap();
    assert_eq!(rest.map(|rows| rows.unwrap().len()).sum::<usize>(), 3);
}

#[test]
fn a_period_is_not_dropped_that_is_the_newest_was_replaced_or_is_verified_nowhere() {
    let home = Home::with_two_years();
    let store = home.store();
    let hash = |period: &str| home.ledger().files[period].sha256.clone();
    assert_eq!(store.drop_copied(&home.series, "2023", &hash("2023")).unwrap(), None);
    home.verified_on(&store, "nas");

    assert_eq!(store.drop_copied(&home.series, "2024", &hash("2024")).unwrap(), None);
    assert_eq!(store.drop_copied(&home.series, "2023", "another").unwrap(), None);
    assert!(home.file("2023").exists() && home.file("2024").exists());
    assert!(store.drop_copied(&home.series, "2023", &hash("2023")).unwrap().is_some());
}

#[test]
fn a_period_is_dropped_beside_a_writer_of_its_series_which_brings_it_back_for_a_late_row() {
    let home = Home::with_two_years();
    let store = home.store();
    home.verified_on(&store, "nas");
    let (writer, _) = store.writer(&home.series).unwrap();
    let kept = home.layout.root().join("kept.parquet");
    fs::copy(home.file("2023"), &kept).unwrap();
    store.restore_with(Arc::new(Shelf(kept)));
    let hash = home.ledger().files["2023"].sha256.clone();

    assert!(store.drop_copied(&home.series, "2023", &hash).unwrap().is_some());
    assert!(!home.file("2023").exists() && writer.ledger().files["2023"].remote_only);
    writer.accept(hours(-3, 1, 5.0)).unwrap();
    writer.flush().unwrap();

    let mut expected = closes(-2, 5, 1.0);
    expected.insert(-3, 5.0);
    assert_eq!(home.stored(), expected);
}

#[test]
fn rows_are_accepted_while_a_publish_waits_for_a_remote_and_are_published_by_the_next() {
    let home = Home::with_two_years();
    let away = purge(&home);
    let store = home.store();
    let ((asked, is_asked), (go, goes)) = (channel(), channel());
    store.restore_with(Arc::new(SlowShelf {
        asked: Mutex::new(asked),
        goes: Mutex::new(goes),
        shelf: Shelf(away),
    }));
    let (writer, _) = store.writer(&home.series).unwrap();
    writer.accept(hours(-3, 1, 5.0)).unwrap();
    let publishing = writer.clone();
    let publish = std::thread::spawn(move || publishing.flush());
    is_asked.recv_timeout(SOON).unwrap();

    let (other, accepted) = channel();
    let accepting = writer.clone();
    std::thread::spawn(move || {
        accepting.accept(hours(-4, 1, 6.0)).unwrap();
        other.send((accepting.waiting_rows(), accepting.settled().holds(span(-4, 1).from))).unwrap();
    });
    assert_eq!(accepted.recv_timeout(SOON), Ok((2, true)));
    go.send(()).unwrap();
    publish.join().unwrap().unwrap();

    assert_eq!(writer.waiting_rows(), 1, "what came meanwhile waits for the next publish");
    let mut expected = closes(-2, 5, 1.0);
    expected.insert(-3, 5.0);
    assert_eq!(home.stored(), expected);
    assert!(!writer.ledger().covered.holds(span(-4, 1).from), "nor does the ledger speak of it");
    writer.flush().unwrap();
    expected.insert(-4, 6.0);
    assert_eq!(home.stored(), expected);
}

#[test]
fn a_late_row_brings_its_period_back_and_is_stored_beside_all_of_its_rows() {
    let home = Home::with_two_years();
    let away = purge(&home);
    let store = home.store();
    store.restore_with(Arc::new(Shelf(away)));
    let (writer, _) = store.writer(&home.series).unwrap();

    writer.accept(hours(-3, 1, 5.0)).unwrap();
    writer.flush().unwrap();

    let mut expected = closes(-2, 5, 1.0);
    expected.insert(-3, 5.0);
    assert_eq!(home.stored(), expected);
    let entry = home.ledger().files["2023"].clone();
    assert!(!entry.remote_only && entry.remotes.is_empty(), "the copy is of the file before: {entry:?}");
}

#[test]
fn while_its_period_does_not_come_back_a_late_row_waits_in_the_journal() {
    let home = Home::with_two_years();
    let away = purge(&home);
    let store = home.store();
    let (writer, _) = store.writer(&home.series).unwrap();
    writer.accept(hours(-3, 1, 5.0)).unwrap();
    let refused = writer.flush().unwrap_err();
    assert!(matches!(refused, StoreError::RemoteOnly { .. }), "{refused}");
    assert!(refused.to_string().contains("dccd restore binance/BTC-USDT/ohlc/1h"), "{refused}");
    drop(writer);
    drop(store);

    let store = home.store();
    store.restore_with(Arc::new(Shelf(away)));
    let (writer, _) = store.writer(&home.series).unwrap();
    writer.flush().unwrap();

    assert_eq!(home.stored().get(&-3), Some(&5.0));
    assert_eq!(home.stored().len(), 6);
}

#[test]
fn a_file_that_comes_back_as_another_one_is_not_taken_in() {
    let home = Home::with_two_years();
    let away = purge(&home);
    fs::copy(home.file("2024"), &away).unwrap();
    let store = home.store();
    store.restore_with(Arc::new(Shelf(away)));
    let (writer, _) = store.writer(&home.series).unwrap();
    writer.accept(hours(-3, 1, 5.0)).unwrap();

    assert!(matches!(writer.flush(), Err(StoreError::RemoteOnly { .. })));

    assert!(!home.file("2023").exists());
    assert!(home.ledger().files["2023"].remote_only);
}

#[test]
fn a_period_that_no_remote_holds_any_more_is_a_gap() {
    let home = Home::with_two_years();
    purge(&home);
    let store = home.store();
    store.restore_with(Arc::new(Shelf(home.layout.root().join("nothing"))));
    let (writer, _) = store.writer(&home.series).unwrap();
    writer.accept(hours(-3, 1, 5.0)).unwrap();

    assert!(matches!(writer.flush(), Err(StoreError::RemoteOnly { .. })));
    assert_eq!(home.ledger().covered.within(span(-2, 2)).first(), None);
    writer.flush().unwrap();
    assert_eq!(home.stored().get(&-3), Some(&5.0));
}

#[test]
fn a_file_deleted_by_somebody_is_told_and_stays_covered_where_a_remote_holds_it() {
    let home = Home::with_two_years();
    home.verified_on(&home.store(), "nas");
    fs::remove_file(home.file("2023")).unwrap();

    let (writer, findings) = home.open();

    assert_eq!(findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::Missing]);
    assert_eq!(writer.ledger().covered.first(), Some(span(-2, 5)));
    assert!(writer.ledger().is_away("2023"));
}

#[test]
fn a_file_put_back_by_hand_is_here_again() {
    let home = Home::with_two_years();
    let away = purge(&home);
    fs::copy(away, home.file("2023")).unwrap();

    let (writer, findings) = home.open();

    assert_eq!(findings, []);
    assert!(!writer.ledger().is_away("2023"));
    assert_eq!(home.stored(), closes(-2, 5, 1.0));
}

#[test]
fn a_writer_is_never_refused_because_copies_are_entered_at_that_moment() {
    let home = Home::with_two_years();
    let store = home.store();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..50 {
                home.verified_on(&store, &format!("remote {round}"));
            }
        });
        for _ in 0..50 {
            let (writer, _) = store.writer(&home.series).unwrap();
            writer.flush().unwrap();
        }
    });

    store.enter_copied().unwrap();
    assert!(home.ledger().files["2023"].remotes.contains(&"remote 49".to_owned()));
}

#[test]
fn a_damaged_file_gives_way_to_its_copy_and_no_window_is_lost() {
    let home = Home::with_two_years();
    let store = home.store();
    home.verified_on(&store, "nas");
    let away = home.layout.root().join("away.bin");
    fs::copy(home.file("2023"), &away).unwrap();
    store.restore_with(Arc::new(Shelf(away.clone())));
    let (writer, _) = store.writer(&home.series).unwrap();
    let mut rotten = fs::read(&away).unwrap();
    rotten[50] ^= 1;
    fs::write(home.file("2023"), rotten).unwrap();

    let found = writer.set_aside_damaged().unwrap();

    assert_eq!(found.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::Quarantined]);
    assert!(!home.ledger().is_away("2023"));
    assert_eq!(home.ledger().covered.first(), Some(span(-2, 5)));
    assert_eq!(home.stored(), closes(-2, 5, 1.0));
}

/// Drops the file of 2023; gives where a copy of it lies.
fn purge(home: &Home) -> PathBuf {
    let away = home.layout.root().join("away.bin");
    fs::copy(home.file("2023"), &away).unwrap();
    let store = home.store();
    home.verified_on(&store, "nas");
    let hash = home.ledger().files["2023"].sha256.clone();
    assert!(store.drop_copied(&home.series, "2023", &hash).unwrap().is_some());
    away
}

/// Brings one file back, whichever is asked for.
#[derive(Debug)]
struct Shelf(PathBuf);

impl Restore for Shelf {
    fn restore(&self, _: &Series, _: &str, _: &FileEntry, to: &Path) -> Result<(), NotRestored> {
        fs::copy(&self.0, to).map(drop).map_err(|error| NotRestored::Gone(error.to_string()))
    }
}

/// How long anything here may take.
const SOON: Duration = Duration::from_secs(20);

/// Says that it is asked, and waits until it may go on.
#[derive(Debug)]
struct SlowShelf {
    asked: Mutex<Sender<()>>,
    goes: Mutex<Receiver<()>>,
    shelf: Shelf,
}

impl Restore for SlowShelf {
    fn restore(&self, series: &Series, file: &str, entry: &FileEntry, to: &Path) -> Result<(), NotRestored> {
        self.asked.lock().unwrap().send(()).unwrap();
        self.goes.lock().unwrap().recv_timeout(SOON).unwrap();
        self.shelf.restore(series, file, entry, to)
    }
}
