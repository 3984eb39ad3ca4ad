//! Files, spans, the diagnostic value, the catalogue of codes and its pages.
//!
//! Knows nothing of grammars, types or terminals: every phase builds [`Diagnostic`] values and whoever shows them
//! chooses a renderer. The JSON renderer lives here, the one for terminals in the binary.

mod catalogue;
mod diagnostic;
mod files;
mod json;
mod near;
mod span;

pub use catalogue::{CATALOGUE, Entry, entry};
pub use diagnostic::{Diagnostic, Edit, Fix, Label, Severity};
pub use files::{FileId, Files, Position};
pub use json::to_json;
pub use near::{is_slip, nearest};
pub use span::{Place, Span};
