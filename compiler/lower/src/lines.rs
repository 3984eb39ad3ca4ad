//! Line numbers: sema leaves offsets within declarations, the plan carries lines of files.

use std::collections::BTreeMap;

use mlsys_diagnostics::{Files, Place, Span};
use mlsys_plan::{Field, Operation};
use mlsys_sema::{Db, Item};

/// The lines of one declaration.
pub(crate) struct Lines<'a> {
    files: &'a Files,
    file: mlsys_diagnostics::FileId,
    offset: u32,
    head: Span,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(db: &dyn Db, item: Item<'_>, files: &'a Files) -> Self {
        // Doc comments stand before the declaration's own line.
        let text = item.text(db);
        let docs: usize =
            text.split_inclusive('\n').take_while(|line| line.trim_start().starts_with("//")).map(str::len).sum();
        let length = text[docs..].find(['\n', '{']).unwrap_or(text.len() - docs);
        let head = Span::new(docs, docs + text[docs..docs + length].trim_end().len());
        Lines { files, file: item.file(db).id(db), offset: item.offset(db), head: head.shifted(item.offset(db)) }
    }

    /// Replaces an offset within the declaration by its line.
    pub(crate) fn number(&self, line: &mut u32) {
        *line = self.files.position(self.file, self.offset.saturating_add(*line)).line;
    }

    pub(crate) fn file(&self) -> &str {
        self.files.name(self.file)
    }

    /// The line of the declaration's head.
    pub(crate) fn head(&self) -> u32 {
        self.files.position(self.file, self.head.start).line
    }

    /// The declaration's head.
    pub(crate) fn head_place(&self) -> Place {
        Place { file: self.file, span: self.head }
    }
}

/// The columns of a request are declared in a source: they carry that source's lines.
pub(crate) fn number_requests(operation: &mut Operation, schemas: &BTreeMap<String, Vec<Field>>) {
    let Operation::Deployment(deployment) = operation else { return };
    for field in &mut deployment.request {
        let declared = schemas.values().flatten().find(|known| known.name == field.name && known.ty == field.ty);
        field.line = declared.map_or(0, |known| known.line);
    }
}
