//! Inputs, items and the look-up of names: the queries everything else stands on.

#![allow(missing_docs, reason = "salsa's macros make public functions without documentation")]

use std::collections::BTreeMap;

use mlsys_diagnostics::FileId;
use mlsys_syntax::{Kind, Parsed, ast};

use crate::param::ParamValue;
use crate::report::Report;

/// The database that the queries run on.
#[salsa::db]
pub trait Db: salsa::Database {}

/// A file of the project or of the standard library.
#[salsa::input(debug)]
pub struct SourceFile {
    /// The file's number for renderers.
    #[returns(copy)]
    pub id: FileId,
    /// The path by which other files use it, such as `std.time`.
    #[returns(deref)]
    pub module: String,
    /// The text.
    #[returns(deref)]
    pub text: String,
}

/// A set of files that are compiled together.
#[salsa::input(debug)]
pub struct Project {
    /// The program's own files; the first one is the root.
    #[returns(deref)]
    pub files: Vec<SourceFile>,
    /// The standard library's files.
    #[returns(deref)]
    pub library: Vec<SourceFile>,
    /// Values of parameters that were set from outside.
    #[returns(ref)]
    pub params: BTreeMap<String, ParamValue>,
}

/// A declaration. Kind, name and count are its identity: text and offset may change without changing who it is.
#[salsa::tracked(debug)]
pub struct Item<'db> {
    /// The file it stands in.
    #[returns(copy)]
    pub file: SourceFile,
    /// What it declares; none for text that is no declaration.
    #[returns(copy)]
    pub kind: Option<Kind>,
    /// The declared name.
    #[returns(deref)]
    pub name: String,
    /// How many declarations of that kind and name stand before it.
    #[returns(copy)]
    pub nth: u32,
    /// Its text.
    #[tracked]
    #[returns(deref)]
    pub text: String,
    /// Where its text begins in the file.
    #[tracked]
    #[returns(copy)]
    pub offset: u32,
}

/// A declaration as plain data, for reports that outlive a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemRef {
    pub(crate) file: FileId,
    pub(crate) kind: Option<Kind>,
    pub(crate) name: String,
    pub(crate) nth: u32,
}

/// What a query found out, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked<T> {
    /// The meaning; none if the declaration cannot be used. Whoever needs it then stays silent.
    pub value: Option<T>,
    /// Problems of this declaration alone.
    pub reports: Vec<Report>,
}

/// A name that is looked up: interned, so that looking up one name does not depend on all others.
#[salsa::interned(debug)]
pub(crate) struct Word<'db> {
    #[returns(deref)]
    pub(crate) text: String,
}

/// Whether a file has text that could not be read and that holds a name: whatever it declares is not missing.
pub(crate) fn lost(db: &dyn Db, file: SourceFile, name: &str) -> bool {
    let broken = items(db, file).iter().filter(|item| item.tree(db).is_none() || item.kind(db).is_none());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    broken.into_iter().any(|item| item.text(db).split(|c| !word(c)).any(|each| each == name))
}

/// The declarations of a file, in order.
#[salsa::tracked(returns(deref))]
pub fn items<'db>(db: &'db dyn Db, file: SourceFile) -> Vec<Item<'db>> {
    let text = file.text(db);
    let mut seen: BTreeMap<(Option<Kind>, String), u32> = BTreeMap::new();
    let mut items = Vec::new();
    for chunk in mlsys_syntax::chunks(text) {
        let count = seen.entry((chunk.kind, chunk.name.clone())).or_default();
        let nth = *count;
        *count += 1;
        let content = text[chunk.span.range()].to_owned();
        items.push(Item::new(db, file, chunk.kind, chunk.name, nth, content, chunk.span.start));
    }
    items
}

/// The syntax tree of a declaration, and problems of form.
#[salsa::tracked(returns(ref))]
pub fn parsed<'db>(db: &'db dyn Db, item: Item<'db>) -> Parsed {
    mlsys_syntax::parse(item.kind(db), item.text(db))
}

/// Declared names of a file that can be referred to. Of two equal names the first one counts.
#[salsa::tracked(returns(ref))]
fn declared<'db>(db: &'db dyn Db, file: SourceFile) -> BTreeMap<String, Item<'db>> {
    let mut names = BTreeMap::new();
    for item in items(db, file) {
        let referable = !matches!(item.kind(db), None | Some(Kind::Test | Kind::Use | Kind::Extern));
        if referable && !item.name(db).is_empty() {
            names.entry(item.name(db).to_owned()).or_insert(*item);
        }
    }
    names
}

/// The declaration of a name in a file itself.
#[salsa::tracked(returns(copy))]
fn declaration<'db>(db: &'db dyn Db, file: SourceFile, word: Word<'db>) -> Option<Item<'db>> {
    declared(db, file).get(word.text(db)).copied()
}

/// The declaration that a name stands for in a file: its own, or one taken over by `use`.
#[salsa::tracked(returns(copy))]
pub(crate) fn lookup<'db>(db: &'db dyn Db, project: Project, file: SourceFile, word: Word<'db>) -> Option<Item<'db>> {
    declaration(db, file, word).or_else(|| crate::imports::imported(db, project, file, word))
}

/// The names of a file's declarations of one kind, for suggestions.
pub(crate) fn names_of_kind(db: &dyn Db, file: SourceFile, kind: Kind) -> Vec<&str> {
    declared(db, file).values().filter(|item| item.kind(db) == Some(kind)).map(|item| item.name(db)).collect()
}

/// The declaration of a name in the file of that module.
pub(crate) fn exported<'db>(db: &'db dyn Db, project: Project, module: &str, word: Word<'db>) -> Option<Item<'db>> {
    declaration(db, file_of(db, project, module)?, word)
}

/// The file of a module.
pub(crate) fn file_of(db: &dyn Db, project: Project, module: &str) -> Option<SourceFile> {
    project.files(db).iter().chain(project.library(db)).copied().find(|file| file.module(db) == module)
}

impl<'db> Item<'db> {
    /// The declaration as plain data.
    pub fn reference(self, db: &'db dyn Db) -> ItemRef {
        ItemRef { file: self.file(db).id(db), kind: self.kind(db), name: self.name(db).to_owned(), nth: self.nth(db) }
    }

    /// Whether the text has the right form. What is missing in a declaration that has not may stand in what could not be
    /// read.
    pub(crate) fn is_intact(self, db: &'db dyn Db) -> bool {
        parsed(db, self).errors.is_empty()
    }

    /// The syntax tree, if the text could be understood.
    pub(crate) fn tree(self, db: &'db dyn Db) -> Option<&'db ast::Item> {
        parsed(db, self).item.as_ref()
    }
}

impl ItemRef {
    /// The declaration itself, in whatever file it stands.
    pub(crate) fn find<'db>(&self, db: &'db dyn Db, project: Project) -> Option<Item<'db>> {
        let all = project.files(db).iter().chain(project.library(db)).copied();
        let file = all.into_iter().find(|file| file.id(db) == self.file)?;
        let same =
            |item: &Item<'db>| item.kind(db) == self.kind && item.name(db) == self.name && item.nth(db) == self.nth;
        items(db, file).iter().copied().find(same)
    }
}

impl<T> Checked<T> {
    /// Nothing known, nothing to say: the problem is reported elsewhere.
    pub(crate) fn silent() -> Self {
        Checked { value: None, reports: Vec::new() }
    }
}
