//! The trades of one topic: what they cover.

use std::time::Duration;

use crate::exchange::live::numbers::{Gap, Numbers, Verdict};
use crate::exchange::live::{HoleReason, LiveOffer, Mark};
use crate::model::{Micros, Window, Windows};

/// How long doubts may follow one another before the first of them are settled.
const LONG_DOUBT: Duration = Duration::from_secs(60);

/// The state of a topic of trades.
#[derive(Debug)]
pub(crate) struct TradeTopic {
    numbers: Option<Numbers>,
    grace: Duration,
    /// From where on all rows are received, by the exchange's time alone.
    since: Option<Micros>,
    /// Where time vouches for nothing any more, since a row or a frame could not be read, until a number shows whether
    /// anything is missing: the first and the last such instant.
    doubted: Option<(Micros, Micros)>,
}

impl TradeTopic {
    pub(crate) fn new(offer: &LiveOffer, held: Option<Mark>) -> Self {
        let numbers = offer.ids_are_contiguous.then(|| Numbers::behind(held));
        TradeTopic { numbers, grace: offer.grace, since: None, doubted: None }
    }

    /// Judges a trade; of those without numbers each is a row.
    #[inline]
    pub(crate) fn take(&mut self, id: Option<u64>, ts: Micros) -> Verdict {
        let (Some(numbers), Some(id)) = (&mut self.numbers, id) else { return Verdict::Row };
        let verdict = numbers.take(Mark { id, ts });
        if matches!(verdict, Verdict::Row | Verdict::RowBehind(_)) {
            self.doubted = None;
        }
        verdict
    }

    /// Takes the windows in which rows were told missing and have all come since.
    #[inline]
    pub(crate) fn take_closed(&mut self) -> Windows {
        self.numbers.as_mut().map(Numbers::take_closed).unwrap_or_default()
    }

    /// The exchange names its newest trade.
    pub(crate) fn announce(&mut self, announced: Mark) -> Option<Gap> {
        let numbers = self.numbers.as_mut()?;
        let is_newest = numbers.newest().is_some_and(|newest| newest.id == announced.id);
        let gap = numbers.announce(announced);
        if is_newest || gap.is_some() {
            self.doubted = None;
        }
        gap
    }

    /// A row, or a frame that may have held one, could not be read.
    pub(crate) fn doubt(&mut self, heard: Option<Micros>) {
        // Where nothing is covered yet, it will begin behind whatever was lost.
        let Some(at) = heard.or(self.since()) else { return };
        self.doubted = Some(self.doubted.map_or((at, at), |(first, last)| (first, last.max(at))));
    }

    /// Where no number will show whether anything is missing, what a doubt concerns is taken to be.
    pub(crate) fn settle(&mut self, heard: Option<Micros>) -> Option<Gap> {
        if self.newest().is_some() {
            return None;
        }
        let (first, last) = self.doubted?;
        // Where doubts do not end, what is older than the last one is settled without it.
        let is_long = last.since(first) >= LONG_DOUBT;
        let until = if is_long { last - self.grace } else { last + 2 * self.grace };
        let window = Window::new(first - self.grace, until)?;
        if !is_long && heard? < window.until {
            return None;
        }
        self.doubted = is_long.then_some((last, last));
        Some(Gap { ids: None, window, reason: HoleReason::Doubtful })
    }

    /// Time vouches from here on, if nothing did before.
    pub(crate) fn begin(&mut self, at: Micros) {
        self.since = self.since.or(Some(at + self.grace));
    }

    /// The exchange told its newest trade when it began to send them: every later one is received.
    pub(crate) fn begin_behind(&mut self, newest: Micros) {
        self.since = self.since.or(Some(newest + Duration::from_micros(1)));
    }

    /// Everything up to this trade is held.
    pub(crate) fn resume(&mut self, held: Mark) -> Option<Gap> {
        self.numbers.as_mut()?.resume(held)
    }

    pub(crate) fn newest(&self) -> Option<Mark> {
        self.numbers.as_ref().and_then(Numbers::newest)
    }

    /// The newest trade that the next connection may begin with.
    pub(crate) fn held(&self) -> Option<Mark> {
        self.numbers.as_ref().and_then(Numbers::held)
    }

    pub(crate) fn covered(&self, heard: Option<Micros>) -> Option<Window> {
        let vouched =
            heard.map(|heard| self.doubted.map_or(heard, |(first, _)| heard.min(first)) - self.grace);
        let numbered = self.newest().map(|newest| newest.ts);
        Window::new(self.since()?, vouched.max(numbered)?)
    }

    /// From where on what came is whole.
    pub(crate) fn since(&self) -> Option<Micros> {
        let first = self.numbers.as_ref().and_then(Numbers::since);
        [first, self.since].into_iter().flatten().min()
    }
}
