//! The `settings` section, including keys of older versions.

use std::path::{Component, Path, PathBuf};

use crate::config::find::Surroundings;
use crate::config::key::{Form, Key, Role};
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::model::Zone;

/// Where data goes and how people see it.
pub(super) struct SettingsSection {
    pub(super) data_path: PathBuf,
    pub(super) zone: Zone,
    pub(super) zone_name: String,
    pub(super) environment: String,
    pub(super) runs_retention_days: u32,
}

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "data_path",
        Form::Text,
        "The folder of the Parquet files; `~` is your home folder, a relative path starts at the working directory.",
    )
    .otherwise("`./data/crypto`"),
    Key::new(
        "timezone",
        Form::Text,
        "`local`, `UTC` or an IANA name such as `Europe/Paris`: how dates are read and shown, on the command line and \
         in tables. Files are always in UTC.",
    )
    .otherwise("`UTC`"),
    Key::new(
        "environment",
        Form::Text,
        "What health and queues call this installation; at most 64 printable characters.",
    )
    .otherwise("`$ENVIRONMENT`, else `development`"),
    Key::new(
        "runs_retention_days",
        Form::Whole(0, 36_500, Some(90)),
        "Days for which the record of a run is kept; 0 keeps it for ever.",
    ),
    Key::new("ui_host", Form::Text, INTERFACE).older(LISTEN),
    Key::new("ui_port", Form::Whole(0, 65_535, None), INTERFACE).older(LISTEN),
    Key::new("ui_auth_token", Form::Text, INTERFACE).older("`http.token_file`").secret(),
    Key::new("ui_allow_origins", Form::Texts, INTERFACE).older(LISTEN),
    Key::new("ui_readonly", Form::Flag(false), INTERFACE).older("`http.token_file`"),
    Key::new("ui_rate_limit", Form::Whole(0, 1_000_000_000, None), INTERFACE).older(LISTEN),
    Key::new("ui_trusted_proxy", Form::Flag(false), INTERFACE).older(LISTEN),
];
const INTERFACE: &str = "The web interface of the Python versions.";
const LISTEN: &str = "`http.listen`";

/// Reads `settings`, and `storage.local_path`, which older versions use for the same folder.
pub(super) fn check(root: &Section<'_>, storage: &Section<'_>, around: &Surroundings) -> SettingsSection {
    let section = root.child("settings");
    note_replaced(&section);
    let (zone, zone_name) = zone(&section);
    SettingsSection {
        data_path: data_path(&section, storage, around),
        zone,
        zone_name,
        environment: environment(&section, around),
        runs_retention_days: section.count("runs_retention_days"),
    }
}

fn note_replaced(section: &Section<'_>) {
    let _ = (section.text("ui_host"), section.maybe_whole("ui_port"), section.hidden("ui_auth_token"));
    let _ = (section.list("ui_allow_origins"), section.flag("ui_readonly"));
    let _ = (section.maybe_whole("ui_rate_limit"), section.flag("ui_trusted_proxy"));
    let older =
        section.keys().iter().filter(|key| matches!(key.role, Role::Older(_)) && section.has(key.name));
    let set: Vec<String> = older.map(|key| section.place(key.name)).collect();
    if !set.is_empty() {
        section.report().note(format!(
            "{} not used: the monitor page is served where http.listen says, and http.token_file holds the token",
            set.join(", ")
        ));
    }
}

fn data_path(section: &Section<'_>, storage: &Section<'_>, around: &Surroundings) -> PathBuf {
    // Older versions treat an empty local_path as "the same as data_path".
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

/// A path without `.` components, so that `./data` and `data/` compare equal.
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
