//! The ledger of a series: what is read is written again as it was, and its account holds.

use super::seeds;
use crate::model::{Micros, Series};
use crate::store::Ledger;

/// Series whose ledgers older versions left: the first byte of an input is the place of one.
const SERIES: [&str; 4] = [
    "binance/BTC-USDT/trades",
    "binance/BTC-USDT/ohlc/1h",
    "binance/BTC-USDT/ohlc/1d",
    "binance/BTC-USDT/orderbook",
];

pub(super) fn run(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let series: Series =
        SERIES[usize::from(*first) % SERIES.len()].parse().expect("the series are well written");
    // As it lies there, and with a check sum that fits: no other gets past it.
    for text in [body.to_vec(), checked(body)] {
        let Ok(ledger) = Ledger::decode(&text, &series) else { continue };
        let written = ledger.encode(&series).expect("a ledger can be written");
        let again = Ledger::decode(&written, &series).expect("what is written can be read");
        assert_eq!(again.encode(&series).expect("a ledger can be written"), written, "it changes by reading");
        for windows in [&ledger.covered, &ledger.derived] {
            let mut last = Micros(i64::MIN);
            for window in windows.iter() {
                assert!(last <= window.from && window.from < window.until, "{window} is out of order");
                last = window.until;
            }
        }
    }
}

/// The text with the check sum that it should have.
fn checked(body: &[u8]) -> Vec<u8> {
    const CHECK: &[u8] = b",\"crc32\":\"";
    let end = body.windows(CHECK.len()).rposition(|own| own == CHECK).unwrap_or(body.len());
    let body = &body[..end];
    [body, CHECK, format!("{:08x}\"}}", crc32fast::hash(body)).as_bytes()].concat()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let ledgers = seeds::below(&seeds::root().join("tests/older/tree"), "_series.json");
    ledgers.iter().flat_map(|ledger| (0_u8..4).map(|place| [&[place], &ledger[..]].concat())).collect()
}
