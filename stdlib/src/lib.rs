//! The standard library, written in the language and embedded as text.

/// A module of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// The path by which programs use it, such as `std.time`.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Every module, in the order of the manual.
pub const MODULES: &[Module] = &[
    Module { path: "std.time", text: include_str!("../time.mlsys") },
    Module { path: "std.aggregates", text: include_str!("../aggregates.mlsys") },
    Module { path: "std.connectors", text: include_str!("../connectors.mlsys") },
    Module { path: "std.learning", text: include_str!("../learning.mlsys") },
    Module { path: "std.serving", text: include_str!("../serving.mlsys") },
];
