//! The oracle alone: what holds for every candle and trade, at every instant.

use dccd::model::{Grid, Micros, Span, Window, Windows};
use dccd::sim::{Knobs, Market, SimCandle};
use proptest::prelude::*;

use crate::http::at;

const LABELS: [&str; 9] = ["1m", "3m", "15m", "1h", "4h", "1d", "3d", "1w", "1mo"];

/// The largest whole number up to which a float holds every one.
const EXACT: i64 = 1 << 53;

fn any_grid() -> impl Strategy<Value = Grid> {
    prop::sample::select(LABELS.to_vec()).prop_map(|label| label.parse::<Span>().unwrap().grid())
}

fn market(symbol: &str, holes: Windows) -> Market {
    Knobs { holes, ..Knobs::default() }.market(symbol)
}

fn is_sound(candle: &SimCandle) -> bool {
    let SimCandle { open_cents, high_cents, low_cents, close_cents, volume_e8, quote_cents, trades, .. } =
        *candle;
    0 < low_cents
        && low_cents <= open_cents.min(close_cents)
        && open_cents.max(close_cents) <= high_cents
        && (1..EXACT).contains(&volume_e8)
        && (1..EXACT).contains(&quote_cents)
        && trades > 0
}

proptest! {
    #[test]
    fn every_candle_is_sound_and_exact_in_a_float(
        grid in any_grid(),
        symbol in prop::sample::select(vec!["BTCUSDT", "ETHUSDT", "XRPUSDT", "A"]),
        secs in 1_502_942_400_i64..4_000_000_000,
    ) {
        let market = market(symbol, Windows::new());
        let open = grid.floor(Micros::from_secs(secs));
        let (last, before) = (market.candle(grid, open), market.provisional(grid, open));

        prop_assert!(is_sound(&last), "{last:?}");
        prop_assert!(before != last && before.low_cents <= before.close_cents && before.close_cents <= before.high_cents);
        prop_assert!(before.volume_e8 > 0 && before.trades >= 0);
        prop_assert_eq!(last, market.candle(grid, open));
    }

    #[test]
    fn the_candles_of_a_window_are_those_no_hole_covers(
        grid in any_grid(),
        from in 0_i64..300,
        holes in prop::collection::vec((-20_000_i64..30_000, 1_i64..9_000), 0..4),
    ) {
        let first = grid.step(at("2022-01-01"), from);
        let asked = Window::new(first, grid.step(first, 60)).unwrap();
        // Holes in three-hundredths of a candle, so that their edges fall on opens and between.
        let unit = (grid.next(first).0 - first.0) / 300;
        let hole = |(from, len): (i64, i64)| {
            Window::new(Micros(first.0 + from * unit), Micros(first.0 + (from + len) * unit)).unwrap()
        };
        let holes: Windows = holes.into_iter().map(hole).collect();
        let market = market("BTCUSDT", holes.clone());

        let opens = (0..60).map(|place| grid.step(first, place));
        let expected: Vec<i64> = opens
            .filter(|open| !holes.cover(Window::new(*open, grid.next(*open)).unwrap()))
            .map(|open| open.0)
            .collect();
        let candles = market.candles(grid, asked);
        prop_assert_eq!(candles.ts(), &expected[..]);

        // Backwards the same opens are met.
        let mut back = Vec::new();
        let mut open = market.last_open(grid, Micros(asked.until.0 - 1));
        while let Some(own) = open.filter(|own| *own >= first) {
            back.push(own.0);
            open = market.last_open(grid, Micros(own.0 - 1));
        }
        back.reverse();
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn trades_of_neighbouring_windows_join_without_loss_or_repeat(cut in 1_i64..3_599_999, len in 1_i64..3_600_000) {
        let market = market("ETHUSDT", Windows::new());
        let from = at("2023-03-03 03:00:00");
        let middle = Micros(from.0 + cut * 1_000);
        let until = Micros(middle.0 + len * 1_000);
        let mut joined = market.trades(Window::new(from, middle).unwrap());
        joined.take_all(&market.trades(Window::new(middle, until).unwrap()));
        prop_assert_eq!(joined, market.trades(Window::new(from, until).unwrap()));
    }
}

#[test]
fn trades_have_contiguous_ids_from_zero_and_both_sides() {
    let market = market("BTCUSDT", Windows::new());
    let from = market.listing().from;
    let trades = market.trades(Window::new(from, Micros(from.0 + 3_600_000_000)).unwrap());
    let ids: Vec<u64> = trades.trades().iter().map(|trade| trade.id.unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (0..trades.len() as u64).collect::<Vec<_>>());
    assert!((3_590..=3_610).contains(&trades.len()), "{}", trades.len());
    let sold = (0..3_600).filter(|id| market.trade(*id).sold).count();
    assert!((1_500..2_100).contains(&sold), "{sold}");
    assert!(trades.ts().windows(2).any(|pair| pair[0] == pair[1]), "some share a millisecond");
}
