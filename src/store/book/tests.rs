//! Random books and updates as the store's writer publishes them, compared with a naive model.

mod world;

use std::fs;

use proptest::prelude::*;

use super::{BookError, StoredBook};
use crate::model::{Kind, Micros, Window};
use crate::store::rows::GROUP_ROWS;
use crate::store::{Accepted, Period};
use world::{BEGIN, DAY, HOUR, Levels, SECOND, Session, Step, World, is_as, levels, rows, wanted};

/// How many cases are tried; more in a siege.
fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("DCCD_SIEGE").is_some() { 40 } else { 2 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Compares what is stored as of instants with the model; returns how many were known.
fn compare(world: &World, instants: &[i64], left: Option<&Period>) -> usize {
    let stored = world.stored();
    let mut known = 0;
    for at in instants {
        match (stored.as_of(Micros(*at)), world.model(*at, left)) {
            (Ok(state), Some((step, is_covered))) => {
                known += 1;
                assert!(is_as(&state, step, is_covered), "at {at}: {state:?} instead of {step:?}");
            }
            (Err(BookError::NotCovered { uncovered, .. }), None) => {
                let holds = uncovered.from.is_none_or(|from| from.0 <= *at)
                    && uncovered.until.is_none_or(|until| *at < until.0);
                assert!(holds && !uncovered.reason.is_empty(), "at {at}: {uncovered:?}");
                let unfillable = world.unfillable.iter().any(|window| window.holds(Micros(*at)));
                assert_eq!(uncovered.state == "unfillable", unfillable, "at {at}: {uncovered:?}");
            }
            (found, model) => panic!("at {at}: {found:?} instead of {model:?}"),
        }
    }
    known
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_book_as_of_any_instant_is_that_of_the_model_or_refused_exactly_where_the_model_does_not_know_it(seed in any::<u64>()) {
        let mut world = World::days(seed, 150);
        let instants = world.instants(1_000);

        let known = compare(&world, &instants, None);

        prop_assert!(known > 0, "nothing was known");
        world.store = None;
        let layout = world.layout();
        let folder = layout.folder(&World::series());
        let days: Vec<Period> = (0..5).map(|day| Period::of(Kind::OrderBook, Micros(BEGIN + day * DAY))).collect();
        let left = days[world.dice.below(4) as usize].clone();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".parquet") && !name.starts_with(&left.name) {
                fs::remove_file(path).unwrap();
            }
        }
        compare(&world, &instants, Some(&left));
    }

    #[test]
    fn a_walk_gives_every_update_of_its_window_once_and_in_order(seed in any::<u64>()) {
        let mut world = World::days(seed, 60);
        let ends = world.instants(2);
        let window = Window { from: Micros(ends[0].min(ends[1])), until: Micros(ends[0].max(ends[1]) + 1) };
        let mut walk = world.stored().walk(window).unwrap();
        let mut found: Vec<(i64, Vec<_>)> = Vec::new();

        loop {
            match walk.next() {
                Ok(Some(state)) => found.push((state.ord, levels(state))),
                Ok(None) => break,
                Err(BookError::NotCovered { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }

        let all = world.single.iter().chain(world.sessions.iter().flat_map(|own| &own.steps));
        let inside = all.clone().filter(|step| window.holds(Micros(step.ts)) && step.ts > window.from.0);
        let mut expected: Vec<&Step> = inside.collect();
        if let Some((first, _)) = world.model(window.from.0, None) {
            expected.insert(0, first);
        }
        // A walk begins a session with the book as of its first instant, all updates of that instant in it.
        let begins = |step: &Step| {
            let own = world.sessions.iter().find(|own| own.steps.iter().any(|one| one.ord == step.ord));
            own.filter(|own| own.from == step.ts).is_some_and(|own| {
                let goes_on = world.sessions.iter().any(|other| other.until == own.from);
                !goes_on && own.steps.iter().any(|one| one.ord == step.ord + 1 && one.ts == step.ts)
            })
        };
        expected.retain(|step| step.ts == window.from.0 || !begins(step));
        prop_assert_eq!(found, expected.iter().map(|step| (step.ord, wanted(&step.book))).collect::<Vec<_>>());
    }
}

#[test]
fn a_day_of_several_row_groups_gives_the_same_books() {
    let mut world = World::new(7);
    let until = world.listen(BEGIN + HOUR / 2, 800, 4);
    // Whole books with many levels fill row groups.
    let mut from = until + 1;
    let deep: Levels =
        (0..GROUP_ROWS as i64 * 2 / 3).map(|place| ((place < 9_000, 1_000 + place), (2.0, None))).collect();
    for _ in 0..4 {
        let step = world.step(from, true, deep.clone());
        let covered = Window::new(Micros(from), Micros(from + HOUR));
        world.writer().accept_live(rows(&step, &deep), covered).unwrap();
        world.sessions.push(Session { from, until: from + HOUR, steps: vec![step] });
        from = world.listen(from + HOUR, 40, 4) + 1;
    }
    world.writer().flush().unwrap();

    let instants = world.instants(60);

    assert!(compare(&world, &instants, None) > 10);
}

#[test]
fn a_missing_update_is_refused_until_the_next_whole_book() {
    let mut world = World::new(3);
    let at = |secs: i64| BEGIN + secs * SECOND;
    let book = world.book();
    for (secs, is_whole) in [(0, true), (10, false), (20, false), (30, true), (40, false)] {
        let step = world.step(at(secs), is_whole, book.clone());
        let mut rows = rows(&step, &book);
        if secs >= 20 {
            // One number was given to an update that the disk refused.
            rows.book_mut().number_from(step.ord + 1);
        } else {
            rows.book_mut().number_from(step.ord);
        }
        let covered = Window::new(Micros(at(0)), Micros(at(60)));
        world.writer().accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
    }
    world.writer().flush().unwrap();
    let stored = world.stored();
    let refused = |secs: i64| stored.as_of(Micros(at(secs))).err().map(|error| error.to_string());

    assert_eq!(refused(9), None);
    for secs in [10, 15, 20, 29] {
        let why = refused(secs).unwrap();
        assert!(why.ends_with("(gap: updates between 1 and 3 are missing)"), "{secs}: {why}");
        assert!(why.contains("from 2024-01-01T00:00:10Z until 2024-01-01T00:00:30Z"), "{secs}: {why}");
    }
    assert_eq!((refused(30), refused(59)), (None, None));
    assert!(refused(60).unwrap().contains("nothing after it is proven yet"));
}

#[test]
fn the_newest_book_is_the_last_of_what_is_covered() {
    let mut world = World::new(5);
    world.take_single(BEGIN, 3);
    world.writer().flush().unwrap();
    let newest = world.stored().newest().unwrap();
    assert!(is_as(&newest, world.single.last().unwrap(), false), "{newest:?}");

    world.listen(BEGIN + DAY, 50, 4);
    world.writer().flush().unwrap();
    let newest = world.stored().newest().unwrap();
    assert!(is_as(&newest, world.sessions[0].steps.last().unwrap(), true), "{newest:?}");
}

#[test]
fn a_series_of_another_kind_and_one_without_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let candles = StoredBook::new(folder.path(), &"binance/BTC-USDT/ohlc/1h".parse().unwrap());
    assert!(matches!(candles, Err(BookError::NoBook { .. })));

    let none = StoredBook::new(folder.path(), &World::series()).unwrap().newest().unwrap_err();
    assert!(matches!(none, BookError::NotCovered { .. }), "{none}");
}
