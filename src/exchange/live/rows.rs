//! Rows of a frame, one after the other.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _};

/// Hands over each row of a JSON array until `take` wants no more; whether it took all.
///
/// # Errors
/// When it is no array of such rows.
pub(crate) fn each_row<'a, W: Deserialize<'a>>(
    array: &'a str,
    take: impl FnMut(W) -> bool,
) -> Result<bool, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(array);
    let mut rows = Rows { take, is_stopped: false, row: PhantomData };
    let read = json.deserialize_seq(&mut rows).and_then(|()| json.end());
    if rows.is_stopped { Ok(false) } else { read.map(|()| true) }
}

struct Rows<F, W> {
    take: F,
    is_stopped: bool,
    row: PhantomData<W>,
}

impl<'a, W: Deserialize<'a>, F: FnMut(W) -> bool> Visitor<'a> for &mut Rows<F, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element()? {
            if !(self.take)(row) {
                self.is_stopped = true;
                return Err(A::Error::custom("no more rows are wanted"));
            }
        }
        Ok(())
    }
}
