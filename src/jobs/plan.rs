//! Plans a run: what is wanted minus what is settled, cut into windows to walk. Pure.

use std::time::Duration;

use crate::exchange::{Exchange, Offer};
use crate::model::{Grid, Micros, Series, Window, Windows};

/// The newest candles, which every run requests again because exchanges revise them.
const ASKED_AGAIN: i64 = 3;

/// The shortest time before the present in which nothing is confirmed empty, since rows may arrive late.
const UNSETTLED: Duration = Duration::from_secs(3_600);

/// The first open not closed at `now`; for rows without a span, the first instant that is too recent to request.
///
/// A candle is closed when its end plus the offer's grace has passed by the exchange's clock. If the opens are
/// unknown, a candle counts as closed only a whole length after it opened.
#[must_use]
pub(crate) fn horizon(offer: &Offer, grid: Option<Grid>, now: Micros) -> Micros {
    let settled = now - offer.grace;
    match grid {
        Some(grid) if offer.is_unanchored(grid.span) => {
            settled - Duration::from_secs(u64::from(grid.span.secs()))
        }
        Some(grid) => grid.floor(settled),
        None => settled,
    }
}

/// The instant until when rows of a series are due: what is missing before it is a gap.
///
/// Rows without a span prove time only up to the last of them, so silence since then is not a gap until it exceeds
/// the delay with which rows may arrive.
#[must_use]
pub(crate) fn due_until(exchange: &dyn Exchange, series: &Series, covered: &Windows, now: Micros) -> Micros {
    let Some(offer) = exchange.offer_for(series) else { return now };
    let grid = series.span().map(|span| offer.grid(span));
    let horizon = horizon(offer, grid, now);
    match (grid, covered.last()) {
        (None, Some(newest)) if horizon.since(newest.until) < UNSETTLED => newest.until,
        _ => horizon,
    }
}

/// How long after a contract expired rows of it may still arrive late.
const EXPIRED_FOR: Duration = Duration::from_secs(60);

/// The instant from which nothing can be confirmed empty, of an instrument that trades until `ends`.
#[must_use]
pub(crate) fn unsettled_since(grid: Option<Grid>, horizon: Micros, ends: Option<Micros>) -> Micros {
    if let Some(ends) = ends.filter(|ends| *ends + EXPIRED_FOR <= horizon) {
        return ends;
    }
    let spans = grid.map_or(horizon, |grid| grid.step(horizon, -ASKED_AGAIN));
    spans.min(horizon - UNSETTLED)
}

/// The earliest instant of the newest page, for when nothing else shows where history begins.
#[must_use]
pub(crate) fn newest_page(offer: &Offer, grid: Option<Grid>, horizon: Micros) -> Micros {
    match grid {
        Some(grid) => grid.step(horizon, -i64::from(offer.page_rows)),
        None => horizon - offer.walk.min(Duration::from_secs(60)),
    }
}

/// The windows to fetch: everything wanted that is not settled, and the newest closed candles again.
#[must_use]
pub fn missing(settled: &Windows, covered: &Windows, wanted: Window, grid: Option<Grid>) -> Windows {
    let mut missing = settled.missing(wanted);
    if let (Some(grid), Some(newest)) = (grid, covered.within(wanted).last()) {
        let again = Window::new(grid.step(newest.until, -ASKED_AGAIN).max(newest.from), newest.until);
        again.into_iter().for_each(|window| missing.add(window));
    }
    missing
}

/// Splits missing windows into those before, after or at the ends of settled time, and the holes in between.
#[must_use]
pub fn holes(missing: Windows, settled: &Windows) -> (Windows, Windows) {
    let ends = settled.first().zip(settled.last());
    let inside = ends.and_then(|(first, last)| Window::new(first.from, last.until));
    let holes = inside.map(|inside| settled.missing(inside)).unwrap_or_default();
    let holes: Windows =
        holes.iter().flat_map(|hole| missing.within(hole).iter().collect::<Vec<_>>()).collect();
    let mut new = missing;
    new.remove_all(&holes);
    (new, holes)
}

/// Cuts windows into one per walk, adjacent to each other: a page of candles, or the offer's stretch of trades.
pub fn walks(windows: &Windows, offer: &Offer, grid: Option<Grid>) -> impl Iterator<Item = Window> {
    let (rows, walk) = (i64::from(offer.page_rows), offer.walk);
    windows.iter().collect::<Vec<_>>().into_iter().flat_map(move |window| {
        let mut from = window.from;
        std::iter::from_fn(move || {
            let until = match grid {
                Some(grid) => grid.step(from, rows),
                None if walk.is_zero() => window.until,
                None => from + walk,
            };
            let part = Window::new(from, until.min(window.until))?;
            from = part.until;
            Some(part)
        })
    })
}

