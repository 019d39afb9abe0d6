//! The web configuration: the file format shared by the Prometheus exporters, read as strictly as they do.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bcrypt::HashParts;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use thiserror::Error;

use super::tls::{self, Tls};
use crate::model::foreign;

/// Larger files are rejected.
const SIZE_LIMIT_BYTES: u64 = 1 << 20;

/// Headers that may be set, with their allowed values; an empty list allows any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Why a web configuration cannot be used. No message repeats a value that may be secret.
#[derive(Debug, Error)]
pub enum WebConfigError {
    #[error("{} cannot be read; correct `http.web_config` or the file's permissions", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It is not a valid web configuration.
    #[error("{}: {what}", path.display())]
    Refused {
        path: PathBuf,
        /// The problem and its place.
        what: String,
    },
}

/// A checked web configuration.
#[derive(Default)]
pub(in crate::http) struct WebConfig {
    pub(in crate::http) tls: Option<Tls>,
    /// The bcrypt hash of each user's password.
    pub(in crate::http) users: BTreeMap<String, String>,
    /// Headers added to every answer.
    pub(in crate::http) headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    tls_server_config: Option<tls::Section>,
    http_server_config: Option<RawHttp>,
    #[serde(default)]
    basic_auth_users: Words,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttp {
    /// HTTP/2 is never offered, whatever this is set to.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    #[serde(default)]
    headers: Words,
}

impl WebConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// See [`WebConfigError`].
    pub(in crate::http) fn read(path: &Path) -> Result<Self, WebConfigError> {
        let mut text = String::new();
        let read = |text: &mut String| -> io::Result<usize> {
            File::open(path)?.take(SIZE_LIMIT_BYTES + 1).read_to_string(text)
        };
        read(&mut text).map_err(|source| WebConfigError::Unreadable { path: path.to_owned(), source })?;
        if text.len() as u64 > SIZE_LIMIT_BYTES {
            let what = "it is larger than 1 MiB; a web configuration is not".to_owned();
            return Err(WebConfigError::Refused { path: path.to_owned(), what });
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let refused = |what: String| WebConfigError::Refused { path: path.to_owned(), what: foreign(&what) };
        Self::check(&text, folder).map_err(refused)
    }

    fn check(text: &str, folder: &Path) -> Result<Self, String> {
        let raw: Option<Raw> = serde_yaml::from_str(text).map_err(|error| told(&error))?;
        let raw = raw.unwrap_or_default();
        let users = raw.basic_auth_users.0;
        for (number, hash) in users.values().enumerate() {
            check_hash(hash).map_err(|what| format!("basic_auth_users[{number}]: {what}"))?;
        }
        let headers = raw.http_server_config.unwrap_or_default().headers.0;
        let headers: Result<_, String> = headers.iter().map(|(name, value)| header(name, value)).collect();
        let headers = headers.map_err(|what| format!("http_server_config.headers.{what}"))?;
        let tls = raw.tls_server_config.unwrap_or_default().check(folder);
        let tls = tls.map_err(|what| format!("tls_server_config.{what}"))?;
        Ok(WebConfig { tls, users, headers })
    }

    /// Whether every request needs credentials.
    pub(in crate::http) fn guards(&self) -> bool {
        !self.users.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.verifies_clients)
    }
}

fn check_hash(hash: &str) -> Result<(), &'static str> {
    let parts = HashParts::from_str(hash)
        .map_err(|_| "expected a bcrypt hash, such as `htpasswd -nB USER` prints (its value is not shown)")?;
    if (4..=31).contains(&parts.get_cost()) { Ok(()) } else { Err("a bcrypt cost is from 4 to 31") }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = HEADERS.iter().map(|(known, _)| *known).collect();
        return Err(format!("{name:?} cannot be set; those that can are {}", known.join(", ")));
    };
    if !values.is_empty() && !values.contains(&value) {
        return Err(format!("{name} is one of {}", values.join(", ")));
    }
    let refused = |_| format!("{name} holds characters that a header cannot");
    Ok((
        HeaderName::from_str(name).map_err(|_| format!("{name:?} is no header"))?,
        HeaderValue::from_str(value).map_err(refused)?,
    ))
}

/// The parser's message without the value it quotes, which may be a misplaced password.
fn told(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match (text.find("invalid type: "), text.find(", expected ")) {
        (Some(from), Some(until)) if from < until => {
            format!("{}this is not{}", &text[..from], &text[until + ", expected".len()..])
        }
        _ => text,
    }
}

/// A map of strings that rejects duplicate keys.
#[derive(Default)]
struct Words(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Words;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("names with a text each")
            }

            fn visit_unit<E>(self) -> Result<Words, E> {
                Ok(Words::default())
            }

            fn visit_none<E>(self) -> Result<Words, E> {
                Ok(Words::default())
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Words, M::Error> {
                let mut words = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Option<String>>()? {
                    if words.insert(key, value.unwrap_or_default()).is_some() {
                        return Err(M::Error::custom("a name stands twice"));
                    }
                }
                Ok(Words(words))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}
