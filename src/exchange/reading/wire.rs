//! Values of a row, in whatever form they come: a number may be a JSON number or text, and null, an empty text and
//! a member that is absent all mean that nothing is there.
//!
//! None of these refuses a row by itself: what is nothing, or no number, is found by the checks of
//! [`Row`](crate::exchange::reading::row::Row), which know what it should have been.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::{Deserialize, Deserializer};

use crate::exchange::Count;
use crate::exchange::reading::form::{Any, Form};
use crate::exchange::reading::plain::plain;

/// Whole numbers below this are the same as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A decimal number, as the nearest double.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Num(f64);

impl Num {
    pub(crate) const ZERO: Num = Num(0.0);

    /// A number that was read before.
    #[inline]
    pub(crate) fn of(number: f64) -> Num {
        Num(number)
    }

    /// The number, if it is one.
    #[inline]
    pub(crate) fn get(self) -> Option<f64> {
        self.0.is_finite().then_some(self.0)
    }

    /// A number by its JSON text. Reading it as a JSON value takes room for its digits each time.
    pub(crate) fn written(json: &str) -> Num {
        match json.trim_matches('"') {
            "null" => Num::default(),
            text => Num::text(text),
        }
    }

    /// The same without its sign.
    pub(crate) fn size(self) -> Num {
        Num(self.0.abs())
    }

    /// Whether nothing stands there.
    #[inline]
    pub(crate) fn is_absent(self) -> bool {
        self.0.is_nan()
    }
}

impl Default for Num {
    /// Nothing.
    #[inline]
    fn default() -> Self {
        Num(f64::NAN)
    }
}

/// A whole number: a count, an id or an instant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Int {
    #[default]
    Absent,
    Is(i64),
    /// Something else, such as a fraction.
    Other,
}

impl Int {
    /// The number, if it is one.
    #[inline]
    pub(crate) fn get(self) -> Option<i64> {
        match self {
            Int::Is(number) => Some(number),
            Int::Absent | Int::Other => None,
        }
    }
}

/// A word, an id or an instant written out; a number is its digits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text, borrowed from the answer where it stands there as it is.
    #[inline]
    pub(crate) fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl Text<'_> {
    /// What it says, unless it is empty or absent.
    #[inline]
    pub(crate) fn said(&self) -> Option<&str> {
        Some(&*self.0).filter(|text| !text.is_empty())
    }
}

impl Deref for Text<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        &self.0
    }
}

/// A number of contracts, with every digit of it where it is text.
#[derive(Clone, Debug, Default)]
pub(crate) enum Contracts<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(f64),
}

impl Contracts<'_> {
    /// The same as the nearest double.
    pub(crate) fn num(&self) -> Num {
        match self {
            Contracts::Absent => Num::default(),
            Contracts::Text(text) => Num::text(text),
            Contracts::Number(number) => Num(*number),
        }
    }

    /// How many, where it is told.
    pub(crate) fn count(&self) -> Option<Count<'_>> {
        match self {
            Contracts::Absent => None,
            Contracts::Text(text) => Some(Count::Text(text)),
            Contracts::Number(number) => Some(Count::Number(*number)),
        }
    }
}

impl Form<'_> for Num {
    #[inline]
    fn nothing() -> Self {
        Num::default()
    }

    #[inline]
    fn other() -> Self {
        Num(f64::INFINITY)
    }

    #[inline]
    fn text(text: &str) -> Self {
        if let Some(number) = plain(text) {
            return Num(number);
        }
        match text.parse::<f64>() {
            // The standard parser takes `inf` and `nan`, which no price is.
            Ok(number) if number.is_finite() => Num(number),
            _ if text.is_empty() => Num::default(),
            _ => Self::other(),
        }
    }

    #[inline]
    fn signed(number: i64) -> Self {
        Num(number as f64)
    }

    #[inline]
    fn unsigned(number: u64) -> Self {
        Num(number as f64)
    }

    #[inline]
    fn double(number: f64) -> Self {
        Num(number)
    }
}

impl Form<'_> for Int {
    #[inline]
    fn nothing() -> Self {
        Int::Absent
    }

    #[inline]
    fn other() -> Self {
        Int::Other
    }

    #[inline]
    fn text(text: &str) -> Self {
        if let Ok(number) = text.parse() {
            return Int::Is(number);
        }
        match text.parse() {
            Ok(number) => Self::double(number),
            Err(_) if text.is_empty() => Int::Absent,
            Err(_) => Int::Other,
        }
    }

    #[inline]
    fn signed(number: i64) -> Self {
        Int::Is(number)
    }

    #[inline]
    fn unsigned(number: u64) -> Self {
        i64::try_from(number).map_or(Int::Other, Int::Is)
    }

    #[inline]
    fn double(number: f64) -> Self {
        if number.fract() == 0.0 && number.abs() < EXACT { Int::Is(number as i64) } else { Int::Other }
    }
}

