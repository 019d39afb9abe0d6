//! Every target in every test run: the cases that once broke it, its seeds as they are, and seeds bent at random.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::{TARGETS, Target, target};

/// A change of an input.
#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Cut(Index),
    /// The rest of another seed follows.
    Splice(Index, Index, Index),
    Word(Index, &'static str),
}

/// Words that parsers trip over.
const WORDS: [&str; 30] = [
    "-1",
    "0",
    "1e999",
    "-0.0",
    "NaN",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "null",
    "[]",
    "{}",
    "\"",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{202e}",
    "\u{feff}",
    "é",
    ",",
    ":",
    "[[[[[[[[",
    "]",
    "*",
    "&a",
    "<<",
    "%2F",
    "%00",
    "\r\n",
    "\n",
    "../",
];

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (at(), 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        (at(), 1..60_usize, 1..20_usize).prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        at().prop_map(Edit::Cut),
        (at(), at(), at()).prop_map(|(at, seed, from)| Edit::Splice(at, seed, from)),
        (at(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Edit::Word(at, word)),
    ]
}

/// Changes an input behind its first byte, which says what it is.
fn bend(bytes: &mut Vec<u8>, edit: &Edit, seeds: &[Vec<u8>]) {
    if bytes.len() < 2 {
        return;
    }
    let place = |at: &Index| 1 + at.index(bytes.len() - 1);
    match edit {
        Edit::Flip(at, bit) => {
            let at = place(at);
            bytes[at] ^= 1 << bit;
        }
        Edit::Insert(at, own) => {
            let at = place(at);
            bytes.splice(at..at, own.iter().copied());
        }
        Edit::Remove(at, count) => {
            let at = place(at);
            bytes.drain(at..bytes.len().min(at + count));
        }
        Edit::Repeat(at, count, times) => {
            let at = place(at);
            let own = bytes[at..bytes.len().min(at + count)].repeat(*times);
            bytes.splice(at..at, own);
        }
        Edit::Cut(at) => {
            let at = place(at);
            bytes.truncate(at);
        }
        Edit::Splice(at, seed, from) => {
            let (at, other) = (place(at), seed.get(seeds));
            bytes.truncate(at);
            bytes.extend(&other[from.index(other.len())..]);
        }
        Edit::Word(at, word) => {
            let at = place(at);
            bytes.splice(at..at, word.bytes());
        }
    }
}

fn holds(name: &str, cases: u32) {
    let Target { run, .. } = target(name);
    let mut seeds: Vec<Vec<u8>> = target(name).inputs();
    seeds.retain(|seed| !seed.is_empty());
    assert!(seeds.len() >= 4, "{name} has {} seeds", seeds.len());
    seeds.iter().for_each(|seed| run(seed));
    let default = Config::default();
    // The long form asks for more by its environment.
    let cases = if default.cases > 256 { default.cases } else { cases };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..default };
    let bent = (any::<Index>(), prop::collection::vec(edit(), 1..6));
    TestRunner::new(config)
        .run(&bent, |(seed, edits)| {
            let mut bytes = seed.get(&seeds).clone();
            edits.iter().for_each(|edit| bend(&mut bytes, edit, &seeds));
            run(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn answers_bent_at_random_give_rows_within_bounds_or_an_error() {
    holds("rest", 2_000);
}

#[test]
fn frames_bent_at_random_leave_a_session_useful() {
    holds("live", 400);
}

#[test]
fn journals_bent_at_random_give_their_whole_frames() {
    holds("journal", 1_500);
}

#[test]
fn ledgers_bent_at_random_are_refused_or_written_as_they_were() {
    holds("ledger", 1_500);
}

#[test]
fn parquet_files_bent_at_random_are_damaged_or_hold_what_they_say() {
    holds("parquet", 1_500);
}

#[test]
fn configurations_bent_at_random_are_refused_in_words_or_load_the_same_again() {
    holds("config", 300);
}

#[test]
fn web_configurations_bent_at_random_are_refused_or_in_force() {
    holds("web_config", 800);
}

#[test]
fn selectors_bent_at_random_mean_what_they_are_written_as() {
    holds("selector", 1_500);
}

#[test]
fn state_files_bent_at_random_are_refused_or_kept_as_they_were() {
    holds("state", 600);
}

#[test]
fn requests_bent_at_random_are_never_answered_by_a_fault_of_the_daemon() {
    holds("http", 300);
    super::http::end();
}

#[test]
fn every_target_is_tried() {
    let own = include_str!("twins.rs");
    for Target { name, .. } in TARGETS {
        assert!(own.contains(&format!("holds(\"{name}\", ")), "{name} is not tried");
    }
}
