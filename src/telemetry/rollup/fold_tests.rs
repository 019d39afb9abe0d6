//! The promises of a fold, for any values in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::Zone;

/// A store: totals by worker, metric and bucket. A write replaces.
type Store = BTreeMap<(usize, Key, Resolution, Micros), Point>;

const START: Micros = Micros(1_767_607_200_000_000);

fn at(text: &str) -> Micros {
    Micros::parse(text, &Zone::UTC).unwrap()
}

/// Adds what the store has to the buckets that lack it, and writes all that waits. Where the answer is lost, the fold does
/// not learn of it.
fn write(fold: &mut Fold, store: &mut Store, worker: usize, is_answered: bool) {
    for (resolution, range) in fold.baseless() {
        let of_range = store.iter().filter(|((own, _, of, bucket), _)| {
            (*own, *of) == (worker, resolution) && range.contains(bucket)
        });
        let stored = of_range.map(|((_, key, _, bucket), point)| ((key.clone(), *bucket), point.clone()));
        fold.rebase(resolution, &range, &stored.collect());
    }
    let points = fold.unwritten();
    for one in &points {
        store.insert((worker, one.key.clone(), one.resolution, one.bucket), one.point.clone());
    }
    if is_answered {
        fold.wrote(&points);
    }
}

/// The points of all workers together, in one order of the workers or the other.
fn merged(store: &Store, is_reversed: bool) -> BTreeMap<(Key, Resolution, Micros), Point> {
    let mut rows: Vec<_> = store.iter().collect();
    if is_reversed {
        rows.reverse();
    }
    let mut merged = BTreeMap::<_, Point>::new();
    for ((_, key, resolution, bucket), point) in rows {
        let place = merged.entry((key.clone(), *resolution, *bucket));
        place.and_modify(|known| known.merge(point)).or_insert_with(|| point.clone());
    }
    merged
}

/// The same but for the rounding of sums.
fn assert_same(
    one: &BTreeMap<(Key, Resolution, Micros), Point>,
    other: &BTreeMap<(Key, Resolution, Micros), Point>,
) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (id, point) in one {
        let other = &other[id];
        let size = point.sum.abs() + point.max.abs() + point.min.abs() + 1.0;
        assert!((point.sum - other.sum).abs() <= 1e-9 * size, "{id:?}: {point:?} {other:?}");
        assert_eq!(Point { sum: 0.0, ..point.clone() }, Point { sum: 0.0, ..other.clone() }, "{id:?}");
    }
}

/// A value that a worker observed at a minute; the number makes its instant differ from all others.
#[derive(Clone, Debug)]
struct Seen {
    worker: usize,
    minute: u32,
    kind: Kind,
    value: f64,
}

fn seen() -> impl Strategy<Value = Vec<Seen>> {
    let one = (0..3_usize, 0..200_u32, 0..3_usize, -1e6_f64..1e6);
    let one =
        one.prop_map(|(worker, minute, kind, value)| Seen { worker, minute, kind: Kind::ALL[kind], value });
    prop::collection::vec(one, 1..60)
}

fn instant(number: usize, seen: &Seen) -> Micros {
    START + Duration::from_secs(u64::from(seen.minute) * 60) + Duration::from_micros(number as u64)
}

fn fold_in(folds: &mut [Fold], number: usize, seen: &Seen) {
    let key = seen.kind.name();
    folds[seen.worker].observe(key, (seen.kind, ""), seen.value, instant(number, seen)).unwrap();
}

fn folds() -> Vec<Fold> {
    (0..3).map(|_| Fold::new(10_000)).collect()
}

