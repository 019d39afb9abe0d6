//! The envelope of every answer of Kraken: errors beside a result, in which rows stand under the name of their pair.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::exchange::reading::decode::{read, unreadable};
use crate::exchange::reading::rows::{Envelope, each};
use crate::exchange::reading::wire::Text;
use crate::exchange::{Exchange, ParseError};

#[derive(Deserialize)]
struct Answered<'a, T> {
    #[serde(borrow)]
    error: Vec<Cow<'a, str>>,
    result: T,
}

/// The one member beside `last` that has the form of rows: its key is Kraken's own name of the pair, not always the one
/// asked for.
pub(super) struct Keyed<T, L> {
    pub(super) rows: T,
    last: Option<L>,
}

/// Rows stand under a pair's name in a good answer; beside them the cursor of what follows.
#[derive(Default)]
pub(super) struct OfPair {
    pub(super) cursor: Option<u64>,
}

/// Reads what is in the envelope; an envelope with an error in it is the refusal it says.
pub(super) fn read_result<'a, T: Deserialize<'a>>(
    exchange: &dyn Exchange,
    body: &'a [u8],
) -> Result<T, ParseError> {
    let answered: Answered<'_, T> = read(exchange, body)?;
    match answered.error.iter().find(|told| !told.starts_with('W')) {
        Some(told) => Err(unreadable(exchange, body, &format!("it tells of {told}"))),
        None => Ok(answered.result),
    }
}

impl Envelope for OfPair {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        exchange: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let Keyed { rows, last }: Keyed<Vec<T>, Text<'a>> = read_result(exchange, body)?;
        self.cursor = last.and_then(|last| last.parse().ok());
        each(rows, take);
        Ok(())
    }
}

impl<'de, T: Deserialize<'de>, L: Deserialize<'de>> Deserialize<'de> for Keyed<T, L> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T, L>(PhantomData<(T, L)>);
        impl<'de, T: Deserialize<'de>, L: Deserialize<'de>> Visitor<'de> for Members<T, L> {
            type Value = Keyed<T, L>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pair's rows by its name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut rows, mut last, mut refused) = (None, None, None);
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == "last" {
                        last = Some(map.next_value()?);
                        continue;
                    }
                    // A member added beside the pair has another form.
                    match serde_json::from_str(map.next_value::<&RawValue>()?.get()) {
                        Ok(own) if rows.is_none() => rows = Some(own),
                        Ok(_) => return Err(de::Error::custom("it answers for two pairs")),
                        Err(error) => refused = Some(error),
                    }
                }
                let none =
                    || refused.map_or_else(|| "it answers for no pair".to_owned(), |error| error.to_string());
                let rows = rows.ok_or_else(|| de::Error::custom(none()))?;
                Ok(Keyed { rows, last })
            }
        }
        from.deserialize_map(Members(PhantomData))
    }
}
