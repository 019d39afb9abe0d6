//! Reading messages about books straight into a [`Change`], without a value between.

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::live_book::BookFault;
use crate::exchange::live::book::rules::BookRules;
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::told::{Raw, Told};
use crate::exchange::reading::wire::{Int, Text};
use crate::model::Side;

/// The reader of an exchange's frames about books.
pub(crate) trait BookWire: Send {
    /// The rules of its books.
    fn rules(&self) -> &'static BookRules;

    /// Reads a frame, of which only the parts about books are of interest.
    ///
    /// # Errors
    /// When it is not what is documented.
    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable>;

    /// The same reader with the same state.
    fn copy(&self) -> Box<dyn BookWire>;
}

/// The taker of what a reader reads.
pub(crate) trait BookSink {
    /// A message about the book of a symbol, in the exchange's words.
    fn change(&mut self, symbol: &str, change: &mut Change);

    /// A checksum of the book as it is now.
    fn checksum(&mut self, symbol: &str, checksum: u32);

    /// Something is missing of a book, or of all of them.
    fn lost(&mut self, symbol: Option<&str>, fault: BookFault);
}

/// Takes the members of an object one by one.
pub(crate) trait ReadMembers<'de> {
    /// Reads the value of a member; one that is not wanted is passed over with [`IgnoredAny`].
    ///
    /// # Errors
    /// When it is not of the documented type.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Takes the elements of an array one by one.
pub(crate) trait ReadRows<'de> {
    /// Reads the next element. Returns `false` if there is none.
    ///
    /// # Errors
    /// When it is not of the documented type.
    fn row<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error>;
}

/// Reads an object.
///
/// # Errors
/// When it is none, or a member is not what was expected.
pub(crate) fn read_object<'de, R: ReadMembers<'de>>(
    json: &'de str,
    into: &mut R,
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    Object(into).deserialize(&mut json)?;
    json.end()
}

/// Reads an array.
///
/// # Errors
/// When it is none, or an element is not what was expected.
pub(crate) fn read_rows<'de, R: ReadRows<'de>>(
    json: &'de str,
    into: &mut R,
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    Array(into).deserialize(&mut json)?;
    json.end()
}

/// An object whose members are taken by `R`.
pub(crate) struct Object<'r, R>(pub(crate) &'r mut R);

impl<'de, R: ReadMembers<'de>> DeserializeSeed<'de> for Object<'_, R> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, R: ReadMembers<'de>> Visitor<'de> for Object<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Text<'de>>()? {
            self.0.member(&name, &mut map)?;
        }
        Ok(())
    }
}

/// An array whose elements are taken by `R`.
pub(crate) struct Array<'r, R>(pub(crate) &'r mut R);

impl<'de, R: ReadRows<'de>> DeserializeSeed<'de> for Array<'_, R> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, R: ReadRows<'de>> Visitor<'de> for Array<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while self.0.row(&mut seq)? {}
        Ok(())
    }
}

/// A number of a level in one of its forms.
pub(crate) trait Number<'de>: Deserialize<'de> + Default {
    fn told(self) -> Told<'de>;
}

impl<'de> Number<'de> for Told<'de> {
    #[inline]
    fn told(self) -> Told<'de> {
        self
    }
}

impl<'de> Number<'de> for Raw<'de> {
    #[inline]
    fn told(self) -> Told<'de> {
        Raw::told(self)
    }
}

/// The levels of one side: `[price, amount, …]`, or objects that name both.
pub(crate) struct Levels<'c, N> {
    pub(crate) change: &'c mut Change,
    pub(crate) side: Side,
    /// Whether texts are kept, which a checksum is over.
    pub(crate) is_written: bool,
    /// Which column has the number of orders, where one has.
    pub(crate) orders: Option<usize>,
    pub(crate) number: PhantomData<N>,
}

impl<'c, N> Levels<'c, N> {
    /// Levels of price and amount alone.
    pub(crate) fn of(change: &'c mut Change, side: Side) -> Self {
        Levels { change, side, is_written: false, orders: None, number: PhantomData }
    }

    fn push(&mut self, price: Told<'_>, amount: Told<'_>, orders: Int) {
        if self.is_written {
            self.change.push_written(self.side, price, amount, orders);
        } else {
            self.change.push(self.side, price, amount, orders);
        }
    }
}

impl<'de, N: Number<'de>> DeserializeSeed<'de> for Levels<'_, N> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(mut self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(Array(&mut self))
    }
}

impl<'de, N: Number<'de>> ReadRows<'de> for Levels<'_, N> {
    #[inline]
    fn row<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        Ok(seq.next_element_seed(OneLevel(self))?.is_some())
    }
}

struct OneLevel<'l, 'c, N>(&'l mut Levels<'c, N>);

impl<'de, N: Number<'de>> DeserializeSeed<'de> for OneLevel<'_, '_, N> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, N: Number<'de>> Visitor<'de> for OneLevel<'_, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a level of a book")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let price = seq.next_element::<N>()?.unwrap_or_default().told();
        let amount = seq.next_element::<N>()?.unwrap_or_default().told();
        let mut orders = Int::Absent;
        for column in 2.. {
            if self.0.orders == Some(column) {
                let Some(told) = seq.next_element::<Int>()? else { break };
                orders = told;
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        self.0.push(price, amount, orders);
        Ok(())
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut price, mut amount) = (N::default(), N::default());
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "price" => price = map.next_value()?,
                "qty" => amount = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.0.push(price.told(), amount.told(), Int::Absent);
        Ok(())
    }
}
