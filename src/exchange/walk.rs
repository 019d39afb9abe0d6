//! The walk over one window, page by page, and what each answer proves.
//!
//! Candles prove `[from, last open + span)`: an absent candle between two rows was a quiet market. Trades
//! prove `[from, last ts)`, since more of that instant may follow, and all of the window once a row past
//! its end was seen. A short page proves only up to its last row; the rest is asked again, overlapping by
//! that row. Two answers with nothing beyond what is held make the rest confirmed empty, unless it lies
//! too near the present, or a later row is known and the exchange contradicts itself.

use std::sync::Arc;

use crate::exchange::{Ask, Next, Offer, Page, ParseError};
use crate::model::{Batch, Grid, Micros, Series, Span, Window};

/// Answers in a row that may contradict what the exchange said before, until the walk gives up.
const MOST_CONTRADICTIONS: u8 = 4;

/// A walk over one window of a series, oldest row first.
#[derive(Clone, Debug)]
pub struct Walk {
    series: Arc<Series>,
    offer: &'static Offer,
    grid: Option<Grid>,
    window: Window,
    /// The first open or instant that may not be asked for: rows from here on are not closed.
    horizon: Micros,
    /// Nothing from here on can be confirmed empty: late rows may still come.
    settled: Micros,
    /// Everything of the window before this is proven.
    from: Micros,
    ask: Ask,
    /// The newest row this walk has seen.
    held: Option<Micros>,
    /// The next page asks for the newest held row again, and for what follows however far off.
    again: bool,
    empties: u8,
    contradictions: u8,
    ended: bool,
}

/// What one answer gave.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The rows that lie in the window.
    pub rows: Batch,
    /// What they prove to be covered.
    pub covered: Option<Window>,
    /// What is proven to be empty.
    pub empty: Option<Window>,
    /// Rows outside what was asked for, which an exchange should not have sent.
    pub stray: u64,
}

impl Walk {
    /// A walk over `window`. `horizon` is the first open that is not closed; nothing from `settled` on is
    /// ever confirmed empty.
    #[must_use]
    pub fn new(
        series: Arc<Series>,
        offer: &'static Offer,
        window: Window,
        horizon: Micros,
        settled: Micros,
    ) -> Self {
        let grid = series.span().map(|span| offer.grid(span));
        Walk {
            series,
            offer,
            grid,
            window,
            horizon,
            settled,
            from: window.from,
            ask: Ask::ByTime,
            held: None,
            again: false,
            empties: 0,
            contradictions: 0,
            ended: false,
        }
    }

    /// The next page to ask for; none when the walk is over.
    #[must_use]
    pub fn next(&self) -> Option<Page> {
        if self.ended {
            return None;
        }
        let from = if self.again { self.held.unwrap_or(self.from) } else { self.from };
        let until = if self.again { self.horizon } else { self.window.until };
        let window = Window::new(from, until).unwrap_or(self.window);
        Some(Page { series: Arc::clone(&self.series), window, ask: self.ask, rows: self.offer.page_rows })
    }

    /// What of the window is not proven: empty when the walk went through.
    #[must_use]
    pub fn left(&self) -> Option<Window> {
        Window::new(self.from, self.window.until)
    }