/// The number of windows that [`walks`] returns, without computing them.
#[must_use]
pub fn count(windows: &Windows, offer: &Offer, grid: Option<Grid>) -> usize {
    walks(windows, offer, grid).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::find;
    use crate::model::{Kind, Market, Span, Zone};

    fn offer(kind: Kind) -> &'static Offer {
        find("binance").unwrap().offer(kind, Market::Spot).unwrap()
    }

    fn at(text: &str) -> Micros {
        Micros::parse(text, &Zone::UTC).unwrap()
    }

    fn window(from: &str, until: &str) -> Window {
        Window::new(at(from), at(until)).unwrap()
    }

    #[test]
    fn the_running_candle_is_never_asked_for_and_a_closed_one_only_after_its_grace() {
        let grid = Some(Span::HOUR.grid());
        let offer = offer(Kind::Ohlc);
        assert_eq!(horizon(offer, grid, at("2024-01-01 10:59:59")), at("2024-01-01 10:00:00"));
        assert_eq!(horizon(offer, grid, at("2024-01-01 11:00:01")), at("2024-01-01 10:00:00"));
        assert_eq!(horizon(offer, grid, at("2024-01-01 11:00:02")), at("2024-01-01 11:00:00"));
        assert_eq!(horizon(offer, Some(Span::Month.grid()), at("2024-02-29")), at("2024-02-01"));
    }

    #[test]
    fn inner_holes_are_planned_and_the_last_three_candles_asked_again() {
        let grid = Some(Span::HOUR.grid());
        let covered: Windows =
            [window("2024-01-01", "2024-01-02"), window("2024-01-03", "2024-01-04")].into_iter().collect();
        let missing = missing(&covered, &covered, window("2024-01-01", "2024-01-04"), grid);
        assert_eq!(
            missing.iter().collect::<Vec<_>>(),
            [window("2024-01-02", "2024-01-03"), window("2024-01-03 21:00:00", "2024-01-04")]
        );
    }

    #[test]
    fn holes_lie_between_what_is_settled_and_everything_else_is_new() {
        let grid = Some(Span::HOUR.grid());
        let covered: Windows =
            [window("2024-01-01", "2024-01-02"), window("2024-01-03", "2024-01-04")].into_iter().collect();
        let missing = missing(&covered, &covered, window("2023-12-31", "2024-01-05"), grid);
        let (new, holes) = super::holes(missing, &covered);
        assert_eq!(holes.iter().collect::<Vec<_>>(), [window("2024-01-02", "2024-01-03")]);
        assert_eq!(
            new.iter().collect::<Vec<_>>(),
            [window("2023-12-31", "2024-01-01"), window("2024-01-03 21:00:00", "2024-01-05")]
        );
    }

    #[test]
    fn a_store_that_holds_everything_but_its_newest_candles_asks_one_page() {
        let grid = Some(Span::MINUTE.grid());
        let covered = Windows::from(window("2023-01-01", "2024-01-01"));
        let missing = missing(&covered, &covered, window("2023-01-01", "2024-01-01 00:05:00"), grid);
        assert_eq!(
            missing.iter().collect::<Vec<_>>(),
            [window("2023-12-31 23:57:00", "2024-01-01 00:05:00")]
        );
        assert_eq!(count(&missing, offer(Kind::Ohlc), grid), 1);
    }

    #[test]
    fn the_quiet_after_the_last_trade_is_no_gap_before_an_hour_has_passed() {
        let exchange = find("binance").unwrap();
        let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
        let covered = Windows::from(window("2024-01-01", "2024-01-01 10:00:00"));
        let due = |now| due_until(exchange, &series, &covered, at(now));
        assert_eq!(due("2024-01-01 10:30:00"), at("2024-01-01 10:00:00"));
        assert_eq!(due("2024-01-01 11:30:05"), at("2024-01-01 11:30:00"));
    }

    proptest! {
        #[test]
        fn walks_meet_edge_to_edge_and_hold_a_page_at_most(
            parts in prop::collection::vec((0_i64..2_000_000, 1_i64..400_000), 1..5),
            span in prop::sample::select(vec![Span::MINUTE, Span::HOUR, Span::WEEK, Span::Month]),
        ) {
            let windows: Windows = parts.iter()
                .filter_map(|(from, len)| Window::new(Micros::from_secs(from * 60 + 7), Micros::from_secs((from + len) * 60)))
                .collect();
            let (offer, grid) = (offer(Kind::Ohlc), span.grid());
            let walked: Vec<Window> = walks(&windows, offer, Some(grid)).collect();
            prop_assert_eq!(walked.iter().copied().collect::<Windows>(), windows.clone());
            prop_assert!(walked.iter().all(|part| grid.count(*part) <= u64::from(offer.page_rows)));
            prop_assert!(walked.windows(2).all(|pair| pair[0].until <= pair[1].from));
            prop_assert_eq!(count(&windows, offer, Some(grid)), walked.len());
        }
    }
}
