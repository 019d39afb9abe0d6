//! The parts of `make bench` that count nothing, in one program, as each more would be linked with all of dccd again:
//! `cargo bench --bench parts -- append`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on stops"
)]

#[path = "../tests/remotes/bucket.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod bucket;
#[path = "../tests/conformance/columns.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod columns;
#[path = "../tests/needs/mod.rs"]
mod needs;
#[path = "../tests/tracker/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod postgres;
#[path = "common/tasks.rs"]
mod tasks;
#[path = "../tests/fleet/world.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod world;

mod append;
mod book_at;
mod common;
mod decode;
mod encodings;
mod exposition;
mod first_view;
mod fleet;
mod history;
mod inventory_tree;
mod journal;
mod queues;
mod read;
mod tracker;

type Part = (&'static str, fn());

const PARTS: [Part; 13] = [
    ("append", append::main),
    ("book_at", book_at::main),
    ("decode", decode::main),
    ("encodings", encodings::main),
    ("exposition", exposition::main),
    ("first_view", first_view::main),
    ("fleet", fleet::main),
    ("history", history::main),
    ("inventory_tree", inventory_tree::main),
    ("journal", journal::main),
    ("queues", queues::main),
    ("read", read::main),
    ("tracker", tracker::main),
];

fn main() {
    let named = std::env::args().nth(1).unwrap_or_default();
    if let Some((_, part)) = PARTS.iter().find(|(name, _)| *name == named) {
        return part();
    }
    let known: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
    eprintln!("name one of the parts, as in `cargo bench --bench parts -- append`: {}", known.join(", "));
    std::process::exit(2);
}