    /// Takes the rows of the answer to [`next`](Walk::next). `known` is the newest row known of the series,
    /// from wherever: an answer that denies it is not believed.
    ///
    /// # Errors
    /// When a candle does not open on its grid, or the exchange keeps contradicting itself.
    pub fn take(&mut self, rows: Batch, next: Next, known: Option<Micros>) -> Result<Step, ParseError> {
        self.check_grid(&rows)?;
        let asked = self.next().map_or(self.window, |page| page.window);
        let ts = rows.ts();
        let by_id = matches!(self.ask, Ask::FromId(_));
        let answers = |at: &i64| by_id || asked.holds(Micros(*at));
        let stray = ts.iter().filter(|at| !answers(at)).count() as u64;
        if stray > 0 && stray == ts.len() as u64 {
            return Err(ParseError::Malformed {
                reason: format!("all its rows lie outside {asked}, which was asked for"),
                excerpt: format!("{stray} rows, the first at {}", Micros(ts[0])),
            });
        }
        let inside: Vec<usize> = (0..ts.len()).filter(|row| self.window.holds(Micros(ts[*row]))).collect();
        let last = inside.iter().map(|row| Micros(ts[*row])).max();
        // A row that was not asked for proves nothing.
        let past = ts.iter().any(|at| answers(at) && Micros(*at) >= self.window.until);
        let (mut covered, mut empty) = (None, None);
        let reached = last.map_or(self.from, |last| self.after(last));
        if past || reached >= self.window.until {
            covered = self.prove(self.window.until);
            self.ended = true;
        } else if self.advances(last, next) {
            covered = self.prove(reached);
            let full = ts.len() >= self.offer.page_rows as usize;
            self.go_on(last, next, full);
        } else {
            self.nothing_beyond(&rows, next, known)?;
            if self.empties >= 2 {
                empty = Window::new(self.from, self.window.until.min(self.settled));
                self.from = empty.map_or(self.from, |window| window.until);
                self.ended = true;
            }
        }
        let rows = if inside.len() == rows.len() { rows } else { rows.gather(&inside) };
        Ok(Step { rows, covered, empty, stray })
    }

    /// Up to where a row proves the window.
    fn after(&self, row: Micros) -> Micros {
        // Where 3-day candles open is not documented, so their length is counted from themselves.
        match (&self.grid, self.series.span()) {
            (Some(grid), Some(span)) if has_known_grid(span) => grid.next(row),
            (Some(grid), _) => row + std::time::Duration::from_secs(u64::from(grid.span.secs())),
            _ => row,
        }
    }

    fn prove(&mut self, until: Micros) -> Option<Window> {
        let proven = Window::new(self.from, until);
        self.from = self.from.max(until);
        proven
    }

    fn advances(&self, last: Option<Micros>, next: Next) -> bool {
        match (self.ask, next) {
            (Ask::FromId(asked), Next::FromId(id)) => id > asked,
            (_, Next::FromId(_)) => true,
            (_, Next::ByTime) => last.is_some_and(|last| self.held.is_none_or(|held| last > held)),
        }
    }

    fn go_on(&mut self, last: Option<Micros>, next: Next, full: bool) {
        self.held = last.or(self.held);
        (self.empties, self.contradictions) = (0, 0);
        match next {
            Next::FromId(id) => self.ask = Ask::FromId(id),
            Next::ByTime => self.again = !full,
        }
    }

    fn nothing_beyond(&mut self, rows: &Batch, next: Next, known: Option<Micros>) -> Result<(), ParseError> {
        let overlap_is_missing = match (self.ask, next) {
            (Ask::FromId(_), Next::ByTime) => true,
            (Ask::FromId(asked), Next::FromId(id)) => id < asked,
            (Ask::ByTime, _) => self.again && self.held.is_some_and(|held| !rows.ts().contains(&held.0)),
            _ => false,
        };
        let open_ended = self.again || matches!(self.ask, Ask::FromId(_));
        let later_row_is_missing = open_ended && known.is_some_and(|known| known >= self.window.until);
        self.again = true;
        if overlap_is_missing || later_row_is_missing {
            self.contradictions += 1;
            if self.contradictions > MOST_CONTRADICTIONS {
                return Err(ParseError::Malformed {
                    reason: "it keeps contradicting what was asked for or what the exchange gave before"
                        .to_owned(),
                    excerpt: format!("{} rows", rows.len()),
                });
            }
        } else {
            self.empties += 1;
        }
        Ok(())
    }

    fn check_grid(&self, rows: &Batch) -> Result<(), ParseError> {
        let Some(grid) = self.grid.filter(|grid| has_known_grid(grid.span)) else { return Ok(()) };
        let off = rows.ts().iter().position(|at| !grid.holds(Micros(*at)));
        off.map_or(Ok(()), |row| {
            let at = Micros(rows.ts()[row]);
            Err(ParseError::Impossible { row, reason: format!("no {} candle opens at {at}", grid.span) })
        })
    }
}

