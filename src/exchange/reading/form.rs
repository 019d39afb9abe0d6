//! The forms a JSON value may come in, and one visitor that takes them all.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads one value of any type by the methods of [`Form`].
pub(super) struct Any<F>(pub(super) PhantomData<F>);

/// Converts each JSON form of a value.
pub(super) trait Form<'de>: Sized {
    /// Null, and what no form of it is.
    fn nothing() -> Self;
    /// A value of a type that cannot be meant.
    fn other() -> Self;
    fn text(text: &str) -> Self;
    #[inline]
    fn borrowed(text: &'de str) -> Self {
        Self::text(text)
    }
    fn signed(number: i64) -> Self;
    fn unsigned(number: u64) -> Self;
    fn double(number: f64) -> Self;
}

impl<'de, F: Form<'de>> Visitor<'de> for Any<F> {
    type Value = F;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<F, E> {
        Ok(F::borrowed(text))
    }

    #[inline]
    fn visit_str<E>(self, text: &str) -> Result<F, E> {
        Ok(F::text(text))
    }

    #[inline]
    fn visit_u64<E>(self, number: u64) -> Result<F, E> {
        Ok(F::unsigned(number))
    }

    #[inline]
    fn visit_i64<E>(self, number: i64) -> Result<F, E> {
        Ok(F::signed(number))
    }

    #[inline]
    fn visit_f64<E>(self, number: f64) -> Result<F, E> {
        Ok(F::double(number))
    }

    #[inline]
    fn visit_unit<E>(self) -> Result<F, E> {
        Ok(F::nothing())
    }

    #[inline]
    fn visit_bool<E>(self, _: bool) -> Result<F, E> {
        Ok(F::other())
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<F, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| F::other())
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<F, A::Error> {
        IgnoredAny.visit_map(map).map(|_| F::other())
    }
}
