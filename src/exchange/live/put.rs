//! How rows and events are put down.

use crate::exchange::live::candle_topic::Outcome;
use crate::exchange::live::numbers::Gap;
use crate::exchange::live::{Event, Hole, Now, Received, TopicId};
use crate::exchange::reading::record::{TradeId, TradeRow};
use crate::exchange::reading::row::RowFault;
use crate::model::{Kind, OddRow, Trade};

/// Puts down what comes of a candle.
pub(crate) fn settle(into: &mut Received, topic: TopicId, outcome: Outcome) {
    into.events.extend(outcome.hole.map(|gap| hole(topic, gap)));
    into.counts.repeated += u64::from(outcome.is_repeated);
    if let Some(candle) = outcome.row {
        into.row_of(topic, Kind::Ohlc).candles_mut().push(candle);
    }
}

/// Rows of a topic that are missing.
pub(crate) fn hole(topic: TopicId, gap: Gap) -> Event {
    Event::Hole(Hole { topic, ids: gap.ids, window: gap.window, reason: gap.reason })
}

/// A row that cannot be true.
pub(crate) fn odd(topic: TopicId, fault: RowFault, text: &str) -> Event {
    Event::Odd { topic, row: OddRow::new(fault.fault, fault.reason, text, None) }
}

/// Puts down a trade.
#[inline]
pub(crate) fn push(into: &mut Received, topic: TopicId, row: &TradeRow<'_>, now: Now) {
    let (mut digits, text);
    let id = match &row.id {
        TradeId::Text(own) => &**own,
        TradeId::Number(number) => {
            digits = [0; 20];
            text = decimal(*number, &mut digits);
            text
        }
    };
    let (ts, price, amount, side) = (row.ts, row.price, row.amount, row.side);
    let trade = Trade { ts, ts_recv: Some(now.at), id: Some(id), price, amount, side };
    into.row_of(topic, Kind::Trades).trades_mut().push(trade);
}

/// A number written out.
#[inline]
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut place = digits.len();
    loop {
        place -= 1;
        digits[place] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&digits[place..]).unwrap_or_default();
        }
    }
}
