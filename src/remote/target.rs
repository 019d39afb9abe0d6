//! The configured destination of copies, and its name in labels and logs.

use std::fmt;

use crate::model::foreign;
use crate::store::sha256;

/// A destination of copies.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub provider: Provider,
    /// An rclone remote with a path, or `s3://bucket/prefix`. May contain credentials.
    pub address: String,
    /// A custom endpoint of the S3 service.
    pub endpoint: Option<String>,
}

/// The program or service that copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The rclone program.
    Rclone,
    /// An S3 service.
    S3,
}

impl Target {
    /// Its name: the address if that contains no secret, else a distinct substitute.
    #[must_use]
    pub fn name(&self) -> String {
        let address = self.address.trim_end_matches('/');
        if self.holds_credentials() {
            return format!("***#{}", &sha256(self.address.as_bytes())[..8]);
        }
        let host = self.endpoint.as_deref().map(|url| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            let host = rest.split('/').next().unwrap_or(rest);
            host.rsplit_once('@').map_or(host, |(_, host)| host)
        });
        match host {
            Some(host) => format!("{address} at {host}"),
            None => address.to_owned(),
        }
    }

    /// Whether the address may carry a password: a connection string, or one with a user.
    fn holds_credentials(&self) -> bool {
        self.is_connection_string() || self.address.contains('@')
    }

    /// Whether the address tells rclone how to connect, passwords included, rather than naming a remote.
    #[must_use]
    pub fn is_connection_string(&self) -> bool {
        self.provider == Provider::Rclone
            && (self.address.starts_with(':') || self.address.contains([',', '=']))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The most characters of a remote's message that are repeated.
const SAID_CHARS: usize = 300;

/// A remote's message made safe to repeat: one short line, without users, passwords and the given secrets.
#[must_use]
pub fn mask(text: &str, secrets: &[String]) -> String {
    let line =
        text.split(['\n', '\r']).rev().find(|line| !line.trim().is_empty()).unwrap_or("without a word");
    let mut line = line.trim().to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        line = line.replace(secret.as_str(), "***");
    }
    let words: Vec<String> = line.split(' ').map(mask_word).collect();
    let said: String = words.join(" ").chars().take(SAID_CHARS).collect();
    foreign(&said)
}

fn mask_word(word: &str) -> String {
    let Some((before, host)) = word.rsplit_once('@') else { return word.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://***@{host}"),
        None => format!("***@{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(provider: Provider, address: &str, endpoint: Option<&str>) -> Target {
        Target { provider, address: address.to_owned(), endpoint: endpoint.map(str::to_owned) }
    }

    #[test]
    fn a_name_tells_remotes_apart_and_holds_no_secret() {
        let rclone = |address| target(Provider::Rclone, address, None).name();
        assert_eq!(rclone("mynas:crypto/"), "mynas:crypto");
        let hidden = rclone(":sftp,host=x,pass=hunter2:/data");
        assert!(hidden.starts_with("***#") && !hidden.contains("hunter2"), "{hidden}");
        assert_ne!(hidden, rclone(":sftp,host=y,pass=hunter2:/data"));
        let s3 = target(Provider::S3, "s3://bucket/a/", Some("https://me:hunter2@minio:9000/x"));
        assert_eq!(s3.name(), "s3://bucket/a at minio:9000");
        assert!(!format!("{s3:?}").contains("hunter2"));
    }

    #[test]
    fn what_a_remote_says_is_repeated_as_one_short_line_without_secrets() {
        let said = "first\nfailed for sftp://me:pw@host/x with key hunter2\n\n";
        assert_eq!(mask(said, &["hunter2".to_owned()]), "failed for sftp://***@host/x with key ***");
        assert_eq!(mask("", &[]), "without a word");
        assert!(mask(&"x".repeat(5_000), &[]).len() <= SAID_CHARS);
    }
}
