//! Kraken spot over REST: the newest 720 candles, all trades, book snapshots.
//!
//! Source: Kraken spot REST documentation, "Market Data". Answers are oldest first and have status 200 also where
//! they are errors. Candles count in seconds; trades in nanoseconds, of which a row shows a part and `last` all.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, malformed, read, unreadable};
use crate::exchange::entries::{Entries, Member};
use crate::exchange::page::in_url;
use crate::exchange::record::{Record, TradeId, TradeRow};
use crate::exchange::rows::{Envelope, Order, Refused, Source, Taken, WireRow, each};
use crate::exchange::wire::{Columns, Int, Num, Text};
use crate::exchange::{
    Answer, Ask, Bounds, Decimal, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry,
    OddFault, Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, Kind, Market, Micros, Pair};

/// Kraken, spot markets.
pub(crate) struct Kraken;

/// Spans and their minutes. Every length counts from the epoch, the week too: it opens on a Thursday.
const SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(60, "1"),
    SpanOffer::usual(300, "5"),
    SpanOffer::usual(900, "15"),
    SpanOffer::usual(1_800, "30"),
    SpanOffer::usual(3_600, "60"),
    SpanOffer::usual(14_400, "240"),
    SpanOffer::usual(86_400, "1440"),
    SpanOffer { secs: 604_800, word: "10080", anchor_secs: Some(0), is_adrift: false },
    SpanOffer::usual(1_296_000, "21600"),
];

/// Public calls may come once a second from an address; a faster client is restricted for some seconds.
const QUOTAS: [Quota; 1] = [Quota { weight: 1, per: Duration::from_secs(1) }];

/// Candles it answers with at most, the running one besides.
const CANDLES: u32 = 720;

const OFFERS: [Offer; 3] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        page_rows: CANDLES,
        bounds: Bounds::Near,
        history: History::Rows(CANDLES),
        derived_from: Some(Kind::Trades),
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Trades,
        bounds: Bounds::Near,
        probe: Probe::ByTime,
        // One request a second makes walks side by side no faster, and each begins with a page of its own.
        walk: Duration::from_secs(7 * 86_400),
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OrderBook,
        page_rows: 500,
        history: History::Now,
        depths: &[(500, 1)],
        recorded: true,
        ..Offer::USUAL
    },
];

/// Whoever went on beyond a limit is kept out for a quarter of an hour.
const LOCKED_OUT: &str = "Temporary lockout";
const LOCKOUT: Duration = Duration::from_secs(900);

/// How far the cursor of a page may be beyond what its last row shows of its time: rows show microseconds.
const SHOWN_NANOS: u64 = 1_000;

#[derive(Deserialize)]
struct Answered<'a, T> {
    #[serde(borrow)]
    error: Vec<Cow<'a, str>>,
    result: T,
}

#[derive(Deserialize)]
struct Errors<'a> {
    #[serde(borrow)]
    error: Vec<Cow<'a, str>>,
}

/// The one member beside `last` that has the form of rows: its key is Kraken's own name of the pair, not always the one
/// asked for.
struct Keyed<T, L> {
    rows: T,
    last: Option<L>,
}

/// Rows stand under a pair's name in a good answer; beside them the cursor of what follows.
#[derive(Default)]
struct OfPair {
    cursor: Option<u64>,
}

/// `[open time, open, high, low, close, vwap, volume, trades]`.
#[derive(Deserialize)]
struct Ohlc(Int, Num, Num, Num, Num, IgnoredAny, Num, Int);

/// `[price, volume, time, "b" or "s", "m" or "l", miscellaneous, id]`; the side is the taker's.
#[derive(Deserialize)]
struct Fill<'a>(
    Num,
    Num,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] Text<'a>,
    IgnoredAny,
    IgnoredAny,
    Int,
);

#[derive(Deserialize)]
struct Depth {
    asks: Vec<WireLevel>,
    bids: Vec<WireLevel>,
}

/// `[price, amount, time of the level in seconds]`.
type WireLevel = Columns<(Num, Num)>;

#[derive(Deserialize)]
struct ServerTime {
    unixtime: Int,
}

#[derive(Deserialize)]
struct AssetPair {
    altname: String,
    /// Only dark pools have none.
    #[serde(default)]
    wsname: Member,
    #[serde(default)]
    status: Member,
}

