//! Names that a process finds and that are not durable, while the frames that would give them again are damaged.

use std::io;
use std::sync::Arc;

use super::disk::ModelDisk;
use super::world::Fault;
use super::{Dice, window};
use crate::model::{Batch, Kind, Micros, Series, Windows};
use crate::store::{Accepted, Layout, Store, StoreSettings, Writer};

#[test]
fn coverage_that_was_found_outlasts_a_power_cut_though_its_frame_is_damaged() {
    for operation in 1..=12 {
        for seed in 0..32 {
            let disk = ModelDisk::new(seed, None);
            let writer = open(&disk);
            accept(&writer, 0);
            writer.flush().expect("nothing is refused");
            accept(&writer, 1);
            disk.plan(operation, Fault::Refusal(io::ErrorKind::Other, 0));
            let _ = writer.flush();
            drop(writer);
            disk.revive();
            disk.damage_journal(&mut Dice::new(seed));
            let found = covered(&disk);

            disk.cut_power();
            let mut lost = found.clone();
            lost.remove_all(&covered(&disk));

            assert_eq!(lost, Windows::new(), "of {found:?}: operation {operation} refused, DCCD_SEED={seed}");
        }
    }
}

/// The coverage that a new process finds.
fn covered(disk: &ModelDisk) -> Windows {
    open(disk).ledger().covered.clone()
}

/// The writer of a process that has just begun.
fn open(disk: &ModelDisk) -> Writer {
    let settings = StoreSettings::of(7, Micros(0));
    let opened = Store::on(Arc::new(disk.clone()), &Layout::new("/data"), settings);
    let series: Series = "binance/BTC-USDT/ohlc/1h".parse().expect("a series");
    opened.and_then(|(store, _)| store.writer(&series)).expect("nothing is refused").0
}

fn accept(writer: &Writer, hour: i64) {
    let page = Accepted {
        rows: Batch::of(Kind::Ohlc),
        covered: window(hour, hour + 1),
        empty: None,
        derived: false,
    };
    writer.accept(page).expect("there is room");
}
