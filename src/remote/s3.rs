//! Remotes that speak S3, with conditional writes.
//!
//! The service checks the SHA-256 of every body it takes, as part of the request's signature. The hash of a whole
//! file is kept beside it as `x-amz-meta-sha256`, so that looking at it is enough to know it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::HttpError;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, GetOptions, GetRange, GetResult,
    MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions,
    RetryConfig, UpdateVersion,
};
use tokio::sync::mpsc::Sender;

use crate::remote::credentials::{Profile, profile};
use crate::remote::transfer::off_the_runtime;
use crate::remote::{Head, Remote, RemoteError, RemoteFuture, Seal, Target, mask};

/// A bucket, or a part of one.
#[derive(Debug)]
pub struct S3 {
    name: String,
    prefix: String,
    client: AmazonS3,
    secrets: Secrets,
}

/// What an object carries beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What it holds.
    pub seal: Seal,
    /// The ownership it was written under.
    pub fence: u64,
}

/// Values no message may repeat.
struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// How long one request may take: a part goes over a line of 50 kB/s in that time.
const ANSWER_WITHIN: Duration = Duration::from_secs(180);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a request is tried again after answers that another time may do.
const RETRY_WITHIN: Duration = Duration::from_secs(30);
const RETRIES: usize = 2;
/// Files are sent and read in parts of this size; S3 takes none below 5 MiB but the last, and 10 000 of them.
const PART_BYTES: u64 = 8 << 20;
/// Our name for a file's hash.
const SHA256: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("sha256"));
/// Our name for the ownership it was written under.
const FENCE: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("fence"));

impl S3 {
    /// The bucket of a target, with credentials of the `AWS_*` variables, the shared files, or the machine's role.
    ///
    /// # Errors
    /// Where the address or the endpoint is none.
    pub fn new(target: &Target) -> Result<Self, RemoteError> {
        S3::with_environment(target, &std::env::vars().collect())
    }

