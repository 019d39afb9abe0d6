//! Frames of updates of one book, each of which replaces ten amounts near the best prices.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use dccd::model::{Batch, BookLevel, Kind, Micros, Side};

use super::{instant, symbol};

/// Where updates begin.
pub(crate) const BEGIN: Micros = Micros::from_secs(1_750_000_020);

/// Price in cents; the amount as it is written.
type Levels = BTreeMap<u32, String>;

/// Frames and the answer that a session reads.
pub(crate) struct Written {
    /// Frames that grant the book, or are one.
    pub(crate) begin: Vec<String>,
    /// The whole book over REST.
    pub(crate) answer: Option<Batch>,
    pub(crate) updates: Vec<String>,
}

impl Written {
    /// A book of so many levels a side, and so many updates of it.
    pub(crate) fn of(series: &str, levels: u32, count: usize) -> Self {
        let mut book = Book::new(levels);
        let exchange = series.split('/').next().unwrap_or_default();
        let (mut begin, mut answer) = (Vec::new(), None);
        match exchange {
            "kraken" => begin.push(book.kraken("snapshot", &book.bids, &book.asks, BEGIN)),
            "coinbase" => begin.push(book.coinbase_snapshot()),
            _ => {
                begin.push(binance(0, &Levels::new(), &Levels::new(), BEGIN));
                answer = Some(book.rows());
            }
        }
        let updates = (1..=count).map(|number| {
            let at = BEGIN + Duration::from_millis(10 * number as u64);
            let (bids, asks) = book.change(number);
            match exchange {
                "kraken" => book.kraken("update", &bids, &asks, at),
                "coinbase" => coinbase(symbol(series), &bids, &asks, at),
                _ => binance(number, &bids, &asks, at),
            }
        });
        let updates = updates.collect();
        Written { begin, answer, updates }
    }
}

struct Book {
    bids: Levels,
    asks: Levels,
}

fn price(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn amount(number: u32) -> String {
    format!("{}.{:08}", number % 7, 1 + number.wrapping_mul(2_654_435_761) % 99_999_999)
}

impl Book {
    fn new(levels: u32) -> Self {
        let bids = (0..levels).map(|level| (6_000_000 - level, amount(level))).collect();
        let asks = (0..levels).map(|level| (6_000_001 + level, amount(level + 7))).collect();
        Book { bids, asks }
    }

    /// Replaces ten amounts, half of them on each side.
    fn change(&mut self, number: usize) -> (Levels, Levels) {
        let number = number as u32;
        let (mut bids, mut asks) = (Levels::new(), Levels::new());
        for level in 0..5 {
            let place = (number.wrapping_mul(7) + level * level) % 40;
            bids.insert(6_000_000 - place, amount(number + level));
            asks.insert(6_000_001 + place, amount(number + level + 99));
        }
        // Places that fall together are made up for further down.
        while bids.len() < 5 {
            let place = 50 + bids.len() as u32;
            bids.insert(6_000_000 - place, amount(number + place));
            asks.insert(6_000_001 + place, amount(number + place + 99));
        }
        self.bids.extend(bids.clone());
        self.asks.extend(asks.clone());
        (bids, asks)
    }

    fn rows(&self) -> Batch {
        let mut rows = Batch::of(Kind::OrderBook);
        for (side, levels) in [(Side::Bid, &self.bids), (Side::Ask, &self.asks)] {
            for (cents, amount) in levels {
                rows.book_mut().push(BookLevel {
                    ord: 0,
                    ts: BEGIN,
                    ts_recv: BEGIN,
                    seq: Some(0),
                    is_snapshot: true,
                    side,
                    price: f64::from(*cents) / 100.0,
                    amount: amount.parse().expect("a number"),
                    count: None,
                });
            }
        }
        rows
    }

    fn checksum(&self) -> u32 {
        let mut text = String::new();
        let mut push = |(cents, amount): (&u32, &String)| {
            for part in [price(*cents), amount.clone()] {
                text.push_str(part.replace('.', "").trim_start_matches('0'));
            }
        };
        self.asks.iter().take(10).for_each(&mut push);
        self.bids.iter().rev().take(10).for_each(&mut push);
        crc32fast::hash(text.as_bytes())
    }

    fn kraken(&self, kind: &str, bids: &Levels, asks: &Levels, at: Micros) -> String {
        let side = |levels: &Levels| {
            let own =
                levels.iter().map(|(cents, qty)| format!(r#"{{"price":{},"qty":{qty}}}"#, price(*cents)));
            own.collect::<Vec<_>>().join(",")
        };
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{}],"asks":[{}],"checksum":{},"timestamp":"{}"}}]}}"#,
            side(bids),
            side(asks),
            self.checksum(),
            instant(at)
        )
    }

    fn coinbase_snapshot(&self) -> String {
        format!(
            r#"{{"type":"snapshot","product_id":"BTC-USD","bids":[{}],"asks":[{}]}}"#,
            pairs(&self.bids),
            pairs(&self.asks)
        )
    }
}

fn pairs(levels: &Levels) -> String {
    let own = levels.iter().map(|(cents, amount)| format!(r#"["{}","{amount}"]"#, price(*cents)));
    own.collect::<Vec<_>>().join(",")
}

fn binance(number: usize, bids: &Levels, asks: &Levels, at: Micros) -> String {
    let millis = at.millis_floor();
    // Three changes an update; the whole book ends with the first update.
    let last = 3 * number as i64;
    let (first, before) = (last - 2, last - 3);
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{millis},"s":"BTCUSDT","U":{first},"u":{last},"pu":{before},"b":[{}],"a":[{}]}}}}"#,
        pairs(bids),
        pairs(asks)
    )
}

fn coinbase(symbol: &str, bids: &Levels, asks: &Levels, at: Micros) -> String {
    let mut changes = String::new();
    for (word, levels) in [("buy", bids), ("sell", asks)] {
        for (cents, amount) in levels {
            let comma = if changes.is_empty() { "" } else { "," };
            let _ = write!(changes, r#"{comma}["{word}","{}","{amount}"]"#, price(*cents));
        }
    }
    format!(r#"{{"type":"l2update","product_id":"{symbol}","changes":[{changes}],"time":"{}"}}"#, instant(at))
}
