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
    Module { path: "std.text", text: include_str!("../text.mlsys") },
    Module { path: "std.math", text: include_str!("../math.mlsys") },
    Module { path: "std.geo", text: include_str!("../geo.mlsys") },
    Module { path: "std.privacy", text: include_str!("../privacy.mlsys") },
    Module { path: "std.categories", text: include_str!("../categories.mlsys") },
    Module { path: "std.statistics", text: include_str!("../statistics.mlsys") },
    Module { path: "std.aggregates", text: include_str!("../aggregates.mlsys") },
    Module { path: "std.connectors", text: include_str!("../connectors.mlsys") },
    Module { path: "std.learning", text: include_str!("../learning.mlsys") },
    Module { path: "std.serving", text: include_str!("../serving.mlsys") },
];
