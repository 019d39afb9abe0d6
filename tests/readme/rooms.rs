//! The picture of the rooms, drawn from the `use` lines of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{check_file, path};

const WIDTH: usize = 920;
const BOX: (usize, usize) = (104, 34);
const ROW: usize = 84;

type Uses = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_picture_of_the_rooms_is_drawn_from_the_use_lines() {
    check_file("docs/pictures/rooms.svg", &picture(&direct(&uses())));
}

/// The rooms each room names in its code.
fn uses() -> Uses {
    let root = fs::read_to_string(path("src/lib.rs")).unwrap();
    let rooms: BTreeSet<&str> = root
        .lines()
        .filter_map(|line| {
            line.trim_start_matches("pub(crate) ").strip_prefix("pub mod ").or(line.strip_prefix("mod "))
        })
        .filter_map(|line| line.strip_suffix(';'))
        // It is no part of the program.
        .filter(|room| *room != "fuzz")
        .collect();
    let mut uses = Uses::new();
    for room in &rooms {
        let mut code = String::new();
        read(&path("src").join(room), &mut code);
        if let Ok(text) = fs::read_to_string(path("src").join(format!("{room}.rs"))) {
            code.push_str(&without_tests(&text));
        }
        let named = code.split("crate::").skip(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
        });
        let named = named.filter(|name| rooms.contains(name) && name != room).map(str::to_owned);
        uses.insert((*room).to_owned(), named.collect());
    }
    uses
}

fn read(folder: &Path, code: &mut String) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, code);
        } else if !path.to_str().unwrap().contains("tests") {
            code.push_str(&without_tests(&fs::read_to_string(&path).unwrap()));
        }
    }
}

fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Without the edges that go over another room anyway.
fn direct(uses: &Uses) -> Uses {
    let reached = |room: &str| below(uses, room);
    let direct = uses.iter().map(|(room, used)| {
        let over_others: BTreeSet<String> = used.iter().flat_map(|room| reached(room)).collect();
        (room.clone(), used.difference(&over_others).cloned().collect())
    });
    direct.collect()
}

/// Everything a room reaches, itself left out.
fn below(uses: &Uses, room: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = uses[room].iter().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next.clone()) {
            open.extend(&uses[next]);
        }
    }
    reached
}

/// How many rooms lie below one, on the longest way down.
fn height(uses: &Uses, room: &str) -> usize {
    uses[room].iter().map(|used| height(uses, used) + 1).max().unwrap_or(0)
}

fn picture(uses: &Uses) -> String {
    let mut rows: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for room in uses.keys() {
        rows.entry(height(uses, room)).or_default().push(room);
    }
    let top = rows.keys().next_back().copied().unwrap_or(0);
    let mut places = BTreeMap::new();
    for (height, rooms) in &rows {
        let step = WIDTH / rooms.len();
        for (index, room) in rooms.iter().enumerate() {
            // Every other row is moved a little, so that fewer lines lie on one another.
            let shift = if height % 2 == 0 { 0 } else { 28 };
            places.insert(*room, (step * index + step / 2 + shift - 14, (top - height) * ROW + 30));
        }
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" height=\"{0}\" \
         font-family=\"ui-monospace, monospace\" font-size=\"14\" text-anchor=\"middle\">\n\
         <title>The rooms of dccd; a line goes down to a room that is used</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fdfdfb\"/>\n",
        top * ROW + 60
    );
    for (room, used) in uses {
        let (x, y) = places[room.as_str()];
        for (to_x, to_y) in used.iter().map(|room| places[room.as_str()]) {
            let (from, to) = (y + BOX.1 / 2, to_y - BOX.1 / 2);
            writeln!(svg, "<path d=\"M{x} {from}L{to_x} {to}\" stroke=\"#9aa5b1\" fill=\"none\"/>").unwrap();
        }
    }
    for (room, (x, y)) in places {
        let (left, upper) = (x - BOX.0 / 2, y - BOX.1 / 2);
        writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{upper}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#fff\" stroke=\"#334e68\"/>\
             <text x=\"{x}\" y=\"{}\" fill=\"#102a43\">{room}</text>",
            BOX.0,
            BOX.1,
            y + 5
        )
        .unwrap();
    }
    svg.push_str("</svg>\n");
    svg
}
