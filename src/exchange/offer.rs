//! An exchange's abilities for a kind of rows, as data.

use std::time::Duration;

use crate::exchange::{Budget, Instrument};
use crate::model::{Grid, Kind, Market, Micros, Span, Window};

/// An exchange's abilities for one kind on some markets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// The kind of rows.
    pub kind: Kind,
    /// The markets it holds for.
    pub markets: &'static [Market],
    /// The spans, empty for kinds without.
    pub spans: &'static [SpanOffer],
    /// The most rows one answer holds.
    pub page_rows: u32,
    /// Which rows of a window come where it holds more than a page.
    pub direction: Direction,
    /// Which ends of a window a request can name.
    pub bounds: Bounds,
    /// How far back it goes.
    pub history: History,
    /// Whether it may have forgotten rows sooner than [`history`](Offer::history) says: what it does not show any
    /// more was then not empty.
    pub is_forgetful: bool,
    /// Whether the answer for a dated pair goes on over the contracts that had its name before; each request else
    /// names one contract, and shows nothing of the others.
    pub is_continuous: bool,
    /// Whether trades are numbered without a hole, so that one is left out wherever a number is.
    pub ids_are_contiguous: bool,
    /// The kind whose rows older candles are computed from, where [`history`](Offer::history) ends early.
    pub derived_from: Option<Kind>,
    /// How the oldest row is found.
    pub probe: Probe,
    /// For a kind without a span: the longest window one walk takes, so that walks run side by side; zero
    /// where one walk takes all.
    pub walk: Duration,
    /// The depths of book it can be asked for with the request's weight, shallowest first; empty for other kinds.
    pub depths: &'static [(u32, u32)],
    /// The weight of one page; for a book see `depths`.
    pub weight: u32,
    /// The budget that pays for a page.
    pub budget: Budget,
    /// How long after its end a candle may still change or be missing.
    pub grace: Duration,
    /// Whether a recorded answer backs this entry, rather than documentation alone.
    pub recorded: bool,
}

impl Offer {
    /// Whether a request by time says before which instant its rows lie.
    #[must_use]
    pub(crate) fn names_newer_end(&self) -> bool {
        match self.bounds {
            Bounds::Both | Bounds::Page => true,
            Bounds::Near => self.direction == Direction::NewestFirst,
            Bounds::Unbounded | Bounds::ById => false,
        }
    }

    /// The common case, to be overridden by struct update.
    pub const USUAL: Offer = Offer {
        kind: Kind::Ohlc,
        markets: &[Market::Spot],
        spans: &[],
        page_rows: 1_000,
        direction: Direction::OldestFirst,
        bounds: Bounds::Both,
        history: History::Full,
        is_forgetful: false,
        is_continuous: false,
        ids_are_contiguous: false,
        derived_from: None,
        probe: Probe::None,
        walk: Duration::ZERO,
        depths: &[],
        weight: 1,
        budget: Budget::REQUESTS,
        grace: Duration::ZERO,
        recorded: false,
    };

    /// Whether it is not documented where candles of a span open.
    #[must_use]
    #[doc(hidden)]
    pub fn is_unanchored(&self, span: Span) -> bool {
        self.span(span).is_some_and(|own| own.is_unanchored)
    }

    /// The oldest open or instant it still answers, where `horizon` is the newest.
    #[must_use]
    #[doc(hidden)]
    pub fn reach(&self, grid: Option<Grid>, horizon: Micros) -> Micros {
        match (self.history, grid) {
            (History::Rows(rows), Some(grid)) => grid.step(horizon, -i64::from(rows)),
            (History::For(length), _) => horizon - length,
            _ => Micros(0),
        }
    }

    /// When the rows of a dated pair are those of one contract. Returns `None` if a request is not bound to a contract.
    #[must_use]
    pub(crate) fn tenure(&self, instrument: &Instrument) -> Option<Window> {
        instrument.tenure().filter(|_| !self.is_continuous)
    }

