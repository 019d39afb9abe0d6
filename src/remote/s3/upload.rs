//! Uploads files, whole or in parts.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use object_store::{Error, MultipartUpload, ObjectStore as _, PutMultipartOptions, PutOptions};

use super::{PART_BYTES, S3, sealed};
use crate::remote::transfer::off_the_runtime;
use crate::remote::{RemoteError, Seal};

impl S3 {
    pub(super) async fn put_whole(&self, key: &str, file: &Path, seal: &Seal) -> Result<(), RemoteError> {
        let bytes = part(file, 0, seal.bytes).await?;
        let options = PutOptions { attributes: sealed(seal), ..PutOptions::default() };
        let put = self.client.put_opts(&self.key(key), bytes.into(), options).await;
        put.map(drop).map_err(|error| self.failed(&format!("copying {key}"), &error))
    }

    pub(super) async fn put_parts(&self, key: &str, file: &Path, seal: &Seal) -> Result<(), RemoteError> {
        let action = format!("copying {key}");
        let failed = |error: Error| self.failed(&action, &error);
        let options = PutMultipartOptions { attributes: sealed(seal), ..PutMultipartOptions::default() };
        let mut upload = self.client.put_multipart_opts(&self.key(key), options).await.map_err(failed)?;
        let sent = self.send_parts(&mut *upload, &action, file, seal.bytes).await;
        if sent.is_err() {
            // An unfinished upload takes up space; a lifecycle rule of the bucket should end those that
            // this does not.
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
