//! Remotes that speak S3, with conditional writes.
//!
//! As part of the request's signature, the service checks the SHA-256 of every body. The hash of a whole file is
//! stored with it as `x-amz-meta-sha256`, so that a HEAD request is enough to verify it.

mod client;
mod conditional;
mod fault;
mod upload;

use std::path::Path;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, GetResult, ObjectStore as _, ObjectStoreExt as _,
};
use tokio::sync::mpsc::Sender;

use crate::remote::{Head, Remote, RemoteError, RemoteFuture, Seal, mask};
pub use conditional::Stamp;
use fault::{chain, is_of_the_way};

/// A bucket, or a prefix in one.
#[derive(Debug)]
pub struct S3 {
    name: String,
    prefix: String,
    client: AmazonS3,
    secrets: Secrets,
}

/// Values that no message may repeat.
struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The part size for sending and reading files; S3 requires at least 5 MiB except for the last, and at most 10 000
/// parts.
const PART_BYTES: u64 = 8 << 20;
/// The metadata key of a file's hash.
const SHA256: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("sha256"));

impl S3 {
    /// The full object name of a key. Names are kept as on disk, in any script, so that listing the bucket
    /// lists the series.
    fn key(&self, key: &str) -> Key {
        let prefix = Key::from(self.prefix.as_str());
        let whole = if self.prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
        Key::parse(&whole).unwrap_or_else(|_| Key::from(whole))
    }

    fn failed(&self, action: &str, error: &Error) -> RemoteError {
        let (remote, action) = (self.name.clone(), action.to_owned());
        let said = mask(&chain(error), &self.secrets.0);
        match error {
            _ if is_of_the_way(error) => RemoteError::Unreachable { remote, action, said },
            _ => RemoteError::Refused { remote, action, said },
        }
    }

    /// Checks that the bucket answers, by listing one key.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn probe(&self) -> Result<(), RemoteError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let asked = self.client.list_paginated(Some(&self.prefix), options).await;
        asked.map(drop).map_err(|error| self.failed("listing it", &error))
    }

    /// The names directly below a folder, sorted.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub async fn names_in(&self, folder: &str) -> Result<Vec<String>, RemoteError> {
        let prefix = format!("{}/", self.key(folder));
        let (mut names, mut page_token) = (Vec::new(), None);
        loop {
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let page = self.client.list_paginated(Some(&prefix), options).await;
            let page = page.map_err(|error| self.failed(&format!("listing {folder}"), &error))?;
            let keys = page.result.objects.iter().map(|object| object.location.as_ref());
            let below = keys.filter_map(|key| key.strip_prefix(&prefix));
            names.extend(below.filter(|name| !name.contains('/')).map(str::to_owned));
            page_token = page.page_token;
            if page_token.is_none() {
                names.sort_unstable();
                return Ok(names);
            }
        }
    }

    async fn ask(
        &self,
        action: &str,
        key: &str,
        options: GetOptions,
    ) -> Result<Option<GetResult>, RemoteError> {
        match self.client.get_opts(&self.key(key), options).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(action, &error)),
        }
    }
}

impl Remote for S3 {
    fn name(&self) -> &str {
        &self.name
    }

    fn put<'a>(&'a self, key: &'a str, file: &'a Path, seal: &'a Seal) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            if seal.bytes <= PART_BYTES {
                self.put_whole(key, file, seal).await
            } else {
                self.put_parts(key, file, seal).await
            }
        })
    }

    fn head<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Head>> {
        Box::pin(async move {
            let options = GetOptions { head: true, ..GetOptions::default() };
            let found = self.ask(&format!("looking at {key}"), key, options).await?;
            Ok(found.map(|found| Head {
                bytes: found.meta.size,
                sha256: found.attributes.get(&SHA256).map(|value| value.to_string()),
            }))
        })
    }

    fn get<'a>(&'a self, key: &'a str, to: Sender<Bytes>) -> RemoteFuture<'a, bool> {
        Box::pin(async move {
            let action = format!("reading {key}");
            let head = GetOptions { head: true, ..GetOptions::default() };
            let Some(head) = self.ask(&action, key, head).await? else { return Ok(false) };
            let mut from = 0;
            while from < head.meta.size {
                let until = head.meta.size.min(from + PART_BYTES);
                let range = Some(GetRange::Bounded(from..until));
                // All parts are of one version, or the read fails.
                let if_match = head.meta.e_tag.clone();
                let asked = GetOptions { range, if_match, ..GetOptions::default() };
                let Some(found) = self.ask(&action, key, asked).await? else { return Ok(false) };
                let bytes = found.bytes().await.map_err(|error| self.failed(&action, &error))?;
                if bytes.is_empty() || to.send(bytes).await.is_err() {
                    break;
                }
                from = until;
            }
            Ok(true)
        })
    }

    fn reach(&self) -> RemoteFuture<'_, ()> {
        Box::pin(self.probe())
    }

    fn list<'a>(&'a self, name: &'a str) -> RemoteFuture<'a, Vec<String>> {
        Box::pin(async move {
            let prefix = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
            let (mut keys, mut page_token) = (Vec::new(), None);
            loop {
                let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
                let page = self.client.list_paginated(Some(&prefix), options).await;
                let page = page.map_err(|error| self.failed("listing its series", &error))?;
                let found = page.result.objects.iter().map(|object| object.location.as_ref());
                let below = found.filter_map(|key| key.strip_prefix(&prefix));
                let named = below.filter(|key| key.rsplit('/').next() == Some(name));
                keys.extend(named.map(str::to_owned));
                page_token = page.page_token;
                if page_token.is_none() {
                    keys.sort_unstable();
                    return Ok(keys);
                }
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            match self.client.delete(&self.key(key)).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed(&format!("removing {key}"), &error)),
            }
        })
    }
}

fn sealed(seal: &Seal) -> Attributes {
    [(SHA256, seal.sha256.clone())].into_iter().collect()
}
