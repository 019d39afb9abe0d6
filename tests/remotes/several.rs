//! Copies of a series with many files: few runs of rclone, each file verified.

use std::fs;

use crate::home::Home;
use crate::rclone::{Nas, stand_in};

const YEARS: [&str; 12] =
    ["2024", "2022", "2021", "2020", "2019", "2018", "2017", "2016", "2015", "2014", "2013", "2012"];

/// One hour of each year.
fn home() -> Home {
    let home = Home::empty();
    for place in 0..YEARS.len() as i64 {
        home.take(-place * 366 * 24, 1, 1.0);
    }
    assert!(YEARS.iter().all(|year| home.file(year).exists()));
    home
}

/// The real program behind a few words of a shell.
fn behind(nas: Nas, words: &str) -> Nas {
    let script = format!("{words}\nexec {} \"$@\"", nas.real);
    Nas { bin: stand_in(&script.replace("REAL", &nas.real)), ..nas }
}

fn assert_copied(nas: &Nas, home: &Home) {
    for year in YEARS {
        let copy = fs::read(nas.at(&format!("{year}.parquet"))).unwrap();
        assert_eq!(copy, fs::read(home.file(year)).unwrap(), "{year}");
    }
}

#[tokio::test]
async fn many_files_of_a_series_are_copied_by_few_runs_of_rclone() {
    let Some(nas) = Nas::new().await else { return };
    let (nas, home) = (behind(nas, "printf '%s\\n' \"$1\" >> \"$HOME/calls\""), home());

    let ended = nas.dccd(&home, &["sync"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains(": 13 file(s), ") && ended.out.contains("nothing pending."), "{ended:?}");
    assert_copied(&nas, &home);
    assert!(home.ledger().entries().all(|entry| entry.remotes.len() == 1));
    let calls = fs::read_to_string(nas.folder.path().join("calls")).unwrap();
    assert!(
        calls.lines().filter(|call| *call == "copy").count() == 1 && calls.lines().count() < 10,
        "{calls}"
    );
    let again = nas.dccd(&home, &["sync"]).await;
    assert!(again.out.contains(": 0 file(s), 0 B sent"), "{again:?}");
}

#[tokio::test]
async fn of_many_files_copied_at_once_none_counts_where_one_arrives_cut_short() {
    let Some(nas) = Nas::new().await else { return };
    let cut = "if [ \"$1\" = copy ]; then REAL \"$@\"; for to; do :; done; truncate -s -9 \"$to/2018.parquet\"; exit 0; fi";
    let (bad, home) = (behind(nas, cut), home());

    let ended = bad.dccd(&home, &["sync", "--json"]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.out.contains("\"reason\": \"mismatch\"") && ended.out.contains("2018.parquet"),
        "{ended:?}"
    );
    assert!(home.ledger().entries().all(|entry| entry.remotes.is_empty()));
    let good = Nas { bin: None, ..bad };
    let mended = good.dccd(&home, &["sync"]).await;
    assert!(
        mended.code == Some(0) && mended.out.contains(": 2 file(s), "),
        "the one and the ledger: {mended:?}"
    );
    assert_copied(&good, &home);
}
