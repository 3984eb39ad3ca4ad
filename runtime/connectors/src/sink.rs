//! What every sink of single rows is.

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::ConnectorError;
use crate::health::Health;

/// Where rows go to one by one, such as predictions as they are made.
#[async_trait]
pub trait Sink: Send {
    /// Writes records, and answers when the other side has all of them durably: only then do the positions count as taken
    /// that they were made of.
    ///
    /// # Errors
    /// Some were not taken. Which ones is not known: those that are written again may be there twice.
    async fn write(&mut self, records: Vec<Record>) -> Result<(), ConnectorError>;

    /// How the connection is doing.
    fn health(&self) -> Health;
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What decides the partition: records with equal keys stay in order. None leaves it to chance.
    pub key: Option<Bytes>,
    /// What is in it.
    pub payload: Bytes,
}
