//! Order books: whole snapshots of 3.x. 2.x kept one level of each book, or sums over levels, which cannot be
//! imported.
//!
//! 3.x did not record when it received a book; the book's own instant is used instead.

use parquet::errors::Result;

use crate::import::layout::{Clock, Era, TS};
use crate::import::raw::{RawFile, flag, number, text, whole};
use crate::import::reason::Reason;
use crate::import::taken::{Taken, is_amount, is_possible, is_price};
use crate::model::{BookLevel, Kind, Micros, Side};

/// Reads the books of a file. Snapshots are numbered from 0; the store renumbers them.
pub(crate) fn read(file: &RawFile, now: Micros) -> Result<Taken> {
    let mut taken = Taken::nothing(Kind::OrderBook);
    let names = [TS, "side", "price", "amount", "count", "is_snapshot"];
    let clock = Clock::of(file);
    let mut levels: Vec<(Micros, Option<BookLevel>)> = Vec::new();
    for index in 0..file.groups() {
        let (count, columns) = file.group(index, &names)?;
        for row in 0..count {
            let Some((ts, era)) = clock.read(&columns[0], row) else {
                taken.leave(Reason::Impossible, None);
                continue;
            };
            if era == Era::Two {
                taken.leave(Reason::PartOfBook, None);
                continue;
            }
            let side = match text(&columns[1], row) {
                Some("bid") => Some(Side::Bid),
                Some("ask") => Some(Side::Ask),
                _ => None,
            };
            let price = number(&columns[2], row).filter(|price| is_price(*price));
            let amount = number(&columns[3], row).filter(|amount| is_amount(*amount));
            let count = whole(&columns[4], row).and_then(|count| i32::try_from(count).ok());
            let is_snapshot = flag(&columns[5], row).unwrap_or(true);
            let level = side.zip(price).zip(amount).map(|((side, price), amount)| BookLevel {
                ord: 0,
                ts,
                ts_recv: ts,
                seq: None,
                is_snapshot,
                side,
                price,
                amount,
                count,
            });
            levels.push((
                ts,
                level.filter(|level| is_possible(ts, now) && (level.amount > 0.0 || !is_snapshot)),
            ));
        }
    }
    levels.sort_by_key(|level| level.0);
    number_and_take(&levels, &mut taken);
    Ok(taken)
}

/// A book with an invalid level is left out completely.
fn number_and_take(levels: &[(Micros, Option<BookLevel>)], taken: &mut Taken) {
    let mut ord = 0;
    for book in levels.chunk_by(|a, b| a.0 == b.0) {
        let whole: Option<Vec<BookLevel>> = book.iter().map(|(_, level)| *level).collect();
        let Some(whole) = whole else {
            book.iter().for_each(|_| taken.leave(Reason::Impossible, None));
            continue;
        };
        for level in best_first(whole) {
            taken.rows.book_mut().push(BookLevel { ord, ..level });
        }
        ord += 1;
    }
}

/// Bids from the highest, then asks from the lowest: 3.x stores levels in no particular order.
fn best_first(mut book: Vec<BookLevel>) -> Vec<BookLevel> {
    book.sort_by(|a, b| match (a.side, b.side) {
        (Side::Bid, Side::Bid) => b.price.total_cmp(&a.price),
        (Side::Ask, Side::Ask) => a.price.total_cmp(&b.price),
        (a, b) => (a == Side::Ask).cmp(&(b == Side::Ask)),
    });
    book
}
