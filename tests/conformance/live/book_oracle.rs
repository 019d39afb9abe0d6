//! Books of recorded frames, kept by other means than the readers do: maps by price, without a rule.

use std::collections::BTreeMap;

use crate::bodies::Json;

/// One side: prices as integers that sort like them, with the amount.
pub(crate) type Levels = BTreeMap<u64, f64>;

/// One book.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) bids: Levels,
    pub(crate) asks: Levels,
    /// How many whole books and how many changes came.
    pub(crate) wholes: usize,
    pub(crate) changes: usize,
}

/// Every book of a connection.
#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) books: BTreeMap<String, Kept>,
    /// The depth beyond which levels go without a word.
    pub(crate) depth: Option<usize>,
    /// The last change that a whole book over REST holds.
    pub(crate) answered: BTreeMap<String, i64>,
    channels: BTreeMap<i64, String>,
    prices: BTreeMap<(String, i64), f64>,
}

impl Kept {
    fn set(&mut self, is_bid: bool, price: f64, amount: f64) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        if amount == 0.0 {
            side.remove(&price.to_bits());
        } else {
            side.insert(price.to_bits(), amount);
        }
    }

    fn cut(&mut self, depth: Option<usize>) {
        let Some(depth) = depth else { return };
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// The levels of a side, best first.
    pub(crate) fn levels(&self, is_bid: bool) -> Vec<(f64, f64)> {
        let level = |(price, amount): (&u64, &f64)| (f64::from_bits(*price), *amount);
        if is_bid {
            self.bids.iter().rev().map(level).collect()
        } else {
            self.asks.iter().map(level).collect()
        }
    }
}

pub(crate) fn number(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

impl Oracle {
    /// Takes a whole book over REST.
    pub(crate) fn answer(&mut self, symbol: &str, body: &Json) {
        self.answered.insert(symbol.to_owned(), body["lastUpdateId"].as_i64().unwrap());
        self.pairs(symbol, true, &body["bids"], &body["asks"]);
    }

    pub(crate) fn read(&mut self, exchange: &str, frame: &str) {
        let frame: Json = serde_json::from_str(frame).unwrap();
        match exchange {
            "binance" => self.binance(&frame),
            "kraken" => self.kraken(&frame),
            "coinbase" => self.coinbase(&frame),
            "okx" => self.okx(&frame),
            "bybit" => self.bybit(&frame),
            "bitfinex" => self.bitfinex(&frame),
            "bitmex" => self.bitmex(&frame),
            _ => self.krakenfutures(&frame),
        }
    }

    fn begin(&mut self, symbol: &str, is_whole: bool) -> &mut Kept {
        let kept = self.books.entry(symbol.to_owned()).or_default();
        if is_whole {
            *kept = Kept { wholes: kept.wholes + 1, changes: kept.changes, ..Kept::default() };
        } else {
            kept.changes += 1;
        }
        kept
    }

    fn pairs(&mut self, symbol: &str, is_whole: bool, bids: &Json, asks: &Json) {
        let depth = self.depth;
        let kept = self.begin(symbol, is_whole);
        for (is_bid, side) in [(true, bids), (false, asks)] {
            for level in side.as_array().unwrap() {
                let (price, amount) = match level {
                    Json::Object(_) => (&level["price"], &level["qty"]),
                    _ => (&level[0], &level[1]),
                };
                kept.set(is_bid, number(price), number(amount));
            }
        }
        kept.cut(depth);
    }

    fn binance(&mut self, frame: &Json) {
        let data = &frame["data"];
        if data["e"] != "depthUpdate" {
            return;
        }
        let symbol = data["s"].as_str().unwrap();
        if data["u"].as_i64().unwrap() > self.answered[symbol] {
            self.pairs(symbol, false, &data["b"], &data["a"]);
        }
    }

    fn kraken(&mut self, frame: &Json) {
        if frame["channel"] != "book" {
            return;
        }
        for row in frame["data"].as_array().unwrap() {
            let symbol = row["symbol"].as_str().unwrap();
            self.pairs(symbol, frame["type"] == "snapshot", &row["bids"], &row["asks"]);
        }
    }

    fn coinbase(&mut self, frame: &Json) {
        let symbol = frame["product_id"].as_str().unwrap_or_default();
        if frame["type"] == "snapshot" {
            self.pairs(symbol, true, &frame["bids"], &frame["asks"]);
        } else if frame["type"] == "l2update" {
            let kept = self.begin(symbol, false);
            for change in frame["changes"].as_array().unwrap() {
                kept.set(change[0] == "buy", number(&change[1]), number(&change[2]));
            }
        }
    }

    fn okx(&mut self, frame: &Json) {
        let is_book = frame["arg"]["channel"].as_str().is_some_and(|channel| channel.starts_with("books"));
        for row in frame["data"].as_array().into_iter().flatten().filter(|_| is_book) {
            let symbol = frame["arg"]["instId"].as_str().unwrap();
            self.pairs(symbol, frame["action"] == "snapshot", &row["bids"], &row["asks"]);
        }
    }

    fn bybit(&mut self, frame: &Json) {
        if let Some(symbol) = frame["topic"].as_str().and_then(|topic| topic.strip_prefix("orderbook.")) {
            let data = &frame["data"];
            self.pairs(symbol, frame["type"] == "snapshot", &data["b"], &data["a"]);
        }
    }

    fn bitfinex(&mut self, frame: &Json) {
        if frame["event"] == "subscribed" && frame["channel"] == "book" {
            let symbol = frame["symbol"].as_str().unwrap().to_owned();
            self.channels.insert(frame["chanId"].as_i64().unwrap(), symbol);
        }
        let symbol = frame[0].as_i64().and_then(|channel| self.channels.get(&channel).cloned());
        let (Some(symbol), Some(rows)) = (symbol, frame[1].as_array()) else { return };
        let is_whole = rows.first().is_some_and(Json::is_array);
        let rows = if is_whole { rows.clone() } else { vec![frame[1].clone()] };
        let kept = self.begin(&symbol, is_whole);
        for row in rows {
            let amount = number(&row[2]);
            kept.set(amount > 0.0, number(&row[0]), if row[1] == 0 { 0.0 } else { amount.abs() });
        }
    }

    fn bitmex(&mut self, frame: &Json) {
        if frame["table"] != "orderBookL2" {
            return;
        }
        let (rows, action) = (frame["data"].as_array().unwrap(), frame["action"].as_str().unwrap());
        let symbol = rows[0]["symbol"].as_str().unwrap();
        let prices = &mut self.prices;
        let kept = self.books.entry(symbol.to_owned()).or_default();
        if action == "partial" {
            (kept.bids, kept.asks) = (Levels::new(), Levels::new());
            kept.wholes += 1;
        } else {
            kept.changes += 1;
        }
        for row in rows {
            let key = (row["symbol"].as_str().unwrap().to_owned(), row["id"].as_i64().unwrap());
            let price = *prices.entry(key).or_insert_with(|| number(&row["price"]));
            let size = if action == "delete" { 0.0 } else { number(&row["size"]) };
            kept.set(row["side"] == "Buy", price, size);
        }
    }

    fn krakenfutures(&mut self, frame: &Json) {
        let symbol = frame["product_id"].as_str().unwrap_or_default();
        if frame["feed"] == "book_snapshot" {
            self.pairs(symbol, true, &frame["bids"], &frame["asks"]);
        } else if frame["feed"] == "book" && frame["side"].is_string() {
            let kept = self.begin(symbol, false);
            kept.set(frame["side"] == "buy", number(&frame["price"]), number(&frame["qty"]));
        }
    }
}