    /// As [`S3::new`], in another environment than the process's.
    ///
    /// # Errors
    /// Where the address or the endpoint is none.
    pub fn with_environment(
        target: &Target,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, RemoteError> {
        install_tls();
        let name = target.name();
        let refused = |said: String| RemoteError::Refused {
            remote: name.clone(),
            action: "being set up".to_owned(),
            said,
        };
        let address = target.address.strip_prefix("s3://").filter(|rest| !rest.starts_with('/'));
        let address = address.ok_or_else(|| refused("write it as s3://bucket/prefix".to_owned()))?;
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        let env = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let profile = if env("AWS_ACCESS_KEY_ID").is_some() { Profile::default() } else { profile(&env) };
        let secrets = [env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN")]
            .into_iter()
            .chain([profile.secret.clone(), profile.token.clone()])
            .flatten()
            .collect();
        let builder = builder(&profile, target.endpoint.as_deref(), variables);
        let client = builder.with_bucket_name(bucket).build();
        let secrets = Secrets(secrets);
        let client = client.map_err(|error| refused(mask(&error.to_string(), &secrets.0)))?;
        Ok(S3 { name, prefix: prefix.trim_matches('/').to_owned(), client, secrets })
    }

    /// A key below the prefix. Names are as they are on the disk, of whatever script, so that a list of the bucket
    /// is a list of series.
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

    /// Asks whether the bucket answers, by listing one key of it.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn probe(&self) -> Result<(), RemoteError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let asked = self.client.list_paginated(Some(&self.prefix), options).await;
        asked.map(drop).map_err(|error| self.failed("listing it", &error))
    }

    /// What a key holds, with the tag of this version of it; at most `most` bytes.
    ///
    /// # Errors
    /// Where it cannot be read, or there is more.
    pub async fn tagged(&self, key: &str, most: u64) -> Result<Option<(Bytes, String)>, RemoteError> {
        let action = format!("reading {key}");
        let Some(found) = self.ask(&action, key, GetOptions::default()).await? else { return Ok(None) };
        let refused = |said: &str| RemoteError::Refused {
            remote: self.name.clone(),
            action: action.clone(),
            said: said.to_owned(),
        };
        if found.meta.size > most {
            return Err(refused("it is larger than it can be"));
        }
        let tag = found.meta.e_tag.clone().ok_or_else(|| refused("it has no ETag, which guards it"))?;
        let bytes = found.bytes().await.map_err(|error| self.failed(&action, &error))?;
        Ok(Some((bytes, tag)))
    }

    /// The stamp of what a key holds, and the tag of this version of it; a fence of 0 where it has none.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub async fn stamp(&self, key: &str) -> Result<Option<(Stamp, String)>, RemoteError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let Some(found) = self.ask(&format!("looking at {key}"), key, options).await? else {
            return Ok(None);
        };
        let text = |name: &Attribute| found.attributes.get(name).map(|value| value.to_string());
        let seal = Seal { bytes: found.meta.size, sha256: text(&SHA256).unwrap_or_default() };
        let fence = text(&FENCE).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Some((Stamp { seal, fence }, found.meta.e_tag.unwrap_or_default())))
    }

    /// Puts bytes there if the key still holds the version of `tag`, or still nothing where there is none.
    ///
    /// # Errors
    /// [`RemoteError::Changed`] where it does not: nothing was changed then.
    pub async fn put_if(
        &self,
        key: &str,
        bytes: Bytes,
        stamp: &Stamp,
        tag: Option<&str>,
    ) -> Result<(), RemoteError> {
        let mode = tag.map_or(PutMode::Create, |tag| {
            PutMode::Update(UpdateVersion { e_tag: Some(tag.to_owned()), version: None })
        });
        let mut attributes = sealed(&stamp.seal);
        attributes.insert(FENCE, stamp.fence.to_string().into());
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        match self.client.put_opts(&self.key(key), bytes.into(), options).await {
            Ok(_) => Ok(()),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => {
                Err(RemoteError::Changed { remote: self.name.clone(), key: key.to_owned() })
            }
            Err(error) => Err(self.failed(&format!("copying {key}"), &error)),
        }
    }

    /// The names right below a folder, sorted.
    ///
    /// # Errors
    /// Where it cannot be listed.
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

    async fn put_whole(&self, key: &str, file: &Path, seal: &Seal) -> Result<(), RemoteError> {
        let bytes = part(file, 0, seal.bytes).await?;
        let options = PutOptions { attributes: sealed(seal), ..PutOptions::default() };
        let put = self.client.put_opts(&self.key(key), bytes.into(), options).await;
        put.map(drop).map_err(|error| self.failed(&format!("copying {key}"), &error))
    }

    async fn put_parts(&self, key: &str, file: &Path, seal: &Seal) -> Result<(), RemoteError> {
        let action = format!("copying {key}");
        let failed = |error: Error| self.failed(&action, &error);
        let options = PutMultipartOptions { attributes: sealed(seal), ..PutMultipartOptions::default() };
        let mut upload = self.client.put_multipart_opts(&self.key(key), options).await.map_err(failed)?;
        let sent = self.send_parts(&mut *upload, &action, file, seal.bytes).await;
        if sent.is_err() {
            // What is left of it costs room there; a rule of the bucket ends what this does not.
            let _ = upload.abort().await;
            return sent;
        }
        upload.complete().await.map(drop).map_err(failed)
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        action: &str,
        file: &Path,
        bytes: u64,
    ) -> Result<(), RemoteError> {
        let mut from = 0;
        while from < bytes {
            let length = PART_BYTES.min(bytes - from);
            let sent = upload.put_part(part(file, from, length).await?.into()).await;
            sent.map_err(|error| self.failed(action, &error))?;
            from += length;
        }
        Ok(())
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
                // All parts are of one version, or none is.
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

fn builder(
    profile: &Profile,
    endpoint: Option<&str>,
    variables: &BTreeMap<String, String>,
) -> AmazonS3Builder {
    let options = ClientOptions::new()
        .with_timeout(ANSWER_WITHIN)
        .with_connect_timeout(CONNECT_WITHIN)
        .with_allow_http(
            endpoint.is_some_and(|url| url.starts_with("http://"))
                || variables.get("AWS_ALLOW_HTTP").is_some_and(|value| value == "true"),
        );
    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY_WITHIN };
    let mut builder = AmazonS3Builder::new().with_client_options(options).with_retry(retry);
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let (Some(key_id), Some(secret)) = (&profile.key_id, &profile.secret) {
        builder = builder.with_access_key_id(key_id).with_secret_access_key(secret);
    }
    if let Some(token) = &profile.token {
        builder = builder.with_token(token);
    }
    let is_set = |name: &str| variables.contains_key(name);
    match &profile.region {
        Some(region) if !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION") => builder.with_region(region),
        _ => builder,
    }
}

fn sealed(seal: &Seal) -> Attributes {
    [(SHA256, seal.sha256.clone())].into_iter().collect()
}

/// A part of a local file.
async fn part(file: &Path, from: u64, length: u64) -> Result<Bytes, RemoteError> {
    let own = file.to_owned();
    let reading = move || {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        File::open(own)?.read_exact_at(&mut bytes, from)?;
        Ok(Bytes::from(bytes))
    };
    off_the_runtime(file, reading).await
}

/// Whether the connection, not the service, failed.
fn is_of_the_way(error: &Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<HttpError>().is_some() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// The error with its innermost cause, on one line.
fn chain(error: &Error) -> String {
    let outer = error.to_string().replace(['\n', '\r'], " ");
    let mut next = std::error::Error::source(error);
    let mut last = None;
    while let Some(cause) = next {
        last = Some(cause.to_string());
        next = cause.source();
    }
    match last.filter(|last| !outer.contains(last.as_str())) {
        Some(last) => format!("{outer}: {}", last.replace(['\n', '\r'], " ")),
        None => outer,
    }
}

/// Makes ring the process's cryptography, unless it has one.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
