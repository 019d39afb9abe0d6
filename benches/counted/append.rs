//! The newest candle, published by itself again and again; one fold of the open file included.

use dccd::store::{Accepted, Writer};

use crate::candles::{rows, series, window};
use crate::open;

/// Candles that the period holds before: after as many more it is folded.
const HELD: i64 = 100;

pub(crate) fn append(times: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, _) = open(folder.path()).writer(&series()).expect("an empty series");
    put(&writer, 0..HELD);
    (HELD..HELD + times as i64).for_each(|minute| put(&writer, minute..minute + 1));
}

fn put(writer: &Writer, minutes: std::ops::Range<i64>) {
    let covered = Some(window(minutes.clone()));
    let page = Accepted { rows: rows(minutes), covered, empty: None, derived: false };
    writer.accept(page).expect("it is journalled");
    writer.flush().expect("it is published");
}
