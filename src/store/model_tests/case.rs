//! One case: a store on a modelled disk, a model beside it, and what happens to both.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Dice;
use super::disk::{Fault, Guard, ModelDisk};
use super::oracle::{Answer, Held, Oracle};
use crate::disk::Disk;
use crate::model::{Batch, Candle, Kind, Micros, Series, Trade, Window};
use crate::store::ledger::Read;
use crate::store::read::period_files_on;
use crate::store::{Accepted, Bounds, Layout, Ledger, Settings, Store, verify_series_on};

/// 2024-01-01 00:00 UTC: a year and a day end here.
const BORDER: i64 = 1_704_067_200_000_000;
const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;
/// Large enough to be seen as such with a handful of rows.
const SMALL_ROWS: u64 = 2;

/// A store, its model and what has happened so far.
pub(super) struct Case {
    dice: Dice,
    disk: ModelDisk,
    layout: Layout,
    store: Option<Store>,
    tracks: [Track; 2],
    sync_each: bool,
    restarts: u64,
    told: Vec<String>,
}

/// One series and its model.
struct Track {
    series: Series,
    step: i64,
    /// The next key that was never given.
    next: i64,
    version: u64,
    /// Keys that never have a row: the exchange said so.
    quiet: BTreeSet<i64>,
    oracle: Oracle,
}

impl Case {
    pub(super) fn new(seed: u64, without: Option<Guard>) -> Self {
        let mut dice = Dice::new(seed);
        let track = |series: &str, step: i64, first: i64| Track {
            series: series.parse().expect("a series"),
            step,
            next: first,
            version: 0,
            quiet: BTreeSet::new(),
            oracle: Oracle::default(),
        };
        let (hours, minutes) = (-(dice.below(12) as i64), -(dice.below(12) as i64));
        Case {
            disk: ModelDisk::new(seed ^ 0x5EED, without),
            layout: Layout::new("/data"),
            store: None,
            tracks: [
                track("binance/BTC-USDT/ohlc/1h", HOUR, hours),
                track("binance/BTC-USDT/trades", MINUTE, minutes),
            ],
            sync_each: dice.below(8) == 0,
            restarts: 0,
            told: Vec::new(),
            dice,
        }
    }

    /// Plays the case to its end.
    pub(super) fn run(mut self) -> Result<(), String> {
        self.play().map_err(|why| format!("{why}\n  {}", self.told.join("\n  ")))
    }

    fn play(&mut self) -> Result<(), String> {
        self.restart(false)?;
        for _ in 0..4 + self.dice.below(28) {
            if self.dice.below(6) == 0 {
                self.plan_a_fault();
            }
            self.act()?;
            if self.disk.is_dead() {
                let power_cut = self.dice.below(2) == 0;
                self.restart(power_cut)?;
            }
        }
        let power_cut = self.dice.below(2) == 0;
        self.restart(power_cut)
    }

