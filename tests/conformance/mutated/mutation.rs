//! One change of a body: of how it is written, of what a row says, or of what stands around the rows.

use serde_json::json;

use super::Original;
use super::change::{Change, Draw};
use crate::columns::{Columns, Json, rows_at};

/// How many rows are left of each list: its first ones and its last.
const ROWS: usize = 120;

/// A body in which one thing is changed.
pub(crate) struct Mutated {
    pub(crate) change: Change,
    /// A description for people.
    pub(crate) what: String,
    pub(crate) body: Vec<u8>,
    /// The name of the column that was changed, where it was one.
    pub(crate) column: Option<String>,
}

/// A body with fewer rows, so that many can be read.
pub(crate) fn shortened(mut tree: Json) -> Json {
    match &mut tree {
        Json::Array(items) => {
            if items.len() > ROWS {
                items.drain(ROWS / 2..items.len() - ROWS / 2);
            }
            items.iter_mut().for_each(|item| *item = shortened(item.take()));
        }
        Json::Object(members) => members.values_mut().for_each(|member| *member = shortened(member.take())),
        _ => {}
    }
    tree
}

impl Mutated {
    /// A change of an answer; none where it has nothing of the kind.
    pub(crate) fn of(original: &Original, mut draw: Draw) -> Option<Mutated> {
        let change = Change::ALL[(draw.number % Change::ALL.len() as u64) as usize];
        if change == Change::Truncated {
            let body = original.tree.to_string().into_bytes();
            let at = draw.below(body.len());
            return Some(Mutated {
                change,
                what: format!("cut at {at}"),
                body: body[..at].to_vec(),
                column: None,
            });
        }
        let mut tree = original.tree.clone();
        let (what, column) = match change {
            Change::Around | Change::AddedMember => (around(&mut tree, change, &mut draw)?, None),
            _ => {
                let lists = lists_of_rows(original);
                let at = draw.one(&lists)?;
                let rows = tree.pointer_mut(at)?.as_array_mut()?;
                in_rows(rows, original.columns, change, &mut draw)?
            }
        };
        // No tree holds what no double does.
        let body = tree.to_string().replace("\"1e400!\"", "1e400").into_bytes();
        Some(Mutated { change, what: format!("{}: {what}", change.word()), body, column })
    }
}

/// Where the rows are: a book has two lists of them.
fn lists_of_rows(original: &Original) -> Vec<String> {
    if original.columns.is_some() {
        return vec![rows_at(&original.tree)];
    }
    let mut lists = Vec::new();
    let mut open = vec![(String::new(), &original.tree)];
    while let Some((at, node)) = open.pop() {
        match node {
            Json::Array(items) if items.iter().any(is_level) => lists.push(at),
            Json::Array(items) => {
                open.extend(items.iter().enumerate().map(|(place, item)| (format!("{at}/{place}"), item)));
            }
            Json::Object(members) => {
                open.extend(members.iter().map(|(name, member)| (format!("{at}/{name}"), member)));
            }
            _ => {}
        }
    }
    lists
}

/// A list or an object with nothing but values in it, and more than one of them.
fn is_level(item: &Json) -> bool {
    let is_value = |item: &Json| !item.is_array() && !item.is_object();
    match item {
        Json::Array(columns) => columns.len() > 1 && columns.iter().all(is_value),
        Json::Object(members) => members.contains_key("price") && members.values().all(is_value),
        _ => false,
    }
}