const PROFILE: Profile = Profile {
    name: "kraken",
    rest_url: "https://api.kraken.com",
    recordings: &["kraken"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

impl Exchange for Kraken {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// The alternative name, which modern and legacy assets have in one form: `XBTUSD`, `SOLEUR`.
    fn symbol(&self, pair: &Pair) -> String {
        format!("{}{}", own_asset(pair.base()), own_asset(pair.quote()))
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let symbol = page.symbol();
        let rows = page.rows;
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                // What opens at `since` itself is left out.
                let since = secs_ceil(page.window.from) - 1;
                let path = format!("/0/public/OHLC?pair={symbol}&interval={word}&since={since}");
                HttpRequest::new("ohlc", path, 1)
            }
            Kind::OrderBook => {
                HttpRequest::new("book_snapshot", format!("/0/public/Depth?pair={symbol}&count={rows}"), 1)
            }
            _ => {
                let since = since(page);
                let path = format!("/0/public/Trades?pair={symbol}&since={since}&count={rows}");
                HttpRequest::new("trades", path, 1)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Ohlc>>(&mut OfPair::default())?.append(Next::ByTime, out)),
            Kind::Trades => parse_trades(source, out),
            Kind::OrderBook => self.parse_depth(page, answer, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let told: Errors<'_> = serde_json::from_slice(body).ok()?;
        // What begins with W only warns.
        let error = told.error.iter().find(|error| error.starts_with('E'))?;
        let (class, message) = error.split_once(':').unwrap_or((error, error));
        let kind = match (class, message) {
            ("EQuery", "Unknown asset pair" | "Unknown asset") => RefusalKind::UnknownSymbol,
            (_, "Rate limit exceeded" | "Too many requests" | LOCKED_OUT) => RefusalKind::RateLimit,
            ("EService", message) if message.starts_with("Throttled") => RefusalKind::RateLimit,
            // Unavailable, busy, a time-out, or a fault inside.
            ("EService", _) | ("EGeneral", "Internal error" | "Unknown error") => RefusalKind::Temporary,
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: class.to_owned(), message: message.trim().to_owned() })
    }

    fn lockout(&self, refusal: &Refusal) -> Option<Duration> {
        (refusal.message == LOCKED_OUT).then_some(LOCKOUT)
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/0/public/Time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let time: ServerTime = self.read(answer.body)?;
        Ok(Row(0).instant_secs(time.unixtime)?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let query = pair.map(|pair| format!("?pair={}", in_url(&self.symbol(pair)))).unwrap_or_default();
        HttpRequest::new("instruments", format!("/0/public/AssetPairs{query}"), 1)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let pairs: BTreeMap<Cow<'_, str>, &RawValue> = self.read(body)?;
        let pairs: Vec<&RawValue> = pairs.into_values().collect();
        let mut odd = Vec::new();
        let listed: Vec<AssetPair> = Entries::named("altname", &mut odd).read(&pairs);
        let instruments = listed.into_iter().map(|listed| listed.instrument(&mut odd)).collect();
        Ok(Listing { instruments, odd, ..Listing::default() })
    }
}

impl Kraken {
    /// Reads what is in the envelope; an envelope with an error in it is the refusal it says.
    fn read<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, ParseError> {
        let answered: Answered<'_, T> = read(self, body)?;
        match answered.error.iter().find(|told| !told.starts_with('W')) {
            Some(told) => Err(unreadable(self, body, &format!("it tells of {told}"))),
            None => Ok(answered.result),
        }
    }

    fn parse_depth(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let Keyed { rows: depth, .. }: Keyed<Depth, IgnoredAny> = self.read(answer.body)?;
        let side = |levels: Vec<WireLevel>| {
            let level = |(row, Columns((price, amount)))| Level::read(Row(row), price, amount);
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
        };
        // Levels say when they changed; the book says no time of its own.
        let (ts, received) = (answer.received, answer.received);
        let snapshot = Snapshot { ts, received, seq: None, depth: page.rows };
        snapshot.append(side(depth.bids)?, side(depth.asks)?, out)?;
        Ok(Next::ByTime.into())
    }
}

fn parse_trades(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let mut pair = OfPair::default();
    let rows = source.read::<Columns<Fill<'_>>>(&mut pair)?;
    let cursor = pair.cursor.ok_or_else(|| malformed(source.body, "its `last` is no cursor"))?;
    let newest = rows.kept.iter().map(Record::ts).max();
    let full = rows.came >= source.page.rows as usize;
    let next = next_page(source.page.ask, newest, cursor, full)?;
    Ok(rows.append(next, out))
}

impl Envelope for OfPair {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        _: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let Keyed { rows, last }: Keyed<Vec<T>, Text<'a>> = Kraken.read(body)?;
        self.cursor = last.and_then(|last| last.parse().ok());
        each(rows, take);
        Ok(())
    }
}

impl WireRow<'_> for Ohlc {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_secs(self.0)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        let Ohlc(_, open, high, low, close, _, volume, trades) = self;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            // The mean price is rounded, so that its product with the volume is no amount that was traded.
            quote_volume: None,
            trades: row.count_if_any(trades)?,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        micros(self.2).ok_or_else(|| row.fault(OddFault::Time, "its time is absent or no number"))
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let Fill(price, amount, _, side, _, _, id) = self;
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(id)?),
            price: row.positive(price)?,
            amount: row.positive(amount)?,
            side: Some(row.side(&side, "b", "s")?),
        }))
    }
}

