//! The answers that are the same for spot markets and contracts: errors, the clock and the weight used.

use serde::Deserialize;

use crate::exchange::reading::decode::read;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::wire::Int;
use crate::exchange::{Answer, Exchange, ParseError, Refusal, RefusalKind};
use crate::model::Micros;

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    msg: String,
}

#[derive(Deserialize)]
struct ServerTime {
    #[serde(rename = "serverTime")]
    server_time: Int,
}

/// The refusal an error body says.
pub(super) fn refusal(body: &[u8]) -> Option<Refusal> {
    let error: ErrorBody = serde_json::from_slice(body).ok()?;
    let kind = match error.code {
        -1121 => RefusalKind::UnknownSymbol,
        // Such as small letters.
        -1100 if error.msg.contains("symbol") => RefusalKind::UnknownSymbol,
        -1003 | -1015 => RefusalKind::RateLimit,
        // Disconnected, unexpected answer, time-out, overloaded, shutting down.
        -1000 | -1001 | -1006 | -1007 | -1008 | -1016 => RefusalKind::Temporary,
        _ => RefusalKind::Permanent,
    };
    Some(Refusal { kind, code: error.code.to_string(), message: error.msg })
}

/// The exchange's clock.
pub(super) fn clock(exchange: &dyn Exchange, answer: &Answer<'_>) -> Result<Micros, ParseError> {
    let time: ServerTime = read(exchange, answer.body)?;
    Ok(Row(0).instant_millis(time.server_time)?)
}

/// The weight used of the requests of a host in the running minute.
pub(super) fn used_weight(header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
    header("x-mbx-used-weight-1m")?.parse().ok()
}
