//! Recorded books with one frame damaged: cut, dropped, swapped, doubled, or one digit of it changed. Where numbers or a
//! checksum tell it the book is never wrong, and where nothing does the test counts how often it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dccd::exchange::live::Book;
use dccd::exchange::{BookNews, Books};

use super::books::{BOOKS, BookRecording};
use super::written::Dice;
use crate::needs;

/// The damaged frames of each exchange.
const VARIANTS: u64 = 1_000;

/// The frames behind a damaged one in which a wrong book may show.
const BEHIND: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Cut,
    Dropped,
    Swapped,
    Doubled,
    Digit,
}

const DAMAGES: [Damage; 5] = [Damage::Cut, Damage::Dropped, Damage::Swapped, Damage::Doubled, Damage::Digit];

/// The outcomes of the variants of one kind of damage.
#[derive(Default, Debug)]
struct Outcomes {
    variants: usize,
    /// The book was put out of step.
    seen: usize,
    /// It stayed in step and right.
    harmless: usize,
    /// It was wrong among the levels that a checksum covers; of exchanges without, anywhere.
    wrong: usize,
    /// It was wrong behind those levels.
    wrong_below: usize,
}

/// How the books of an exchange prove themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proven {
    /// Each update by a checksum.
    Sum,
    /// Each update by its number.
    Number,
    /// Not at all.
    Nothing,
}

fn proven(recording: &BookRecording) -> Proven {
    match (recording.exchange, recording.file) {
        ("kraken", _) | ("okx", "okx/ws_session_1.jsonl" | "okx/ws_session_3.jsonl") => Proven::Sum,
        ("coinbase" | "bitmex", _) | ("bitfinex", "bitfinex/ws_book_1.jsonl") => Proven::Nothing,
        _ => Proven::Number,
    }
}

#[test]
fn a_damaged_frame_puts_a_book_out_of_step_or_changes_nothing_wherever_anything_can_show_it() {
    let Some(folder) = needs::recordings() else { return };
    let mut exchanges: Vec<&str> = BOOKS.iter().map(|recording| recording.exchange).collect();
    exchanges.dedup();
    for exchange in exchanges {
        let own: Vec<&BookRecording> = BOOKS.iter().filter(|own| own.exchange == exchange).collect();
        let frames: Vec<Vec<String>> = own.iter().map(|recording| recording.frames(&folder)).collect();
        let total: usize = frames.iter().map(Vec::len).sum();
        let mut dice = Dice(7);
        for (recording, frames) in own.iter().zip(&frames) {
            let share = VARIANTS * frames.len() as u64 / total as u64 + 1;
            let outcomes = damaged(recording, &folder, frames, share, &mut dice);
            check(recording, &outcomes);
        }
    }
}

/// Outcomes of so many variants of a recording.
fn damaged(
    recording: &BookRecording,
    folder: &Path,
    frames: &[String],
    variants: u64,
    dice: &mut Dice,
) -> BTreeMap<Damage, Outcomes> {
    // Frames without a book change none.
    let mut books = recording.books();
    recording.answer(folder, &mut books);
    let mut of_books = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        if !books.read(frame).is_empty() {
            of_books.push(index);
        }
    }
    let mut chosen: Vec<(usize, Damage)> = (0..variants)
        .map(|number| {
            let place = of_books[dice.below(of_books.len() as u64) as usize];
            (place, DAMAGES[(number % DAMAGES.len() as u64) as usize])
        })
        .collect();
    chosen.sort_unstable();
    let mut whole = recording.books();
    recording.answer(folder, &mut whole);
    let (mut outcomes, mut read): (BTreeMap<Damage, Outcomes>, usize) = Default::default();
    for (place, damage) in chosen {
        frames[read..place].iter().for_each(|frame| drop(whole.read(frame)));
        read = place;
        let own = outcomes.entry(damage).or_default();
        own.variants += 1;
        let next = of_books.iter().copied().find(|own| *own > place);
        let (books, truth) = (whole.clone(), whole.clone());
        Variant { books, truth, late: None, is_seen: false, changed: BTreeSet::new(), wrong: None }
            .run(frames, place, next, damage, dice)
            .count(own);
    }
    outcomes
}

/// One damaged connection beside the same one whole.
struct Variant {
    books: Books,
    truth: Books,
    /// The true books before the frame that a late one was swapped with.
    late: Option<Books>,
    is_seen: bool,
    /// The symbols of which anything was applied since the damage.
    changed: BTreeSet<String>,
    /// Whether it was wrong among the levels that a checksum covers.
    wrong: Option<bool>,
}

