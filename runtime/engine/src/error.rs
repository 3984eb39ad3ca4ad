//! Why a run, or a node of it, failed.

use mlsys_dataflow::DataError;
use mlsys_plan::{Node, NodeId, Origin};
use mlsys_store::StoreError;
use serde::Serialize;

/// A failure, with the place in the program where it is to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunError {
    /// The diagnostic's code.
    pub code: String,
    /// What was found and what was expected, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The node that failed; none if the run as a whole did.
    pub node: Option<NodeId>,
    /// The program's file, relative to the project's folder.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
}

impl RunError {
    pub(crate) fn new(code: &str, message: impl Into<String>, help: Option<&str>) -> Self {
        RunError {
            code: code.to_owned(),
            message: message.into(),
            help: help.map(str::to_owned),
            node: None,
            file: None,
            line: None,
        }
    }

    /// A bug in this program.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        RunError::new("E0999", message, None)
    }

    /// The same failure, told of a declaration.
    pub(crate) fn at(mut self, origin: &Origin) -> Self {
        self.file.get_or_insert_with(|| origin.file.clone());
        self.line.get_or_insert(origin.line);
        self
    }

    /// The same failure, told of a node.
    pub(crate) fn of(mut self, node: &Node) -> Self {
        self.node.get_or_insert_with(|| node.id.clone());
        self.at(&node.origin)
    }
}

impl From<DataError> for RunError {
    fn from(error: DataError) -> Self {
        RunError { line: error.line(), ..RunError::new(error.code(), error.message(), error.help()) }
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        RunError::new(error.code(), error.to_string(), Some(error.help()))
    }
}

impl From<serde_json::Error> for RunError {
    fn from(error: serde_json::Error) -> Self {
        RunError::internal(error.to_string())
    }
}
