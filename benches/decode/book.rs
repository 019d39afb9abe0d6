//! Books as deep as one likes, made of a few levels.

use crate::columns::Json;

/// A book with so many levels on each side, each at a price of its own and the best first.
pub(crate) fn fill(body: &[u8], depth: usize) -> Json {
    let mut tree: Json = serde_json::from_slice(body).expect("a book is JSON");
    fill_sides(&mut tree, "", depth);
    tree
}

/// Fills every list of levels. Those of both sides in one list say which theirs is.
fn fill_sides(node: &mut Json, name: &str, depth: usize) {
    let is_level = |item: &Json| item.is_array() || item.get("price").is_some();
    match node {
        Json::Array(levels) if levels.iter().all(is_level) && !levels.is_empty() => {
            let is_bid = |level: &Json| match (level.get("side"), level.get(2).and_then(Json::as_f64)) {
                (Some(side), _) => side == "Buy",
                (None, Some(amount)) if name.is_empty() => amount > 0.0,
                _ => matches!(name, "bids" | "b"),
            };
            let (bids, asks): (Vec<Json>, Vec<Json>) = levels.drain(..).partition(is_bid);
            for (side, step) in [(bids, -1.0), (asks, 1.0)] {
                levels.extend((0..depth).filter(|_| !side.is_empty()).map(|place| {
                    let mut level = side[place % side.len()].clone();
                    move_to(&mut level, &side, step * place as f64);
                    level
                }));
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| fill_sides(item, name, depth)),
        Json::Object(members) => {
            members.iter_mut().for_each(|(name, member)| fill_sides(member, name, depth));
        }
        _ => {}
    }
}

/// Puts a level so many ticks from the best of its side.
fn move_to(level: &mut Json, side: &[Json], ticks: f64) {
    let price = |level: &Json| level.get("price").or_else(|| level.get(0)).cloned().expect("it has a price");
    let moved = match price(&side[0]) {
        Json::String(text) => {
            let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let tick = 10_f64.powi(-i32::try_from(decimals).expect("it is short"));
            let best: f64 = text.parse().expect("it is a number");
            format!("{:.decimals$}", best + ticks * tick).into()
        }
        number => {
            let best = number.as_f64().expect("it is a number");
            (best + ticks * best / 1e6).into()
        }
    };
    let place = if level.is_array() { level.get_mut(0) } else { level.get_mut("price") };
    *place.expect("it has a price") = moved;
}
