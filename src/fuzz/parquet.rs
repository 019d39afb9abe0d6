//! Files of Parquet as they are opened and imported: of ours the rows that their footers say, of others a reason.

use super::folder;
use super::seeds;
use crate::import::RawFile;
use crate::model::{Kind, fields, is_hidden};
use crate::store::{Opened, open_period_file};

const KINDS: [Kind; 5] = [Kind::Ohlc, Kind::Trades, Kind::OrderBook, Kind::Funding, Kind::OpenInterest];

pub(super) fn run(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let kind = KINDS[usize::from(*first) % KINDS.len()];
    folder::with(|folder| {
        let path = folder.put("2024.parquet", bytes);
        match open_period_file(&path, kind).expect("the file is there") {
            Opened::Ours(file) => {
                let _ = (file.first_key(), file.last_key(), file.hashes(), file.footer().windows());
                if let Ok(rows) = file.rows() {
                    assert_eq!(rows.len() as u64, file.footer().rows, "rows that the footer does not say");
                }
            }
            Opened::Foreign => {}
            Opened::Damaged(why) => assert!(!why.is_empty() && !why.chars().all(is_hidden)),
        }
        let names: Vec<&str> = fields(kind).iter().map(|field| field.name).collect();
        if let Ok(file) = RawFile::open(&path) {
            for index in 0..file.groups() {
                let Ok((rows, columns)) = file.group(index, &names) else { continue };
                assert!(
                    columns.iter().all(|column| column.present.as_ref().is_some_and(|own| own.len() == rows)),
                    "a column is not as long as its group"
                );
            }
        }
    });
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let files = seeds::below(&seeds::root().join("tests/older/tree"), ".parquet");
    files.iter().flat_map(|file| (0_u8..3).map(|kind| [&[kind], &file[..]].concat())).collect()
}
