//! A book is true as a whole, on every exchange: in whatever order and form its levels come, and never with a level
//! that cannot be.

use dccd::exchange::ParseError;
use dccd::model::{Batch, Kind};
use serde_json::json;

use crate::KNOWN;
use crate::columns::{Json, column};
use crate::full_pages::other_forms;
use crate::knowledge::known;
use crate::read::{Read, Sample, What, payloads, read};

/// A payload of a book.
struct Book {
    who: String,
    exchange: &'static str,
    sample: Sample,
    tree: Json,
    whole: Batch,
}

impl Book {
    /// The book with its levels changed, list by list.
    fn changed(&self, mut change: impl FnMut(&str, &mut Vec<Json>)) -> String {
        let mut tree = self.tree.clone();
        for at in levels_at(&self.tree) {
            change(&at, tree.pointer_mut(&at).and_then(Json::as_array_mut).unwrap());
        }
        tree.to_string()
    }

    /// The book with one level changed, of the asks where they stand apart.
    fn with(&self, change: impl FnOnce(&mut Json)) -> String {
        let at = levels_at(&self.tree).remove(0);
        let mut change = Some(change);
        self.changed(|own, levels| {
            if own == at
                && let Some(change) = change.take()
            {
                change(&mut levels[0]);
            }
        })
    }

    fn read(&self, body: &str) -> Result<Read, ParseError> {
        read(dccd::exchange::find(self.exchange).unwrap(), self.sample.what, None, body.as_bytes())
    }

    fn assert_whole(&self, what: &str, body: &str) {
        match self.read(body) {
            Ok(Read::Rows(batch, _)) => assert!(batch == self.whole, "{}: {what}", self.who),
            other => panic!("{}: {what}: {other:?}", self.who),
        }
    }

    /// The book is refused with a reason.
    fn assert_refused(&self, what: &str, body: &str, reason: &str) {
        match self.read(body) {
            Err(error @ ParseError::Impossible { .. }) => {
                assert!(error.to_string().contains(reason), "{}: {what}: {error}", self.who);
            }
            other => panic!("{}: {what}: {other:?}", self.who),
        }
    }

    /// Where prices and amounts are.
    fn names(&self) -> [&'static str; 2] {
        known(self.exchange).book.level
    }
}

/// Every payload of a book.
fn books() -> impl Iterator<Item = Book> {
    KNOWN.iter().flat_map(|known| {
        let samples = payloads(known.exchange).into_iter();
        let is_book = |sample: &Sample| matches!(sample.what, What::Page(Kind::OrderBook, _));
        samples.filter(is_book).map(|sample| {
            let Ok(Read::Rows(whole, _)) = sample.read(known.exchange()) else { panic!("{}", sample.name) };
            let tree = serde_json::from_slice(&sample.body).unwrap();
            Book {
                who: format!("{}/{}", known.exchange, sample.name),
                exchange: known.exchange,
                sample,
                tree,
                whole,
            }
        })
    })
}

/// Where levels are: every list of lists, or of objects with a price.
fn levels_at(tree: &Json) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![(String::new(), tree)]);
    while let Some((at, node)) = open.pop() {
        match node {
            Json::Array(items) if items.iter().all(|item| item.is_array() || item.get("price").is_some()) => {
                found.extend((!items.is_empty()).then_some(at));
            }
            Json::Array(items) => {
                open.extend(items.iter().enumerate().map(|(place, item)| (format!("{at}/{place}"), item)));
            }
            Json::Object(members) => {
                open.extend(members.iter().map(|(name, member)| (format!("{at}/{name}"), member)));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

#[test]
fn every_exchange_has_a_book_here() {
    let exchanges: std::collections::BTreeSet<_> = books().map(|book| book.exchange).collect();
    assert_eq!(exchanges.len(), KNOWN.len());
}

#[test]
fn levels_are_put_in_order_before_they_are_cut() {
    for book in books() {
        book.assert_whole("the other order", &book.changed(|_, levels| levels.reverse()));
        book.assert_whole("no order", &book.changed(|_, levels| levels.rotate_left(1)));
    }
}

#[test]
fn prices_and_amounts_are_the_same_in_other_forms_and_added_columns_are_passed_over() {
    for book in books() {
        for name in book.names() {
            for form in 0..4 {
                let body = book.changed(|_, levels| {
                    for level in levels {
                        let place = column(level, name);
                        if let Some(other) = other_forms(place, false).into_iter().nth(form) {
                            *place = other;
                        }
                    }
                });
                book.assert_whole(&format!("{name} in form {form}"), &body);
            }
        }
        let body = book.changed(|_, levels| {
            for level in levels {
                match level {
                    Json::Array(columns) => columns.push(json!({"new": [1]})),
                    Json::Object(members) => drop(members.insert("new".to_owned(), json!([1]))),
                    other => panic!("{other} is no level"),
                }
            }
        });
        book.assert_whole("an added column", &body);
    }
}

#[test]
fn a_level_that_cannot_rest_in_a_book_refuses_all_of_it() {
    for book in books() {
        let [price, amount] = book.names();
        for (name, none) in [price, amount].into_iter().flat_map(|name| {
            let none =
                [json!(null), json!("NaN"), json!("inf"), json!(0), json!("0.000"), json!("-1.5"), json!([])];
            none.map(|none| (name, none))
        }) {
            // There the sign of an amount is its side: one below zero is an ask, maybe at a price of the bids.
            if book.exchange == "bitfinex" && name == amount && none == json!("-1.5") {
                continue;
            }
            let body = book.with(|level| *column(level, name) = none.clone());
            book.assert_refused(&format!("{name} is {none}"), &body, "the book");
        }
    }
}

#[test]
fn a_level_that_is_there_twice_and_sides_that_cross_refuse_the_book() {
    for book in books() {
        let twice = book.changed(|_, levels| {
            let again = levels[0].clone();
            levels.push(again);
        });
        book.assert_refused("a level twice", &twice, "is there twice");

        let [price, _] = book.names();
        let crossed = book.changed(|_, levels| {
            for level in levels.iter_mut().rev().take(1) {
                // The last ask, or where bids stand there the last bid.
                let is_bid = match level.get("side") {
                    Some(side) => side == "Buy",
                    None => book.exchange == "bitfinex" && level[2].as_f64().unwrap() > 0.0,
                };
                *column(level, price) = if is_bid { json!(99_999_999) } else { json!("0.00000001") };
            }
        });
        book.assert_refused("crossed", &crossed, "the book is crossed");
    }
}
