//! Pages asked one after another meet edge to edge and stay within what one answer holds.

use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::{ALL, Ask, Bounds, Direction, Exchange, History, Offer, Page, Probe};
use dccd::model::{Kind, Micros, Series, Span, Window};
use proptest::prelude::*;

use crate::KNOWN;
use crate::knowledge::{Asked, Knowledge};
use crate::read::{instrument, pair};

const FROM_2010: i64 = 1_262_304_000;

fn of_kind(exchange: &dyn Exchange, pick: impl Fn(&Offer) -> bool) -> Vec<&'static Offer> {
    exchange.offers().iter().filter(|offer| pick(offer)).collect()
}

fn series(exchange: &dyn Exchange, offer: &Offer, span_at: usize) -> Arc<Series> {
    let pair = pair("ETH/USD", offer.markets[0]);
    let span = offer.spans.get(span_at % offer.spans.len().max(1)).map(|own| own.span());
    Arc::new(Series::new(exchange.name(), pair, offer.kind, span).unwrap())
}

/// Asks for each window and reads back what was asked.
fn ask_all(known: &Knowledge, series: &Arc<Series>, windows: &[Window], rows: u32) -> Vec<Asked> {
    let ask = |window: &Window| {
        let request = known.exchange().request(&page(known.exchange(), series, *window, Ask::ByTime, rows));
        assert!(
            request.weight > 0 && request.path.bytes().all(|byte| byte.is_ascii_graphic()),
            "{request:?}"
        );
        (known.asked)(&request)
    };
    windows.iter().map(ask).collect()
}

/// The ends an offer names are there, and those it does not name are not.
fn assert_edge_to_edge(
    asked: &[Asked],
    whole: Window,
    rows: u32,
    offer: &Offer,
) -> Result<(), TestCaseError> {
    let (names_from, names_until) = match (offer.bounds, offer.direction) {
        (Bounds::Both | Bounds::Page, _) => (true, true),
        (Bounds::Near, Direction::OldestFirst) => (true, false),
        (Bounds::Near, Direction::NewestFirst) => (false, true),
        (Bounds::Unbounded | Bounds::ById, _) => (false, false),
    };
    for asked in asked {
        prop_assert_eq!((asked.from.is_some(), asked.until.is_some()), (names_from, names_until));
        prop_assert!(asked.limit.is_none_or(|limit| limit > 0 && limit <= rows));
    }
    for (before, after) in asked.iter().zip(&asked[1..]) {
        if let (Some(until), Some(from)) = (before.until, after.from) {
            prop_assert_eq!(until, from);
        }
    }
    // An exchange counts in its own unit: both ends are rounded, the same way.
    let second = Duration::from_secs(1);
    if let Some(first) = asked[0].from {
        prop_assert!(first >= whole.from && first.since(whole.from) < second, "{} {}", first, whole);
    }
    if let Some(last) = asked[asked.len() - 1].until {
        prop_assert!(last >= whole.until && last.since(whole.until) < second, "{} {}", last, whole);
    }
    Ok(())
}

fn page(exchange: &dyn Exchange, series: &Arc<Series>, window: Window, ask: Ask, rows: u32) -> Page {
    let instrument = instrument(exchange, series.pair());
    Page { series: Arc::clone(series), instrument, window, ask, rows }
}

