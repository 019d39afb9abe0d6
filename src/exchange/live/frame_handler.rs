//! Where the reader of a frame puts what it read: rows that may be true become rows, everything else an event or a count.

use std::time::Duration;

use crate::exchange::live::address::Channel;
use crate::exchange::live::asking::{Asking, Refused};
use crate::exchange::live::clock::{ExchangeClock, may_be, may_be_past};
use crate::exchange::live::numbers::Verdict;
use crate::exchange::live::pace::Pace;
use crate::exchange::live::put::{hole, odd, push, settle};
use crate::exchange::live::topics::{Place, Slot, TopicRows, Topics};
use crate::exchange::live::{Event, Mark, Now, Received};
use crate::exchange::reading::record::{Record, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::Refused as Refusal;
use crate::exchange::{Instrument, OddFault};
use crate::model::{Candle, Market, Micros, foreign};

/// How long nothing is sent after the exchange said that it was too much.
const SLOWED: Duration = Duration::from_secs(10);

/// The parts of a conversation that a frame may change.
pub(crate) struct FrameHandler<'a> {
    pub(crate) now: Now,
    pub(crate) topics: &'a mut Topics,
    pub(crate) asking: &'a mut Asking,
    pub(crate) clock: &'a mut ExchangeClock,
    pub(crate) pace: &'a mut Pace,
    pub(crate) into: &'a mut Received,
    /// Whether something that may have held rows could not be read.
    pub(crate) has_lost: bool,
}

