//! Finds and reads the file, and holds the parts of the environment it depends on.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::problem::ConfigError;

/// The largest configuration file.
const MAX_BYTES: u64 = 1 << 20;

/// The environment a configuration depends on.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The folder that `~` stands for.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `$ENVIRONMENT`.
    pub environment: Option<String>,
}

impl Surroundings {
    /// The environment of this process.
    #[must_use]
    pub(crate) fn of_process() -> Self {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Surroundings {
            home: path("HOME"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            environment: env::var("ENVIRONMENT").ok().filter(|value| !value.trim().is_empty()),
        }
    }

    /// A path with a leading `~` replaced by the home folder, if known.
    #[must_use]
    pub(crate) fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.clone(),
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }

    /// The default locations of a configuration, most preferred first.
    #[must_use]
    pub(crate) fn candidates(&self) -> Vec<PathBuf> {
        let folder =
            self.xdg_config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let mut places = vec![PathBuf::from("config.yml")];
        places.extend(folder.map(|folder| folder.join("dccd").join("config.yml")));
        places
    }

    /// The file to use: the one given, or the first default location that has one.
    ///
    /// # Errors
    /// If none is given and no default location has one.
    pub(crate) fn locate(&self, explicit: Option<&Path>) -> Result<PathBuf, ConfigError> {
        if let Some(path) = explicit {
            return Ok(self.expand(path));
        }
        let tried = self.candidates();
        let found = tried.iter().find(|path| path.exists()).cloned();
        found.ok_or(ConfigError::NoneFound { tried })
    }
}

/// The text of a configuration file.
///
/// # Errors
/// If it is not an ordinary file of at most 1 MiB that can be read as UTF-8.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    // Checked before opening: opening a pipe would block.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(ConfigError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|error| {
        let what = encoding(error.as_bytes(), error.utf8_error().valid_up_to());
        unreadable(io::Error::new(io::ErrorKind::InvalidData, what))
    })
}

/// The apparent encoding of a text that is not UTF-8.
fn encoding(bytes: &[u8], valid: usize) -> String {
    let is_wide = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => None,
    };
    if let Some(name) = is_wide {
        return format!("the file is {name} text; save it as UTF-8");
    }
    let line = 1 + bytes[..valid].iter().filter(|byte| **byte == b'\n').count();
    let byte = bytes.get(valid).copied().unwrap_or_default();
    format!(
        "the file is not UTF-8 text: the byte 0x{byte:02x} in line {line} may be Latin-1 or Windows-1252; save it as UTF-8"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_folder_stands_where_the_tilde_stood() {
        let around = Surroundings { home: Some("/home/ann".into()), ..Surroundings::default() };
        assert_eq!(around.expand(Path::new("~/data")), Path::new("/home/ann/data"));
        assert_eq!(around.expand(Path::new("~")), Path::new("/home/ann"));
        assert_eq!(around.expand(Path::new("a/~/b")), Path::new("a/~/b"));
        assert_eq!(around.expand(Path::new("~bob/b")), Path::new("~bob/b"));
    }

    #[test]
    fn the_usual_places_follow_the_desktop_rules() {
        let mut around = Surroundings { home: Some("/h".into()), ..Surroundings::default() };
        assert_eq!(around.candidates()[1], Path::new("/h/.config/dccd/config.yml"));
        around.xdg_config_home = Some("/x".into());
        assert_eq!(around.candidates(), [Path::new("config.yml"), Path::new("/x/dccd/config.yml")]);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "what is in the file is wrong on purpose")]
    fn a_text_in_another_encoding_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |bytes: &[u8]| {
            let path = folder.path().join("config.yml");
            fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err().to_string()
        };
        let wide: Vec<u8> =
            std::iter::once(0xfeff).chain("a: b\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();

        assert!(refused(&wide).ends_with("the file is UTF-16 text; save it as UTF-8"));
        let latin = refused(b"a: 1\n# t\xe4glich\n");
        assert!(latin.contains("byte 0xe4 in line 2 may be Latin-1"), "{latin}");
    }

    #[test]
    fn only_ordinary_files_of_a_sensible_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.yml");
        File::create(&large).unwrap().set_len(MAX_BYTES + 1).unwrap();

        assert!(matches!(read(folder.path()), Err(ConfigError::NotAFile { .. })));
        assert!(matches!(read(&large), Err(ConfigError::TooLarge { .. })));
        assert!(read(&folder.path().join("none.yml")).unwrap_err().is_missing());
    }
}
