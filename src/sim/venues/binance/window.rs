//! The interval names and the bounds of a request, common to spot markets and contracts.

use crate::model::{Micros, Span, Window};
use crate::sim::asked::SimRequest;
use crate::sim::query::BadRequest;
use crate::sim::selection::Side;
use crate::sim::venues::binance::contract::contract_end;

/// Binance's names of spans; case matters.
pub(super) const INTERVALS: [(&str, Span); 16] = [
    ("1s", Span::Fixed(1)),
    ("1m", Span::Fixed(60)),
    ("3m", Span::Fixed(180)),
    ("5m", Span::Fixed(300)),
    ("15m", Span::Fixed(900)),
    ("30m", Span::Fixed(1_800)),
    ("1h", Span::Fixed(3_600)),
    ("2h", Span::Fixed(7_200)),
    ("4h", Span::Fixed(14_400)),
    ("6h", Span::Fixed(21_600)),
    ("8h", Span::Fixed(28_800)),
    ("12h", Span::Fixed(43_200)),
    ("1d", Span::Fixed(86_400)),
    ("3d", Span::Fixed(259_200)),
    ("1w", Span::WEEK),
    ("1M", Span::Month),
];

/// `startTime` and `endTime`, both inclusive; without a start the newest rows before the end are returned.
pub(super) fn bounds(asked: &SimRequest<'_>) -> Result<(Option<Window>, Side), BadRequest> {
    let (from, last) = (asked.query.instant("startTime")?, asked.query.instant("endTime")?);
    let until = Micros(last.unwrap_or(asked.now).min(asked.now).0.saturating_add(1));
    let until = contract_end(asked).map_or(until, |end| until.min(end));
    let side = if from.is_some() || asked.is_stuck() { Side::Oldest } else { Side::Newest };
    Ok((Window::new(from.unwrap_or_default(), until), side))
}