    fn plan_a_fault(&mut self) {
        let after = 1 + self.dice.below(40);
        let kind = if self.dice.below(2) == 0 { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
        let fault = match self.dice.below(6) {
            0 | 1 => Fault::Refusal(kind, [0, 1, 2, 40][self.dice.below(4) as usize]),
            2 if self.dice.below(2) == 0 => Fault::RefusalOfOpenFile,
            2 => Fault::DeathAtOpenFile,
            _ => Fault::Death,
        };
        self.tell(format!("{fault:?} after {after} operations"));
        self.disk.plan(after, fault);
    }

    fn act(&mut self) -> Result<(), String> {
        let track = usize::from(self.dice.below(3) == 0);
        match self.dice.below(20) {
            0..=8 => self.accept(track),
            9..=16 => self.flush(track),
            17 => return self.sync(),
            18 => {
                self.tell("close".to_owned());
                let closed = self.store.as_ref().map(Store::close);
                if matches!(closed, Some(Ok(()))) {
                    self.tracks.iter_mut().for_each(|track| track.oracle.is_durable());
                }
                return self.restart(false);
            }
            _ => {
                let power_cut = self.dice.below(2) == 0;
                return self.restart(power_cut);
            }
        }
        Ok(())
    }

    /// A page: rows that go on, some of them asked again, at times behind a hole.
    fn accept(&mut self, at: usize) {
        let dice = &mut self.dice;
        let track = &mut self.tracks[at];
        let again = dice.below(3) as i64;
        let hole = if dice.below(5) == 0 { dice.below(4) as i64 } else { 0 };
        let first = track.next + hole - again;
        let count = 1 + dice.below(3) as i64 + again;
        track.version += 1;
        // Now and then an answer to what is old: a revision, or late rows.
        let first = if dice.below(10) == 0 { first - dice.below(12) as i64 } else { first };
        let mut rows: BTreeMap<i64, u64> = (first..first + count).map(|key| (key, track.version)).collect();
        rows.retain(|key, _| !track.quiet.contains(key));
        let mut covered = track.window(first, first + count);
        let is_new = first >= track.next;
        track.next = track.next.max(first + count);
        match dice.below(10) {
            // A quiet stretch: nothing but the ledger will know of it.
            0 | 1 if is_new => {
                track.quiet.extend(rows.keys());
                rows.clear();
            }
            2 => covered = None,
            _ => {}
        }
        let page = Accepted { rows: track.batch(&rows), covered, empty: None, derived: false };
        let (series, sync_each) = (track.series.clone(), self.sync_each);
        let accepted = match self.store.as_ref().map(|store| store.writer(&series)) {
            Some(Ok((mut writer, _))) => writer.accept(page).is_ok(),
            _ => return self.tell(format!("no writer of {series}")),
        };
        let (durable, told) =
            (accepted && sync_each, format!("accept {series} {rows:?} {covered:?}: {accepted}"));
        self.tracks[at].oracle.give(Answer { rows, covered, durable, accepted });
        self.tell(told);
    }

    fn flush(&mut self, at: usize) {
        let series = self.tracks[at].series.clone();
        let flushed = match self.store.as_ref().map(|store| store.writer(&series)) {
            // Refused, the same writer may be asked once more.
            Some(Ok((mut writer, _))) => match writer.flush() {
                Err(_) if self.dice.below(2) == 0 => writer.flush(),
                flushed => flushed,
            },
            _ => return self.tell(format!("no writer of {series}")),
        };
        if flushed.is_ok() {
            self.tracks[at].oracle.is_durable();
        }
        self.tell(format!("flush {series}: {:?}", flushed.map(|flushed| flushed.folds)));
    }

    fn sync(&mut self) -> Result<(), String> {
        let synced = self.store.as_ref().is_some_and(|store| store.sync().is_ok());
        self.tell(format!("sync: {synced}"));
        if !synced {
            // The process has to end; the rows are where the system keeps them.
            return self.restart(false);
        }
        self.tracks.iter_mut().for_each(|track| track.oracle.is_durable());
        Ok(())
    }

    /// The process ends here, with or without the power; the next one must find everything in order.
    fn restart(&mut self, power_cut: bool) -> Result<(), String> {
        self.store = None;
        if power_cut {
            self.disk.cut_power();
        } else {
            self.disk.revive();
        }
        self.tell(if power_cut { "power cut".to_owned() } else { "restart".to_owned() });
        // The next process may die too, while it recovers.
        for _ in 0..self.dice.below(3) {
            self.disk.plan(1 + self.dice.below(30), Fault::Death);
            drop(self.open());
            self.tell("death while it recovers".to_owned());
            if power_cut {
                self.disk.cut_power();
            } else {
                self.disk.revive();
            }
        }
        self.open()?;
        for at in 0..self.tracks.len() {
            self.look_again(at)?;
            let held = self.held(at)?;
            let track = &mut self.tracks[at];
            track.oracle.check(&held, power_cut).map_err(|why| format!("{}: {why}", track.series))?;
            track.oracle.settle(held);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        self.restarts += 1;
        let settings = Settings {
            sync_each: self.sync_each,
            journal_id: self.restarts + 1_000,
            now: Micros(BORDER),
            bounds: Bounds {
                small_rows: SMALL_ROWS,
                segment_bytes: 400,
                unsynced_bytes: 700,
                replayed_rows: 6,
            },
        };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let (store, replay) =
            Store::on(disk, &self.layout, settings).map_err(|error| format!("not opened: {error:?}"))?;
        if let Some((series, error)) = replay.failures.first() {
            return Err(format!("{series} is not recovered: {error:?}"));
        }
        self.store = Some(store);
        Ok(())
    }

    /// A run of the series begins: its ledger is made to agree with its files.
    fn look_again(&self, at: usize) -> Result<(), String> {
        let opened = self.store.as_ref().map(|store| store.writer(&self.tracks[at].series));
        opened.transpose().map(drop).map_err(|error| format!("{}: {error:?}", self.tracks[at].series))
    }

    /// What a reader finds: rows of the files, coverage of the ledger.
    fn held(&self, at: usize) -> Result<Held, String> {
        let track = &self.tracks[at];
        let path = self.layout.ledger(&track.series);
        let ledger =
            match Ledger::look(&self.disk, &path, &track.series).map_err(|error| error.to_string())? {
                Read::Ledger(ledger) => *ledger,
                Read::Absent => return Ok(Held::default()),
                Read::Damaged(why) => return Err(format!("its ledger is damaged: {why}")),
            };
        let faults = verify_series_on(&self.disk, &self.layout, &track.series);
        let faults = faults.map_err(|error| format!("{error:?}"))?;
        if let Some(fault) = faults.first() {
            return Err(format!("{}: {}", fault.path.display(), fault.what));
        }
        let mut rows = BTreeMap::new();
        for period in ledger.periods() {
            let files = period_files_on(&self.disk, &self.layout, &track.series, period);
            for file in files.map_err(|error| format!("{error:?}"))? {
                let batch = file.rows().map_err(|error| format!("{error:?}"))?;
                for (key, version) in track.versions(&batch) {
                    if rows.insert(key, version).is_some() {
                        return Err(format!("row {key} of {} is there twice", file.path().display()));
                    }
                }
            }
        }
        if self.disk.look(Path::new("/data/.dccd/quarantine")).is_ok_and(|found| found.is_some()) {
            let aside = self.disk.list(Path::new("/data/.dccd/quarantine")).unwrap_or_default();
            if let Some(name) = aside.iter().find(|name| !name.contains(".journal")) {
                return Err(format!("{name} was taken for damaged"));
            }
        }
        Ok(Held { rows, covered: ledger.covered })
    }

    fn tell(&mut self, what: String) {
        self.told.push(what);
    }
}

impl Track {
    fn ts(&self, key: i64) -> Micros {
        Micros(BORDER + key * self.step)
    }

    fn window(&self, from: i64, until: i64) -> Option<Window> {
        Window::new(self.ts(from), self.ts(until))
    }

    fn batch(&self, rows: &BTreeMap<i64, u64>) -> Batch {
        let mut batch = Batch::of(self.series.kind());
        for (key, version) in rows {
            let (ts, price) = (self.ts(*key), *version as f64);
            if self.series.kind() == Kind::Trades {
                let id = (key + 1_000).to_string();
                let trade = Trade { ts, ts_recv: None, id: Some(&id), price, amount: 1.0, side: None };
                batch.trades_mut().push(trade);
            } else {
                batch.candles_mut().push(Candle {
                    ts,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: 1.0,
                    quote_volume: None,
                    trades: None,
                });
            }
        }
        batch
    }

    /// The key and the version of each row.
    fn versions(&self, batch: &Batch) -> Vec<(i64, u64)> {
        let key = |ts: Micros| (ts.0 - BORDER).div_euclid(self.step);
        if self.series.kind() == Kind::Trades {
            batch.trades().iter().map(|trade| (key(trade.ts), trade.price as u64)).collect()
        } else {
            batch.candles().iter().map(|candle| (key(candle.ts), candle.close as u64)).collect()
        }
    }
}
