//! Files on their way: pieces of them are in memory, never all of one, and what arrives is there whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::buffered::BufWriter;
use object_store::{GetResult, ObjectStoreExt};
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt, BufReader, copy_buf};

use super::failure::{self, Doing, is_absent};
use super::{AT_A_TIME, Remote};
use crate::error::StoreError;

/// Files up to this size are sent at once, larger ones in pieces of it.
const PIECE: usize = 8 << 20;

/// So many pieces of a file are sent at a time.
const PIECES_AT_A_TIME: usize = 2;

/// What is read of a file at a time.
const BUFFER: usize = 1 << 20;

/// How an unfinished file's name ends.
pub(super) const UNFINISHED: &str = ".new";

impl Remote {
    /// Puts files under their names, several at a time.
    ///
    /// # Errors
    /// A file cannot be read, or the store does not take it. Those that arrived stay.
    pub(super) async fn put_all(&self, files: Vec<(PathBuf, String)>) -> Result<(), StoreError> {
        let puts = files.into_iter().map(|(from, name)| async move { self.put(&from, &name).await });
        stream::iter(puts).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// Gets objects, several at a time; whether all of them were there.
    ///
    /// # Errors
    /// An object cannot be read or a file not be written. Those that arrived stay.
    pub(super) async fn get_all(&self, objects: Vec<(String, PathBuf)>) -> Result<bool, StoreError> {
        let gets = objects.into_iter().map(|(name, to)| async move { self.get(&name, &to).await });
        stream::iter(gets).buffer_unordered(AT_A_TIME).try_fold(true, |all, one| async move { Ok(all && one) }).await
    }

    /// Puts a file in the store: readers see nothing, or all of it.
    async fn put(&self, from: &Path, name: &str) -> Result<(), StoreError> {
        let file = File::open(from).await.map_err(|error| StoreError::io(from, &error))?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        let object = BufWriter::with_capacity(Arc::clone(&self.objects), self.at(name), PIECE);
        let mut object = object.with_max_concurrency(PIECES_AT_A_TIME);
        let copied = match copy_buf(&mut file, &mut object).await {
            Ok(_) => object.shutdown().await,
            Err(error) => {
                // Pieces that arrived would be kept, and paid for, without ever becoming an object.
                let _ = object.abort().await;
                Err(error)
            }
        };
        copied.map_err(|error| self.not_written(name, &error))
    }

    /// Gets an object, beside its place first; false if it is not there.
    pub(super) async fn get(&self, name: &str, to: &Path) -> Result<bool, StoreError> {
        let found = match self.objects.get(&self.at(name)).await {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(self.failed(Doing::Read, name, &error)),
        };
        let mut beside = to.as_os_str().to_owned();
        beside.push(UNFINISHED);
        let beside = PathBuf::from(beside);
        let arrived = self.receive(found, name, &beside).await;
        if let Err(error) = arrived {
            // What arrived in part is of no use to anybody.
            let _ = fs::remove_file(&beside).await;
            return Err(error);
        }
        fs::rename(&beside, to).await.map_err(|error| StoreError::io(to, &error))?;
        Ok(true)
    }

    /// Writes what comes to a file, and checks that all of it came.
    async fn receive(&self, found: GetResult, name: &str, to: &Path) -> Result<(), StoreError> {
        let fail = |error: std::io::Error| StoreError::io(to, &error);
        fs::create_dir_all(to.parent().unwrap_or(to)).await.map_err(fail)?;
        let mut file = File::create(to).await.map_err(fail)?;
        let (size, mut received) = (found.meta.size, 0);
        let mut bytes = found.into_stream();
        while let Some(piece) = bytes.try_next().await.map_err(|error| self.failed(Doing::Read, name, &error))? {
            file.write_all(&piece).await.map_err(fail)?;
            received += piece.len() as u64;
        }
        file.sync_all().await.map_err(fail)?;
        if received == size { Ok(()) } else { Err(failure::cut_off(&self.shown(name), received, size)) }
    }

    /// What went wrong while a file was sent: the store's own error, where there is one.
    fn not_written(&self, name: &str, error: &std::io::Error) -> StoreError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<object_store::Error>()) {
            Some(inner) => self.failed(Doing::Write, name, inner),
            None => failure::other(Doing::Write, &self.shown(name), error),
        }
    }
}
