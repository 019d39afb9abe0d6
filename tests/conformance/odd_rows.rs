//! One odd row costs itself, on every exchange and kind: all others of its page are read as they are.
//!
//! And numbers have many forms: what is only written otherwise is the same row.

use dccd::model::{Grid, Kind, Micros, OddFault};
use serde_json::json;

use crate::KNOWN;
use crate::columns::{COLUMNS, Columns, Json, column, move_to, rows_at};
use crate::full_pages::{CHANGED, ROWS, other_forms, pages};

#[test]
fn every_kind_of_rows_of_every_exchange_has_its_columns_here() {
    for known in KNOWN {
        for offer in known.exchange().offers().iter().filter(|offer| offer.kind != Kind::OrderBook) {
            assert!(Columns::of(known.exchange, offer.kind).is_some(), "{} {}", known.exchange, offer.kind);
        }
    }
    let kinds: std::collections::BTreeSet<_> =
        COLUMNS.iter().map(|columns| (columns.exchange, columns.kind.name())).collect();
    assert_eq!(kinds.len(), COLUMNS.len(), "a kind is there twice");
}

#[test]
fn a_number_is_the_same_whether_it_is_text_or_not_and_with_an_exponent() {
    for full in pages() {
        let Columns { time, ends, id, amounts, signed, optional, .. } = full.columns;
        let names = [*time].into_iter().chain(*ends).chain(*id);
        for name in names.chain([*amounts, *signed, *optional].into_iter().flatten().copied()) {
            let forms = |row: &mut Json| other_forms(column(row, name), *id == Some(name)).len();
            let most = full.tree.pointer(&rows_at(&full.tree)).unwrap().as_array().unwrap()[..4].to_vec();
            for form in 0..most.into_iter().map(|mut row| forms(&mut row)).max().unwrap_or_default() {
                let body = full.changed(|rows| {
                    for row in rows {
                        let place = column(row, name);
                        if let Some(other) = other_forms(place, *id == Some(name)).into_iter().nth(form) {
                            *place = other;
                        }
                    }
                });
                full.assert_whole(&format!("{name} in form {form}"), &body);
            }
        }
    }
}

#[test]
fn added_columns_and_members_are_passed_over() {
    for full in pages() {
        for added in [json!("new"), json!(7.5), json!(null), json!([1, {"a": 2}]), json!({"b": []})] {
            let body = full.changed(|rows| {
                for row in rows {
                    match row {
                        Json::Array(columns) => columns.push(added.clone()),
                        Json::Object(members) => drop(members.insert("added".to_owned(), added.clone())),
                        other => panic!("{other} is no row"),
                    }
                }
            });
            full.assert_whole(&format!("{added} added"), &body);
        }
    }
}

#[test]
fn a_price_or_an_amount_that_is_none_costs_its_row_and_no_other() {
    for full in pages() {
        let at = Some(full.at(CHANGED));
        for name in full.columns.amounts.iter().chain(full.columns.signed) {
            let is_signed = full.columns.signed.contains(name);
            for none in
                [json!(null), json!(""), json!("NaN"), json!("inf"), json!("forty"), json!(true), json!([])]
            {
                let body = full.with(|row| *column(row, name) = none.clone());
                full.assert_odd(&format!("{name} is {none}"), &body, OddFault::Value, at);
            }
            for none in
                [json!("1e400"), json!("-1"), json!(-0.5)].into_iter().take(if is_signed { 1 } else { 3 })
            {
                let body = full.with(|row| *column(row, name) = none.clone());
                full.assert_odd(&format!("{name} is {none}"), &body, OddFault::Value, at);
            }
            let beyond = full.with(|row| *column(row, name) = json!("beyond")).replace("\"beyond\"", "1e400");
            full.assert_odd(&format!("{name} is 1e400"), &beyond, OddFault::Value, None);
            if name.parse::<usize>().is_err() {
                let body = full.with(|row| drop(row.as_object_mut().unwrap().remove(*name)));
                full.assert_odd(&format!("{name} is missing"), &body, OddFault::Value, at);
            }
        }
    }
}

