//! Updates of a book that were refused, and stand in the journal all the same.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use super::disk::ModelDisk;
use super::track::{Rows, Track};
use super::world::Fault;
use crate::model::Micros;
use crate::store::read::period_files_on;
use crate::store::{Layout, LiveRows, Store, StoreSettings, Writer};

/// Of one day; the update accepted after it is of the next.
const REFUSED: i64 = 4;

#[test]
fn a_number_that_was_refused_is_not_given_again_since_it_may_stand_in_the_journal() {
    let all: Vec<Rows> = (0..64).map(refuse_one).collect();

    let book = Track::new("binance/BTC-USDT/orderbook", 0);
    for rows in &all {
        assert_eq!(book.check_numbers(rows), Ok(()));
        assert!(rows.contains_key(&0) && rows.contains_key(&8), "{rows:?}");
    }
    let standing = all.iter().filter(|rows| rows.contains_key(&REFUSED)).count();
    assert!((1..64).contains(&standing), "{standing} of the refused updates stand there");
}

/// An update is refused between two others; returns the updates that the next process finds.
fn refuse_one(seed: u64) -> Rows {
    let (disk, layout) = (ModelDisk::new(seed, None), Layout::new("/data"));
    let [book, trades] =
        ["orderbook", "trades"].map(|kind| Track::new(&format!("binance/BTC-USDT/{kind}"), 0));
    // Either may come first in the write, which is refused amid.
    let tracks = if seed.is_multiple_of(2) { [&book, &trades] } else { [&trades, &book] };
    let store = open(&disk, &layout);
    let writers = tracks.map(|track| (track, writer(&store, track)));
    let accept = |key: i64| {
        let rows = |track: &Track| track.batch(&[(key, 0)].into());
        let pages = writers.iter().map(|(track, writer)| LiveRows {
            writer,
            rows: Cow::Owned(rows(track)),
            covered: None,
        });
        store.accept_live(pages.collect())
    };
    accept(0).expect("there is room");
    disk.plan(1, Fault::Refusal(io::ErrorKind::Other, 1));
    accept(REFUSED).expect_err("it is refused twice");
    accept(8).expect("there is room again");
    drop((writers, store));

    let store = open(&disk, &layout);
    let ledger = writer(&store, &book).ledger();
    let files = ledger
        .periods()
        .flat_map(|period| period_files_on(&disk, &layout, &book.series, period).expect("whole files"));
    files.flat_map(|file| book.versions(&file.rows().expect("whole rows"))).collect()
}

fn open(disk: &ModelDisk, layout: &Layout) -> Store {
    let opened = Store::on(Arc::new(disk.clone()), layout, StoreSettings::of(7, Micros(0)));
    opened.expect("nothing is refused").0
}

fn writer(store: &Store, track: &Track) -> Writer {
    store.writer(&track.series).expect("nothing is refused").0
}
