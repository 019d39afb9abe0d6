//! Decimal numbers as most exchanges write most of them, such as `42283.58000000`, which are read in half the time that
//! any number takes.

/// Digits before the point, and behind it, that are read here.
const MOST_DIGITS: usize = 8;
/// 10 by its power, for as many digits behind the point.
const TENS: [u64; MOST_DIGITS + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// Below this every whole number is a double.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// The nearest double of a few digits, a point and a few digits; none for every other form of a number.
///
/// The digits without the point and the power of ten are doubles without rounding, so that their quotient, which is rounded
/// once, is the nearest one.
#[inline]
pub(super) fn plain(text: &str) -> Option<f64> {
    let text = text.as_bytes();
    let (mut whole, mut point) = (0, 0);
    while *text.get(point)? != b'.' {
        whole = whole * 10 + digit(text[point])?;
        point += 1;
        if point > MOST_DIGITS {
            return None;
        }
    }
    let fraction = &text[point + 1..];
    let tens = TENS[1..].get(fraction.len().checked_sub(1)?)?;
    let read = match <[u8; 8]>::try_from(fraction) {
        Ok(fraction) => eight_digits(u64::from_le_bytes(fraction))?,
        Err(_) => fraction.iter().try_fold(0, |number, byte| Some(number * 10 + digit(*byte)?))?,
    };
    let number = whole * tens + read;
    (point > 0 && number < EXACT).then(|| number as f64 / *tens as f64)
}

#[inline]
fn digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Eight digits, the first of them in the lowest byte: neighbours are joined into pairs, pairs into fours, and these.
#[inline]
fn eight_digits(text: u64) -> Option<u64> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let digits = text ^ (EACH * u64::from(b'0'));
    // Any other byte is above nine now: adding 118 to it sets its highest bit, unless that is set already.
    if (digits.wrapping_add(EACH * 118) | digits) & (EACH * 128) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & PAIRS).wrapping_mul((1_000_000 << 32) | 100);
    let second = ((pairs >> 16) & PAIRS).wrapping_mul((10_000 << 32) | 1);
    Some(first.wrapping_add(second) >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_forms_are_read_here() {
        for text in
            ["42283.58000000", "0.00000001", "0.1", "99999999.0", "00.50", "12345678.1", "67108863.99999999"]
        {
            assert_eq!(plain(text), Some(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn every_other_form_is_left_to_who_knows_them_all() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "7",
            "-1.5",
            "+1.5",
            "1e3",
            "1.5e3",
            "1.2.3",
            "1,5",
            "inf",
            "1.0000000x",
            "1.x",
            "x.1",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
        for text in ["123456789.0", "1.123456789", "99999999.99999999", "1.0000000:", "1.0000000/", "1.ééé5"]
        {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_double_that_the_standard_parser_gives(text in r"[0-9]{1,9}\.[0-9]{1,9}") {
            let known = text.parse::<f64>().unwrap();
            prop_assert!(plain(&text).is_none_or(|own| own.to_bits() == known.to_bits()));
        }

        #[test]
        fn whatever_is_read_here_is_a_number_to_the_standard_parser(text in r"[0-9./:eé+-]{0,18}") {
            prop_assert!(plain(&text).is_none_or(|own| text.parse() == Ok(own)));
        }
    }
}
