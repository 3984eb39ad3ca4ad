//! The concrete database. It should stay boring.

use mlsys_sema::Db;

/// Where the compiler's queries keep what they know.
#[salsa::db]
#[derive(Clone, Default)]
pub struct Database {
    storage: salsa::Storage<Self>,
}

#[salsa::db]
impl salsa::Database for Database {}

#[salsa::db]
impl Db for Database {}
