//! Objects with a stamp, written only if they still are the version that was read.

use bytes::Bytes;
use object_store::{Attribute, Error, GetOptions, ObjectStore as _, PutMode, PutOptions, UpdateVersion};

use super::{S3, SHA256, sealed};
use crate::remote::{RemoteError, Seal};

/// The metadata key of the ownership it was written under.
const FENCE: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("fence"));

/// Metadata of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its content.
    pub seal: Seal,
    /// The ownership it was written under.
    pub fence: u64,
}

impl S3 {
    /// The object at a key, at most `most` bytes, and the tag of that version.
    ///
    /// # Errors
    /// If it cannot be read, or is larger.
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

    /// The stamp of the object at a key, and the tag of that version; the fence is 0 if it has none.
    ///
    /// # Errors
    /// If the bucket does not answer.
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

    /// Stores bytes if the key still holds the version of `tag`, or nothing if `tag` is `None`.
    ///
    /// # Errors
    /// [`RemoteError::Changed`] if it does not; nothing is changed then.
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
}