proptest! {
    #[test]
    fn folding_twice_is_folding_once_and_a_restart_loses_nothing_that_was_written(
        all in seen(),
        writes in prop::collection::vec((any::<bool>(), any::<bool>()), 60),
    ) {
        // Written once, at the end.
        let (mut plain, mut expected) = (folds(), Store::new());
        for (number, one) in all.iter().enumerate() {
            fold_in(&mut plain, number, one);
        }
        for (worker, fold) in plain.iter_mut().enumerate() {
            write(fold, &mut expected, worker, true);
        }

        // Written now and then, sometimes twice since the answer was lost, sometimes followed by a restart.
        let (mut written, mut store) = (folds(), Store::new());
        for (number, (one, (is_answered, restarts))) in all.iter().zip(writes).enumerate() {
            fold_in(&mut written, number, one);
            let (worker, fold) = (one.worker, &mut written[one.worker]);
            write(fold, &mut store, worker, is_answered);
            if !is_answered {
                write(fold, &mut store, worker, true);
            }
            if restarts {
                *fold = Fold::new(10_000);
            } else {
                fold.forget(instant(number, one));
            }
        }

        assert_same(&merged(&store, false), &merged(&expected, false));
    }

    #[test]
    fn the_order_of_workers_and_of_minutes_makes_no_difference(
        all in seen(),
        order in any::<prop::sample::Index>(),
    ) {
        let numbered: Vec<(usize, Seen)> = all.into_iter().enumerate().collect();
        let mut turned = numbered.clone();
        turned.rotate_left(order.index(numbered.len()));
        turned.reverse();
        let stored = |seen: &[(usize, Seen)]| {
            let (mut folds, mut store) = (folds(), Store::new());
            seen.iter().for_each(|(number, one)| fold_in(&mut folds, *number, one));
            folds.iter_mut().enumerate().for_each(|(worker, fold)| write(fold, &mut store, worker, true));
            store
        };

        let (forward, turned) = (stored(&numbered), stored(&turned));

        assert_same(&merged(&forward, false), &merged(&turned, false));
        assert_same(&merged(&forward, false), &merged(&forward, true));
    }
}

/// A reproducible share of one, as the generator of Knuth's MMIX draws it.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

#[test]
fn quantiles_of_merged_workers_and_minutes_are_within_one_in_a_hundred_on_five_distributions() {
    type Draw = fn(&mut Dice) -> f64;
    let distributions: [(&str, Draw); 5] = [
        ("uniform", |dice| 5.0 + 95.0 * dice.share()),
        ("exponential", |dice| -dice.share().ln() / 3.0),
        ("normal", |dice| 100.0 + 15.0 * dice.normal()),
        ("lognormal", |dice| (2.0 * dice.normal()).exp() / 1_000.0),
        ("pareto", |dice| dice.share().powf(-1.0 / 1.2)),
    ];
    for (name, draw) in distributions {
        let (mut dice, mut folds, mut store) = (Dice(7), folds(), Store::new());
        let mut values = Vec::new();
        for number in 0..60_000_u32 {
            let value = draw(&mut dice);
            let one = Seen { worker: number as usize % 3, minute: number % 50, kind: Kind::Histogram, value };
            fold_in(&mut folds, number as usize, &one);
            values.push(value);
        }
        folds.iter_mut().enumerate().for_each(|(worker, fold)| write(fold, &mut store, worker, true));
        values.sort_by(f64::total_cmp);

        for resolution in Resolution::ALL {
            let points = merged(&store, false);
            let mut own =
                points.iter().filter(|((_, of, _), _)| *of == resolution).map(|(_, point)| point.clone());
            let mut whole = own.next().unwrap();
            own.for_each(|point| whole.merge(&point));
            assert_eq!(whole.count, 60_000);
            for share in [0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0] {
                let exact = values[(share * (values.len() - 1) as f64).floor() as usize];
                let found = whole.quantile(share).unwrap();
                assert!(
                    (found / exact - 1.0).abs() <= 0.01,
                    "{name} {resolution} {share}: {found} for {exact}"
                );
            }
        }
    }
}