impl<'de> Form<'de> for Contracts<'de> {
    fn nothing() -> Self {
        Contracts::Absent
    }

    fn other() -> Self {
        Contracts::Number(f64::INFINITY)
    }

    fn text(text: &str) -> Self {
        if text.is_empty() { Contracts::Absent } else { Contracts::Text(Cow::Owned(text.to_owned())) }
    }

    fn borrowed(text: &'de str) -> Self {
        if text.is_empty() { Contracts::Absent } else { Contracts::Text(Cow::Borrowed(text)) }
    }

    fn signed(number: i64) -> Self {
        Contracts::Number(number as f64)
    }

    fn unsigned(number: u64) -> Self {
        Contracts::Number(number as f64)
    }

    fn double(number: f64) -> Self {
        Contracts::Number(number)
    }
}

impl<'de> Form<'de> for Text<'de> {
    #[inline]
    fn nothing() -> Self {
        Text::default()
    }

    #[inline]
    fn other() -> Self {
        Text::default()
    }

    #[inline]
    fn text(text: &str) -> Self {
        Text(Cow::Owned(text.to_owned()))
    }

    #[inline]
    fn borrowed(text: &'de str) -> Self {
        Text(Cow::Borrowed(text))
    }

    #[inline]
    fn signed(number: i64) -> Self {
        Text(Cow::Owned(number.to_string()))
    }

    #[inline]
    fn unsigned(number: u64) -> Self {
        Text(Cow::Owned(number.to_string()))
    }

    #[inline]
    fn double(number: f64) -> Self {
        Int::double(number).get().map_or_else(Text::default, Text::signed)
    }
}

impl<'de> Deserialize<'de> for Num {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Int {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any::<Text<'de>>(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Contracts<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any::<Contracts<'de>>(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(json: &str) -> Num {
        serde_json::from_str(json).unwrap()
    }

    fn int(json: &str) -> Int {
        serde_json::from_str(json).unwrap()
    }

    fn text(json: &str) -> String {
        serde_json::from_str::<Text<'_>>(json).unwrap().into_inner().into_owned()
    }

    #[test]
    fn a_number_is_the_same_in_every_form_of_it() {
        for json in ["0.00012", "\"0.00012\"", "1.2e-4", "\"1.2E-4\"", "\"+0.000120\""] {
            assert_eq!(num(json).get(), Some(0.00012), "{json}");
        }
        for json in
            ["1704067140000", "\"1704067140000\"", "1704067140000.0", "\"1.70406714e12\"", "1.70406714e12"]
        {
            assert_eq!(
                (num(json).get(), int(json).get()),
                (Some(1_704_067_140_000.0), Some(1_704_067_140_000))
            );
        }
        assert_eq!([num("-7").get(), num("\"-7\"").get()], [Some(-7.0); 2]);
        assert_eq!([int("-7").get(), int("\"-7\"").get()], [Some(-7); 2]);
        assert_eq!([text("\"7\""), text("7"), text("7.0"), text("\"\\u0037\"")], ["7"; 4].map(str::to_owned));
    }

    #[test]
    fn a_number_by_its_text_is_the_number_by_its_value() {
        for json in ["0.5", "\"0.5\"", "77400.0", "-1e-7", "5e-324", "0.12345678901234567890123", "12"] {
            assert_eq!(Num::written(json).get(), num(json).get(), "{json}");
        }
        assert!(Num::written("null").is_absent() && Num::written("\"\"").is_absent());
        for json in ["1e999", "true", "[1]", "{}", "\"x\"", "\"NaN\""] {
            assert_eq!((Num::written(json).get(), Num::written(json).is_absent()), (None, false), "{json}");
        }
    }

    #[test]
    fn contracts_keep_every_digit_of_a_text() {
        let read = |json| serde_json::from_str::<Contracts<'_>>(json).unwrap();
        let long = read("\"0.12345678901234567890123\"");
        assert!(matches!(long.count(), Some(Count::Text("0.12345678901234567890123"))));
        assert!(matches!(read("0.5").count(), Some(Count::Number(0.5))));
        assert!(matches!(read("7").count(), Some(Count::Number(7.0))));
        assert!(read("null").count().is_none() && read("\"\"").count().is_none());
        assert_eq!(
            ["\"12.50\"", "12.5", "\"x\"", "[]"].map(|json| read(json).num().get()),
            [Some(12.5), Some(12.5), None, None]
        );
    }

    #[test]
    fn null_and_an_empty_text_are_nothing_and_what_is_no_number_is_none() {
        for json in ["null", "\"\""] {
            assert!(
                num(json).is_absent() && matches!(int(json), Int::Absent) && text(json).is_empty(),
                "{json}"
            );
        }
        for json in
            ["\"NaN\"", "\"inf\"", "\"-infinity\"", "\"1e400\"", "\"forty\"", "true", "[[1],2]", "{\"a\":{}}"]
        {
            assert_eq!((num(json).get(), num(json).is_absent()), (None, false), "{json}");
            assert!(matches!(int(json), Int::Other), "{json}");
        }
        for json in ["0.5", "\"0.5\"", "9223372036854775808", "1e300"] {
            assert!(matches!(int(json), Int::Other), "{json}");
        }
    }
}
