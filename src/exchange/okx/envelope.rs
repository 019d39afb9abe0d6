//! The envelope of every answer of OKX: a code, which is an error wherever it is not "0", and data.

use serde::Deserialize;

use crate::exchange::reading::decode::read;
use crate::exchange::reading::rows::{Envelope, each};
use crate::exchange::reading::wire::Text;
use crate::exchange::{Exchange, ParseError, Refusal, RefusalKind};

/// The envelope of every answer.
#[derive(Deserialize)]
struct Answered<'a, T> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    msg: Text<'a>,
    data: Vec<T>,
}

/// The same without what is in it.
#[derive(Deserialize)]
struct EnvelopeStatus<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    msg: Text<'a>,
}

/// Rows stand in the data of a good answer, newest first.
pub(super) struct Data;

/// Reads what is in a good answer; any other is the refusal it says.
pub(super) fn read_data<'a, T: Deserialize<'a>>(
    exchange: &dyn Exchange,
    body: &'a [u8],
) -> Result<Vec<T>, ParseError> {
    let answered: Answered<'a, T> = read(exchange, body)?;
    match &*answered.code {
        "0" => Ok(answered.data),
        code => Err(ParseError::Refused(refusal(code, &answered.msg))),
    }
}

pub(super) fn refusal(code: &str, msg: &str) -> Refusal {
    let kind = match code {
        "51001" => RefusalKind::UnknownSymbol,
        "50011" | "50040" | "50061" => RefusalKind::RateLimit,
        // Unavailable, timed out, busy, failed inside.
        "50001" | "50004" | "50013" | "50026" => RefusalKind::Temporary,
        _ => RefusalKind::Permanent,
    };
    Refusal { kind, code: code.to_owned(), message: msg.to_owned() }
}

impl Envelope for Data {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        exchange: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        each(read_data(exchange, body)?, take);
        Ok(())
    }
}

/// The refusal of an envelope whose code is an error.
pub(super) fn said_refusal(body: &[u8]) -> Option<Refusal> {
    let outcome: EnvelopeStatus<'_> = serde_json::from_slice(body).ok()?;
    (&*outcome.code != "0").then(|| refusal(&outcome.code, &outcome.msg))
}
