//! Decimal numbers as exchanges write them, multiplied without a rounding of their own.
//!
//! A size of 0.01 is no double, so that a product of two doubles may be off in its last bit. Here a product is exact
//! in integers and rounded once, to the double nearest to it.

use std::fmt;
use std::io::{Cursor, Write as _};

/// Powers of ten that are doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Whole numbers below this are doubles.
const WHOLE_DOUBLES: u128 = 1 << 53;

/// The furthest exponent read: nothing beyond is an amount.
const FURTHEST: i32 = 400;

/// A decimal number that is not negative: at most nineteen digits and a power of ten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Without zeros at its end, so that equal numbers are equal.
    mantissa: u64,
    exponent: i32,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal { mantissa: 0, exponent: 0 };

    /// One.
    pub const ONE: Decimal = Decimal { mantissa: 1, exponent: 0 };

    /// A whole number.
    #[must_use]
    pub fn whole(number: u64) -> Self {
        Decimal { mantissa: number, exponent: 0 }.short()
    }

    /// Reads a number as exchanges write it, `0.01` or `1e-8`; none where it is none, is negative, or has more digits
    /// than this holds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Digits { mantissa: Some(mantissa), exponent, .. } = Digits::of(text)? else { return None };
        Some(Decimal { mantissa, exponent }.short())
    }

    /// The shortest decimal that is this double, as JSON writes it; none where it is negative or no number.
    #[must_use]
    pub fn of(number: f64) -> Option<Self> {
        let short = Decimal::shortest(number)?;
        Some(short.short())
    }

    /// The product, where nineteen digits hold it.
    #[must_use]
    pub fn times(self, other: Decimal) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        Some(Decimal { mantissa, exponent: self.exponent + other.exponent }.short())
    }

    /// The quotient. Where it has no end, as 1 / 3 has none, it is the shortest decimal of the nearest double.
    #[must_use]
    pub fn over(self, by: Decimal) -> Option<Self> {
        if by.mantissa == 0 {
            return None;
        }
        self.ending_quotient(by).or_else(|| Decimal::of(self.nearest() / by.nearest()))
    }

    /// The whole millionths in it, as the microseconds are of so many seconds; none where they are too many.
    #[must_use]
    pub(crate) fn millionths(self) -> Option<i64> {
        let power = self.exponent.checked_add(6)?;
        let scale = 10_u64.checked_pow(power.unsigned_abs());
        let whole = match (power < 0, scale) {
            (true, scale) => scale.map_or(0, |scale| self.mantissa / scale),
            (false, scale) => self.mantissa.checked_mul(scale?)?,
        };
        i64::try_from(whole).ok()
    }

    /// The nearest double.
    #[must_use]
    pub fn nearest(self) -> f64 {
        nearest(u128::from(self.mantissa), self.exponent)
    }

    /// The double nearest to so many of this; none where the count is no number or negative.
    #[must_use]
    pub fn many<'a>(self, count: impl Into<Count<'a>>) -> Option<f64> {
        match count.into() {
            Count::Number(count) => self.many_shortest(count),
            Count::Text(count) => self.many_written(count),
        }
    }

    fn many_shortest(self, count: f64) -> Option<f64> {
        if self == Decimal::ONE {
            return Some(count).filter(|count| *count >= 0.0 && count.is_finite());
        }
        Decimal::shortest(count).map(|count| self.product(count.mantissa, count.exponent))
    }

    fn many_written(self, count: &str) -> Option<f64> {
        let digits = Digits::of(count)?;
        Some(match digits.mantissa {
            Some(mantissa) => self.product(mantissa, digits.exponent),
            None => self.long_product(&digits),
        })
    }

    fn product(self, mantissa: u64, exponent: i32) -> f64 {
        nearest(u128::from(self.mantissa) * u128::from(mantissa), self.exponent + exponent)
    }

    /// The same for more digits than an integer holds, digit by digit.
    fn long_product(self, count: &Digits<'_>) -> f64 {
        let (mut carry, mut reversed) = (0_u128, Vec::with_capacity(count.text.len() + 24));
        for digit in count.text.bytes().rev().filter(u8::is_ascii_digit) {
            carry += u128::from(digit - b'0') * u128::from(self.mantissa);
            reversed.push(b'0' + (carry % 10) as u8);
            carry /= 10;
        }
        while carry > 0 {
            reversed.push(b'0' + (carry % 10) as u8);
            carry /= 10;
        }
        reversed.reverse();
        let mut text = String::from_utf8_lossy(&reversed).into_owned();
        text.push_str(&format!("e{}", self.exponent + count.exponent));
        text.parse().unwrap_or(f64::NAN)
    }

    fn shortest(number: f64) -> Option<Self> {
        let is_amount = number.is_finite() && number >= 0.0;
        if !is_amount {
            return None;
        }
        // Most counts are whole, and nothing has to be written for those.
        if number < 9e15 && number.trunc() == number {
            return Some(Decimal { mantissa: number as u64, exponent: 0 });
        }
        let mut buffer = [0_u8; 32];
        let mut writing = Cursor::new(&mut buffer[..]);
        write!(writing, "{number:e}").ok()?;
        let length = usize::try_from(writing.position()).ok()?;
        let digits = Digits::of(std::str::from_utf8(&buffer[..length]).ok()?)?;
        Some(Decimal { mantissa: digits.mantissa?, exponent: digits.exponent })
    }

    /// A fraction ends where its divisor is made of twos and fives, once what both share is left out.
    fn ending_quotient(self, by: Decimal) -> Option<Self> {
        let shared = greatest_divisor(self.mantissa, by.mantissa);
        let (mut mantissa, mut divisor) = (self.mantissa / shared, by.mantissa / shared);
        let mut exponent = self.exponent - by.exponent;
        for (factor, other) in [(2, 5), (5, 2)] {
            while divisor % factor == 0 {
                divisor /= factor;
                mantissa = mantissa.checked_mul(other)?;
                exponent -= 1;
            }
        }
        (divisor == 1).then(|| Decimal { mantissa, exponent }.short())
    }

    fn short(mut self) -> Self {
        while self.mantissa != 0 && self.mantissa.is_multiple_of(10) {
            self.mantissa /= 10;
            self.exponent += 1;
        }
        if self.mantissa == 0 {
            self.exponent = 0;
        }
        self
    }
}

