//! A body that is not what the exchange documents is an error: never a panic, never rows, never half a page.

use std::collections::BTreeSet;

use dccd::exchange::{Exchange, ParseError, RefusalKind};
use dccd::model::Batch;
use serde_json::json;

use crate::KNOWN;
use crate::knowledge::Knowledge;
use crate::needs;
use crate::read::{Read, Sample, What, payloads, read};
use crate::recordings;

/// Any JSON there is: what is broken here has no shape of its own.
#[allow(clippy::disallowed_types, reason = "a mutation needs a tree; product code never does")]
pub(crate) type Json = serde_json::Value;

/// Every good body of an exchange, written by hand or recorded.
fn good(known: &Knowledge) -> Vec<Sample> {
    let mut samples = payloads(known.exchange);
    if let Some(folder) = needs::recordings() {
        samples.extend(recordings::samples(known, &folder).0.into_iter().map(|(sample, _)| sample));
    }
    samples.retain(|sample| sample.what != What::Error);
    assert!(!samples.is_empty(), "{} has no payloads", known.exchange);
    samples
}

fn errors(known: &Knowledge) -> Vec<Sample> {
    payloads(known.exchange).into_iter().filter(|sample| sample.what == What::Error).collect()
}

/// Everything an exchange is asked for.
fn every_what(exchange: &dyn Exchange) -> Vec<What> {
    let pages = exchange.offers().iter().map(|offer| What::Page(offer.kind, offer.markets[0]));
    pages.chain([What::Clock, What::Listing]).collect()
}

#[test]
fn a_truncated_body_is_an_error_wherever_it_is_cut() {
    for known in KNOWN {
        for sample in good(known) {
            // Every offset of a small body; a prime step through a large one, and its last bytes.
            let len = sample.body.len();
            let step = if len <= 4_096 { 1 } else { (len / 211) | 1 };
            for at in (0..len).step_by(step).chain(len.saturating_sub(40)..len) {
                let cut = read(known.exchange(), sample.what, sample.span, &sample.body[..at]);
                assert!(cut.is_err(), "{}/{} cut at {at}: {cut:?}", known.exchange, sample.name);
            }
        }
    }
}

#[test]
fn a_truncated_error_body_is_no_refusal() {
    for known in KNOWN {
        for sample in errors(known) {
            for at in 0..sample.body.len() {
                let refusal = known.exchange().refusal(400, &sample.body[..at]);
                assert_eq!(refusal, None, "{}/{} cut at {at}", known.exchange, sample.name);
            }
        }
    }
}

#[test]
fn a_field_of_another_type_is_an_error_unless_nobody_reads_it() {
    for known in KNOWN {
        let mut refused = 0;
        for sample in good(known).into_iter().filter(|sample| sample.what != What::Listing) {
            let whole = sample.read(known.exchange()).unwrap();
            let tree: Json = serde_json::from_slice(&sample.body).unwrap();
            for place in places(&tree) {
                for (change, body) in retyped(&tree, &place, known.json_numbers) {
                    // The amount is then that of its contracts.
                    if change == "null" && place.ends_with("homeNotional") {
                        continue;
                    }
                    match read(known.exchange(), sample.what, sample.span, &body) {
                        Err(_) => refused += 1,
                        Ok(Read::Odd(rows, parsed)) if !parsed.odd.is_empty() => {
                            refused += parsed.odd.len();
                            assert_some_of(&rows, &whole, &format!("{}: {change} at {place}", sample.name));
                        }
                        Ok(read) => assert!(
                            read == whole || change == "null" && is_less(&read, &whole),
                            "{}/{}: {change} at {place} gave other rows",
                            known.exchange,
                            sample.name
                        ),
                    }
                }
            }
        }
        assert!(refused > 100, "{}: {refused} changes were refused", known.exchange);
    }
}

#[test]
fn a_body_that_is_no_answer_at_all_gives_no_rows() {
    for known in KNOWN {
        for what in every_what(known.exchange()) {
            for body in
                ["", " ", "null", "true", "0", "\"\"", "[", "<!DOCTYPE html><html>busy</html>", "\u{feff}[]"]
            {
                let outcome = read(known.exchange(), what, None, body.as_bytes());
                assert!(outcome.is_err(), "{} {what:?} from {body:?}: {outcome:?}", known.exchange);
            }
            for body in ["[]", "{}"] {
                let outcome = read(known.exchange(), what, None, body.as_bytes());
                let empty = outcome.as_ref().map_or(true, Read::is_empty);
                assert!(empty, "{} {what:?} from {body:?}: {outcome:?}", known.exchange);
            }
            let invalid = read(known.exchange(), what, None, &[b'[', 0xff, 0xfe, b']']);
            assert!(invalid.is_err(), "{} {what:?}", known.exchange);
        }
    }
}

#[test]
fn the_excerpt_of_a_bad_body_is_short_and_printable() {
    let body = format!("<html>\u{1b}[31m\r\n{}", "x".repeat(10_000));
    for known in KNOWN {
        for what in every_what(known.exchange()) {
            let error = read(known.exchange(), what, None, body.as_bytes()).unwrap_err();
            let ParseError::Malformed { excerpt, .. } = &error else { panic!("{what:?}: {error:?}") };
            assert!(excerpt.starts_with("<html>") && excerpt.len() <= 512, "{what:?}: {excerpt}");
            assert!(!excerpt.chars().any(char::is_control), "{what:?}: {excerpt:?}");
        }
    }
}