impl AssetPair {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.altname, why));
        let name = self.wsname.text();
        let pair = our_pair(name);
        if pair.is_none() && !name.is_empty() {
            tell(format!("its wsname `{name}` is no pair"));
        }
        let is_open = match self.status.text() {
            "online" => true,
            "cancel_only" | "post_only" | "limit_only" | "reduce_only" | "maintenance" | "delisted" => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        Instrument { pair, is_open, ..Instrument::named(self.altname) }
    }
}

/// Where a page of trades begins, in nanoseconds. The trade at `since` itself is left out, so one less is asked
/// for: a trade that shares it is never lost, wherever the page before was cut.
fn since(page: &Page) -> u64 {
    let from = match page.ask {
        Ask::FromId(cursor) => cursor,
        _ => u64::try_from(page.window.from.0).unwrap_or(0).saturating_mul(1_000),
    };
    from.saturating_sub(1)
}

/// From the cursor on, where it belongs to the newest row that came; else from that row's time.
fn next_page(ask: Ask, newest: Option<Micros>, cursor: u64, full: bool) -> Result<Next, ParseError> {
    let Some(newest) = newest else { return Ok(Next::ByTime) };
    let shown = u64::try_from(newest.0).unwrap_or(0).saturating_mul(1_000);
    if cursor.checked_sub(shown).is_none_or(|beyond| beyond >= SHOWN_NANOS) {
        return Ok(Next::ByTime);
    }
    match ask {
        Ask::FromId(asked) if full && cursor <= asked => Err(ParseError::Crowded { at: newest }),
        _ => Ok(Next::FromId(cursor)),
    }
}

fn secs_ceil(at: Micros) -> i64 {
    at.secs() + i64::from(at.0 % 1_000_000 != 0)
}

/// The microsecond a number of seconds lies in. By its digits: a float has not all of them.
fn micros(secs: &RawValue) -> Option<Micros> {
    let digits = secs.get().trim_matches('"');
    Decimal::parse(digits)?.millionths().map(Micros)
}

/// Kraken's name of an asset, in its modern form.
fn own_asset(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

/// The pair of a name with a slash: `XBT/USD` is our BTC/USD.
fn our_pair(name: &str) -> Option<Pair> {
    let (base, quote) = name.split_once('/')?;
    let ours = |asset| match asset {
        "XBT" => "BTC",
        "XDG" => "DOGE",
        other => other,
    };
    Pair::listed(ours(base), ours(quote), Market::Spot).ok()
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
                    // What was added beside a pair has another form than one.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_to_their_microsecond_and_not_rounded() {
        let read = |json: &str| micros(serde_json::from_str(json).unwrap());
        for json in ["1762795433.9717445", "\"1762795433.9717445\"", "1.7627954339717445e9"] {
            assert_eq!(read(json), Some(Micros(1_762_795_433_971_744)), "{json}");
        }
        assert_eq!(read("1688669602"), Some(Micros(1_688_669_602_000_000)));
        for json in ["\"\"", "null", "-1.5", "1e300", "99999999999999999999", "[1]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_cursor_is_followed_only_where_it_belongs_to_the_newest_row() {
        let newest = Some(Micros(1_700_000_000_000_001));
        let next = |cursor| next_page(Ask::ByTime, newest, cursor, true);
        assert_eq!(next(1_700_000_000_000_001_754), Ok(Next::FromId(1_700_000_000_000_001_754)));
        for foreign in [0, 1_700_000_000_000_000_999, 1_700_000_000_000_002_000, u64::MAX] {
            assert_eq!(next(foreign), Ok(Next::ByTime), "{foreign}");
        }
        assert_eq!(next_page(Ask::FromId(7), None, 7, false), Ok(Next::ByTime));
    }

    #[test]
    fn a_full_page_of_one_nanosecond_is_an_error_and_no_end() {
        let (newest, cursor) = (Some(Micros(1_700_000_000_000_001)), 1_700_000_000_000_001_754);
        let full = next_page(Ask::FromId(cursor), newest, cursor, true);
        assert_eq!(full, Err(ParseError::Crowded { at: Micros(1_700_000_000_000_001) }));
        assert_eq!(next_page(Ask::FromId(cursor), newest, cursor, false), Ok(Next::FromId(cursor)));
    }

    #[test]
    fn assets_have_our_names_whatever_their_age() {
        for (name, pair) in [("XBT/USD", "BTC/USD"), ("XDG/XBT", "DOGE/BTC"), ("SOL/EUR", "SOL/EUR")] {
            let ours = our_pair(name).unwrap();
            assert_eq!(ours.to_string(), pair);
            assert_eq!(Kraken.symbol(&ours), name.replace('/', ""));
        }
    }
}
