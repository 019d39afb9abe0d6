//! The ledger as bytes: one JSON object whose last member is a check sum of everything before it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Micros, Series, Window, Windows, foreign};
use crate::store::Mark;
use crate::store::ledger::account::{FileEntry, Ledger, Note};

type Pairs = Vec<(i64, i64)>;
type Reasons = Vec<(i64, i64, String)>;

/// The file's shape.
#[derive(Serialize, Deserialize)]
struct Raw {
    format: u32,
    series: String,
    wanted_since: Option<i64>,
    covered: Pairs,
    empty: Reasons,
    unfillable: Reasons,
    derived: Pairs,
    notes: Reasons,
    files: BTreeMap<String, FileEntry>,
    open_files: BTreeMap<String, FileEntry>,
    generation: u64,
    journal: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost_until: Option<Mark>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    synced: BTreeMap<String, String>,
    #[serde(default)]
    fence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ord: Option<i64>,
    /// How open files are named; absent, it is the older style.
    #[serde(default)]
    names: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    older_names: BTreeMap<String, BTreeSet<String>>,
}

const FORMAT: u32 = 1;
/// `YYYY_open.parquet`.
const NAMES: u32 = 2;
/// The end of the file: a check sum of everything before it, as eight hexadecimal digits.
const CHECK: &str = ",\"crc32\":\"";
const CHECK_BYTES: usize = CHECK.len() + 8 + "\"}".len();

impl Ledger {
    /// Reads a ledger from its bytes.
    ///
    /// # Errors
    /// Why they are no ledger of this series.
    pub fn decode(bytes: &[u8], series: &Series) -> Result<Ledger, String> {
        if !checks_out(bytes) {
            return Err("its check sum does not fit its content".to_owned());
        }
        let raw: Raw = serde_json::from_slice(bytes).map_err(|error| format!("it is no ledger: {error}"))?;
        if raw.series != series.to_string() || raw.format != FORMAT {
            return Err(format!("it is a ledger of {} in format {}", raw.series, raw.format));
        }
        Ok(Ledger {
            wanted_since: raw.wanted_since.map(Micros),
            covered: windows(&raw.covered),
            empty: notes(raw.empty),
            unfillable: notes(raw.unfillable),
            derived: windows(&raw.derived),
            notes: notes(raw.notes),
            files: raw.files,
            open_files: raw.open_files,
            generation: raw.generation,
            journal: raw.journal,
            lost_until: raw.lost_until,
            synced: raw.synced,
            fence: raw.fence,
            last_ord: raw.last_ord,
            is_older: raw.names < NAMES,
            older_names: raw.older_names,
        })
    }

    /// The bytes of its file.
    pub(crate) fn encode(&self, series: &Series) -> serde_json::Result<Vec<u8>> {
        let raw = Raw {
            format: FORMAT,
            series: series.to_string(),
            wanted_since: self.wanted_since.map(|at| at.0),
            covered: pairs(&self.covered),
            empty: reasons(&self.empty),
            unfillable: reasons(&self.unfillable),
            derived: pairs(&self.derived),
            notes: reasons(&self.notes),
            files: self.files.clone(),
            open_files: self.open_files.clone(),
            generation: self.generation,
            journal: self.journal,
            lost_until: self.lost_until,
            synced: self.synced.clone(),
            fence: self.fence,
            last_ord: self.last_ord,
            names: if self.is_older { 0 } else { NAMES },
            older_names: self.older_names.clone(),
        };
        serde_json::to_vec(&raw).map(with_check)
    }
}

/// The encoded object with its check sum as its last member.
fn with_check(mut encoded: Vec<u8>) -> Vec<u8> {
    encoded.pop();
    let crc = crc32fast::hash(&encoded);
    encoded.extend(format!("{CHECK}{crc:08x}\"}}").into_bytes());
    encoded
}

fn checks_out(bytes: &[u8]) -> bool {
    let Some(body) = bytes.len().checked_sub(CHECK_BYTES).map(|at| &bytes[..at]) else { return false };
    bytes[body.len()..] == *format!("{CHECK}{:08x}\"}}", crc32fast::hash(body)).as_bytes()
}

fn windows(pairs: &[(i64, i64)]) -> Windows {
    pairs.iter().filter_map(|(from, until)| Window::new(Micros(*from), Micros(*until))).collect()
}

pub(crate) fn pairs(windows: &Windows) -> Pairs {
    windows.iter().map(|window| (window.from.0, window.until.0)).collect()
}

fn notes(raw: Reasons) -> Vec<Note> {
    raw.into_iter()
        .filter_map(|(from, until, reason)| {
            Some(Note { window: Window::new(Micros(from), Micros(until))?, reason: foreign(&reason) })
        })
        .collect()
}

fn reasons(notes: &[Note]) -> Reasons {
    notes.iter().map(|note| (note.window.from.0, note.window.until.0, note.reason.clone())).collect()
}
