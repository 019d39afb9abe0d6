//! Where the columns of each exchange's rows are, and pages as full as one likes made of a few rows of them.

use dccd::model::{Kind, Micros};

/// Any JSON there is: what is written here has no shape of its own.
#[allow(clippy::disallowed_types, reason = "rows are changed as trees; product code never does")]
pub(crate) type Json = serde_json::Value;

/// The columns of a kind of rows: names of members, or places in a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    pub(crate) exchange: &'static str,
    pub(crate) kind: Kind,
    pub(crate) time: &'static str,
    /// Where a candle says its end too.
    pub(crate) ends: Option<&'static str>,
    pub(crate) id: Option<&'static str>,
    pub(crate) side: Option<&'static str>,
    /// Prices and amounts that no row is without.
    pub(crate) amounts: &'static [&'static str],
    /// Numbers that may be negative.
    pub(crate) signed: &'static [&'static str],
    /// Prices, amounts and counts that may be unknown.
    pub(crate) optional: &'static [&'static str],
    /// The column that says that a candle is closed, and its word for it.
    pub(crate) closed: Option<(&'static str, &'static str)>,
    /// Whether the newest row is answered first.
    pub(crate) newest_first: bool,
}

const fn rows(exchange: &'static str, kind: Kind, time: &'static str) -> Columns {
    Columns {
        exchange,
        kind,
        time,
        ends: None,
        id: None,
        side: None,
        amounts: &[],
        signed: &[],
        optional: &[],
        closed: None,
        newest_first: false,
    }
}

const fn trades(
    exchange: &'static str,
    [time, id, side]: [&'static str; 3],
    amounts: &'static [&'static str],
) -> Columns {
    Columns { id: Some(id), side: Some(side), amounts, ..rows(exchange, Kind::Trades, time) }
}

/// Every kind of rows but books.
pub(crate) const COLUMNS: [Columns; 28] = [
    Columns {
        ends: Some("6"),
        amounts: &["1", "2", "3", "4", "5"],
        optional: &["7", "8"],
        ..rows("binance", Kind::Ohlc, "0")
    },
    trades("binance", ["T", "a", "m"], &["p", "q"]),
    Columns {
        signed: &["fundingRate"],
        optional: &["markPrice"],
        ..rows("binance", Kind::Funding, "fundingTime")
    },
    Columns {
        amounts: &["sumOpenInterest"],
        optional: &["sumOpenInterestValue"],
        ..rows("binance", Kind::OpenInterest, "timestamp")
    },
    Columns {
        ends: Some("6"),
        amounts: &["1", "2", "3", "4", "7"],
        optional: &["5", "8"],
        ..rows("binancecoinm", Kind::Ohlc, "0")
    },
    trades("binancecoinm", ["T", "a", "m"], &["p", "q"]),
    Columns { signed: &["fundingRate"], ..rows("binancecoinm", Kind::Funding, "fundingTime") },
    Columns {
        amounts: &["sumOpenInterestValue"],
        optional: &["sumOpenInterest"],
        ..rows("binancecoinm", Kind::OpenInterest, "timestamp")
    },
    Columns { amounts: &["1", "2", "3", "4", "6"], optional: &["7"], ..rows("kraken", Kind::Ohlc, "0") },
    trades("kraken", ["2", "6", "3"], &["0", "1"]),
    Columns {
        amounts: &["open", "high", "low", "close", "volume"],
        ..rows("krakenfutures", Kind::Ohlc, "time")
    },
    Columns { newest_first: true, ..trades("krakenfutures", ["time", "uid", "side"], &["price", "size"]) },
    Columns { signed: &["relativeFundingRate"], ..rows("krakenfutures", Kind::Funding, "timestamp") },
    Columns { amounts: &["1", "2", "3", "4", "5"], newest_first: true, ..rows("coinbase", Kind::Ohlc, "0") },
    Columns { newest_first: true, ..trades("coinbase", ["time", "trade_id", "side"], &["price", "size"]) },
    Columns {
        amounts: &["1", "2", "3", "4", "5"],
        optional: &["6"],
        newest_first: true,
        ..rows("bybit", Kind::Ohlc, "0")
    },
    Columns { newest_first: true, ..trades("bybit", ["time", "execId", "side"], &["price", "size"]) },
    Columns {
        signed: &["fundingRate"],
        newest_first: true,
        ..rows("bybit", Kind::Funding, "fundingRateTimestamp")
    },
    Columns {
        amounts: &["openInterest"],
        newest_first: true,
        ..rows("bybit", Kind::OpenInterest, "timestamp")
    },
    // The volume of contracts is the sixth column of the base asset, that of spot the fifth: neither is named here.
    Columns {
        amounts: &["1", "2", "3", "4"],
        optional: &["7"],
        closed: Some(("8", "1")),
        newest_first: true,
        ..rows("okx", Kind::Ohlc, "0")
    },
    Columns { newest_first: true, ..trades("okx", ["ts", "tradeId", "side"], &["px", "sz"]) },
    Columns { newest_first: true, ..rows("okx", Kind::Funding, "fundingTime") },
    Columns { amounts: &["2"], optional: &["3"], newest_first: true, ..rows("okx", Kind::OpenInterest, "0") },
    Columns { amounts: &["1", "2", "3", "4", "5"], ..rows("bitfinex", Kind::Ohlc, "0") },
    // The sign of an amount is its side.
    Columns { id: Some("0"), amounts: &["3"], signed: &["2"], ..rows("bitfinex", Kind::Trades, "1") },
    Columns {
        amounts: &["open", "high", "low", "close", "homeNotional"],
        optional: &["foreignNotional", "trades"],
        ..rows("bitmex", Kind::Ohlc, "timestamp")
    },
    trades("bitmex", ["timestamp", "trdMatchID", "side"], &["price", "size"]),
    Columns { signed: &["fundingRate"], ..rows("bitmex", Kind::Funding, "timestamp") },
];

