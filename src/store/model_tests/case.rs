//! One case: a store on a modelled disk, a model beside it, and what happens to both.

mod listen;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::Dice;
use super::amid::{Done, Interference, Log};
use super::disk::ModelDisk;
use super::guard::Guard;
use super::lookout::Lookout;
use super::oracle::{End, FoundContent, GivenPage};
use super::session::Session;
use super::track::{BORDER, Track};
use super::world::Fault;
use crate::disk::Disk;
use crate::model::Micros;
use crate::store::ledger::Read;
use crate::store::read::period_files_on;
use crate::store::{Accepted, Bounds, Layout, Ledger, Part, Store, StoreSettings, verify_series_on};

/// Large enough to be seen as such with a handful of rows.
const SMALL_ROWS: u64 = 2;

/// A store, its model and what has happened so far.
pub(super) struct Case {
    dice: Dice,
    disk: ModelDisk,
    layout: Layout,
    store: Option<Store>,
    tracks: [Track; 3],
    sessions: [Session; 3],
    without: Option<Guard>,
    sync_each: bool,
    /// Draws the actions of other writers amid a publish; `None` in cases without them.
    others: Option<Dice>,
    /// Draws the damage of the journal, one in half of the cases: a second one might mend it.
    damage: Option<Dice>,
    restarts: u64,
    told: Vec<String>,
}

