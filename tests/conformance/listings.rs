//! A listing is read entry by entry: what one of them has wrong is named, and in no other's way.

use std::collections::BTreeMap;

use dccd::exchange::{Instrument, Listing, find};

use crate::KNOWN;
use crate::bodies::{Json, places, retyped};
use crate::knowledge::Knowledge;
use crate::read::{Sample, What, payloads};

#[test]
fn a_listing_says_what_it_does_not_understand_and_everything_else() {
    let words = |known: &'static Knowledge| {
        known
            .unknown_words
            .iter()
            .map(move |(file, text, instead, symbol)| (known.exchange, *file, *text, *instead, *symbol))
    };
    for (exchange, file, text, instead, symbol) in KNOWN.into_iter().flat_map(words) {
        let sample = payloads(exchange).into_iter().find(|sample| sample.name == file).unwrap();
        let whole = listing(exchange, &sample.body).unwrap();
        let body = String::from_utf8(sample.body).unwrap();
        assert!(body.contains(text), "{exchange}/{file} has no {text}");
        let body = body.replacen(text, instead, 1);

        let read = listing(exchange, body.as_bytes()).unwrap();

        let new = read.odd.iter().filter(|odd| !whole.odd.contains(odd));
        let named: Vec<&str> = new.map(|odd| odd.symbol.as_str()).collect();
        assert_eq!(named, [symbol], "{exchange}/{file}: {text} -> {instead}");
        assert_others_stand(&whole, &read, symbol, &format!("{exchange}/{file}: {text} -> {instead}"));
    }
}

#[test]
fn an_entry_with_a_member_of_another_type_is_in_no_others_way() {
    for known in KNOWN {
        let mut odd = 0;
        for sample in payloads(known.exchange).iter().filter(|sample| sample.what == What::Listing) {
            odd += retype_entries(known.exchange, sample, known.entries, known.json_numbers);
        }
        assert!(odd > 3, "{}: {odd} changes made an entry odd", known.exchange);
    }
}

/// Changes every member of every entry, one at a time; gives how many of the changes were told.
fn retype_entries(exchange: &str, sample: &Sample, at: &str, json_numbers: bool) -> usize {
    let whole = listing(exchange, &sample.body).unwrap();
    let tree: Json = serde_json::from_slice(&sample.body).unwrap();
    let symbols = whole.instruments.iter().map(|own| own.symbol.as_str());
    let entries: BTreeMap<String, &str> = entries_of(&tree, at).into_iter().zip(symbols).collect();
    let mut told = 0;
    for place in places(&tree) {
        let owner =
            entries.iter().find(|(entry, _)| place == **entry || place.starts_with(&format!("{entry}/")));
        let Some((_, symbol)) = owner else { continue };
        for (change, body) in retyped(&tree, &place, json_numbers) {
            let about = format!("{exchange}/{}: {change} at {place}", sample.name);
            let read = listing(exchange, &body).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_others_stand(&whole, &read, symbol, &about);
            told += usize::from(!read.odd.is_empty());
            // Null is nothing there, a number for text is that text, and a contract may be a fraction of anything.
            let may_be = matches!(change, "null" | "a number" | "a string" | "a fraction");
            let is_silent = read.odd.is_empty() && !may_be;
            assert!(!is_silent || of(&read, symbol) == of(&whole, symbol), "{about} is not told");
        }
    }
    told
}

/// The places of the entries, in the order they are read.
fn entries_of(tree: &Json, at: &str) -> Vec<String> {
    match tree.pointer(at).unwrap() {
        Json::Array(items) => (0..items.len()).map(|index| format!("{at}/{index}")).collect(),
        Json::Object(members) => members.keys().map(|key| format!("{at}/{key}")).collect(),
        other => panic!("{other} has no entries"),
    }
}

fn listing(exchange: &str, body: &[u8]) -> Result<Listing, dccd::exchange::ParseError> {
    find(exchange).unwrap().parse_listing(body)
}

fn of<'a>(listing: &'a Listing, symbol: &str) -> Vec<&'a Instrument> {
    listing.instruments.iter().filter(|own| own.symbol.eq_ignore_ascii_case(symbol)).collect()
}

/// All other instruments are as they were; of dated ones the names may move up, where one before them is not known.
fn assert_others_stand(whole: &Listing, read: &Listing, symbol: &str, about: &str) {
    for own in whole.instruments.iter().filter(|own| !own.symbol.eq_ignore_ascii_case(symbol)) {
        let now = of(read, &own.symbol);
        let nameless = |own: &Instrument| Instrument { pair: None, ..own.clone() };
        let stands = match now[..] {
            [now] if own.ends.is_some() => nameless(now) == nameless(own),
            [now] => now == own,
            _ => false,
        };
        assert!(stands, "{about}: {own:?} became {now:?}");
    }
}