fn has_known_grid(span: Span) -> bool {
    span != Span::Fixed(259_200)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::find;
    use crate::model::{Candle, Kind, Trade, Windows};

    const MINUTE: i64 = 60_000_000;
    const START: i64 = 1_704_067_200_000_000;

    /// An exchange that holds some minutes, and answers as Binance does.
    struct Book(Vec<i64>);

    impl Book {
        fn answer(&self, page: &Page) -> Batch {
            let mut rows = Batch::of(Kind::Ohlc);
            let inside = self.0.iter().filter(|minute| page.window.holds(at(**minute)));
            for minute in inside.take(page.rows as usize) {
                rows.candles_mut().push(Candle {
                    ts: at(*minute),
                    open: 1.0,
                    high: 1.0,
                    low: 1.0,
                    close: 1.0,
                    volume: 1.0,
                    quote_volume: None,
                    trades: None,
                });
            }
            rows
        }
    }

    fn at(minute: i64) -> Micros {
        Micros(START + minute * MINUTE)
    }

    fn window(from: i64, until: i64) -> Window {
        Window::new(at(from), at(until)).unwrap()
    }

    fn walk(from: i64, until: i64, horizon: i64, settled: i64) -> Walk {
        let series: Series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
        let offer = find("binance").unwrap().offer_for(&series).unwrap();
        Walk::new(Arc::new(series), offer, window(from, until), at(horizon), at(settled))
    }

    /// Walks to the end; gives rows, coverage, confirmed-empty windows and the number of pages.
    fn run(mut walk: Walk, book: &Book, known: Option<Micros>) -> (Vec<i64>, Windows, Windows, usize) {
        let (mut rows, mut covered, mut empty, mut pages) = (Vec::new(), Windows::new(), Windows::new(), 0);
        while let Some(page) = walk.next() {
            pages += 1;
            assert!(pages < 50, "the walk does not end");
            let step = walk.take(book.answer(&page), Next::ByTime, known).unwrap();
            rows.extend(step.rows.ts().iter().map(|ts| (ts - START) / MINUTE));
            step.covered.into_iter().for_each(|window| covered.add(window));
            step.empty.into_iter().for_each(|window| empty.add(window));
        }
        rows.sort_unstable();
        rows.dedup();
        (rows, covered, empty, pages)
    }

    #[test]
    fn a_full_window_is_proven_by_one_page() {
        let (rows, covered, empty, pages) =
            run(walk(0, 1_000, 5_000, 5_000), &Book((0..2_000).collect()), None);
        assert_eq!((rows.len(), pages), (1_000, 1));
        assert_eq!((covered, empty.is_empty()), (Windows::from(window(0, 1_000)), true));
    }

    #[test]
    fn a_quiet_end_is_covered_when_a_later_row_is_seen() {
        let book = Book((0..400).chain(1_200..1_300).collect());
        let (rows, covered, empty, pages) = run(walk(0, 1_000, 5_000, 5_000), &book, None);
        assert_eq!((rows.len(), pages, empty.is_empty()), (400, 2, true));
        assert_eq!(covered, Windows::from(window(0, 1_000)));
    }

    #[test]
    fn two_empty_answers_confirm_the_rest_but_never_near_the_present() {
        let book = Book((0..400).collect());
        let (_, covered, empty, pages) = run(walk(0, 1_000, 1_000, 700), &book, None);
        assert_eq!(covered, Windows::from(window(0, 400)));
        assert_eq!(empty, Windows::from(window(400, 700)));
        assert_eq!(pages, 3);
    }

    #[test]
    fn an_exchange_that_denies_a_row_it_gave_is_not_believed() {
        let mut walk = walk(0, 1_000, 5_000, 5_000);
        walk.take(Book((0..400).collect()).answer(&walk.next().unwrap()), Next::ByTime, None).unwrap();
        let nothing = Batch::of(Kind::Ohlc);
        for _ in 0..MOST_CONTRADICTIONS {
            assert_eq!(walk.take(nothing.clone(), Next::ByTime, None).unwrap().empty, None);
        }
        assert!(walk.take(nothing, Next::ByTime, None).is_err());
    }

    #[test]
    fn an_empty_answer_is_not_believed_where_a_later_row_is_known() {
        let mut walk = walk(0, 1_000, 5_000, 5_000);
        let nothing = Batch::of(Kind::Ohlc);
        for _ in 0..3 {
            assert_eq!(walk.take(nothing.clone(), Next::ByTime, Some(at(2_000))).unwrap().empty, None);
        }
        let step = walk
            .take(Book((1_500..1_600).collect()).answer(&walk.next().unwrap()), Next::ByTime, None)
            .unwrap();
        assert_eq!(step.covered, Some(window(0, 1_000)));
    }

    #[test]
    fn rows_of_another_time_prove_nothing() {
        let mut walk = walk(0, 1_000, 5_000, 5_000);
        let newest = Book((4_000..5_000).collect());
        let asked_elsewhere = Page { window: window(4_000, 5_000), ..walk.next().unwrap() };

        assert!(walk.take(newest.answer(&asked_elsewhere), Next::ByTime, None).is_err());

        assert_eq!(walk.left(), Some(window(0, 1_000)));
    }

    #[test]
    fn a_candle_off_its_grid_is_refused() {
        let mut rows = Batch::of(Kind::Ohlc);
        rows.candles_mut().push(Candle {
            ts: Micros(START + 1_000),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            quote_volume: None,
            trades: None,
        });
        assert!(walk(0, 10, 10, 10).take(rows, Next::ByTime, None).is_err());
    }

    #[test]
    fn trades_of_the_last_instant_are_asked_again_by_id_until_one_past_the_end_is_seen() {
        let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
        let offer = find("binance").unwrap().offer_for(&series).unwrap();
        let wanted = Window::new(Micros(START), Micros(START + 100)).unwrap();
        let mut walk = Walk::new(Arc::new(series), offer, wanted, Micros(START + 500), Micros(START + 500));
        let page = |ids: std::ops::Range<u64>| {
            let mut rows = Batch::of(Kind::Trades);
            for id in ids {
                // Ten trades an instant.
                let ts = Micros(START + i64::try_from(id).unwrap() / 10);
                rows.trades_mut().push(Trade {
                    ts,
                    ts_recv: None,
                    id: Some(&id.to_string()),
                    price: 1.0,
                    amount: 1.0,
                    side: None,
                });
            }
            rows
        };

        let first = walk.take(page(0..995), Next::FromId(994), None).unwrap();
        assert_eq!(first.covered, Window::new(Micros(START), Micros(START + 99)));
        assert_eq!(walk.next().unwrap().ask, Ask::FromId(994));
        let second = walk.take(page(994..1_200), Next::FromId(1_199), None).unwrap();
        assert_eq!((second.rows.len(), second.stray), (6, 0));
        assert_eq!(second.covered, Window::new(Micros(START + 99), Micros(START + 100)));
        assert_eq!(walk.next(), None);
    }

    proptest! {
        #[test]
        fn every_minute_of_a_walk_is_stored_covered_empty_or_left(
            held in prop::collection::btree_set(0_i64..3_000, 0..60),
            from in 0_i64..1_500, len in 1_i64..1_000, settled in 0_i64..3_000,
        ) {
            let until = from + len;
            let book = Book(held.iter().copied().collect());
            let (rows, covered, empty, pages) = run(walk(from, until, 3_000, settled), &book, None);
            let wanted: Vec<i64> = held.iter().copied().filter(|minute| (from..until).contains(minute)).collect();
            prop_assert_eq!(&rows, &wanted);
            prop_assert!(pages <= 4);
            prop_assert!(rows.iter().all(|minute| covered.holds(at(*minute))));
            prop_assert!(empty.iter().all(|part| part.until <= at(settled) && covered.within(part).is_empty()));
            let mut known = covered.clone();
            known.add_all(&empty);
            let left = known.missing(window(from, until));
            prop_assert!(left.iter().all(|part| part.until > at(settled)), "left behind without need: {left:?}");
        }
    }
}
