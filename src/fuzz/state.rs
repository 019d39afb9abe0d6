//! The small files of a data path that outlive a process, and cursors that clients hold: read or refused, and kept as
//! they were read.

use super::folder;
use crate::daemon::Liveness;
use crate::disk::{Disk, Os, folder_of};
use crate::engine::paging;
use crate::model::Series;
use crate::remote::{read_known, write_known};
use crate::store::{Layout, set_aside_rows};
use crate::telemetry::read_pairs;

const SERIES: &str = "binance/BTC-USDT/trades";

pub(super) fn run(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    folder::with(|folder| {
        let own = folder.path().join(".dccd");
        Os.create_folder(&own).expect("the folder of temporary files can be written");
        match first % 5 {
            0 => {
                folder.put(".dccd/metrics.json", bytes);
                if let Ok(pairs) = read_pairs(folder.path()) {
                    let written = serde_json::to_vec(&pairs).expect("health can be written");
                    folder.put(".dccd/metrics.json", &written);
                    let again = read_pairs(folder.path()).expect("what is written can be read");
                    assert_eq!(serde_json::to_vec(&again).ok(), Some(written));
                }
            }
            1 => {
                folder.put(".dccd/health.json", bytes);
                if let Ok(Some(health)) = Liveness::read(&own) {
                    health.write(&own).expect("the folder of temporary files can be written");
                    let again = Liveness::read(&own).expect("what is written can be read");
                    assert_eq!(format!("{again:?}"), format!("{:?}", Some(health)));
                }
            }
            2 => {
                folder.put(".dccd/remotes.json", bytes);
                let known = read_known(&own);
                write_known(&own, &known).expect("the folder of temporary files can be written");
                assert_eq!(read_known(&own), known);
            }
            3 => rows_aside(folder, bytes),
            _ => cursor(bytes),
        }
    });
}

fn rows_aside(folder: &folder::Folder, bytes: &[u8]) {
    let (layout, series) = (Layout::new(folder.path()), SERIES.parse::<Series>());
    let series = series.expect("the series is well written");
    let path = layout.set_aside(&series);
    Os.create_folder(folder_of(&path)).expect("the folder of temporary files can be written");
    let written = Os.create_anew(&path).and_then(|file| file.append_all(bytes));
    written.expect("the folder of temporary files can be written");
    if let Ok(found) = set_aside_rows(&layout, &series) {
        assert!(found.rows.len() as u64 + found.damaged <= bytes.len() as u64);
    }
}

fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok([part]) = paging::place::<1>(text, "a query") {
        let again = paging::place::<1>(&paging::cursor("a query", &[&part]), "a query");
        assert_eq!(again.ok(), Some([part]));
    }
    let own = paging::cursor("a query", &[text]);
    assert!(paging::place::<1>(&own, "another query").is_err());
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "\u{0}{\"binance/BTC-USDT\":{\"last_success\":1706702400.5,\"consecutive_errors\":2,\"last_error\":\"x\"}}",
        "\u{1}{\"worker_id\":\"a-1\",\"worker\":\"idle\",\"pid\":1,\"version\":\"0.1.0\",\"environment\":\"x\",\"written_at\":1.5,\"tick_age_secs\":0.1,\"status\":\"ok\",\"reasons\":[],\"store_error\":null,\"queue_depth\":0,\"processing\":0,\"failed\":0}",
        "\u{2}{\"nas\":{\"last_success\":1,\"consecutive_errors\":0,\"last_error\":null,\"pending_files\":1,\"pending_bytes\":2}}",
        "\u{3}{\"seen_at\":\"2024-01-30T01:02:03.000004Z\",\"at\":null,\"fault\":\"price\",\"detail\":\"x\",\"text\":\"[1,2]\"}\n",
        "\u{4}WzEsWyJ4Il1d",
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.push([&[4_u8][..], paging::cursor("a query", &["a place"]).as_bytes()].concat());
    seeds
}