/// When the first row of a full page is: a Monday.
pub(crate) const FIRST: Micros = Micros::from_secs(1_609_718_400);

/// The number of the first trade of a full page.
const FIRST_ID: u64 = 1_000_001;

impl Columns {
    /// The columns of a kind, where it is no book.
    pub(crate) fn of(exchange: &str, kind: Kind) -> Option<&'static Columns> {
        COLUMNS.iter().find(|columns| (columns.exchange, columns.kind) == (exchange, kind))
    }

    /// Whether a column of this name is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        let own = [Some(self.time), self.ends, self.id, self.side];
        own.contains(&Some(name))
            || [self.amounts, self.signed, self.optional].iter().any(|names| names.contains(&name))
    }

    /// An answer with so many rows, each `step_micros` after the one before it and with an id of its own.
    pub(crate) fn fill(&self, body: &[u8], count: usize, step_micros: i64) -> Json {
        let mut tree: Json = serde_json::from_slice(body).expect("a payload is JSON");
        let at = rows_at(&tree);
        let some = tree.pointer(&at).and_then(Json::as_array).expect("it has rows").clone();
        let row = |place: usize| {
            let turn = if self.newest_first { count - 1 - place } else { place };
            let ts = Micros(FIRST.0 + turn as i64 * step_micros);
            let mut row = some[place % some.len()].clone();
            move_to(column(&mut row, self.time), ts);
            if let Some(ends) = self.ends {
                move_to(column(&mut row, ends), Micros(ts.0 + step_micros - 1_000));
            }
            if let Some((name, word)) = self.closed {
                *column(&mut row, name) = word.into();
            }
            if let Some(id) = self.id {
                number(column(&mut row, id), FIRST_ID + turn as u64);
            }
            row
        };
        *tree.pointer_mut(&at).expect("they are there") = (0..count).map(row).collect();
        tree
    }
}

/// Where the rows of an answer are: its first list of lists or objects, the outermost before the others.
pub(crate) fn rows_at(tree: &Json) -> String {
    let mut open = std::collections::VecDeque::from([(String::new(), tree)]);
    while let Some((at, node)) = open.pop_front() {
        match node {
            Json::Array(items)
                if items.iter().all(|item| item.is_array() || item.is_object()) && !items.is_empty() =>
            {
                return at;
            }
            Json::Object(members) => {
                open.extend(members.iter().map(|(name, member)| (format!("{at}/{name}"), member)));
            }
            _ => {}
        }
    }
    panic!("it has no rows: {tree}")
}

/// A column of a row.
pub(crate) fn column<'a>(row: &'a mut Json, name: &str) -> &'a mut Json {
    let at = format!("/{name}");
    let whole = row.to_string();
    row.pointer_mut(&at).unwrap_or_else(|| panic!("{whole} has no {name}"))
}

/// Puts an instant in place of another one, written as that is.
pub(crate) fn move_to(place: &mut Json, at: Micros) {
    let whole = |old: i64| match old {
        ..100_000_000_000 => at.secs(),
        100_000_000_000..100_000_000_000_000 => at.millis_floor(),
        _ => at.0,
    };
    *place = match place {
        Json::Number(old) => match old.as_i64() {
            Some(old) => whole(old).into(),
            None => at.as_secs_f64().into(),
        },
        Json::String(old) => match old.parse() {
            Ok(old) => whole(old).to_string().into(),
            Err(_) => {
                let decimals = old.split_once('.').map_or(0, |(_, rest)| rest.trim_end_matches('Z').len());
                format!("{:.decimals$}", at.timestamp()).into()
            }
        },
        other => panic!("{other} is no instant"),
    };
}

/// Puts a number in place of an id, written as that is.
fn number(place: &mut Json, id: u64) {
    *place = match place {
        Json::Number(_) => id.into(),
        Json::String(old) if old.parse::<u64>().is_ok() => id.to_string().into(),
        Json::String(old) => format!("{id:08x}{}", &old[8..]).into(),
        other => panic!("{other} is no id"),
    };
}
