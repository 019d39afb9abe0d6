//! The `settings` section, with the keys older versions had.

use std::path::{Component, Path, PathBuf};

use crate::config::find::Surroundings;
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::model::Zone;

/// Where data goes and how people see it.
pub(super) struct Settings {
    pub(super) data_path: PathBuf,
    pub(super) zone: Zone,
    pub(super) zone_name: String,
    pub(super) environment: String,
    pub(super) runs_retention_days: u32,
}

const KEYS: [&str; 11] = [
    "data_path",
    "timezone",
    "environment",
    "runs_retention_days",
    "ui_host",
    "ui_port",
    "ui_auth_token",
    "ui_allow_origins",
    "ui_readonly",
    "ui_rate_limit",
    "ui_trusted_proxy",
];
/// The keys of the web interface of older versions.
const REPLACED: &[&str] = KEYS.split_at(4).1;

/// Reads `settings`, and `storage.local_path` which older versions have for the same folder.
pub(super) fn check(root: &Section<'_>, storage: &Section<'_>, around: &Surroundings) -> Settings {
    let section = root.child("settings", &KEYS);
    note_replaced(&section);
    let (zone, zone_name) = zone(&section);
    Settings {
        data_path: data_path(&section, storage, around),
        zone,
        zone_name,
        environment: environment(&section, around),
        // A hundred years, for those who keep everything; 0 keeps for ever.
        runs_retention_days: u32::try_from(section.whole("runs_retention_days", 0..=36_500, 90))
            .unwrap_or(90),
    }
}

fn note_replaced(section: &Section<'_>) {
    let _ = section.text("ui_host");
    let _ = section.maybe_whole("ui_port", 0..=65_535);
    let _ = section.hidden("ui_auth_token");
    let _ = section.list("ui_allow_origins");
    let _ = section.flag("ui_readonly", false);
    let _ = section.maybe_whole("ui_rate_limit", 0..=1_000_000_000);
    let _ = section.flag("ui_trusted_proxy", false);
    let set: Vec<String> =
        REPLACED.iter().filter(|key| section.has(key)).map(|key| section.place(key)).collect();
    if !set.is_empty() {
        section.report().note(format!(
            "{} not used: the monitor page is served where http.listen says, and http.token_file holds the token",
            set.join(", ")
        ));
    }
}

fn data_path(section: &Section<'_>, storage: &Section<'_>, around: &Surroundings) -> PathBuf {
    // Older versions take an empty local_path for "the same as data_path".
    let unset =
        storage.get("local_path").and_then(|node| node.text()).is_some_and(|text| text.trim().is_empty());
    let older = if unset { None } else { storage.text("local_path") };
    let own = section.text("data_path");
    if let (Some(own), Some(older)) = (own, older)
        && plain(&around.expand(Path::new(own))) != plain(&around.expand(Path::new(older)))
    {
        storage.refuse(
            "local_path",
            format!(
                "{} differs from {} {}; data has one place, so write the same in both or remove one",
                shown(older),
                section.place("data_path"),
                shown(own)
            ),
        );
    }
    around.expand(Path::new(own.or(older).unwrap_or("./data/crypto")))
}

/// A path without `.` parts, so that `./data` and `data/` compare as the same folder.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn zone(section: &Section<'_>) -> (Zone, String) {
    let name = section.text("timezone").unwrap_or("UTC");
    let zone = Zone::parse(name).unwrap_or_else(|error| {
        section.refuse("timezone", error.to_string());
        Zone::UTC
    });
    (zone, name.to_owned())
}

fn environment(section: &Section<'_>, around: &Surroundings) -> String {
    let own = section.text("environment").map(str::to_owned);
    let name = own.or_else(|| around.environment.clone()).unwrap_or_else(|| "development".to_owned());
    let fits = name.len() <= 64 && !name.chars().any(char::is_control);
    if !fits {
        section.refuse("environment", format!("{} must be at most 64 printable characters", shown(&name)));
    }
    name
}
