//! Numbers with their text, borrowed from the answer.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::exchange::reading::form::{Any, Form};
use crate::exchange::reading::wire::Num;

/// A decimal number and how it was written; the text is empty where it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told<'a> {
    pub(crate) num: Num,
    pub(crate) text: &'a str,
}

impl<'a> Told<'a> {
    /// Nothing stands at this price any more.
    pub(crate) const ZERO: Told<'a> = Told { num: Num::ZERO, text: "0" };

    /// A number by its JSON text, quoted or not.
    #[inline]
    pub(crate) fn written(json: &'a str) -> Self {
        Told { num: Num::written(json), text: json.trim_matches('"') }
    }
}

impl<'de> Form<'de> for Told<'de> {
    #[inline]
    fn nothing() -> Self {
        Told::default()
    }

    #[inline]
    fn other() -> Self {
        Told { num: Num::other(), text: "" }
    }

    #[inline]
    fn text(text: &str) -> Self {
        Told { num: Num::text(text), text: "" }
    }

    #[inline]
    fn borrowed(text: &'de str) -> Self {
        Told { num: Num::text(text), text }
    }

    #[inline]
    fn signed(number: i64) -> Self {
        Told { num: Num::signed(number), text: "" }
    }

    #[inline]
    fn unsigned(number: u64) -> Self {
        Told { num: Num::unsigned(number), text: "" }
    }

    #[inline]
    fn double(number: f64) -> Self {
        Told { num: Num::double(number), text: "" }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Told<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any::<Told<'de>>(PhantomData))
    }
}

/// A JSON number by its text. To read it as a JSON value takes room for its digits each time.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Raw<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Raw<'a> {
    #[inline]
    pub(crate) fn told(self) -> Told<'a> {
        self.0.map_or_else(Told::default, |raw| Told::written(raw.get()))
    }
}
