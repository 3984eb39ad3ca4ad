//! The store that machines share: a copy of what runs have made, as objects of an S3-compatible service.
//!
//! An object has the name that its file has in a state folder. Parts are named by what they are made from and never change;
//! of a result the report comes last, so that a result is there if its report is. Nothing is removed, and nothing is locked.

mod address;
mod artefacts;
mod failure;
mod parts;
mod results;
mod transfer;

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::path::{Component, Path};
use std::sync::Arc;

use object_store::path::Path as Name;
use object_store::{ObjectStore, ObjectStoreExt};

pub use object_store::ObjectStore as Objects;
pub use parts::RemoteParts;

use crate::error::StoreError;
use crate::state::{FORMAT, FORMAT_FILE};
use address::Address;
use failure::{Doing, is_absent};

/// So many objects are on their way at a time.
const AT_A_TIME: usize = 8;

/// A store that machines share.
#[derive(Clone)]
pub struct Remote {
    objects: Arc<dyn Objects>,
    /// What the names of its objects begin with.
    prefix: Name,
    /// What it is called in messages.
    address: String,
}

/// Without the service's settings: keys are among them.
impl Debug for Remote {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Remote").field(&self.address).finish()
    }
}

impl Remote {
    /// The store at an address such as `s3://bucket/prefix`; endpoint, region and keys come from the environment. Nothing is
    /// asked of it yet.
    ///
    /// # Errors
    /// The address is none of a bucket, or the environment does not fit it.
    pub fn open(address: &str) -> Result<Self, StoreError> {
        let address = Address::read(address)?;
        Ok(Remote::over(address.service()?, &address.prefix, &address.to_string()))
    }

    /// The store in a service, below a prefix; `address` is what messages call it.
    pub fn over(objects: Arc<dyn Objects>, prefix: &str, address: &str) -> Self {
        Remote { objects, prefix: Name::from(prefix), address: address.to_owned() }
    }

    /// Whether a run can use it; a new one is marked with the version of its format.
    ///
    /// # Errors
    /// It cannot be reached, refuses the credentials, has no such bucket, or was written by another version.
    pub async fn begin(&self) -> Result<(), StoreError> {
        let at = self.at(FORMAT_FILE);
        let failed = |doing: Doing| move |error| self.failed(doing, "", &error);
        let found = match self.objects.get(&at).await {
            Ok(found) => found.bytes().await.map_err(failed(Doing::Use))?,
            Err(error) if is_absent(&error) => {
                return self.objects.put(&at, FORMAT.into()).await.map(drop).map_err(failed(Doing::Use));
            }
            Err(error) => return Err(self.failed(Doing::Use, "", &error)),
        };
        let found = String::from_utf8_lossy(&found).trim().to_owned();
        if found == FORMAT { Ok(()) } else { Err(StoreError::RemoteFormat { address: self.address.clone(), found }) }
    }

    /// Whether an object is there.
    async fn has(&self, name: &str) -> Result<bool, StoreError> {
        match self.objects.head(&self.at(name)).await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(self.failed(Doing::Read, name, &error)),
        }
    }

    /// The names of the objects in a folder and those below it, relative to the folder.
    async fn list(&self, folder: &str) -> Result<BTreeSet<String>, StoreError> {
        use futures::TryStreamExt;
        let at = self.at(folder);
        let name = |name: Name| {
            let below: Vec<_> = name.prefix_match(&at)?.map(|step| step.as_ref().to_owned()).collect();
            Some(below.join("/")).filter(|name| is_plain(Path::new(name)))
        };
        let found = self.objects.list(Some(&at)).map_ok(|object| name(object.location));
        let found: Vec<Option<String>> =
            found.try_collect().await.map_err(|error| self.failed(Doing::List, folder, &error))?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The full name of an object.
    fn at(&self, name: &str) -> Name {
        Name::from(format!("{}/{name}", self.prefix))
    }

    fn failed(&self, doing: Doing, name: &str, error: &object_store::Error) -> StoreError {
        failure::of(doing, &self.shown(name), error)
    }

    /// An object as messages name it.
    fn shown(&self, name: &str) -> String {
        if name.is_empty() { self.address.clone() } else { format!("{}/{name}", self.address) }
    }
}

/// Whether a name stays within the folder that it is relative to: what a store lists was written by others.
fn is_plain(name: &Path) -> bool {
    let mut steps = name.components().peekable();
    steps.peek().is_some() && steps.all(|step| matches!(step, Component::Normal(_)))
}
