//! The concrete database. It should stay boring.

use mlsys_sema::Db;

/// Where the compiler's queries keep what they know.
#[salsa::db]
#[derive(Clone, Default)]
pub struct Database {
    storage: salsa::Storage<Self>,
}

impl Database {
    /// A database that tells which queries it executes, by name and key.
    pub(crate) fn observed(observer: impl Fn(String) + Send + Sync + 'static) -> Self {
        let tell = move |event: salsa::Event| {
            if let salsa::EventKind::WillExecute { database_key } = event.kind {
                observer(format!("{database_key:?}"));
            }
        };
        Database { storage: salsa::Storage::new(Some(Box::new(tell))) }
    }
}

#[salsa::db]
impl salsa::Database for Database {}

#[salsa::db]
impl Db for Database {}