#[test]
fn a_full_fold_keeps_the_metrics_it_has_and_refuses_a_new_one() {
    let mut fold = Fold::new(8);
    let now = at("2026-01-05T10:00:00Z");
    let mut count = |key: &str, at| fold.observe(key, (Kind::Counter, ""), 1.0, at);

    assert_eq!((count("a", now), count("b", now)), (Ok(()), Ok(())));
    assert_eq!(count("c", now), Err(RollupError::Full { key: "c".into(), most: 8 }));
    assert_eq!(count("a", now), Ok(()));
    // Its next minute has no room, its hour still counts.
    assert!(matches!(count("a", at("2026-01-05T10:01:00Z")), Err(RollupError::Full { .. })));

    assert_eq!(fold.waiting(), 8);
    let (_, hour) = fold.metrics["a"].buckets[Resolution::Hour.index()].iter().last().unwrap();
    assert_eq!(hour.point.sum, 3.0);
}

#[test]
fn what_is_no_number_and_what_changes_a_metric_is_refused_and_changes_nothing() {
    let mut fold = Fold::new(100);
    let now = at("2026-01-05T10:06:00Z");
    fold.observe("level", (Kind::Gauge, "rows"), 4.0, now).unwrap();
    let before = format!("{fold:?}");
    let mut refused = |key: &str, metric, value| fold.observe(key, metric, value, now).unwrap_err();

    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(refused("level", (Kind::Gauge, "rows"), value), RollupError::NotFinite { .. }));
    }
    let errors = [
        refused("", (Kind::Gauge, ""), 1.0),
        refused(&"k".repeat(1_025), (Kind::Gauge, ""), 1.0),
        refused("level", (Kind::Counter, "rows"), 1.0),
        refused("level", (Kind::Gauge, "bytes"), 1.0),
        refused("other", (Kind::Gauge, &"u".repeat(65)), 1.0),
    ];
    let told = errors.map(|error| error.to_string());

    assert!(told[0].contains("1 to 1024 bytes") && told[1].contains("1025 bytes"), "{told:?}");
    assert_eq!(told[2], "`level` is a gauge, not a counter; use another key");
    assert_eq!(told[3], "`level` is in `rows`, not in `bytes`; use another key");
    assert_eq!(told[4], "the unit of `other` has more than 64 characters");
    assert_eq!(format!("{fold:?}"), before);
}

#[test]
fn a_clock_that_steps_back_keeps_both_minutes_and_the_newest_sample() {
    let (mut fold, mut store) = (Fold::new(100), Store::new());
    fold.observe("level", (Kind::Gauge, ""), 1.0, at("2026-01-05T12:30:00Z")).unwrap();
    fold.observe("level", (Kind::Gauge, ""), 2.0, at("2026-01-05T12:28:00Z")).unwrap();
    write(&mut fold, &mut store, 0, true);

    let points = merged(&store, false);
    let of = |resolution, text| points[&(Key::new("level").unwrap(), resolution, at(text))].last;
    assert_eq!(of(Resolution::Minute, "2026-01-05T12:30:00Z"), 1.0);
    assert_eq!(of(Resolution::Minute, "2026-01-05T12:28:00Z"), 2.0);
    assert_eq!(of(Resolution::Hour, "2026-01-05T12:00:00Z"), 1.0);
}

#[test]
fn a_bucket_that_ended_leaves_memory_once_it_is_stored_and_comes_back_whole() {
    let (mut fold, mut store) = (Fold::new(100), Store::new());
    let early = at("2026-01-05T12:28:00Z");
    fold.observe("runs", (Kind::Counter, ""), 3.0, early).unwrap();
    fold.forget(early + Duration::from_secs(600));
    assert_eq!(fold.held, 4);
    write(&mut fold, &mut store, 0, true);
    fold.forget(early + Duration::from_secs(600));
    assert_eq!(fold.held, 2);

    // A late observation of that minute adds to what is stored.
    fold.observe("runs", (Kind::Counter, ""), 4.0, early).unwrap();
    write(&mut fold, &mut store, 0, false);
    write(&mut fold, &mut store, 0, true);

    assert!(merged(&store, false).values().all(|point| point.sum == 7.0));
    fold.forget(early + Resolution::MOST_AGE * 2);
    assert_eq!((fold.held, fold.metrics.len()), (0, 0));
}