#[test]
fn an_error_body_with_status_200_is_the_refusal_it_says() {
    for known in KNOWN {
        let samples = errors(known);
        assert_eq!(samples.len(), known.errors.len(), "{}", known.exchange);
        for (file, kind, message) in known.errors {
            let sample = samples.iter().find(|sample| sample.name == *file).unwrap();
            let refusal = known.exchange().refusal(400, &sample.body).unwrap();
            assert_eq!((refusal.kind, &*refusal.message), (*kind, *message), "{file}");
            for what in every_what(known.exchange()) {
                let outcome = read(known.exchange(), what, None, &sample.body);
                assert_eq!(outcome, Err(ParseError::Refused(refusal.clone())), "{file} {what:?}");
            }
        }
        let kinds: Vec<_> = known.errors.iter().map(|(_, kind, _)| *kind).collect();
        for kind in [RefusalKind::UnknownSymbol, RefusalKind::RateLimit] {
            assert!(kinds.contains(&kind), "{} has no payload for {kind:?}", known.exchange);
        }
    }
}

#[test]
fn a_good_answer_is_no_refusal() {
    for known in KNOWN {
        for sample in good(known) {
            assert_eq!(known.exchange().refusal(200, &sample.body), None, "{}", sample.name);
        }
    }
}

#[test]
fn a_row_that_cannot_be_true_is_never_among_the_rows() {
    for known in KNOWN {
        let samples = payloads(known.exchange);
        for (file, text, instead) in known.impossible {
            let sample = samples.iter().find(|sample| sample.name == *file).unwrap();
            let body = String::from_utf8(sample.body.clone()).unwrap();
            assert!(body.contains(text), "{file} has no {text}");
            let body = body.replacen(text, instead, 1);

            let outcome = read(known.exchange(), sample.what, sample.span, body.as_bytes());

            // A row costs itself; a book, a clock and a listing are true as a whole.
            let refused = match &outcome {
                Err(ParseError::Impossible { .. }) => true,
                Ok(Read::Odd(_, parsed)) => !parsed.odd.is_empty(),
                _ => false,
            };
            assert!(refused, "{file}, {text} -> {instead}: {outcome:?}");
        }
    }
}

/// Whether rows are the same but for values that are not there.
fn is_less(read: &Read, whole: &Read) -> bool {
    let (read, whole) = match (read, whole) {
        (Read::Rows(read, _), Read::Rows(whole, _)) => (read, whole),
        (Read::Odd(read, parsed), Read::Odd(whole, _)) if parsed.odd.is_empty() => (read, whole),
        _ => return false,
    };
    let fits = |row: usize| {
        let columns = read.columns().iter().zip(whole.columns());
        columns.into_iter().all(|(own, theirs)| !own.has(row) || own.same(row, theirs, row))
    };
    read.len() == whole.len() && (0..read.len()).all(fits)
}

/// Rows that are each a row of the whole answer, in its order.
fn assert_some_of(rows: &Batch, whole: &Read, who: &str) {
    let (Read::Rows(whole, _) | Read::Odd(whole, _)) = whole else { panic!("{who}: the whole is no page") };
    let mut left = 0..whole.len();
    for row in 0..rows.len() {
        assert!(left.any(|own| rows.same_row(row, whole, own)), "{who}: row {row} is no row of the whole");
    }
}

/// The places of a tree as JSON pointers; of a long list its first two items and the last stand for all.
pub(crate) fn places(tree: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::from([String::new()]);
    let mut open = vec![(String::new(), tree)];
    while let Some((at, node)) = open.pop() {
        let inner: Vec<(String, &Json)> = match node {
            Json::Array(items) => {
                let stands = |index: usize| items.len() <= 16 || index < 2 || index + 1 == items.len();
                let kept = items.iter().enumerate().filter(|(index, _)| stands(*index));
                kept.map(|(index, item)| (format!("{at}/{index}"), item)).collect()
            }
            Json::Object(fields) => fields.iter().map(|(key, item)| (format!("{at}/{key}"), item)).collect(),
            _ => Vec::new(),
        };
        found.extend(inner.iter().map(|(at, _)| at.clone()));
        open.extend(inner);
    }
    found
}

/// The body with the value at a place turned into each other type.
pub(crate) fn retyped(tree: &Json, place: &str, json_numbers: bool) -> Vec<(&'static str, Vec<u8>)> {
    let node = tree.pointer(place).unwrap();
    let others = match node {
        Json::Number(number) => {
            let fraction = (!json_numbers).then(|| ("a fraction", json!(0.5)));
            fraction.into_iter().chain([("a string", json!(number.to_string()))]).collect()
        }
        // A text that is not a number would become another text, not another form of it.
        Json::String(text) => match text.parse::<f64>() {
            Ok(value) => vec![("a number", json!(value))],
            Err(_) => vec![("a truth value", json!(true))],
        },
        Json::Bool(value) => vec![("a string", json!(value.to_string())), ("a number", json!(1))],
        Json::Array(_) => vec![("an object", json!({})), ("a string", json!("[]"))],
        Json::Object(fields) => {
            vec![("an empty list", json!([])), ("a list", json!(fields.values().collect::<Vec<_>>()))]
        }
        Json::Null => vec![("a number", json!(7))],
    };
    let wrapped = ("a list around it", json!([node]));
    let null = ("null", json!(null));
    let put = |(change, value): (&'static str, Json)| {
        let mut changed = tree.clone();
        *changed.pointer_mut(place).unwrap() = value;
        (change, changed.to_string().into_bytes())
    };
    others.into_iter().chain([null, wrapped]).filter(|(_, value)| value != node).map(put).collect()
}
