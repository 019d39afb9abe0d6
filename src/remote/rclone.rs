//! Remotes reached by the rclone program, run once per operation.
//!
//! Arguments are passed as a list without a shell, and nothing after `--` is an option.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc::Sender;

use crate::remote::process::{Ended, run};
use crate::remote::{Head, Remote, RemoteError, RemoteFuture, Seal, Target, Upload, mask};

/// A remote from rclone's configuration, with a path.
#[derive(Debug)]
pub struct Rclone {
    name: String,
    target: Target,
    secrets: Vec<String>,
}

/// Options of every run: one attempt, and time-outs for everything.
const ALWAYS: [&str; 4] = ["--retries=1", "--low-level-retries=3", "--contimeout=15s", "--timeout=60s"];
/// The time limit of operations without a file.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The size of a file whose hash is waited for.
const HASHED_BYTES: u64 = 1 << 28;
/// The lowest transfer rate that is waited for.
const SLOWEST_BYTES_PER_SEC: u64 = 50_000;

/// rclone's codes: <https://rclone.org/docs/#exit-code>.
const NO_FOLDER: i32 = 3;
const NO_FILE: i32 = 4;
const TEMPORARY: i32 = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    path: String,
    size: i64,
    is_dir: bool,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl Listed {
    fn head(self) -> Head {
        let Listed { size, mut hashes, .. } = self;
        Head { bytes: u64::try_from(size).unwrap_or(0), sha256: hashes.remove("sha256") }
    }
}

/// Filters that let these files of a folder through and nothing else.
fn only(files: &[Upload]) -> Vec<String> {
    files.iter().map(|file| format!("--include=/{}", file.name)).collect()
}

impl Rclone {
    /// The remote of a target.
    #[must_use]
    pub fn new(target: &Target) -> Self {
        let is_secret = |name: &str| {
            name.starts_with("RCLONE_")
                && ["PASS", "SECRET", "TOKEN", "KEY"].iter().any(|word| name.contains(word))
        };
        let of_environment = std::env::vars().filter(|(name, _)| is_secret(name)).map(|(_, value)| value);
        Rclone { name: target.name(), target: target.clone(), secrets: of_environment.collect() }
    }

    fn at(&self, key: &str) -> String {
        let address = &self.target.address;
        let between = if address.ends_with([':', '/']) { "" } else { "/" };
        format!("{address}{between}{key}")
    }

    /// Runs rclone for `action`. Returns `None` if the object does not exist.
    async fn run(
        &self,
        action: &str,
        args: &[&str],
        within: Duration,
        to: Option<Sender<Bytes>>,
    ) -> Result<Option<Ended>, RemoteError> {
        let all: Vec<&str> = args[..1].iter().chain(&ALWAYS).chain(&args[1..]).copied().collect();
        let (remote, action) = (self.name.clone(), action.to_owned());
        let ended = match run("rclone", &all, within, to).await {
            Ok(ended) => ended,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RemoteError::NoProgram),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(RemoteError::Timeout { remote, action, within });
            }
            Err(error) => return Err(RemoteError::Refused { remote, action, said: error.to_string() }),
        };
        match ended.code {
            Some(0) => Ok(Some(ended)),
            Some(NO_FOLDER | NO_FILE) => Ok(None),
            Some(TEMPORARY) => Err(RemoteError::Unreachable { remote, action, said: self.said(&ended) }),
            _ => Err(RemoteError::Refused { remote, action, said: self.said(&ended) }),
        }
    }

    /// The end of its error output. rclone may repeat a connection string, which may hold credentials.
    fn said(&self, ended: &Ended) -> String {
        let code = ended.code_text();
        if self.target.is_connection_string() {
            return format!("rclone ended with {code}; run it by hand, as its words may hold credentials");
        }
        format!("rclone ended with {code}: {}", mask(&ended.err, &self.secrets))
    }

    fn unreadable(&self, action: &str) -> RemoteError {
        let said = "rclone's list cannot be read; is it a very old version?".to_owned();
        RemoteError::Refused { remote: self.name.clone(), action: action.to_owned(), said }
    }
}

fn within(bytes: u64) -> Duration {
    ANSWER_WITHIN + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SEC)
}

impl Remote for Rclone {
    fn name(&self) -> &str {
        &self.name
    }