/// Changes something in the rows; gives what, and in which column.
fn in_rows(
    rows: &mut Vec<Json>,
    columns: Option<&Columns>,
    change: Change,
    draw: &mut Draw,
) -> Option<(String, Option<String>)> {
    let place = draw.below(rows.len());
    match change {
        Change::SwappedRows => {
            let other = draw.below(rows.len());
            rows.swap(place, other);
            return Some((format!("rows {place} and {other}"), None));
        }
        Change::DoubledRow => {
            let twin = rows[place].clone();
            rows.insert(place + 1, twin);
            return Some((format!("row {place}"), None));
        }
        Change::DifferingRow => {
            let mut twin = rows[place].clone();
            let name = amount(columns, &twin)?;
            let number = number(twin.pointer(&format!("/{name}"))?)?;
            *twin.pointer_mut(&format!("/{name}"))? = json!(number * 1.5 + 1.0);
            rows.insert(place + 1, twin);
            return Some((format!("row {place} by its {name}"), None));
        }
        Change::NoRow => {
            let none = draw.one(&[json!(null), json!([]), json!({}), json!(7), json!("row")])?.clone();
            let what = format!("row {place} is {none}");
            rows[place] = none;
            return Some((what, None));
        }
        Change::AddedColumn => {
            let new =
                draw.one(&[json!("new"), json!(7.5), json!(null), json!([1]), json!({"a": 1})])?.clone();
            let what = format!("{new} in row {place}");
            match &mut rows[place] {
                Json::Array(columns) => columns.push(new),
                Json::Object(members) => drop(members.insert("added".to_owned(), new)),
                _ => return None,
            }
            return Some((what, None));
        }
        _ => {}
    }
    in_row(&mut rows[place], columns, change, draw)
        .map(|(what, column)| (format!("{what} of row {place}"), column))
}

/// Changes something in a row.
fn in_row(
    row: &mut Json,
    columns: Option<&Columns>,
    change: Change,
    draw: &mut Draw,
) -> Option<(String, Option<String>)> {
    let names = names(row);
    if change == Change::ShortRow {
        let what = match row {
            Json::Array(columns) => {
                let left = draw.below(columns.len());
                columns.truncate(left);
                format!("the columns from {left} on")
            }
            Json::Object(members) => {
                let name = draw.one(&names)?.clone();
                members.remove(&name);
                return Some((format!("{name} is missing"), Some(name)));
            }
            _ => return None,
        };
        return Some((what, None));
    }
    let (from, name) = match (change, columns) {
        (Change::TimeUnit, Some(columns)) => (None, columns.time.to_owned()),
        (Change::TimeUnit, None) => return None,
        (Change::SwappedColumns, Some(columns)) => {
            let own: Vec<&str> = [Some(columns.time), columns.side].into_iter().flatten().collect();
            let from = (*draw.one(&own)?).to_owned();
            let others: Vec<&str> = columns.amounts.iter().chain(&columns.id).copied().collect();
            (Some(from), (*draw.one(&others)?).to_owned())
        }
        (Change::SwappedColumns, None) => return None,
        (Change::Negative, Some(columns)) => (None, (*draw.one(columns.amounts)?).to_owned()),
        // The sign of an amount of Bitfinex says on which side of the book it is.
        (Change::Negative, None) if row.as_array().is_some_and(|level| level.iter().all(Json::is_number)) => {
            return None;
        }
        _ => (None, draw.one(&names)?.clone()),
    };
    let old = row.pointer(&format!("/{name}"))?.clone();
    let new = match change {
        Change::SwappedColumns => {
            let place = row.pointer_mut(&format!("/{}", from.as_ref()?))?;
            std::mem::replace(place, old.clone())
        }
        _ => changed(&old, &name, columns, change, draw)?,
    };
    if new == old {
        return None;
    }
    let what = format!("{name}: {old} became {new}");
    *row.pointer_mut(&format!("/{name}"))? = new;
    Some((what, Some(name)))
}

