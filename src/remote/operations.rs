//! The operations of every remote.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use crate::remote::RemoteError;

/// A pending operation of a remote.
pub type RemoteFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, RemoteError>> + Send + 'a>>;

/// A place for copies. Keys are relative paths separated by `/`. Every operation has a time-out, and stops at once
/// when it is dropped.
pub trait Remote: fmt::Debug + Send + Sync {
    /// Its name in labels, logs and ledgers, without any secret.
    fn name(&self) -> &str;

    /// Stores a file, replacing what the key holds.
    fn put<'a>(&'a self, key: &'a str, file: &'a Path, seal: &'a Seal) -> RemoteFuture<'a, ()>;

    /// Size and hash of the object at a key; `None` if there is none.
    fn head<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Head>>;

    /// Stores files of one folder under keys of one folder, each under its own name, replacing what those keys hold.
    /// If it fails, some may be there.
    fn put_all<'a>(&'a self, folder: &'a str, files: &'a [Upload]) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            for file in files {
                self.put(&file.key(folder), &file.path, &file.seal).await?;
            }
            Ok(())
        })
    }

    /// Size and hash of the objects of these names in a folder; those that are not there are left out.
    fn heads<'a>(&'a self, folder: &'a str, files: &'a [Upload]) -> RemoteFuture<'a, BTreeMap<String, Head>> {
        Box::pin(async move {
            let mut heads = BTreeMap::new();
            for file in files {
                let head = self.head(&file.key(folder)).await?;
                heads.extend(head.map(|head| (file.name.clone(), head)));
            }
            Ok(heads)
        })
    }

    /// Sends the content of a key in order. Returns whether there is any.
    fn get<'a>(&'a self, key: &'a str, to: Sender<Bytes>) -> RemoteFuture<'a, bool>;

    /// Every key whose last part is `name`, sorted.
    fn list<'a>(&'a self, name: &'a str) -> RemoteFuture<'a, Vec<String>>;

    /// Checks that copies can be stored, without storing any: creates its folder if needed.
    fn reach(&self) -> RemoteFuture<'_, ()>;

    /// Deletes a key.
    fn delete<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, ()>;
}

/// A file to be stored under its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name, also on the remote.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its content.
    pub seal: Seal,
}

impl Upload {
    /// Its key in a folder.
    #[must_use]
    pub fn key(&self, folder: &str) -> String {
        format!("{folder}/{}", self.name)
    }
}

/// Identifies a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Size and hash of an object, as the remote states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal, if the remote knows it.
    pub sha256: Option<String>,
}