/// How many, as an answer has it.
#[derive(Clone, Copy, Debug)]
pub enum Count<'a> {
    /// Written as text: every digit of it counts.
    Text(&'a str),
    /// A JSON number, which stands for its shortest decimal.
    Number(f64),
}

impl<'a> From<&'a str> for Count<'a> {
    fn from(text: &'a str) -> Self {
        Count::Text(text)
    }
}

impl From<f64> for Count<'_> {
    fn from(number: f64) -> Self {
        Count::Number(number)
    }
}

/// The digits of a number that is written out.
struct Digits<'a> {
    /// The text before the exponent.
    text: &'a str,
    /// The digits as one whole number, where it is not too long.
    mantissa: Option<u64>,
    exponent: i32,
}

impl<'a> Digits<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (mut mantissa, mut exponent, mut digits, mut is_fraction) = (Some(0_u64), 0_i32, 0_usize, false);
        let mut bytes = text.bytes().enumerate();
        let end = loop {
            match bytes.next() {
                Some((_, digit @ b'0'..=b'9')) => {
                    let more = |sum: u64| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
                    mantissa = mantissa.and_then(more);
                    exponent -= i32::from(is_fraction);
                    digits += 1;
                }
                Some((_, b'.')) if !is_fraction => is_fraction = true,
                Some((at, b'e' | b'E')) => {
                    let told: i32 = text[at + 1..].parse().ok()?;
                    exponent = exponent.checked_add(told)?;
                    break at;
                }
                Some(_) => return None,
                None => break text.len(),
            }
        };
        let is_one = digits > 0 && digits < 300 && exponent.abs() <= FURTHEST;
        is_one.then_some(Digits { text: &text[..end], mantissa, exponent })
    }
}

/// The double nearest to `mantissa × 10^exponent`.
fn nearest(mantissa: u128, exponent: i32) -> f64 {
    // Two doubles without an error of their own: their quotient or product is rounded once.
    if mantissa < WHOLE_DOUBLES {
        let power = POWERS.get(exponent.unsigned_abs() as usize);
        match power {
            Some(power) if exponent < 0 => return mantissa as f64 / power,
            Some(power) => return mantissa as f64 * power,
            None => {}
        }
    }
    let mut buffer = [0_u8; 64];
    let mut writing = Cursor::new(&mut buffer[..]);
    // Thirty-nine digits and an exponent always fit.
    let written = write!(writing, "{mantissa}e{exponent}").ok().and(usize::try_from(writing.position()).ok());
    let text = written.and_then(|length| std::str::from_utf8(&buffer[..length]).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.nearest())
    }
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
