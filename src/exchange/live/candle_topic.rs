//! The candles of one topic: when each is closed, and which are missing.

use std::time::Duration;

use crate::exchange::live::candle_doubt::{Doubt, Words, words};
use crate::exchange::live::numbers::Gap;
use crate::exchange::live::{HoleReason, LiveOffer};
use crate::model::{Candle, Grid, Micros, Window};

/// The most missing opens that are remembered, to be taken where they come late.
const MOST_MISSING: usize = 64;

/// How it is known that a candle is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The exchange says it of each.
    Told,
    /// The next one has begun, or the exchange's time is past its end and the grace.
    ByNext,
}

/// The state of a topic of candles. Where nothing says when they open, only their own word closes them and nothing is known to be missing.
#[derive(Debug)]
pub(crate) struct CandleTopic {
    closing: Closing,
    grid: Option<Grid>,
    grace: Duration,
    /// From which open on all of them are told, by the exchange's time alone.
    begun: Option<Micros>,
    /// The first open that came.
    since: Option<Micros>,
    /// The first open that is neither a row nor told missing.
    next: Option<Micros>,
    missing: Vec<Micros>,
    /// The running candle, where the next one closes it.
    running: Option<Candle>,
    /// The newest candle that was closed.
    closed: Option<Candle>,
    doubt: Option<Doubt>,
}

/// The outcome of a frame: a hole, a row, or both, the hole first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) hole: Option<Gap>,
    pub(crate) row: Option<Candle>,
    /// It came before.
    pub(crate) is_repeated: bool,
}

impl Outcome {
    const REPEATED: Outcome = Outcome { hole: None, row: None, is_repeated: true };

    fn hole(from: Micros, until: Micros, reason: HoleReason) -> Self {
        let window = Window::new(from, until);
        Outcome { hole: window.map(|window| Gap { ids: None, window, reason }), ..Outcome::default() }
    }
}

impl CandleTopic {
    pub(crate) fn new(offer: &LiveOffer, grid: Option<Grid>, closing: Closing) -> Self {
        CandleTopic {
            closing,
            grid,
            grace: offer.grace,
            begun: None,
            since: None,
            next: None,
            missing: Vec::new(),
            running: None,
            closed: None,
            doubt: None,
        }
    }

    /// The grid its candles stand on, where it is known.
    pub(crate) fn grid(&self) -> Option<Grid> {
        self.grid
    }

    /// A word on a candle, with the exchange's own on whether it is closed.
    pub(crate) fn take(&mut self, candle: Candle, is_closed: bool) -> Outcome {
        match self.closing {
            Closing::Told => self.told(candle, is_closed),
            Closing::ByNext => self.so_far(candle),
        }
    }

    fn told(&mut self, candle: Candle, is_closed: bool) -> Outcome {
        let open = candle.ts;
        let Some(grid) = self.grid else { return self.told_without_grid(candle, is_closed) };
        self.since = self.since.or(Some(open));
        let next = *self.next.get_or_insert(open);
        if open < next {
            return self.late(candle, is_closed);
        }
        let mut outcome = Outcome::hole(next, open, HoleReason::LeftOut);
        self.miss(grid, next, open);
        self.next = Some(open);
        if is_closed {
            outcome.row = Some(candle);
            self.closed = Some(candle);
            self.next = Some(grid.next(open));
        }
        outcome
    }

    fn told_without_grid(&mut self, candle: Candle, is_closed: bool) -> Outcome {
        if !is_closed {
            return Outcome::default();
        }
        if self.closed.is_some_and(|closed| candle.ts <= closed.ts) {
            return Outcome::REPEATED;
        }
        self.closed = Some(candle);
        Outcome { row: Some(candle), ..Outcome::default() }
    }

    /// A closed candle that was told missing is a row whenever it comes; two words on one that differ are never chosen
    /// from.
    fn late(&mut self, candle: Candle, is_closed: bool) -> Outcome {
        if !is_closed {
            return Outcome::default();
        }
        if let (Some(grid), Some(closed)) = (self.grid, self.closed)
            && closed.ts == candle.ts
            && closed != candle
        {
            return Outcome::hole(candle.ts, grid.next(candle.ts), HoleReason::Doubtful);
        }
        match self.missing.iter().position(|open| *open == candle.ts) {
            Some(place) => {
                self.missing.swap_remove(place);
                Outcome { row: Some(candle), ..Outcome::default() }
            }
            None => Outcome::REPEATED,
        }
    }