    /// Where the first candle opens that may hold an instant.
    #[must_use]
    pub(crate) fn open_before(&self, grid: Grid, at: Micros) -> Micros {
        if self.is_unanchored(grid.span) {
            return at - Duration::from_secs(u64::from(grid.span.secs()));
        }
        grid.floor(at)
    }

    /// Whether one answer shows all there is: some of the newest rows, however long ago they were.
    #[must_use]
    #[doc(hidden)]
    pub fn is_recent_only(&self) -> bool {
        matches!((self.history, self.bounds), (History::Rows(_), Bounds::Unbounded))
    }

    /// Whether a request can be open towards where its walk goes, so that any row there answers it.
    #[must_use]
    pub(crate) fn is_open_ended(&self) -> bool {
        self.bounds != Bounds::Page
    }

    /// The offer for one span, if the exchange has it.
    #[must_use]
    pub fn span(&self, span: Span) -> Option<&SpanOffer> {
        self.spans.iter().find(|own| own.span() == span)
    }

    /// The grid candles of a span stand on at this exchange.
    #[must_use]
    pub fn grid(&self, span: Span) -> Grid {
        self.span(span).map_or_else(|| span.grid(), SpanOffer::grid)
    }
}

/// One span an exchange has candles for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanOffer {
    /// The length in seconds; 2592000 is the calendar month.
    pub secs: u32,
    /// The exchange's own word for it.
    pub word: &'static str,
    /// Seconds after the epoch at which a candle opens, where it is not the usual grid.
    pub anchor_secs: Option<i64>,
    /// Whether it is not documented where its candles open: its rows are then held to no grid.
    pub is_unanchored: bool,
}

impl SpanOffer {
    /// A span on the usual grid.
    #[must_use]
    pub const fn usual(secs: u32, word: &'static str) -> Self {
        SpanOffer { secs, word, anchor_secs: None, is_unanchored: false }
    }

    /// A span whose opens are not documented.
    #[must_use]
    pub(crate) const fn unanchored(secs: u32, word: &'static str) -> Self {
        SpanOffer { secs, word, anchor_secs: None, is_unanchored: true }
    }

    /// The span as a value.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::of_secs(u64::from(self.secs)).unwrap_or(Span::Fixed(self.secs))
    }

    /// The grid its candles stand on.
    #[must_use]
    pub fn grid(&self) -> Grid {
        let span = self.span();
        self.anchor_secs.map_or_else(|| span.grid(), |anchor_secs| Grid { span, anchor_secs })
    }
}

/// How far back an exchange answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// To the first row there is.
    Full,
    /// Only the newest rows, this many.
    Rows(u32),
    /// Only this long back.
    For(Duration),
    /// Only the present moment, as with a book.
    Now,
}

/// Which rows of a window an exchange answers where it holds more than a page, whatever their order in the
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The oldest: a walk goes on upwards.
    OldestFirst,
    /// The newest: a walk goes on downwards.
    NewestFirst,
}

/// Which ends of a window a request can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Both ends, however far they are apart.
    Both,
    /// Both ends, but no more opens between them than a page holds; for kinds with a span, whose walks are
    /// no longer either.
    Page,
    /// Only the end a walk begins at: the older one of oldest first, the newer one of newest first.
    Near,
    /// None: the answer is the same whatever is wanted.
    Unbounded,
    /// None, but trades have contiguous numbers from 0 or 1 on as ids and can be asked for by those, oldest
    /// first; [`Ask::Now`](crate::exchange::Ask::Now) gives the newest page. Where a window begins is searched for.
    ById,
}

/// How the oldest row of a series is found with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A page of one row from the epoch on.
    ByTime,
    /// A page of one row from the first id on.
    ById,
    /// A page of the longest candles there are, up to the present: nothing lies before the oldest, where the
    /// page is not full.
    Longest,
    /// The first trade by its id, whatever the kind.
    FirstTrade,
    /// It cannot be found.
    None,
}