#[test]
fn what_may_be_unknown_is_null_where_it_is_null_and_odd_where_it_is_no_number() {
    for full in pages() {
        for name in full.columns.optional {
            for nothing in [json!(null), json!("")] {
                let (batch, parsed) =
                    full.read(&full.with(|row| *column(row, name) = nothing.clone())).unwrap();
                let place = full.place(CHANGED);
                assert_eq!((batch.len(), &parsed.odd[..]), (ROWS, &[][..]), "{}: {name}", full.who);
                let changed =
                    |column: &dccd::model::Column| column.present.as_ref().is_some_and(|has| !has[place]);
                assert!(batch.columns().iter().any(changed), "{}: {name}", full.who);
            }
            for none in [json!("NaN"), json!(-1), json!({})] {
                let body = full.with(|row| *column(row, name) = none.clone());
                full.assert_odd(&format!("{name} is {none}"), &body, OddFault::Value, Some(full.at(CHANGED)));
            }
        }
    }
}

#[test]
fn an_instant_that_is_none_or_outside_reason_costs_its_row() {
    for full in pages() {
        for none in [
            json!(null),
            json!(""),
            json!("soon"),
            json!(false),
            json!(0),
            json!(-1_609_718_400),
            json!(4_102_444_800_i64),
        ] {
            let is_seconds = full.columns.exchange == "coinbase" && full.columns.kind == Kind::Ohlc;
            if none == json!(4_102_444_800_i64) && !is_seconds {
                continue;
            }
            let body = full.with(|row| *column(row, full.columns.time) = none.clone());
            full.assert_odd(&format!("the time is {none}"), &body, OddFault::Time, None);
        }
        for outside in [Micros::from_secs(1_230_767_999), Micros::from_secs(4_102_444_800)] {
            let body = full.with(|row| move_to(column(row, full.columns.time), outside));
            full.assert_odd(&format!("the time is {outside}"), &body, OddFault::Time, None);
        }
    }
}

#[test]
fn a_row_off_its_grid_costs_itself_and_tells_when_it_was() {
    for full in pages().filter(|full| full.span.is_some()) {
        let off = Micros(full.at(CHANGED).0 + 1_000_000);
        // Where a candle is stamped with its end, that is what is moved.
        let body = full.with(|row| {
            let grid: Grid = full.span.unwrap().grid();
            let stamped = if full.columns.exchange == "bitmex" {
                grid.next(full.at(CHANGED))
            } else {
                full.at(CHANGED)
            };
            move_to(column(row, full.columns.time), Micros(stamped.0 + 1_000_000));
        });
        full.assert_odd("it opens a second late", &body, OddFault::OffGrid, Some(off));
    }
}

#[test]
fn an_id_that_is_none_costs_its_row() {
    for full in pages() {
        let Some(id) = full.columns.id else { continue };
        for none in [json!(null), json!(""), json!({})] {
            let body = full.with(|row| *column(row, id) = none.clone());
            full.assert_odd(&format!("the id is {none}"), &body, OddFault::Id, Some(full.at(CHANGED)));
        }
        if id.parse::<usize>().is_err() {
            let body = full.with(|row| drop(row.as_object_mut().unwrap().remove(id)));
            full.assert_odd("the id is missing", &body, OddFault::Id, Some(full.at(CHANGED)));
        }
    }
}

#[test]
fn a_side_that_is_not_named_is_never_invented() {
    for full in pages() {
        let Some(side) = full.columns.side else { continue };
        // BitMEX marks a trade without a taker by an empty side.
        let words = [json!(null), json!("both"), json!(7), json!([]), json!("")];
        let words = words.into_iter().take(if full.columns.exchange == "bitmex" { 4 } else { 5 });
        for none in words.filter(|none| side != "m" || none.is_null()) {
            let body = full.with(|row| *column(row, side) = none.clone());
            full.assert_odd(&format!("the side is {none}"), &body, OddFault::Value, Some(full.at(CHANGED)));
        }
        if side.parse::<usize>().is_err() {
            let body = full.with(|row| drop(row.as_object_mut().unwrap().remove(side)));
            full.assert_odd("the side is missing", &body, OddFault::Value, Some(full.at(CHANGED)));
        }
    }
}

#[test]
fn a_row_that_is_none_at_all_costs_itself() {
    for full in pages() {
        for none in [json!(null), json!(7), json!("row"), json!([])] {
            let body = full.with(|row| *row = none.clone());
            full.assert_odd(&format!("the row is {none}"), &body, OddFault::Shape, None);
        }
    }
}