    /// A candle as it is so far, which ends where the next one begins.
    fn so_far(&mut self, candle: Candle) -> Outcome {
        let Some(grid) = self.grid else { return Outcome::default() };
        self.since = self.since.or(Some(candle.ts));
        let next = *self.next.get_or_insert(candle.ts);
        if candle.ts < next {
            return self.contradicts(candle, grid);
        }
        match self.running {
            Some(running) if running.ts == candle.ts => {
                self.grow(running, candle, grid);
                Outcome::default()
            }
            _ => {
                let outcome = self.settle(grid, candle.ts);
                self.running = Some(candle);
                outcome
            }
        }
    }

    /// Another word on the running candle. Candles only grow: one with less in it is an older word.
    fn grow(&mut self, running: Candle, candle: Candle, grid: Grid) {
        match words(&running, &candle) {
            Words::Newer => {
                self.running = Some(candle);
                self.doubt = self.doubt.and_then(|doubt| doubt.behind(grid.next(candle.ts), grid));
            }
            Words::Older => {}
            Words::Contradict => {
                self.running = Some(candle);
                self.doubt(candle.ts);
            }
        }
    }

    /// A word on a candle that was closed already.
    fn contradicts(&mut self, candle: Candle, grid: Grid) -> Outcome {
        match self.closed {
            Some(closed) if closed.ts == candle.ts && words(&closed, &candle) != Words::Older => {
                Outcome::hole(candle.ts, grid.next(candle.ts), HoleReason::Doubtful)
            }
            Some(closed) if closed.ts < candle.ts => {
                Outcome::hole(candle.ts, grid.next(candle.ts), HoleReason::Doubtful)
            }
            _ => Outcome::REPEATED,
        }
    }

    /// Every candle before an open is over.
    fn settle(&mut self, grid: Grid, until: Micros) -> Outcome {
        self.next = self.next.max(Some(until));
        let running = self.running.take();
        let doubt = self.doubt;
        self.doubt = doubt.and_then(|doubt| doubt.behind(until, grid));
        let row = running.filter(|running| doubt.is_none_or(|doubt| running.ts < doubt.from));
        self.closed = row.or(self.closed);
        let hole = doubt.map(|doubt| (doubt.from, until.min(doubt.concerned(grid))));
        let hole =
            hole.map_or(Outcome::default(), |(from, until)| Outcome::hole(from, until, HoleReason::Doubtful));
        Outcome { row, ..hole }
    }

    /// Closes what is over by the exchange's time.
    pub(crate) fn tick(&mut self, heard: Option<Micros>) -> Outcome {
        // Until one comes only a lost frame, or the exchange's own word, says that there are any.
        let is_expected = self.closing == Closing::Told || self.doubt.is_some();
        let next = self.next.or(self.begun.filter(|_| is_expected));
        let (Some(grid), Some(heard), Some(next)) = (self.grid, heard, next) else {
            return Outcome::default();
        };
        // The candle that holds this instant is the first that is not over.
        let until = grid.floor(heard - self.grace);
        if until <= next {
            return Outcome::default();
        }
        if self.closing == Closing::Told {
            self.miss(grid, next, until);
            self.next = Some(until);
            return Outcome::hole(next, until, HoleReason::Overdue);
        }
        self.settle(grid, until)
    }

    /// The exchange sends the candles that open from here on.
    pub(crate) fn begin(&mut self, at: Micros) {
        self.begun = self.begun.or(self.grid.map(|grid| grid.ceil(at + self.grace)));
    }

    /// A frame that may have changed candles could not be read.
    pub(crate) fn doubt(&mut self, at: Micros) {
        if let Some(from) = self.next.or(self.begun) {
            let (from, at) = self.doubt.map_or((from, at), |doubt| (doubt.from, doubt.at.max(at)));
            self.doubt = Some(Doubt { from, at });
        }
    }

    /// All opens of this window are rows or were told missing.
    pub(crate) fn covered(&self, heard: Option<Micros>) -> Option<Window> {
        let is_quiet = self.next.is_none() && self.closing == Closing::ByNext && self.doubt.is_none();
        let quiet_until = self.grid.zip(heard).filter(|_| is_quiet);
        let quiet_until = quiet_until.map(|(grid, heard)| grid.floor(heard - self.grace));
        Window::new(self.since()?, self.next.or(quiet_until)?)
    }

    /// From which open on what came is whole.
    pub(crate) fn since(&self) -> Option<Micros> {
        [self.since, self.begun].into_iter().flatten().min()
    }

    fn miss(&mut self, grid: Grid, from: Micros, until: Micros) {
        let mut open = until;
        for _ in 0..MOST_MISSING {
            open = grid.step(open, -1);
            if open < from {
                return;
            }
            if self.missing.len() == MOST_MISSING {
                self.missing.remove(0);
            }
            self.missing.push(open);
        }
    }
}

#[cfg(test)]
#[path = "candle_topic_tests.rs"]
mod tests;