impl FrameHandler<'_> {
    /// The place of a topic that is listened to.
    #[inline]
    pub(crate) fn find(&self, symbol: &str, channel: Channel) -> Option<Place> {
        self.topics.find(symbol, channel)
    }

    /// Whether anything of a symbol is listened to.
    pub(crate) fn knows(&self, symbol: &str) -> bool {
        self.topics.knows(symbol)
    }

    /// The instrument of a topic.
    pub(crate) fn instrument(&self, place: Place) -> Option<&Instrument> {
        self.topics.get(place).map(|slot| &*slot.topic.instrument)
    }

    /// The market of a topic.
    pub(crate) fn market(&self, place: Place) -> Option<Market> {
        self.topics.get(place).map(|slot| slot.topic.series.pair().market())
    }

    /// The exchange tells the time.
    #[inline]
    pub(crate) fn hear(&mut self, at: Result<Micros, RowFault>) {
        if let Ok(at) = at {
            self.clock.hear(at, self.now);
        }
    }

    /// The exchange names an instant that is past, such as the end of a candle. No topic of trades or books begins at it: it
    /// may be long before the exchange granted one.
    pub(crate) fn hear_past(&mut self, at: Result<Micros, RowFault>) {
        if let Ok(at) = at {
            self.clock.is_past(at, self.now);
        }
    }

    /// Whether an instant may be past by now.
    pub(crate) fn may_be_over(&self, at: Micros) -> bool {
        may_be_past(at, self.now)
    }

    /// A frame that is known and was not asked for.
    #[inline]
    pub(crate) fn unasked(&mut self) {
        self.into.counts.unasked += 1;
    }

    /// A frame of a kind that is not known.
    pub(crate) fn unknown(&mut self) {
        self.into.counts.unknown += 1;
    }

    /// A part of a frame that could not be read.
    pub(crate) fn lose(&mut self, text: &str, why: &str) {
        self.into.events.push(Event::unreadable(text, why));
        self.has_lost = true;
    }

    /// Frames before this one, of whichever topic, did not come. It is to be told before the time of this one is.
    pub(crate) fn lost_before(&mut self) {
        let heard = self.clock.newest();
        for slot in self.topics.iter_mut() {
            if let TopicRows::Trades(rows) = &mut slot.rows {
                rows.doubt(heard);
            }
        }
        self.has_lost = true;
    }

    /// A trade, or why it is none; `text` is the row as it came.
    #[inline]
    pub(crate) fn trade(&mut self, place: Place, trade: Result<TradeRow<'_>, RowFault>, text: &str) {
        let number = trade.as_ref().ok().and_then(Record::number);
        self.numbered_trade(place, trade, number, text);
    }

    /// The same of a trade that has a number beside its id.
    #[inline]
    pub(crate) fn numbered_trade(
        &mut self,
        place: Place,
        trade: Result<TradeRow<'_>, RowFault>,
        number: Option<u64>,
        text: &str,
    ) {
        let read = trade.and_then(|trade| traded(trade, self.now));
        self.acknowledge(place);
        let Some(slot) = self.topics.get_mut(place) else { return };
        let TopicRows::Trades(rows) = &mut slot.rows else { return };
        let id = slot.topic.id;
        let fault = match read {
            Ok(trade) => {
                let verdict = rows.take(number, trade.ts);
                match verdict {
                    Verdict::Row | Verdict::RowBehind(_) => {
                        if let Verdict::RowBehind(gap) = verdict {
                            self.into.events.push(hole(id, gap));
                        }
                        let closed = rows.take_closed();
                        let closed = closed.iter().map(|window| Event::Closed { topic: id, window });
                        self.into.events.extend(closed);
                        return push(self.into, id, &trade, self.now);
                    }
                    Verdict::Repeated => return self.into.counts.repeated += 1,
                    Verdict::Denied(why) => {
                        let why = format!("trade {}: {why}", number.unwrap_or_default());
                        Row(0).fault(OddFault::Contradiction, why)
                    }
                }
            }
            Err(fault) => fault,
        };
        rows.doubt(self.clock.newest());
        self.into.events.push(odd(id, fault, text));
    }

    /// Whether a trade may be true as far as it shows itself.
    #[inline]
    pub(crate) fn may_be_traded(&self, trade: &TradeRow<'_>) -> bool {
        trade.price > 0.0 && may_be(trade.ts, self.now)
    }

    /// The exchange names the newest trade of a topic.
    pub(crate) fn newest_trade(&mut self, place: Place, announced: Mark) {
        let Some(slot) = self.topics.get_mut(place).filter(|_| may_be(announced.ts, self.now)) else {
            return;
        };
        if let TopicRows::Trades(rows) = &mut slot.rows
            && let Some(gap) = rows.announce(announced)
        {
            self.into.events.push(hole(slot.topic.id, gap));
        }
    }

    /// The exchange told the newest trade of a topic when it began to send them.
    pub(crate) fn begins_behind(&mut self, place: Place, newest: Micros) {
        let now = self.now;
        if let Some(slot) = self.topics.get_mut(place).filter(|_| may_be(newest, now))
            && let TopicRows::Trades(rows) = &mut slot.rows
        {
            rows.begin_behind(newest);
        }
    }

    /// A candle, or why it is none; `is_closed` is the exchange's own word, where it has one.
    pub(crate) fn candle(
        &mut self,
        place: Place,
        candle: Result<Candle, RowFault>,
        is_closed: bool,
        text: &str,
    ) {
        let (now, heard) = (self.now, self.clock.newest());
        self.acknowledge(place);
        let Some(slot) = self.topics.get_mut(place) else { return };
        let TopicRows::Candles(rows) = &mut slot.rows else { return };
        let read = candle.and_then(|candle| {
            if let Some(grid) = rows.grid().filter(|grid| !grid.holds(candle.ts)) {
                let why = format!("no {} candle opens at {}", grid.span, candle.ts);
                return Err(Row(0).fault(OddFault::OffGrid, why));
            }
            let ends = rows.grid().filter(|_| is_closed).map_or(candle.ts, |grid| grid.next(candle.ts));
            let is_past = may_be_past(candle.ts, now) && may_be(ends, now);
            if is_past { Ok(candle) } else { Err(Row(0).fault(OddFault::Time, TOO_NEW)) }
        });
        match read {
            Ok(candle) => {
                let outcome = rows.take(candle, is_closed);
                settle(self.into, slot.topic.id, outcome);
            }
            Err(fault) => {
                rows.doubt(now.at.max(heard.unwrap_or(now.at)));
                self.into.events.push(odd(slot.topic.id, fault, text));
            }
        }
    }

    /// Where nothing else tells the time a candle does: that its end is past if it is closed, else its beginning.
    pub(crate) fn hear_candle(&mut self, place: Place, opens: Micros, is_closed: bool) {
        if let Some(Slot { rows: TopicRows::Candles(rows), .. }) = self.topics.get(place) {
            let grid = rows.grid().filter(|grid| grid.holds(opens));
            let ends = grid.filter(|_| is_closed).map(|grid| grid.next(opens));
            grid.into_iter().for_each(|_| self.hear_past(Ok(ends.unwrap_or(opens))));
        }
    }

    /// A row of a topic that does not have the documented shape.
    pub(crate) fn misshapen(&mut self, place: Place, channel: Channel, text: &str) {
        let fault = Row(0).fault(OddFault::Shape, "it is not of the documented shape");
        match channel {
            Channel::Trades => self.trade(place, Err(fault), text),
            Channel::Candles(_) => self.candle(place, Err(fault), false, text),
            // A book is out of step with anything missing of it.
            Channel::Book(_) => self.lose(text, "a message about a book is not of the documented shape"),
        }
    }

    /// A request was granted as a whole.
    pub(crate) fn granted(&mut self, request: u64) {
        for place in self.asking.answered_all(request) {
            self.acknowledge(place);
        }
    }

    /// A request was granted as a whole: the one of a number, else the oldest.
    pub(crate) fn granted_or_oldest(&mut self, request: Option<u64>) {
        match request {
            Some(request) => self.granted(request),
            None => {
                for place in self.asking.answered_oldest() {
                    self.acknowledge(place);
                }
            }
        }
    }

    /// A topic was granted, by the exchange's word or by a row of it.
    #[inline]
    pub(crate) fn acknowledge(&mut self, place: Place) {
        if let Some(slot) = self.topics.get_mut(place).filter(|slot| slot.granted.is_none()) {
            slot.granted = Some(match &slot.rows {
                TopicRows::Candles(_) => self.clock.times_for_candles(),
                TopicRows::Trades(_) | TopicRows::Book(_) => self.clock.times(),
            });
            if let TopicRows::Book(rows) = &mut slot.rows {
                rows.granted(self.now);
            }
            self.into.events.push(Event::Acknowledged { topic: slot.topic.id });
            self.asking.answered(place);
        }
    }

    /// A request was refused: the one of a number, else one for a topic that `is_named` says the refusal names. With it
    /// everything that stood in its message was refused where `is_whole`.
    pub(crate) fn refused(
        &mut self,
        request: Option<u64>,
        is_named: impl Fn(&Slot) -> bool,
        is_whole: bool,
        words: &str,
    ) {
        let is_named = |place| self.topics.get(place).is_some_and(&is_named);
        match self.asking.refused(request, is_named, is_whole) {
            Refused::Topic(place) => {
                if let Some(slot) = self.topics.remove(place) {
                    self.into.events.push(Event::Refused { topic: slot.topic.id, words: foreign(words) });
                }
            }
            Refused::Several => {}
            Refused::Nothing => self.complains(words),
        }
    }

    /// The exchange complains of something that is no topic's.
    pub(crate) fn complains(&mut self, words: &str) {
        self.into.events.push(Event::Complaint { words: foreign(words) });
    }

    /// The exchange will close the connection.
    pub(crate) fn closes(&mut self, words: &str) {
        self.into.events.push(Event::Notice { words: foreign(words) });
    }

    /// Whether the exchange trades.
    pub(crate) fn trades(&mut self, is_on: bool, words: &str) {
        self.into.events.push(Event::Trading { is_on, words: foreign(words) });
    }

    /// The exchange had too many messages.
    pub(crate) fn slow_down(&mut self, words: &str) {
        self.pace.hold(self.now.elapsed + SLOWED);
        self.complains(words);
    }
}

const TOO_NEW: &str = "its time lies in the future";

/// Prices are above nothing, and no trade is of the future.
#[inline]
fn traded(trade: TradeRow<'_>, now: Now) -> Result<TradeRow<'_>, RowFault> {
    if trade.price <= 0.0 {
        return Err(Row(0).fault(OddFault::Value, "its price is zero"));
    }
    if !may_be(trade.ts, now) {
        return Err(Row(0).fault(OddFault::Time, TOO_NEW));
    }
    Ok(trade)
}

/// A row that is refused, as its fault: here nothing is refused with it.
pub(crate) fn fault_of(refused: Refusal) -> RowFault {
    match refused {
        Refusal::Row(fault) => fault,
        Refusal::Page(error) => Row(0).impossible(error),
    }
}
