//! Books of an exchange from the frames of one connection alone.

use std::collections::BTreeMap;

use crate::exchange::live::book::{
    Book, BookFault, BookRules, BookSink, BookWire, Chain, Change, Effect, LiveBook, Source,
};
use crate::exchange::{binance, bitfinex, bitmex, bybit, coinbase, kraken, krakenfutures, okx};
use crate::model::{Batch, Market};

/// Books that follow one connection to an exchange, one for each symbol that comes over it.
pub struct Books {
    wire: Box<dyn BookWire>,
    books: BTreeMap<String, LiveBook>,
    depth: Option<usize>,
    news: Vec<BookNews>,
}

/// The effect of a frame on one book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookNews {
    /// The exchange's symbol.
    pub symbol: String,
    /// Whether the frame was a whole book, or the book came into step by it.
    pub is_whole: bool,
    /// Why the book is not in step any more, or could not come into it.
    pub fault: Option<BookFault>,
}

impl Books {
    /// Books of an exchange; `depth` is that of the levels which were asked for. Returns `None` if their rules are not
    /// known.
    #[must_use]
    pub fn of(exchange: &str, market: Market, depth: Option<usize>) -> Option<Self> {
        let wire: Box<dyn BookWire> = match (exchange, market) {
            ("binance", Market::Spot) => Box::new(binance::Books::of_spot()),
            ("binance" | "binancecoinm", _) => Box::new(binance::Books::of_contracts()),
            ("kraken", _) => Box::<kraken::Books>::default(),
            ("krakenfutures", _) => Box::<krakenfutures::Books>::default(),
            ("coinbase", _) => Box::<coinbase::Books>::default(),
            ("bybit", _) => Box::<bybit::Books>::default(),
            ("okx", _) => Box::<okx::Books>::default(),
            ("bitfinex", _) => Box::<bitfinex::Books>::default(),
            ("bitmex", _) => Box::<bitmex::Books>::default(),
            _ => return None,
        };
        Some(Books { wire, books: BTreeMap::new(), depth, news: Vec::new() })
    }

    /// Reads a frame. Returns its effects, in order. One that cannot be read may have held a change of any book whose
    /// updates are not numbered: those are out of step.
    pub fn read(&mut self, frame: &str) -> Vec<BookNews> {
        let Books { wire, books, depth, news } = self;
        let rules = wire.rules();
        let mut taker = Taker { rules, books, depth: *depth, news };
        if wire.read(frame, &mut taker).is_err() {
            taker.fall(|_, book| !book.is_numbered(), BookFault::Unreadable);
        }
        std::mem::take(news)
    }

    /// Takes a whole book that was asked for with so many levels a side. Returns its effects.
    pub fn answer(&mut self, symbol: &str, rows: &Batch, asked: usize) -> Vec<BookNews> {
        let Books { wire, books, depth, news } = self;
        let mut taker = Taker { rules: wire.rules(), books, depth: *depth, news };
        let step = taker.book(symbol).take_answer(&Change::of_answer(rows, asked));
        taker.note(symbol, step);
        std::mem::take(news)
    }

    /// Whether whole books are asked for over REST.
    #[must_use]
    pub fn are_asked_for(&self) -> bool {
        matches!(self.wire.rules().source, Source::Request { .. })
    }

    /// How many levels a side the checksums cover, where there are any.
    #[must_use]
    pub fn summed_levels(&self) -> Option<usize> {
        self.wire.rules().checksum().map(|way| way.levels())
    }

    /// The proof that no update was left out.
    #[must_use]
    pub fn proof(&self) -> &'static str {
        let rules = self.wire.rules();
        match (rules.chain, rules.checksum()) {
            (Chain::Nothing, None) => "nothing",
            (Chain::Nothing, Some(_)) => "checksums",
            (_, None) => "numbers",
            (_, Some(_)) => "numbers, and checksums where they are told",
        }
    }

    /// The book of a symbol, if it is in step.
    #[must_use]
    pub fn in_step(&self, symbol: &str) -> Option<&Book> {
        self.books.get(symbol)?.in_step()
    }

    /// The number of the last update of a symbol, where updates have one.
    #[must_use]
    pub fn number(&self, symbol: &str) -> Option<i64> {
        self.books.get(symbol)?.last()
    }

    /// Every symbol that came.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.books.keys().map(String::as_str)
    }
}

impl Clone for Books {
    fn clone(&self) -> Self {
        let Books { wire, books, depth, news } = self;
        Books { wire: wire.copy(), books: books.clone(), depth: *depth, news: news.clone() }
    }
}

struct Taker<'b> {
    rules: &'static BookRules,
    books: &'b mut BTreeMap<String, LiveBook>,
    depth: Option<usize>,
    news: &'b mut Vec<BookNews>,
}

impl Taker<'_> {
    fn book(&mut self, symbol: &str) -> &mut LiveBook {
        if !self.books.contains_key(symbol) {
            self.books.insert(symbol.to_owned(), LiveBook::new(self.rules, self.depth, 1));
        }
        let Some(book) = self.books.get_mut(symbol) else { unreachable!("it was inserted") };
        book
    }

    fn note(&mut self, symbol: &str, step: Effect) {
        let (is_whole, fault) = match step {
            Effect::Nothing => return,
            Effect::Applied => (false, None),
            Effect::InStep => (true, None),
            Effect::OutOfStep(fault) => (false, Some(fault)),
        };
        self.news.push(BookNews { symbol: symbol.to_owned(), is_whole, fault });
    }
}

impl BookSink for Taker<'_> {
    fn change(&mut self, symbol: &str, change: &mut Change) {
        let step = self.book(symbol).take(change);
        self.note(symbol, step);
    }

    fn checksum(&mut self, symbol: &str, checksum: u32) {
        let step = self.book(symbol).take_checksum(checksum);
        self.note(symbol, step);
    }

    fn lost(&mut self, symbol: Option<&str>, fault: BookFault) {
        self.fall(|own, _| symbol.is_none_or(|symbol| symbol == own), fault);
    }
}

impl Taker<'_> {
    /// Puts the books out of step that `is_lost` picks.
    fn fall(&mut self, is_lost: impl Fn(&str, &LiveBook) -> bool, fault: BookFault) {
        let fallen: Vec<String> = self
            .books
            .iter_mut()
            .filter(|(own, book)| book.in_step().is_some() && is_lost(own, book))
            .map(|(own, book)| {
                book.fall(fault);
                own.clone()
            })
            .collect();
        for symbol in fallen {
            self.note(&symbol, Effect::OutOfStep(fault));
        }
    }
}
