//! The envelopes of Kraken Futures: each kind of rows has a member of its own, beside a `result` that says `success`.

use serde::Deserialize;

use crate::exchange::reading::decode::{read, unreadable};
use crate::exchange::reading::rows::{Envelope, each};
use crate::exchange::reading::wire::Text;
use crate::exchange::{Exchange, ParseError};

/// Charts do not say that they succeeded.
#[derive(Deserialize)]
struct Candles<T> {
    candles: Vec<T>,
}

#[derive(Deserialize)]
struct Fills<'a, T> {
    #[serde(borrow)]
    result: Text<'a>,
    history: Vec<T>,
}

#[derive(Deserialize)]
pub(super) struct Rates<'a, T> {
    #[serde(borrow)]
    result: Text<'a>,
    rates: Vec<T>,
}

/// Where each kind of rows stands.
pub(super) enum Within {
    Charts,
    History,
    Rates,
}

/// Reads a body of the documented shape that calls itself a success; an error body is the refusal it says.
pub(super) fn read_success<'a, T: Deserialize<'a>>(
    exchange: &dyn Exchange,
    body: &'a [u8],
    result: impl Fn(&T) -> &str,
) -> Result<T, ParseError> {
    let read: T = read(exchange, body)?;
    match result(&read) {
        "success" => Ok(read),
        other => Err(unreadable(exchange, body, &format!("its result is {other}"))),
    }
}

impl Envelope for Within {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        exchange: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let rows = match self {
            Within::Charts => read_success(exchange, body, |_: &Candles<T>| "success")?.candles,
            Within::History => read_success(exchange, body, |fills: &Fills<'a, T>| &*fills.result)?.history,
            Within::Rates => read_success(exchange, body, |rates: &Rates<'a, T>| &*rates.result)?.rates,
        };
        each(rows, take);
        Ok(())
    }
}
