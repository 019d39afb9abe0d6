//! Rows that were set aside, as `dccd gaps` names them.

use std::fs;
use std::path::PathBuf;

use dccd::model::{Micros, OddFault, OddRow, Series};
use dccd::sim::Knobs;
use dccd::store::{Store, StoreSettings};
use serde::Deserialize;

use crate::program::{configure, dccd};
use crate::test_daemon::{TestDaemon, at};

const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";
const PAIR: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2024-01-30}";
/// A row that would clear the screen.
const ODD: &str = "[1,\u{1b}[2J\u{9b}31m\u{202e}]";

#[tokio::test]
async fn gaps_names_rows_that_were_set_aside_with_fault_instant_count_and_file() {
    let setup = setup(&rows()).await;
    let file = setup.layout().set_aside(&series());

    let table = dccd(&setup, &["gaps", HOURLY]).await;

    assert_eq!(table.code, Some(0), "{table:?}");
    let lines: Vec<&str> = table.out.lines().filter(|line| line.contains("set aside")).collect();
    let shown = |from: &str, until: &str, reason: &str| {
        format!("{HOURLY:<32} set aside  {from:<20} {until:<20} {reason} in {})", file.display())
    };
    assert_eq!(
        lines,
        [
            shown(
                "2024-01-30 01:00:00",
                "2024-01-30 02:00:00",
                "high 1\\u{1b}[2J below low 2 (contradiction, 2 rows"
            ),
            shown("2024-01-30 09:30:00", "-", "it opens at 09:30 (off_grid, 1 row"),
            shown("-", "-", "it has no instant (time, 1 row"),
        ]
    );
    let json = dccd(&setup, &["gaps", "--json"]).await;
    assert!(json.out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{}", json.out);
    let all: Vec<Line> = serde_json::from_str(&json.out).unwrap();
    let aside: Vec<Line> = all.into_iter().filter(|line| line.state == "set aside").collect();
    assert_eq!(aside.len(), 3);
    assert_eq!(
        aside[0],
        Line {
            series: HOURLY.to_owned(),
            state: "set aside".to_owned(),
            reason: r"high 1\u{1b}[2J below low 2".to_owned(),
            fault: Some("contradiction".to_owned()),
            at: Some("2024-01-30T01:00:00Z".to_owned()),
            last_at: Some("2024-01-30T02:00:00Z".to_owned()),
            rows: Some(2),
            text: Some(ODD.to_owned()),
            file: Some(file),
            from: None,
        }
    );
    let open = dccd(&setup, &["gaps", "--open"]).await;
    assert!(!open.out.contains("set aside"), "they are no windows to be filled: {}", open.out);
    let other = dccd(&setup, &["gaps", "kraken"]).await;
    assert_eq!((other.code, other.out.as_str()), (Some(1), ""), "nothing of it is held: {other:?}");
}

#[tokio::test]
async fn lines_that_cannot_be_read_and_files_that_must_not_be_are_named_and_hide_no_others() {
    let setup = setup(&rows()).await;
    let file = setup.layout().set_aside(&series());
    let whole = fs::read(&file).unwrap();
    fs::write(&file, [&whole[..], b"{\"seen_at\":"].concat()).unwrap();
    let link = file.with_file_name("binance__trades__BTC-USDT.jsonl");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();

    let gaps = dccd(&setup, &["gaps"]).await;

    assert_eq!(gaps.code, Some(1));
    assert_eq!(gaps.out.lines().filter(|line| line.contains("set aside")).count(), 3, "{}", gaps.out);
    let note = format!("Note: 1 line(s) of {} are damaged and left out", file.display());
    assert!(gaps.err.contains(&note), "{}", gaps.err);
    assert!(
        gaps.err.contains(&link.display().to_string()) && gaps.err.contains("it is a link"),
        "{}",
        gaps.err
    );
}

/// A line of `dccd gaps --json` about a window or about rows.
#[derive(Debug, Deserialize, PartialEq)]
struct Line {
    series: String,
    state: String,
    reason: String,
    fault: Option<String>,
    at: Option<String>,
    last_at: Option<String>,
    rows: Option<u64>,
    text: Option<String>,
    file: Option<PathBuf>,
    from: Option<String>,
}

/// A setup in which rows were set aside.
async fn setup(rows: &[OddRow]) -> TestDaemon {
    let setup = TestDaemon::with(PAIR, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    let (store, _) = Store::open(&setup.layout(), StoreSettings::of(7, Micros(0))).unwrap();
    let (writer, _) = store.writer(&series()).unwrap();
    writer.set_aside(rows, at("2024-01-31")).unwrap();
    setup
}

fn rows() -> [OddRow; 4] {
    let odd =
        |fault, detail: &str, text: &str, when: Option<&str>| OddRow::new(fault, detail, text, when.map(at));
    [
        odd(OddFault::Time, "it has no instant", "[null]", None),
        odd(OddFault::Contradiction, "high 1\u{1b}[2J below low 2", ODD, Some("2024-01-30 01:00:00")),
        odd(OddFault::Contradiction, "high 3 below low 4", "[2]", Some("2024-01-30 02:00:00")),
        odd(OddFault::OffGrid, "it opens at 09:30", "[3]", Some("2024-01-30 09:30:00")),
    ]
}

fn series() -> Series {
    HOURLY.parse().unwrap()
}