#[test]
fn two_rows_of_one_key_that_differ_are_both_odd_and_alike_ones_are_one_row() {
    for full in pages() {
        let at = full.at(CHANGED);
        let key = full.columns.id.unwrap_or(full.columns.time);
        let other = CHANGED + 2;
        let copied = |rows: &mut Vec<Json>| rows[other] = rows[CHANGED].clone();

        let (batch, parsed) = full.read(&full.changed(copied)).unwrap();
        assert_eq!((batch.len(), parsed.odd.len()), (ROWS, 0), "{}: alike rows", full.who);

        let name = full.columns.amounts.last().or(full.columns.signed.last());
        let Some(name) = name.or(full.columns.optional.last()) else { continue };
        let body = full.changed(|rows| {
            let taken = column(&mut rows[CHANGED], key).clone();
            *column(&mut rows[other], key) = taken;
            *column(&mut rows[CHANGED], name) = json!("0.123");
            *column(&mut rows[other], name) = json!("0.124");
            for row in [CHANGED, other] {
                for price in full.columns.amounts.iter().filter(|price| *price != name) {
                    *column(&mut rows[row], price) = json!("0.1235");
                }
            }
            if let Some(ends) = full.columns.ends {
                let taken = column(&mut rows[CHANGED], ends).clone();
                *column(&mut rows[other], ends) = taken;
            }
        });
        let who = format!("{}: rows that differ", full.who);
        let (batch, parsed) = full.read(&body).unwrap();
        let odd: Vec<_> = parsed.odd.iter().map(|odd| odd.fault).collect();
        assert_eq!(odd, [OddFault::Contradiction; 2], "{who}: {:?}", parsed.odd);
        assert_eq!(parsed.odd[0].at, Some(at), "{who}");
        full.assert_without(&batch, &[CHANGED, other], &who);
    }
}

#[test]
fn an_id_of_zero_that_two_rows_have_is_none() {
    for full in pages() {
        let Some(id) = full.columns.id else { continue };
        let body = full.changed(|rows| {
            for row in [CHANGED, CHANGED + 1] {
                let place = column(&mut rows[row], id);
                *place = match place {
                    Json::String(_) => json!("0"),
                    _ => json!(0),
                };
            }
        });
        let (batch, parsed) = full.read(&body).unwrap();
        let odd: Vec<_> = parsed.odd.iter().map(|odd| odd.fault).collect();
        assert_eq!(odd, [OddFault::Id; 2], "{}: {:?}", full.who, parsed.odd);
        full.assert_without(&batch, &[CHANGED, CHANGED + 1], &full.who);
    }
}

#[test]
fn rows_in_the_other_order_are_told_and_come_out_oldest_first() {
    for full in pages() {
        let (batch, parsed) = full.read(&full.changed(|rows| rows.reverse())).unwrap();
        assert!(parsed.is_reversed && parsed.odd.is_empty(), "{}", full.who);
        assert!(batch == full.whole, "{}", full.who);
    }
}

#[test]
fn a_candle_that_contradicts_itself_costs_itself() {
    for full in pages().filter(|full| full.columns.kind == Kind::Ohlc) {
        let at = Some(full.at(CHANGED));
        for name in &full.columns.amounts[..4] {
            // Whichever price it is, no candle has it far below and far above the others at once.
            let outcomes = ["0.000000001", "99999999999"].map(|price| {
                let (batch, parsed) = full.read(&full.with(|row| *column(row, name) = json!(price))).unwrap();
                parsed
                    .odd
                    .iter()
                    .for_each(|odd| assert_eq!((odd.fault, odd.at), (OddFault::Contradiction, at)));
                assert_eq!(batch.len() + parsed.odd.len(), ROWS, "{}", full.who);
                parsed.odd.len()
            });
            let opens_anywhere = full.columns.exchange == "bitmex" && *name == "open";
            assert_eq!(outcomes.iter().sum::<usize>() == 0, opens_anywhere, "{}: {name}", full.who);
        }
    }
}

#[test]
fn an_id_above_with_a_time_below_is_neither_odd_nor_the_other_order() {
    for full in pages().filter(|full| full.columns.exchange == "binance" && full.columns.kind == Kind::Trades)
    {
        let earlier = Micros(full.at(CHANGED).0 - 5_000_000);
        let body = full.with(|row| move_to(column(row, "T"), earlier));
        let (batch, parsed) = full.read(&body).unwrap();
        assert_eq!((batch.len(), parsed.odd.len(), parsed.is_reversed), (ROWS, 0, false), "{}", full.who);
        assert_eq!(batch.ts()[CHANGED], earlier.0, "in the order of its id");
    }
}
