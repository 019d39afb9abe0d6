use super::*;

const SECOND: i64 = 1_700_000_000;

/// A trade at so many seconds.
fn at(id: u64, secs: i64) -> Mark {
    Mark { id, ts: Micros::from_secs(SECOND + secs) }
}

fn gap(ids: Option<(u64, u64)>, from: i64, last: i64, reason: HoleReason) -> Gap {
    let [from, last] = [from, last].map(|secs| Micros::from_secs(SECOND + secs));
    Gap { ids, window: Window { from, until: Micros(last.0 + 1) }, reason }
}

fn left_out(first: u64, last: u64, from: i64, until: i64) -> Verdict {
    Verdict::RowBehind(gap(Some((first, last)), from, until, HoleReason::LeftOut))
}

#[test]
fn a_number_left_out_is_told_once_with_the_instants_on_both_sides_and_may_come_late() {
    let mut numbers = Numbers::default();
    let verdicts = [(5, 0), (6, 1), (9, 3), (10, 4), (8, 2), (7, 2), (8, 2), (11, 5)]
        .map(|(id, secs)| numbers.take(at(id, secs)));
    let row = Verdict::Row;
    assert_eq!(
        verdicts,
        [row, row, left_out(7, 8, 1, 3), row, left_out(7, 7, 1, 2), row, Verdict::Repeated, row]
    );
    assert_eq!((numbers.since(), numbers.newest()), (Some(Micros(at(5, 0).ts.0 + 1)), Some(at(11, 5))));
}

#[test]
fn a_new_connection_goes_on_from_the_trade_that_is_held() {
    let mut numbers = Numbers::behind(Some(at(100, 0)));
    assert_eq!(numbers.take(at(99, 0)), Verdict::Repeated);
    assert_eq!(numbers.take(at(100, 0)), Verdict::Repeated);
    assert_eq!(numbers.take(at(104, 9)), left_out(101, 103, 0, 9));
    let mut numbers = Numbers::behind(Some(at(100, 0)));
    assert_eq!(numbers.take(at(101, 1)), Verdict::Row);
    assert_eq!(numbers.since(), Some(at(100, 0).ts));
}

#[test]
fn a_connection_hands_on_no_trade_of_the_instant_it_began_with() {
    let mut numbers = Numbers::default();
    assert_eq!(numbers.held(), None);
    numbers.take(at(50, 5));
    numbers.take(at(51, 5));
    assert_eq!(numbers.held(), None, "those before 50 of that instant are unknown");
    numbers.take(at(52, 6));
    assert_eq!(numbers.held(), Some(at(52, 6)));
    assert_eq!(Numbers::behind(Some(at(50, 5))).held(), Some(at(50, 5)));
}

#[test]
fn rows_older_than_the_first_are_rows_where_nothing_is_held() {
    let mut numbers = Numbers::default();
    assert_eq!([at(50, 5), at(49, 5), at(20, 1)].map(|mark| numbers.take(mark)), [Verdict::Row; 3]);
}

#[test]
fn numbers_that_begin_anew_are_believed_at_the_second_trade_and_lose_none_after_it() {
    let mut numbers = Numbers::default();
    numbers.take(at(1_000, 0));
    assert!(matches!(numbers.take(at(1, 5)), Verdict::Denied(_)));
    let anew = gap(None, 0, 6, HoleReason::Restarted);
    assert_eq!(numbers.take(at(2, 6)), Verdict::RowBehind(anew));
    assert_eq!([at(3, 6), at(4, 7)].map(|mark| numbers.take(mark)), [Verdict::Row; 2]);
}

#[test]
fn one_wrong_number_costs_itself_and_what_follows_are_rows() {
    let mut numbers = Numbers::default();
    numbers.take(at(1_000, 0));
    assert!(matches!(numbers.take(at(201, 1)), Verdict::Denied(_)), "too low");
    assert_eq!(numbers.take(at(1_001, 2)), Verdict::Row);
    assert_eq!(numbers.take(at(9_002, 3)), left_out(1_002, 9_001, 2, 3), "too high");
    assert_eq!(numbers.take(at(1_003, 4)), left_out(1_002, 1_002, 2, 4));
    assert_eq!(numbers.take(at(1_004, 5)), Verdict::Row);
    assert_eq!(numbers.take(at(1_006, 7)), left_out(1_005, 1_005, 5, 7), "holes are still told");
    assert_eq!(numbers.take(at(1_005, 6)), Verdict::Row);
}

#[test]
fn an_instant_far_before_those_of_smaller_numbers_is_denied() {
    let mut numbers = Numbers::default();
    numbers.take(at(7, 100));
    assert!(matches!(numbers.take(at(8, 39)), Verdict::Denied(_)));
    assert_eq!(numbers.take(at(8, 41)), Verdict::Row);
    assert_eq!(numbers.newest(), Some(at(8, 100)));
}

#[test]
fn an_announced_trade_that_did_not_come_is_missing_until_it_does() {
    let mut numbers = Numbers::default();
    assert_eq!(numbers.announce(at(7, 0)), None, "nothing is known before the first");
    numbers.take(at(7, 0));
    assert_eq!(numbers.announce(at(7, 1)), None);
    assert_eq!(numbers.announce(at(9, 2)), Some(gap(Some((8, 9)), 0, 2, HoleReason::NotSent)));
    assert_eq!([at(8, 1), at(9, 1), at(10, 3)].map(|mark| numbers.take(mark)), [Verdict::Row; 3]);
}