    fn put<'a>(&'a self, key: &'a str, file: &'a Path, seal: &'a Seal) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            let whole = std::path::absolute(file).map_err(RemoteError::local("finding", file))?;
            let action = format!("copying {key}");
            // Do not trust equal size and time: the copy was checked before.
            let args = ["copyto", "--ignore-times", "--", &whole.to_string_lossy(), &self.at(key)];
            let ended = self.run(&action, &args, within(seal.bytes), None).await?;
            let missing = || RemoteError::Refused {
                remote: self.name.clone(),
                action,
                said: "rclone did not find what to copy, or where to".to_owned(),
            };
            ended.map(drop).ok_or_else(missing)
        })
    }

    fn head<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Head>> {
        Box::pin(async move {
            let action = format!("looking at {key}");
            let at = self.at(key);
            let args = [
                "lsjson",
                "--stat",
                "--hash",
                "--hash-type=sha256",
                "--no-mimetype",
                "--no-modtime",
                "--",
                &at,
            ];
            let ended = self.run(&action, &args, within(HASHED_BYTES), None).await?;
            let Some(ended) = ended else { return Ok(None) };
            let listed: Option<Listed> =
                serde_json::from_str(&ended.out).map_err(|_| self.unreadable(&action))?;
            Ok(listed.filter(|listed| !listed.is_dir).map(Listed::head))
        })
    }

    fn put_all<'a>(&'a self, folder: &'a str, files: &'a [Upload]) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            let local = files.first().and_then(|file| file.path.parent()).unwrap_or(Path::new("."));
            let whole = std::path::absolute(local).map_err(RemoteError::local("finding", local))?;
            let action = format!("copying {} files to {folder}", files.len());
            let (only, from, at) = (only(files), whole.to_string_lossy(), self.at(folder));
            let mut args = vec!["copy", "--ignore-times"];
            args.extend(only.iter().map(String::as_str).chain(["--", &from, &at]));
            let bytes = files.iter().map(|file| file.seal.bytes).sum();
            // Each is looked for afterwards.
            self.run(&action, &args, within(bytes), None).await.map(drop)
        })
    }

    fn heads<'a>(&'a self, folder: &'a str, files: &'a [Upload]) -> RemoteFuture<'a, BTreeMap<String, Head>> {
        Box::pin(async move {
            let action = format!("looking at {} files of {folder}", files.len());
            let (only, at) = (only(files), self.at(folder));
            let mut args = vec!["lsjson", "--files-only", "--hash", "--hash-type=sha256"];
            args.extend(["--no-mimetype", "--no-modtime"]);
            args.extend(only.iter().map(String::as_str).chain(["--", &at]));
            let ended = self.run(&action, &args, within(files.len() as u64 * HASHED_BYTES), None).await?;
            let Some(ended) = ended else { return Ok(BTreeMap::new()) };
            let listed: Vec<Listed> =
                serde_json::from_str(&ended.out).map_err(|_| self.unreadable(&action))?;
            Ok(listed.into_iter().map(|listed| (listed.path.clone(), listed.head())).collect())
        })
    }

    fn get<'a>(&'a self, key: &'a str, to: Sender<Bytes>) -> RemoteFuture<'a, bool> {
        Box::pin(async move {
            let Some(head) = self.head(key).await? else { return Ok(false) };
            let args = ["cat", "--", &self.at(key)];
            let action = format!("reading {key}");
            Ok(self.run(&action, &args, within(head.bytes), Some(to)).await?.is_some())
        })
    }

    fn list<'a>(&'a self, name: &'a str) -> RemoteFuture<'a, Vec<String>> {
        Box::pin(async move {
            let action = "listing its series";
            let only = format!("--include={name}");
            let args =
                ["lsjson", "--recursive", "--files-only", "--no-mimetype", "--no-modtime", &only, "--"];
            let args: Vec<&str> = args.into_iter().chain([self.target.address.as_str()]).collect();
            let Some(ended) = self.run(action, &args, ANSWER_WITHIN * 10, None).await? else {
                return Ok(Vec::new());
            };
            let listed: Vec<Listed> =
                serde_json::from_str(&ended.out).map_err(|_| self.unreadable(action))?;
            let mut keys: Vec<String> = listed.into_iter().map(|listed| listed.path).collect();
            keys.sort_unstable();
            Ok(keys)
        })
    }

    fn reach(&self) -> RemoteFuture<'_, ()> {
        Box::pin(async move {
            let address = self.target.address.as_str();
            let look = ["lsjson", "--stat", "--no-mimetype", "--no-modtime", "--", address];
            let action = "looking at its folder";
            if let Some(ended) = self.run(action, &look, ANSWER_WITHIN, None).await? {
                let listed: Option<Listed> =
                    serde_json::from_str(&ended.out).map_err(|_| self.unreadable(action))?;
                if listed.is_some_and(|listed| listed.is_dir) {
                    return Ok(());
                }
            }
            let action = "making its folder";
            let made = self.run(action, &["mkdir", "--", address], ANSWER_WITHIN, None).await?;
            made.map(drop).ok_or_else(|| RemoteError::Refused {
                remote: self.name.clone(),
                action: action.to_owned(),
                said: "the folder is not there and cannot be made; is it mounted?".to_owned(),
            })
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            let args = ["deletefile", "--", &self.at(key)];
            self.run(&format!("removing {key}"), &args, ANSWER_WITHIN, None).await.map(drop)
        })
    }
}
