//! How fast frames of trades become rows, and what a trade allocates: the parse alone, and all of the way from a socket
//! to the journal, beside the bare crates' bound of the same frames from the same server.
//!
//! Frames are written after the documentation, with prices and amounts as they come over the wire. For the parse, as a
//! driver does, 256 of them are read, then handed over and forgotten. The server is a process of its own. `parse`,
//! `journal` or `files` measures that part alone.

#[path = "live/bound.rs"]
mod bound;
#[path = "live/cases.rs"]
mod cases;
#[path = "common/mod.rs"]
#[allow(dead_code, reason = "nothing of it is fetched here")]
mod common;
#[path = "live/server.rs"]
mod server;
#[path = "live/whole.rs"]
mod whole;
#[path = "../tests/conformance/live/written.rs"]
#[allow(dead_code, reason = "only trades are measured")]
mod written;

use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;

use dccd::exchange::live::{Now, Received, TopicId};
use dccd::model::Micros;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::{Builder, Runtime};

use cases::{CASES, Case};
use common::{cpu_secs, median, timed};
use server::{SERVE, Server};
use whole::PEAK;

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TRADES: u64 = 400_000;
const ROUNDS: usize = 5;

/// Frames between two hand-overs.
const BURST: usize = 256;

/// The goals.
const GOAL_MILLIONS: f64 = 0.5;
const GOAL_ALLOCATIONS: f64 = 0.05;
const GOAL_SHARE: f64 = 0.4;
const GOAL_MIB: f64 = 100.0;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize| arguments[at].parse::<u64>().expect("a number");
    match arguments.get(1).map(String::as_str) {
        Some(SERVE) => server::serve(number(2) as usize, number(3)),
        Some(PEAK) => runtime().block_on(whole::watch(number(2) as usize, number(3) as u16)),
        Some("parse") => parse_all(),
        Some("journal") => whole_way_all(),
        Some("files") => peak_all(),
        _ => {
            parse_all();
            whole_way_all();
            peak_all();
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn parse_all() {
    println!(
        "{:<20} {:>8} {:>12} {:>14} {:>12}",
        "parse alone", "bytes", "M trades/s", "M messages/s", "allocations"
    );
    let mut missed = Vec::new();
    for case in &CASES {
        let frames = case.frames(TRADES);
        let bytes: usize = frames.iter().map(|(_, frame)| frame.len()).sum();
        let rates = (0..ROUNDS).map(|_| 1.0 / timed(|| assert_eq!(parse(case, &frames).0, TRADES)).1);
        let passes = median(rates.collect());
        let (_, allocations) = parse(case, &frames);
        let millions = passes * TRADES as f64 / 1e6;
        let per_trade = allocations as f64 / TRADES as f64;
        println!(
            "{:<20} {:>8} {millions:>12.2} {:>14.2} {per_trade:>12.4}",
            case.what,
            bytes / frames.len(),
            passes * frames.len() as f64 / 1e6
        );
        if millions < GOAL_MILLIONS || per_trade >= GOAL_ALLOCATIONS {
            missed.push(case.what);
        }
    }
    println!(
        "a CPU second; below {GOAL_MILLIONS} M trades or from {GOAL_ALLOCATIONS} allocations a trade on: {missed:?}"
    );
}

/// Rows that frames became, and the allocations of it.
fn parse(case: &Case, frames: &[(Micros, String)]) -> (u64, usize) {
    let (live, offer) = case.live();
    let mut session = live.session(offer.line);
    session.want(case.topic()).expect("it is offered");
    let (mut received, mut rows) = (Received::new(), 0);
    let region = Region::new(ALLOCATIONS);
    for burst in frames.chunks(BURST) {
        for (at, frame) in burst {
            session.text(black_box(frame), now(*at), &mut received);
        }
        session.tick(now(burst[burst.len() - 1].0), &mut received);
        rows += received.batches().map(|(_, batch)| batch.len() as u64).sum::<u64>();
        black_box(session.covered(TopicId(0)));
        received.clear();
    }
    let change = region.change();
    (rows, change.allocations + change.reallocations)
}

fn now(at: Micros) -> Now {
    Now { elapsed: Duration::from_secs(1), at: at + Duration::from_millis(20) }
}

fn whole_way_all() {
    println!(
        "\n{:<20} {:>12} {:>12} {:>12} {:>8} {:>12}",
        "socket to journal", "M trades/s", "bound", "M messages/s", "share", "allocations"
    );
    let (mut missed, mut lowest) = (Vec::new(), (f64::MAX, f64::MAX));
    for (number, case) in CASES.iter().enumerate().filter(|(_, case)| case.is_whole) {
        let Whole { millions, bound, allocations } = whole_way(number, case);
        let share = millions / bound;
        lowest = (lowest.0.min(share), lowest.1.min(millions));
        let frames = case.frames(10_000).len() as f64 / 10_000.0;
        println!(
            "{:<20} {millions:>12.2} {bound:>12.2} {:>12.2} {share:>8.2} {allocations:>12.4}",
            case.what,
            millions * frames,
        );
        if share < GOAL_SHARE || allocations >= GOAL_ALLOCATIONS {
            missed.push(case.what);
        }
    }
    println!(
        "a CPU second; below {GOAL_SHARE} of the bound or from {GOAL_ALLOCATIONS} allocations a trade on: {missed:?}"
    );
    println!("figure trades_share {:.1} %\nfigure trades_rate {:.3} M", 100.0 * lowest.0, lowest.1);
}

/// The figures of a case: millions of trades a CPU second, those of the bound, and allocations of a trade.
struct Whole {
    millions: f64,
    bound: f64,
    allocations: f64,
}

fn whole_way(number: usize, case: &Case) -> Whole {
    let (server, runtime) = (Server::start(number, Some(TRADES)), runtime());
    let (mut rates, mut bounds, mut allocated) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let reading = bound::read(case.exchange(), server.port, TRADES);
        bounds.push(TRADES as f64 / 1e6 / timed(|| runtime.block_on(reading)).1);
        let (region, before) = (Region::new(ALLOCATIONS), cpu_secs());
        let read = runtime.block_on(whole::read(case, server.port, TRADES));
        rates.push(TRADES as f64 / 1e6 / (cpu_secs() - before));
        let change = region.change();
        allocated.push((change.allocations + change.reallocations) as f64 / TRADES as f64);
        runtime.block_on(read.end());
    }
    Whole { millions: median(rates), bound: median(bounds), allocations: median(allocated) }
}

fn peak_all() {
    println!("\n{:<20} {:>12} {:>12}", "one pair, into files", "peak MiB", "trades/s");
    let (mut missed, mut most) = (Vec::new(), 0.0_f64);
    for (number, case) in CASES.iter().enumerate().filter(|(_, case)| case.is_whole) {
        let (mib, rate) = whole::peak(number);
        most = most.max(mib);
        println!("{:<20} {mib:>12.1} {rate:>12.0}", case.what);
        if mib > GOAL_MIB {
            missed.push(case.what);
        }
    }
    println!("as fast as it is read; above {GOAL_MIB} MiB: {missed:?}");
    println!("figure live_mib {most:.1} MiB");
}
