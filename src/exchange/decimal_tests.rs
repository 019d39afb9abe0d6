//! Decimals against the schoolbook.

use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// The product of two decimals as text, by the schoolbook.
fn schoolbook(a: &str, b: &str) -> String {
    let parts = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (format!("{whole}{fraction}"), fraction.len())
    };
    let ((a, a_places), (b, b_places)) = (parts(a), parts(b));
    let mut sums = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.bytes().rev().enumerate() {
        for (j, y) in b.bytes().rev().enumerate() {
            sums[i + j] += u32::from(x - b'0') * u32::from(y - b'0');
        }
    }
    for at in 0..sums.len() - 1 {
        sums[at + 1] += sums[at] / 10;
        sums[at] %= 10;
    }
    let digits: String = sums.iter().rev().map(ToString::to_string).collect();
    format!("{digits}e-{}", a_places + b_places)
}

#[test]
fn numbers_are_read_as_they_are_written() {
    for (text, mantissa, exponent) in [
        ("0.01", 1, -2),
        ("100", 1, 2),
        ("0", 0, 0),
        ("0.000", 0, 0),
        ("1.50", 15, -1),
        ("1e-8", 1, -8),
        ("2.5E+3", 25, 2),
        ("+2.5", 25, -1),
        ("18446744073709551615", u64::MAX, 0),
    ] {
        assert_eq!(decimal(text), Decimal { mantissa, exponent }, "{text}");
    }
    for text in
        ["", ".", "-1", "++1", "1.2.3", "1e", "1e1.5", "e5", "nan", "inf", "0x1", " 1", "1e999", "1_0"]
    {
        assert_eq!(Decimal::parse(text), None, "{text}");
    }
    assert_eq!(Decimal::parse("18446744073709551616"), None, "more digits than it holds");
}

#[test]
fn products_that_doubles_miss_by_a_bit_are_the_nearest_double() {
    for (size, count, is) in [("0.01", "35", 0.35), ("0.1", "3", 0.3), ("0.0001", "12.3", 0.00123)] {
        assert_eq!(decimal(size).many(count), Some(is), "{size} x {count}");
        assert_eq!(decimal(size).many(count.parse::<f64>().unwrap()), Some(is), "{size} x {count}");
    }
    assert_ne!(0.1 * 3.0, 0.3);
    let long = "3.".to_owned() + &"3".repeat(60);
    assert_eq!(decimal("0.01").many(&*long), schoolbook("0.01", &long).parse().ok());
    for no_count in ["-1", "", "nan"] {
        assert_eq!(decimal("0.01").many(no_count), None);
    }
    for no_count in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!((decimal("0.01").many(no_count), Decimal::ONE.many(no_count)), (None, None));
    }
}

#[test]
fn quotients_end_where_they_can() {
    for (a, b, is) in [
        ("1", "1000000", "0.000001"),
        ("100000000", "100000000", "1"),
        ("1", "8", "0.125"),
        ("3", "0.4", "7.5"),
        ("6", "3", "2"),
        ("0", "7", "0"),
    ] {
        assert_eq!(decimal(a).over(decimal(b)), Some(decimal(is)), "{a} / {b}");
    }
    assert_eq!(decimal("1").over(decimal("3")).map(Decimal::nearest), Some(1.0 / 3.0));
    assert_eq!(decimal("1").over(decimal("0")), None);
}

#[test]
fn millionths_are_cut_and_not_rounded() {
    for (text, is) in [
        ("1762795433.9717445", Some(1_762_795_433_971_744)),
        ("1688669602.698379", Some(1_688_669_602_698_379)),
        ("1688669602", Some(1_688_669_602_000_000)),
        ("1.6886695978277369e9", Some(1_688_669_597_827_736)),
        ("0.0000009", Some(0)),
        ("1e-300", Some(0)),
        ("0", Some(0)),
        ("99999999999999", None),
        ("1e300", None),
    ] {
        assert_eq!(decimal(text).millionths(), is, "{text}");
    }
}

#[test]
fn a_size_is_the_product_of_its_parts() {
    assert_eq!(decimal("0.01").times(decimal("100")), Some(Decimal::ONE));
    assert_eq!(decimal("18446744073709551615").times(decimal("1.1")), None);
    assert_eq!(Decimal::of(0.000001), Some(decimal("0.000001")));
    assert_eq!(Decimal::of(1e300), Some(decimal("1e300")));
    assert_eq!(Decimal::of(-1.0), None);
}

proptest! {
    #[test]
    fn every_product_is_the_double_nearest_to_it(
        size in "(0|[1-9][0-9]{0,6})(\\.[0-9]{1,12})?",
        count in "(0|[1-9][0-9]{0,11})(\\.[0-9]{1,30})?",
    ) {
        let is: f64 = schoolbook(&size, &count).parse().unwrap();
        prop_assert_eq!(decimal(&size).many(&*count), Some(is));
    }

    #[test]
    fn every_json_number_stands_for_its_shortest_decimal(
        size in "(0|[1-9][0-9]{0,3})(\\.[0-9]{1,8})?", count in 0.0_f64..1e12,
    ) {
        let is: f64 = schoolbook(&size, &count.to_string()).parse().unwrap();
        prop_assert_eq!(decimal(&size).many(count), Some(is));
        prop_assert_eq!(Decimal::of(count).map(Decimal::nearest), Some(count));
    }
}