/// Another value in place of one.
fn changed(
    old: &Json,
    name: &str,
    columns: Option<&Columns>,
    change: Change,
    draw: &mut Draw,
) -> Option<Json> {
    let is_id = columns.is_some_and(|columns| columns.id == Some(name));
    match change {
        Change::OtherType => match old {
            Json::Number(number) => Some(json!(number.to_string())),
            Json::String(text) => as_number(text),
            _ => None,
        },
        Change::Exponent => {
            // A whole number that is no amount may be a word.
            let may_be_word =
                |number: f64| number.fract() == 0.0 && columns.is_some_and(|own| !own.has(name));
            let number =
                number(old).filter(|number| !is_id && number.abs() < 9e15 && !may_be_word(*number))?;
            Some(json!(format!("{number:e}")))
        }
        Change::Null => Some(json!(null)),
        Change::Retyped => {
            let others = [json!({}), json!([]), json!([old]), json!(true), json!("forty"), json!({"a": old})];
            // A word in place of a word is another word, and so is a yes for a no.
            let is_word = number(old).is_none() || is_id && old.is_string();
            let others = if old.is_boolean() {
                &others[..3]
            } else if is_word {
                &others[..4]
            } else {
                &others
            };
            draw.one(others).cloned()
        }
        Change::Overflow => {
            number(old)?;
            // An id that is a word is that word.
            let others = if is_id && old.is_string() { 1 } else { 2 };
            draw.one(&[json!("1e400!"), json!("1e400")][..others]).cloned()
        }
        Change::Negative => {
            let number = number(old).filter(|number| *number > 0.0)?;
            Some(if old.is_string() { json!(format!("-{number}")) } else { json!(-number) })
        }
        Change::TimeUnit => other_unit(old, draw),
        _ => None,
    }
}

/// A time in another unit, written as it was or as a number.
fn other_unit(old: &Json, draw: &mut Draw) -> Option<Json> {
    let Some(time) = number(old) else {
        // A time that is written out, as seconds or milliseconds.
        let at: jiff::Timestamp = old.as_str()?.parse().ok()?;
        return draw.one(&[json!(at.as_millisecond()), json!(at.as_second().to_string())]).cloned();
    };
    let times = *draw.one(&[1e-6, 1e-3, 1e3, 1e6])?;
    let time = (time * times).round() as i64;
    Some(if old.is_string() { json!(time.to_string()) } else { json!(time) })
}

/// Changes something around the rows.
fn around(tree: &mut Json, change: Change, draw: &mut Draw) -> Option<String> {
    let mut objects = Vec::new();
    let mut open = vec![(String::new(), &*tree)];
    while let Some((at, node)) = open.pop() {
        let Json::Object(members) = node else { continue };
        objects.push((at.clone(), members.keys().cloned().collect::<Vec<_>>()));
        open.extend(members.iter().map(|(name, member)| (format!("{at}/{name}"), member)));
    }
    let (at, names) = draw.one(&objects)?.clone();
    let object = tree.pointer_mut(&at)?.as_object_mut()?;
    if change == Change::AddedMember {
        object.insert("added".to_owned(), json!({"a": [1, null]}));
        return Some(format!("at {at}/"));
    }
    let name = draw.one(&names)?;
    let others = [json!(null), json!(7), json!("forty"), json!(true), json!({}), json!([7])];
    // A list in place of the rows is rows, if odd ones.
    let others = if object.get(name).is_some_and(Json::is_array) { &others[..5] } else { &others };
    let new = draw.one(others)?.clone();
    if object.get(name) == Some(&new) {
        return None;
    }
    if draw.below(7) == 0 {
        object.remove(name);
        return Some(format!("{at}/{name} is missing"));
    }
    let what = format!("{at}/{name} became {new}");
    object.insert(name.clone(), new);
    Some(what)
}

/// An amount that a row may have differently without being impossible.
fn amount(columns: Option<&Columns>, row: &Json) -> Option<String> {
    match columns {
        Some(columns) => columns.amounts.last().or(columns.signed.last()).map(|name| (*name).to_owned()),
        None if row.is_object() => Some("size".to_owned()),
        None => Some((row.as_array()?.len().min(3) - 1).to_string()),
    }
}

/// The columns of a row that can be changed: of trades of BitMEX the amount is computed where it is not told.
fn names(row: &Json) -> Vec<String> {
    match row {
        Json::Array(columns) => (0..columns.len()).map(|place| place.to_string()).collect(),
        Json::Object(members) => {
            let may_be_untold = members.contains_key("trdMatchID");
            let names = members.keys().filter(|name| !(may_be_untold && *name == "homeNotional"));
            names.cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::String(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        other => other.as_f64(),
    }
}

fn as_number(text: &str) -> Option<Json> {
    let whole = text.parse::<i64>().ok().map(Json::from);
    let double = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    whole.or_else(|| double().map(Json::from))
}