impl Variant {
    fn run(
        mut self,
        frames: &[String],
        place: usize,
        next: Option<usize>,
        damage: Damage,
        dice: &mut Dice,
    ) -> Self {
        let frame = &frames[place];
        let mut behind = place + 1;
        match damage {
            Damage::Cut => {
                let end = 1 + dice.below(frame.len() as u64 - 1) as usize;
                self.truth.read(frame);
                self.deliver(&frame[..end]);
            }
            Damage::Dropped => drop(self.truth.read(frame)),
            Damage::Swapped => {
                // With the next frame about books; those between are of no book.
                let next = next.unwrap_or(place);
                self.truth.read(frame);
                let late = self.truth.clone();
                frames[place + 1..=next].iter().for_each(|frame| drop(self.truth.read(frame)));
                frames[place + 1..=next].iter().for_each(|frame| self.deliver(frame));
                // A whole book is right as of its own time, however late it comes.
                if next > place {
                    self.late = Some(late);
                    self.deliver(frame);
                    self.late = None;
                }
                behind = next + 1;
            }
            Damage::Doubled => {
                self.truth.read(frame);
                self.deliver(frame);
                self.deliver(frame);
            }
            Damage::Digit => {
                self.truth.read(frame);
                self.deliver(&with_another_digit(frame, dice));
            }
        }
        for frame in frames[behind..].iter().take(BEHIND) {
            self.truth.read(frame);
            self.deliver(frame);
        }
        // A book of which nothing came since is as it was, which is not wrong.
        let changed = std::mem::take(&mut self.changed);
        changed.iter().for_each(|symbol| self.compare(symbol, true));
        self
    }

    /// Reads a frame, and compares each book that it changed.
    fn deliver(&mut self, frame: &str) {
        for BookNews { symbol, fault, .. } in self.books.read(frame) {
            self.is_seen |= fault.is_some();
            if fault.is_none() {
                self.compare(&symbol, false);
                self.changed.insert(symbol);
            }
        }
    }

    fn compare(&mut self, symbol: &str, is_all: bool) {
        let (Some(own), truth) = (self.books.in_step(symbol), self.truth.in_step(symbol)) else { return };
        let summed = self.books.summed_levels().unwrap_or(25);
        let most = if is_all { usize::MAX } else { summed };
        let late = self.late.as_ref().and_then(|late| late.in_step(symbol));
        let differs = |truth: &Book| first_difference(own, truth, most);
        if late.is_some_and(|late| differs(late).is_none()) {
            return;
        }
        let difference = truth.map_or(Some(0), differs);
        if let Some(level) = difference {
            let is_summed = self.books.summed_levels().is_none() || level < summed;
            self.wrong = Some(self.wrong.unwrap_or(false) || is_summed);
        }
    }

    fn count(self, into: &mut Outcomes) {
        match self.wrong {
            Some(true) => into.wrong += 1,
            Some(false) => into.wrong_below += 1,
            None if self.is_seen => into.seen += 1,
            None => into.harmless += 1,
        }
    }
}

/// The first level in which two books differ, counted from the best.
fn first_difference(one: &Book, other: &Book, most: usize) -> Option<usize> {
    one.sides()
        .into_iter()
        .zip(other.sides())
        .filter_map(|(one, other)| {
            let same = one.levels().zip(other.levels()).take(most);
            let same = same.take_while(|(one, other)| (one.price, one.amount) == (other.price, other.amount));
            let same = same.count();
            (same < most.min(one.len().max(other.len()))).then_some(same)
        })
        .min()
}

/// The frame with one of its digits changed.
fn with_another_digit(frame: &str, dice: &mut Dice) -> String {
    let mut bytes = frame.as_bytes().to_vec();
    let digits: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place].is_ascii_digit()).collect();
    let place = digits[dice.below(digits.len() as u64) as usize];
    bytes[place] = b'0' + (bytes[place] - b'0' + 1 + dice.below(9) as u8) % 10;
    String::from_utf8(bytes).unwrap()
}

fn check(recording: &BookRecording, outcomes: &BTreeMap<Damage, Outcomes>) {
    let proven = proven(recording);
    for (damage, own) in outcomes {
        let who = format!("{} {damage:?} {proven:?}: {own:?}", recording.file);
        println!("{who}");
        match proven {
            Proven::Sum => assert_eq!(own.wrong, 0, "{who}"),
            // No number tells that a price or an amount is another one.
            Proven::Number if *damage != Damage::Digit => {
                assert_eq!((own.wrong, own.wrong_below), (0, 0), "{who}");
            }
            Proven::Number | Proven::Nothing => {}
        }
        // A frame that cannot be read at all is never passed over.
        if *damage == Damage::Cut && proven != Proven::Number {
            assert_eq!((own.wrong, own.wrong_below), (0, 0), "{who}");
        }
        assert_eq!(own.variants, own.seen + own.harmless + own.wrong + own.wrong_below, "{who}");
    }
}
