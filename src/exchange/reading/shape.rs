//! The shapes of rows: columns of a list or members of an object, with any that were added to them passed over.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A row of columns: those of `T`, and any that were added behind them.
pub(crate) struct Columns<T>(pub(crate) T);

/// An object with the members of `T`, and any that were added to them; a list of their values is none.
pub(crate) struct Members<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Columns<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(First(PhantomData))
    }
}

/// Reads the first columns of a row and passes over the rest.
struct First<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
    type Value = Columns<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of columns")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let row = T::deserialize(SeqAccessDeserializer::new(&mut seq))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Columns(row))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Named(PhantomData))
    }
}

/// Reads the members of an object by their names.
struct Named<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<T> {
    type Value = Members<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::reading::wire::{Int, Num};

    #[test]
    fn columns_that_were_added_are_passed_over_and_one_that_is_missing_is_not() {
        let columns = |json| serde_json::from_str::<Columns<(Int, Num)>>(json).map(|row| row.0.1.get());
        assert_eq!(columns("[1,2]").unwrap(), Some(2.0));
        assert_eq!(columns("[1,2,\"new\",{\"a\":[]}]").unwrap(), Some(2.0));
        assert!(columns("[1]").is_err() && columns("{}").is_err() && columns("[1,2,]").is_err());
    }
}
