//! Rows that are a pure function of their series and instant, so that each row can be checked by itself.

use dccd::model::{Batch, Candle, Kind, Micros, Series, Side, Trade, Window};

/// When the history begins: shortly before the end of a year, so that periods end while it is taken in.
pub(crate) const ORIGIN: Micros = Micros(1_735_603_200_000_000);
/// Past the end of everything that is taken in.
pub(crate) const HORIZON: Micros = Micros(1_893_456_000_000_000);

const MINUTE: i64 = 60_000_000;

/// Every row of a series in a window.
pub(crate) fn rows(series: &Series, window: Window) -> Batch {
    let mut rows = Batch::of(series.kind());
    let first = window.from.0.div_euclid(MINUTE) + i64::from(window.from.0.rem_euclid(MINUTE) > 0);
    for minute in first.. {
        let from = minute * MINUTE;
        if from >= window.until.0 {
            return rows;
        }
        let salt = mix(minute as u64 ^ u64::from(series.kind() == Kind::Ohlc) << 40);
        match series.kind() {
            Kind::Ohlc => candle(from, salt).into_iter().for_each(|candle| rows.candles_mut().push(candle)),
            _ => trades(minute, salt, &mut rows),
        }
    }
    rows
}

/// The length of a page's window is a multiple of this.
pub(crate) fn step() -> i64 {
    MINUTE
}

/// One minute in seventeen is quiet.
fn candle(ts: i64, salt: u64) -> Option<Candle> {
    let price = 100.0 + (salt % 10_000) as f64 / 100.0;
    (!salt.is_multiple_of(17)).then(|| Candle {
        ts: Micros(ts),
        open: price,
        high: price + 2.0,
        low: price - 2.0,
        close: price + 1.0,
        volume: (salt % 977) as f64,
        quote_volume: salt.is_multiple_of(2).then_some((salt % 7_919) as f64),
        trades: Some((salt % 31) as i64),
    })
}

/// Up to three trades a minute, two of them at one instant.
fn trades(minute: i64, salt: u64, rows: &mut Batch) {
    for index in 0..(salt % 4) as i64 {
        let id = (minute * 10 + index).to_string();
        rows.trades_mut().push(Trade {
            ts: Micros(minute * MINUTE + index / 2 * 1_000),
            ts_recv: None,
            id: Some(&id),
            price: 100.0 + (salt % 999) as f64,
            amount: 1.0 + index as f64,
            side: Some(if salt.is_multiple_of(3) { Side::Buy } else { Side::Sell }),
        });
    }
}

/// The finaliser of SplitMix64.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Numbers drawn one after the other from a seed.
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    /// From `DCCD_SEED` where that is set, else from the time; printed, so that a failure can be had again.
    pub(crate) fn seeded() -> Self {
        let drawn = || {
            let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
            since.unwrap().as_nanos() as u64
        };
        let given = std::env::var("DCCD_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(drawn);
        println!("DCCD_SEED={seed}");
        Draws(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}
