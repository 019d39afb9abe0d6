//! The envelope of every answer of Bybit: a `retCode`, which is 0 for success alone, and a result.

use serde::Deserialize;

use crate::exchange::reading::decode::{read, unreadable};
use crate::exchange::reading::rows::{Envelope, each};
use crate::exchange::reading::wire::{Int, Text};
use crate::exchange::{Exchange, ParseError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered<T> {
    ret_code: Int,
    result: T,
}

/// A list of rows, newest first.
#[derive(Deserialize)]
struct List<'a, T> {
    #[serde(default, borrow)]
    symbol: Text<'a>,
    list: Vec<T>,
}

/// Rows stand in the list of a good answer, beside the symbol of some.
#[derive(Default)]
pub(super) struct Listed {
    symbol: String,
}

/// Reads the result out of a good answer; any other is the refusal it says.
pub(super) fn read_result<'a, T: Deserialize<'a>>(
    exchange: &dyn Exchange,
    body: &'a [u8],
) -> Result<T, ParseError> {
    let answered: Answered<T> = read(exchange, body)?;
    match answered.ret_code.get() {
        Some(0) => Ok(answered.result),
        _ => Err(unreadable(exchange, body, &"its code is no success")),
    }
}

impl Envelope for Listed {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        exchange: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let listed: List<'a, T> = read_result(exchange, body)?;
        self.symbol = listed.symbol.into_inner().into_owned();
        each(listed.list, take);
        Ok(())
    }

    fn symbol(&self) -> Option<&str> {
        Some(&*self.symbol).filter(|named| !named.is_empty())
    }
}