proptest! {
    #[test]
    fn pages_of_candles_leave_no_open_out_and_ask_for_none_twice(
        from_secs in FROM_2010..FROM_2010 + 500_000_000,
        odd_micros in 0_i64..1_000_000,
        span_at in 0_usize..32,
        rows in prop_oneof![Just(u32::MAX), 1_u32..50],
        pages in 1_i64..6,
        part in 0_i64..1_000,
    ) {
        for known in KNOWN {
            for offer in of_kind(known.exchange(), |offer| offer.kind.has_span()) {
                let rows = rows.min(offer.page_rows);
                let series = series(known.exchange(), offer, span_at);
                let grid = offer.grid(series.span().unwrap());
                let from = Micros(from_secs * 1_000_000 + odd_micros);
                let until = grid.step(from, i64::from(rows) * pages - part % i64::from(rows));
                let whole = Window::new(from, until.max(Micros(from.0 + 1))).unwrap();
                let mut windows = Vec::new();
                let mut at = whole.from;
                while let Some(window) = Window::new(at, grid.step(at, i64::from(rows)).min(whole.until)) {
                    windows.push(window);
                    at = window.until;
                }

                let asked = ask_all(known, &series, &windows, rows);

                assert_edge_to_edge(&asked, whole, rows, offer)?;
                for (asked, window) in asked.iter().zip(&windows) {
                    let Some((from, until)) = asked.from.zip(asked.until) else { continue };
                    let opens = grid.count(Window::new(from, until).unwrap());
                    let limit = asked.limit.map_or(u64::from(rows), u64::from);
                    prop_assert_eq!(opens, grid.count(*window));
                    prop_assert!(opens <= limit, "{} opens, limit {}", opens, limit);
                }
            }
        }
    }

    #[test]
    fn windows_of_trades_leave_no_instant_out_and_ask_for_none_twice(
        from in FROM_2010 * 1_000_000..(FROM_2010 + 500_000_000) * 1_000_000,
        lengths in prop::collection::vec(1_000_i64..4_000_000_000, 1..8),
    ) {
        for known in KNOWN {
            let trades = |offer: &Offer| !offer.kind.has_span() && offer.history != History::Now;
            for offer in of_kind(known.exchange(), trades) {
                let series = series(known.exchange(), offer, 0);
                let mut windows = Vec::new();
                let mut at = Micros(from);
                for length in &lengths {
                    let window = Window::new(at, Micros(at.0 + length)).unwrap();
                    windows.push(window);
                    at = window.until;
                }
                let whole = Window::new(Micros(from), at).unwrap();

                let asked = ask_all(known, &series, &windows, offer.page_rows);

                assert_edge_to_edge(&asked, whole, offer.page_rows, offer)?;
            }
        }
    }

    #[test]
    fn a_page_by_id_asks_from_that_very_row_on(id in 1_u64..1 << 62, rows in 1_u32..5_000) {
        for known in KNOWN {
            for offer in of_kind(known.exchange(), |offer| offer.probe == Probe::ById) {
                let window = Window::new(Micros::OLDEST, Micros(Micros::OLDEST.0 + 1_000_000)).unwrap();
                let rows = rows.min(offer.page_rows);
                let series = series(known.exchange(), offer, 0);

                let page = page(known.exchange(), &series, window, Ask::FromId(id), rows);
                let asked = (known.asked)(&known.exchange().request(&page));

                prop_assert_eq!((asked.from, asked.until, asked.id), (None, None, Some(id)));
                prop_assert!(asked.limit.is_none_or(|limit| limit == rows));
            }
        }
    }
}

#[test]
fn a_span_that_is_not_offered_is_never_asked_for_as_one_that_is() {
    for exchange in ALL {
        for offer in of_kind(exchange, |offer| offer.kind.has_span()) {
            let path = |span| {
                let pair = series(exchange, offer, 0).pair().clone();
                let series = Arc::new(Series::new(exchange.name(), pair, offer.kind, Some(span)).unwrap());
                let window = Window::new(Micros::OLDEST, Micros(Micros::OLDEST.0 + 1_000_000)).unwrap();
                exchange.request(&page(exchange, &series, window, Ask::ByTime, 1)).path
            };
            let foreign = path(Span::Fixed(61));
            assert!(offer.spans.iter().all(|own| path(own.span()) != foreign), "{foreign}");
        }
    }
}

#[test]
fn a_deeper_book_never_weighs_less_and_each_depth_weighs_what_is_documented() {
    for exchange in ALL {
        let known = KNOWN.iter().find(|known| known.exchange == exchange.name()).unwrap();
        for offer in of_kind(exchange, |offer| offer.kind == Kind::OrderBook) {
            let mut least = 0;
            for rows in 1..=offer.page_rows {
                let series = series(exchange, offer, 0);
                let window = Window::new(Micros::OLDEST, Micros(Micros::OLDEST.0 + 1)).unwrap();
                let request = exchange.request(&page(exchange, &series, window, Ask::Now, rows));
                let (_, weight) = offer.depths.iter().find(|(depth, _)| rows <= *depth).unwrap();
                // An exchange that is not told how deep answers with all there is.
                let limit = (known.asked)(&request).limit.unwrap_or(offer.page_rows);
                assert_eq!(request.weight, *weight, "{rows} levels");
                assert!(
                    request.weight >= least && limit >= rows && limit <= offer.page_rows,
                    "{rows} levels"
                );
                least = request.weight;
            }
        }
    }
}