impl Case {
    pub(super) fn new(seed: u64, without: Option<Guard>) -> Self {
        let mut dice = Dice::new(seed);
        let (hours, trades) = (-(dice.below(12) as i64), -(dice.below(12) as i64));
        Case {
            disk: ModelDisk::new(seed ^ 0x5EED, without),
            layout: Layout::new("/data"),
            store: None,
            tracks: [
                Track::new("binance/BTC-USDT/ohlc/1h", hours),
                Track::new("binance/BTC-USDT/trades", trades),
                Track::new("binance/BTC-USDT/orderbook", 0),
            ],
            sessions: Default::default(),
            without,
            sync_each: dice.below(8) == 0,
            others: (seed % 4 != 2).then(|| Dice::new(seed ^ 0xA31D)),
            damage: seed.is_multiple_of(2).then(|| Dice::new(seed ^ 0xDA3A)),
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
        let track = [0, 0, 0, 1, 1, 2][self.dice.below(6) as usize];
        match self.dice.below(20) {
            0..=4 => self.accept(track),
            5..=8 => self.listen(track),
            9..=16 => self.flush(track)?,
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

    fn accept(&mut self, at: usize) {
        let series = self.tracks[at].series.clone();
        let writer = match self.store.as_ref().map(|store| store.writer(&series)) {
            Some(Ok((writer, _))) => writer,
            _ => return self.tell(format!("no writer of {series}")),
        };
        let next_ord = writer.next_ord();
        let (rows, covered) = self.tracks[at].page(&mut self.dice, next_ord);
        let page = Accepted { rows: self.tracks[at].batch(&rows), covered, empty: None, derived: false };
        let accepted = writer.accept(page).is_ok();
        drop(writer);
        let (durable, told) =
            (accepted && self.sync_each, format!("accept {series} {rows:?} {covered:?}: {accepted}"));
        self.tracks[at].oracle.give(GivenPage { rows, covered, durable, accepted });
        self.tell(told);
    }

    fn flush(&mut self, at: usize) -> Result<(), String> {
        let series = self.tracks[at].series.clone();
        let Some(Ok((writer, _))) = self.store.as_ref().map(|store| store.writer(&series)) else {
            self.tell(format!("no writer of {series}"));
            return Ok(());
        };
        // Refused, the same writer may be asked once more.
        for _ in 0..1 + self.dice.below(2) {
            let lookout = Lookout::new(&self.disk, &self.layout);
            let log = self.let_others_act(at);
            let flushed = writer.flush();
            self.disk.end_amid();
            self.tell(format!("flush {series}: {:?}", flushed.as_ref().map(|flushed| flushed.folds)));
            if flushed.is_ok() {
                self.tracks[at].oracle.is_durable();
            }
            let may_go_on = self.take_what_others_did(log);
            lookout.check(&series, usize::MAX, flushed.is_ok())?;
            if !may_go_on {
                // The process has to end; the rows are where the system keeps them.
                drop(writer);
                return self.restart(false);
            }
            if flushed.is_ok() {
                break;
            }
        }
        Ok(())
    }

    /// Lets other writers act amid the publish of a series that follows.
    fn let_others_act(&mut self, at: usize) -> Log {
        let Some((dice, store)) = self.others.as_mut().zip(self.store.as_ref()) else {
            return Log::default();
        };
        if dice.below(2) == 0 {
            return Log::default();
        }
        let mut actions = Interference::draw(
            dice,
            store,
            (&mut self.tracks, &mut self.sessions),
            at,
            self.sync_each,
            self.without,
        );
        let log = actions.log();
        if let Some(after) = actions.next_after() {
            self.disk.amid(after, Box::new(move || actions.act()));
        }
        log
    }

    /// Enters the actions of others into the models, in their order; returns whether the process may go on.
    fn take_what_others_did(&mut self, log: Log) -> bool {
        let mut may_go_on = true;
        for done in log.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            match done {
                Done::Answered(track, answer) => {
                    let (series, rows) = (&self.tracks[track].series, &answer.rows);
                    let told =
                        format!("  amid it {series} {rows:?} {:?}: {}", answer.covered, answer.accepted);
                    self.told.push(told);
                    self.tracks[track].oracle.give(answer);
                }
                Done::Synced(synced) => {
                    self.told.push(format!("  amid it a sync: {synced}"));
                    if synced {
                        self.tracks.iter_mut().for_each(|track| track.oracle.is_durable());
                    }
                    may_go_on &= synced;
                }
                Done::Published(track) => {
                    self.told.push(format!("  amid it {} is published", self.tracks[track].series));
                    self.tracks[track].oracle.is_durable();
                }
            }
        }
        may_go_on
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
        self.sessions = Default::default();
        if power_cut {
            self.disk.cut_power();
        } else {
            self.disk.revive();
        }
        let mut end = if power_cut { End::PowerCut } else { End::Kill };
        let is_damaged = |dice: &mut Dice| dice.below(3) == 0 && self.disk.damage_journal(dice);
        if self.damage.as_mut().is_some_and(is_damaged) {
            self.damage = None;
            end = End::Damage;
        }
        self.tell(format!("{end:?}"));
        if power_cut && self.dice.below(4) == 0 {
            self.make_older();
        }
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
        let lookout = Lookout::new(&self.disk, &self.layout);
        self.open()?;
        for at in 0..self.tracks.len() {
            self.look_again(at)?;
            // Replayed rows are published in several steps.
            lookout.check(&self.tracks[at].series, 1, true)?;
            let held = self.held(at)?;
            let track = &mut self.tracks[at];
            track.oracle.check(&held, end).map_err(|why| format!("{}: {why}", track.series))?;
            track.oracle.settle(held);
        }
        Ok(())
    }

    /// Turns the files into those an older version of the program would have left.
    fn make_older(&mut self) {
        self.tell("an older version ran".to_owned());
        for track in &self.tracks {
            let path = self.layout.ledger(&track.series);
            if let Ok(Read::Ledger(mut ledger)) = Ledger::look(&self.disk, &path, &track.series) {
                (ledger.is_older, ledger.last_ord) = (true, None);
                self.disk.put(&path, ledger.to_bytes(&track.series).expect("a ledger"));
            }
            let open = |period: &str| (Part::Open.file_name(period), Part::older_name(period));
            for (own, older) in ["2023", "2024", "2023-12-31", "2024-01-01"].map(open) {
                let folder = self.layout.folder(&track.series);
                self.disk.rename_durably(&folder.join(own), &folder.join(older));
            }
        }
    }

    fn open(&mut self) -> Result<(), String> {
        self.restarts += 1;
        let settings = StoreSettings {
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

    /// The store as a reader finds it: rows of the files, coverage of the ledger.
    fn held(&self, at: usize) -> Result<FoundContent, String> {
        let track = &self.tracks[at];
        let path = self.layout.ledger(&track.series);
        let ledger =
            match Ledger::look(&self.disk, &path, &track.series).map_err(|error| error.to_string())? {
                Read::Ledger(ledger) => *ledger,
                Read::Absent => return Ok(FoundContent::default()),
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
        track.check_numbers(&rows)?;
        if self.disk.look(Path::new("/data/.dccd/quarantine")).is_ok_and(|found| found.is_some()) {
            let aside = self.disk.list(Path::new("/data/.dccd/quarantine")).unwrap_or_default();
            if let Some(name) = aside.iter().find(|name| !name.contains(".journal")) {
                return Err(format!("{name} was taken for damaged"));
            }
        }
        Ok(FoundContent { rows, covered: ledger.covered })
    }

    fn tell(&mut self, what: String) {
        self.told.push(what);
    }
}
