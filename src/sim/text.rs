//! Writes integers directly into the body as the decimal text that exchanges send.

/// The two digits of every number below one hundred.
const PAIRS: [u8; 200] = pairs();

const fn pairs() -> [u8; 200] {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[number * 2] = b'0' + (number / 10) as u8;
        pairs[number * 2 + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
}

/// Appends an integer.
pub(super) fn int(out: &mut Vec<u8>, value: i64) {
    let mut digits = Digits::default();
    digits.whole(value.unsigned_abs());
    digits.finish(out, value < 0);
}

/// Appends hundredths as a decimal with eight places: `61837.63000000`.
pub(super) fn cents(out: &mut Vec<u8>, value: i64) {
    let size = value.unsigned_abs();
    let mut digits = Digits::default();
    digits.zeros();
    digits.pair(size % 100);
    digits.point();
    digits.whole(size / 100);
    digits.finish(out, value < 0);
}

/// Appends hundred-millionths as a decimal with eight places: `0.00000700`.
pub(super) fn e8(out: &mut Vec<u8>, value: i64) {
    let mut rest = value.unsigned_abs();
    let mut digits = Digits::default();
    for _ in 0..4 {
        digits.pair(rest % 100);
        rest /= 100;
    }
    digits.point();
    digits.whole(rest);
    digits.finish(out, value < 0);
}

/// Text written from its last digit to its first.
struct Digits {
    bytes: [u8; 32],
    first: usize,
}

impl Default for Digits {
    fn default() -> Self {
        Digits { bytes: [b'0'; 32], first: 32 }
    }
}

impl Digits {
    /// Six zeros: the places a price in hundredths does not use.
    fn zeros(&mut self) {
        self.first -= 6;
    }

    fn point(&mut self) {
        self.first -= 1;
        self.bytes[self.first] = b'.';
    }

    fn pair(&mut self, below_100: u64) {
        let at = usize::try_from(below_100).unwrap_or(0) * 2;
        self.first -= 2;
        self.bytes[self.first..self.first + 2].copy_from_slice(&PAIRS[at..at + 2]);
    }

    fn whole(&mut self, mut value: u64) {
        while value >= 10 {
            self.pair(value % 100);
            value /= 100;
            if value == 0 {
                return;
            }
        }
        self.first -= 1;
        self.bytes[self.first] = b'0' + u8::try_from(value).unwrap_or(0);
    }

    fn finish(&mut self, out: &mut Vec<u8>, negative: bool) {
        if negative {
            self.first -= 1;
            self.bytes[self.first] = b'-';
        }
        out.extend_from_slice(&self.bytes[self.first..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: fn(&mut Vec<u8>, i64), value: i64) -> String {
        let mut out = Vec::new();
        write(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_with_eight_places_and_no_leading_zero() {
        assert_eq!(written(cents, 6_183_763), "61837.63000000");
        assert_eq!(written(cents, -5), "-0.05000000");
        assert_eq!(written(e8, 700), "0.00000700");
        assert_eq!(written(e8, 12_345_678_901), "123.45678901");
    }

    proptest! {
        #[test]
        fn text_reads_back_to_the_float_that_is_stored(value in 0_i64..9_000_000_000_000_000) {
            prop_assert_eq!(written(int, value), value.to_string());
            prop_assert_eq!(written(cents, value).parse::<f64>().unwrap(), value as f64 / 100.0);
            prop_assert_eq!(written(e8, value).parse::<f64>().unwrap(), value as f64 / 1e8);
        }
    }
}
