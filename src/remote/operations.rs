//! The operations every remote has.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use crate::remote::RemoteError;

/// An operation of a remote under way.
pub type RemoteFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, RemoteError>> + Send + 'a>>;

/// A place for copies. Keys are paths below it, parted by `/`. Every operation ends within a time of its own, and
/// ends at once when it is dropped.
pub trait Remote: fmt::Debug + Send + Sync {
    /// Its name in labels, logs and ledgers, without any secret.
    fn name(&self) -> &str;

    /// Puts a file there, in the place of what the key holds.
    fn put<'a>(&'a self, key: &'a str, file: &'a Path, seal: &'a Seal) -> RemoteFuture<'a, ()>;

    /// Size and hash of the object at a key; `None` if there is none.
    fn head<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Head>>;

    /// Sends what a key holds, in order. Gives whether there is anything.
    fn get<'a>(&'a self, key: &'a str, to: Sender<Bytes>) -> RemoteFuture<'a, bool>;

    /// Every key whose last part is `name`, sorted.
    fn list<'a>(&'a self, name: &'a str) -> RemoteFuture<'a, Vec<String>>;

    /// Shows that copies can be put there, though nothing is put: makes its folder where there is none.
    fn reach(&self) -> RemoteFuture<'_, ()>;

    /// Removes what a key holds.
    fn delete<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, ()>;
}

/// A content, told from every other.
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
    /// Its SHA-256 in hexadecimal, where the remote knows it.
    pub sha256: Option<String>,
}
