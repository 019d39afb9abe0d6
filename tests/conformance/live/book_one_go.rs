//! Updates of books that are read in one go, beside the same frames read part by part.

use dccd::exchange::live::{Now, TopicId};

use super::book_sessions::{DELTAS, SECOND, book_events, give, listener, rows};
use super::books::BOOKS;
use super::damaged::damage;
use super::oracle;
use super::written::Dice;
use crate::needs;

#[test]
fn an_update_of_a_book_that_is_read_in_one_go_says_what_it_says_part_by_part() {
    let Some(folder) = needs::recordings() else { return };
    for (recording, series, symbol, ahead) in [
        (&BOOKS[0], "binance/BTC-USDT/orderbook", "BTCUSDT", r#"{"stream":"btcusdt@depth"#),
        (&BOOKS[2], "kraken/BTC-USD/orderbook", "BTC/USD", r#"{"channel":"book","type":"update","data":["#),
    ] {
        let frames = recording.frames(&folder);
        assert!(frames.iter().filter(|frame| frame.starts_with(ahead)).count() > 200, "{series}");
        let at = frames.iter().filter_map(|frame| oracle::newest(frame)).max().unwrap();
        let whole_book = recording.whole_book(&folder, symbol);
        let (mut dice, mut in_step, mut written) = (Dice(7), 0, 0);
        for round in 0..40 {
            let [mut whole, mut parted] = [(); 2].map(|()| listener(&[series], DELTAS, at + SECOND));
            for own in [&mut whole, &mut parted] {
                whole_book.iter().for_each(|rows| give(own, 0, Some(rows)));
            }
            for frame in &frames {
                let is_damaged = dice.below(60) == 0 && frame.starts_with(ahead);
                let frame = if is_damaged { damage(frame, &mut dice) } else { frame.clone() };
                for own in [&mut whole, &mut parted] {
                    own.now = Now { elapsed: own.now.elapsed + SECOND / 10, at: own.now.at };
                }
                whole.read(&frame);
                // A space that changes nothing, and that no exchange writes there.
                parted.read(&frame.replacen('{', "{ ", 1));
                [&mut whole, &mut parted].into_iter().for_each(|own| own.tick());
                assert_eq!(whole.received.counts, parted.received.counts, "{round}: {frame}");
                assert_eq!(whole.faults().len(), parted.faults().len(), "{round}: {frame}");
                assert_eq!(book_events(&mut whole), book_events(&mut parted), "{round}: {frame}");
                let [own, other] = [&whole, &parted].map(|own| own.session.book(TopicId(0)).is_some());
                assert_eq!(own, other, "{round}: {frame}");
                in_step += usize::from(own);
            }
            assert_eq!(rows(&whole, 0), rows(&parted, 0), "{round}");
            assert_eq!(whole.covered(0), parted.covered(0), "{round}");
            written += rows(&whole, 0).len();
        }
        assert!(in_step > 1_000 && written > 1_000, "{series}: {in_step} frames in step, {written} rows");
    }
}
