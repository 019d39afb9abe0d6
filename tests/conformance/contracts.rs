//! Amounts in contracts become the double nearest to the product of decimals, on every exchange that has them.

use std::sync::Arc;

use dccd::exchange::{Answer, Contract, Decimal, Instrument, Page, find};
use dccd::model::{Batch, Kind, Market};

use crate::read::{RECEIVED, page};

/// Products of each exchange that are compared.
const PRODUCTS: usize = 10_000;

/// Rows of one answer.
const ROWS: usize = 200;

/// Where contracts are counted: by whom, in which kind of rows, and whether as text.
struct Counted {
    exchange: &'static str,
    kind: Kind,
    is_text: bool,
    /// One row that counts so many contracts.
    row: fn(&str, usize) -> String,
    /// An answer of some rows.
    body: fn(&[String]) -> String,
}

const COUNTED: [Counted; 7] = [
    Counted {
        exchange: "okx",
        kind: Kind::Trades,
        is_text: true,
        row: |count, at| {
            format!(
                r#"{{"tradeId":"{}","px":"50000.5","sz":"{count}","side":"buy","ts":"1700000000000"}}"#,
                1_000 - at
            )
        },
        body: |rows| format!(r#"{{"code":"0","msg":"","data":[{}]}}"#, rows.join(",")),
    },
    Counted {
        exchange: "okx",
        kind: Kind::OrderBook,
        is_text: true,
        row: |count, at| format!(r#"["{}","{count}","0","3"]"#, 50_000 - at),
        body: |rows| {
            let bids = rows.join(",");
            format!(
                r#"{{"code":"0","msg":"","data":[{{"asks":[],"bids":[{bids}],"ts":"1700000000000","seqId":7}}]}}"#
            )
        },
    },
    Counted {
        exchange: "krakenfutures",
        kind: Kind::Trades,
        is_text: false,
        row: |count, at| {
            format!(
                r#"{{"time":"2023-11-14T22:13:20.000Z","trade_id":{at},"price":91045.5,"size":{count},"side":"sell","uid":"u{at}"}}"#
            )
        },
        body: |rows| format!(r#"{{"result":"success","history":[{}]}}"#, rows.join(",")),
    },
    Counted {
        exchange: "krakenfutures",
        kind: Kind::OrderBook,
        is_text: false,
        row: |count, at| format!("[{},{count}]", 50_000 - at),
        body: |rows| {
            let bids = rows.join(",");
            format!(
                r#"{{"result":"success","orderBook":{{"asks":[],"bids":[{bids}]}},"serverTime":"2023-11-14T22:13:20.000Z"}}"#
            )
        },
    },
    Counted {
        exchange: "krakenfutures",
        kind: Kind::Ohlc,
        is_text: true,
        row: |count, at| {
            let time = 1_699_999_200_000 + at * 60_000;
            format!(r#"{{"time":{time},"open":"2","high":"3","low":"1","close":"2","volume":"{count}"}}"#)
        },
        body: |rows| format!(r#"{{"candles":[{}],"more_candles":false}}"#, rows.join(",")),
    },
    Counted {
        exchange: "bitmex",
        kind: Kind::OrderBook,
        is_text: false,
        row: |count, at| format!(r#"{{"id":{at},"side":"Buy","size":{count},"price":{}}}"#, 50_000 - at),
        body: |rows| format!("[{}]", rows.join(",")),
    },
    Counted {
        exchange: "bitmex",
        kind: Kind::Trades,
        is_text: false,
        row: |count, at| {
            format!(
                r#"{{"timestamp":"2023-11-14T22:13:20.000Z","side":"Buy","size":{count},"price":50000.5,"trdMatchID":"m{at}"}}"#
            )
        },
        body: |rows| format!("[{}]", rows.join(",")),
    },
];

/// Numbers that look drawn at random, the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A decimal with some digits before and behind its point, above zero.
    fn decimal(&mut self, whole: u64, places: usize) -> String {
        let fraction: String = (0..places).map(|_| char::from(b'0' + self.below(10) as u8)).collect();
        let whole = self.below(whole) + u64::from(places == 0 || fraction.bytes().all(|digit| digit == b'0'));
        if places == 0 { whole.to_string() } else { format!("{whole}.{fraction}") }
    }
}

#[test]
fn what_contracts_come_to_is_the_double_nearest_to_the_product_of_decimals() {
    let mut draw = Draw(11);
    let mut missed = 0;
    for counted in &COUNTED {
        let mut compared = 0;
        while compared < PRODUCTS {
            let places = draw.below(6) as usize;
            let size = draw.decimal(if places == 0 { 1_000 } else { 10 }, places);
            // Texts may have more digits than a double tells apart, JSON numbers stand for their shortest decimal.
            let most = if counted.is_text { 14 } else { 7 };
            let counts: Vec<String> = (0..ROWS)
                .map(|_| {
                    let places = draw.below(most) as usize;
                    draw.decimal(100_000, places)
                })
                .collect();
            let amounts = amounts(counted, &size, &counts);
            for (count, amount) in counts.iter().zip(amounts) {
                let exact = product(&size, count);
                let who = format!("{} {}: {size} x {count}", counted.exchange, counted.kind);
                assert_eq!(amount, exact, "{who}");
                let doubles = size.parse::<f64>().unwrap() * count.parse::<f64>().unwrap();
                missed += usize::from(doubles != exact);
                compared += 1;
            }
        }
    }
    assert!(missed > PRODUCTS / 10, "products of doubles are as good in all but {missed}");
}

#[test]
fn contracts_worth_some_of_the_quote_asset_are_divided_once_by_the_price() {
    for counted in
        COUNTED.iter().filter(|counted| counted.kind == Kind::Trades && counted.exchange != "krakenfutures")
    {
        let counts = ["7", "3", "1001"].map(str::to_owned);
        let contract = Contract::Quote(Decimal::parse("0.1").unwrap());
        let amounts = parsed(counted, contract, &counts);
        let exact: Vec<f64> = counts.iter().map(|count| product("0.1", count) / 50_000.5).collect();
        assert_eq!(amounts, exact, "{}", counted.exchange);
    }
}

fn amounts(counted: &Counted, size: &str, counts: &[String]) -> Vec<f64> {
    parsed(counted, Contract::Base(Decimal::parse(size).unwrap()), counts)
}

/// The products, in the order the rows were sent.
fn parsed(counted: &Counted, contract: Contract, counts: &[String]) -> Vec<f64> {
    let exchange = find(counted.exchange).unwrap();
    let rows: Vec<String> = counts.iter().enumerate().map(|(at, count)| (counted.row)(count, at)).collect();
    let page = page(exchange, counted.kind, Market::Perp, None);
    let instrument = Instrument { contract: Some(contract), ..(*page.instrument).clone() };
    let page = Page { instrument: Arc::new(instrument), ..page };
    let body = (counted.body)(&rows);
    let mut batch = Batch::of(counted.kind);
    let parsed = exchange.parse(&page, &Answer::of(body.as_bytes(), RECEIVED), &mut batch).unwrap();
    assert_eq!((batch.len(), &parsed.odd[..]), (counts.len(), &[][..]), "{}", counted.exchange);
    let amount = |row| match counted.kind {
        Kind::Trades => batch.trades().get(row).amount,
        Kind::OrderBook => batch.book().get(row).amount,
        _ => batch.candles().get(row).volume,
    };
    // Rows come out oldest first.
    let is_turned = matches!((counted.exchange, counted.kind), ("okx" | "krakenfutures", Kind::Trades));
    let place = |row| if is_turned { counts.len() - 1 - row } else { row };
    (0..counts.len()).map(place).map(amount).collect()
}

/// The double nearest to the product of two decimals, by the schoolbook.
fn product(a: &str, b: &str) -> f64 {
    let parts = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: Vec<u32> =
            whole.bytes().chain(fraction.bytes()).map(|digit| u32::from(digit - b'0')).collect();
        (digits, fraction.len())
    };
    let ((a, a_places), (b, b_places)) = (parts(a), parts(b));
    let mut sums = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().rev().enumerate() {
        for (j, y) in b.iter().rev().enumerate() {
            sums[i + j] += x * y;
        }
    }
    for at in 1..sums.len() {
        sums[at] += sums[at - 1] / 10;
        sums[at - 1] %= 10;
    }
    let digits: String = sums.iter().rev().map(ToString::to_string).collect();
    format!("{digits}e-{}", a_places + b_places).parse().unwrap()
}
