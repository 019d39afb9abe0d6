//! The columns of each kind: the one table that batches, files and checks are derived from.

use crate::model::Kind;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Microseconds since the epoch, UTC.
    Time,
    /// An integer.
    I64,
    /// A small integer.
    I32,
    /// A price, an amount or a rate.
    F64,
    /// A boolean.
    Bool,
    /// A text that differs from row to row, such as a trade's id.
    Text,
    /// One of a few words, such as a side.
    Word,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in files.
    pub name: &'static str,
    /// The type of its values.
    pub ty: Type,
    /// Whether an exchange may omit it; unknown values are null.
    pub nullable: bool,
}

const fn always(name: &'static str, ty: Type) -> Field {
    Field { name, ty, nullable: false }
}

const fn maybe(name: &'static str, ty: Type) -> Field {
    Field { name, ty, nullable: true }
}

const OHLC: [Field; 8] = [
    always("ts", Type::Time),
    always("open", Type::F64),
    always("high", Type::F64),
    always("low", Type::F64),
    always("close", Type::F64),
    always("volume", Type::F64),
    maybe("quote_volume", Type::F64),
    maybe("trades", Type::I64),
];

const TRADES: [Field; 6] = [
    always("ts", Type::Time),
    maybe("ts_recv", Type::Time),
    maybe("id", Type::Text),
    always("price", Type::F64),
    always("amount", Type::F64),
    maybe("side", Type::Word),
];

const ORDERBOOK: [Field; 9] = [
    always("ord", Type::I64),
    always("ts", Type::Time),
    always("ts_recv", Type::Time),
    maybe("seq", Type::I64),
    always("is_snapshot", Type::Bool),
    always("side", Type::Word),
    always("price", Type::F64),
    always("amount", Type::F64),
    maybe("count", Type::I32),
];

const FUNDING: [Field; 3] =
    [always("ts", Type::Time), always("rate", Type::F64), maybe("mark_price", Type::F64)];

const OPEN_INTEREST: [Field; 3] =
    [always("ts", Type::Time), always("open_interest", Type::F64), maybe("open_interest_value", Type::F64)];

/// The columns of a kind, in file order.
#[must_use]
pub fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Ohlc => &OHLC,
        Kind::Trades => &TRADES,
        Kind::OrderBook => &ORDERBOOK,
        Kind::Funding => &FUNDING,
        Kind::OpenInterest => &OPEN_INTEREST,
    }
}

/// The index of a kind's `ts` column.
pub(crate) fn ts_index(kind: Kind) -> usize {
    usize::from(kind == Kind::OrderBook)
}