#[test]
fn a_connection_that_took_over_in_time_misses_nothing_and_covers_from_what_is_held() {
    for (held, first) in [(at(5, 5), 3), (at(5, 5), 5), (at(5, 5), 6)] {
        let mut numbers = Numbers::default();
        numbers.take(at(first, i64::try_from(first).unwrap()));
        numbers.take(at(first + 1, i64::try_from(first).unwrap() + 1));
        assert_eq!(numbers.resume(held), None, "first {first}");
        assert!(numbers.since() <= Some(held.ts), "first {first}");
        let next = i64::try_from(first).unwrap() + 2;
        assert_eq!(numbers.take(at(first + 2, next)), Verdict::Row, "first {first}");
    }
}

#[test]
fn a_connection_that_took_over_too_late_misses_what_lies_between() {
    let mut numbers = Numbers::default();
    numbers.take(at(9, 9));
    assert_eq!(numbers.resume(at(5, 5)), Some(gap(Some((6, 8)), 5, 9, HoleReason::LeftOut)));
    assert_eq!(numbers.since(), Some(at(5, 5).ts));
    assert_eq!(
        [at(7, 7), at(10, 10)].map(|mark| numbers.take(mark)),
        [Verdict::RowBehind(gap(Some((6, 6)), 5, 7, HoleReason::LeftOut)), Verdict::Row]
    );
}

#[test]
fn a_connection_that_took_over_before_its_first_trade_tells_what_is_missing_before_it() {
    let mut numbers = Numbers::default();
    assert_eq!(numbers.resume(at(5, 5)), None);
    assert_eq!(numbers.take(at(8, 8)), left_out(6, 7, 5, 8));
}

fn closed(numbers: &mut Numbers) -> Vec<(i64, i64)> {
    let secs = |at: Micros| at.0 / 1_000_000 - SECOND;
    let closed = numbers.take_closed();
    // Up to and with an instant, where it ends right behind one.
    closed.iter().map(|own| (secs(own.from), secs(Micros(own.until.0 - 1)))).collect()
}

fn take_all(numbers: &mut Numbers, marks: &[(u64, i64)]) {
    for (id, secs) in marks {
        numbers.take(at(*id, *secs));
    }
}

fn taken(marks: &[(u64, i64)]) -> Numbers {
    let mut numbers = Numbers::behind(Some(at(5, 0)));
    take_all(&mut numbers, marks);
    numbers
}

#[test]
fn a_hole_closes_with_the_last_number_of_it_that_comes_late() {
    let mut numbers = taken(&[(6, 1), (8, 3)]);
    assert_eq!(closed(&mut numbers), []);
    assert_eq!(numbers.take(at(7, 2)), Verdict::Row);
    assert_eq!(closed(&mut numbers), [(1, 3)]);
    assert_eq!(closed(&mut numbers), [], "it is told once");
}

#[test]
fn a_hole_closes_as_far_as_nothing_is_missing_in_it() {
    // 7, 8 and 9 are missing; in the middle one nothing is whole.
    let mut numbers = taken(&[(6, 1), (10, 5), (8, 3)]);
    assert_eq!(closed(&mut numbers), []);
    numbers.take(at(7, 2));
    let rest = numbers.take_closed();
    let until = |secs: i64| at(0, secs).ts;
    assert_eq!(
        rest,
        Windows::from(Window { from: until(1), until: until(3) }),
        "9 may share the instant of 8"
    );
    numbers.take(at(9, 4));
    assert_eq!(closed(&mut numbers), [(3, 5)]);
}

#[test]
fn a_hole_of_an_instant_that_another_hole_shares_stays_there() {
    let mut numbers = taken(&[(6, 1), (8, 3), (10, 3), (12, 4)]);
    numbers.take(at(9, 3));
    assert_eq!(closed(&mut numbers), [], "7 and 11 may be of the same instant");
    numbers.take(at(7, 2));
    assert_eq!(numbers.take_closed(), Windows::from(Window { from: at(0, 1).ts, until: at(0, 3).ts }));
    numbers.take(at(11, 4));
    assert_eq!(closed(&mut numbers), [(3, 4)]);
}

#[test]
fn a_hole_behind_the_first_trade_of_a_connection_closes_but_for_its_instant() {
    let mut numbers = Numbers::default();
    take_all(&mut numbers, &[(6, 1), (8, 3), (7, 2)]);
    let from = Micros(at(6, 1).ts.0 + 1);
    assert_eq!(numbers.take_closed(), Windows::from(Window { from, until: Micros(at(8, 3).ts.0 + 1) }));
}

#[test]
fn an_announced_trade_that_comes_late_closes_its_hole() {
    let mut numbers = taken(&[(6, 0)]);
    numbers.announce(at(8, 2));
    numbers.take(at(8, 2));
    assert_eq!(closed(&mut numbers), []);
    numbers.take(at(7, 1));
    assert_eq!(closed(&mut numbers), [(0, 2)]);
}

#[test]
fn a_number_that_is_far_too_high_closes_nothing_from_its_instant_on() {
    let mut numbers = taken(&[(6, 1), (9_000, 2)]);
    take_all(&mut numbers, &[(7, 3), (8, 4), (10, 6), (9, 5), (11, 7)]);
    assert_eq!(numbers.take_closed(), Windows::from(Window { from: at(0, 1).ts, until: at(0, 2).ts }));
}

#[test]
fn a_hole_that_is_forgotten_keeps_its_instants_from_closing() {
    let mut numbers = taken(&[]);
    // Each second one is missing, one more than are remembered.
    (0..=MOST_RANGES as u64).for_each(|own| take_all(&mut numbers, &[(7 + 2 * own, own as i64)]));
    numbers.take(at(8, 0));
    let from = Micros(at(0, 0).ts.0 + 1);
    assert_eq!(numbers.take_closed(), Windows::from(Window { from, until: at(0, 1).ts }), "6 may be missing");
}
