//! What can go wrong with trees.

/// Why trees cannot be grown or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LightgbmError {
    /// The library is not there.
    #[error(
        "LightGBM, which grows trees, was not found: {0}. `make setup` provides it; or install it with `pip install \
         lightgbm` and name its `lib_lightgbm.so` in the environment variable MLSYS_LIGHTGBM"
    )]
    NotFound(String),
    /// The library lacks a function: it is too old.
    #[error("LightGBM lacks the function {0}: version 4.3 or later is needed")]
    TooOld(String),
    /// The library refused.
    #[error("LightGBM failed: {0}")]
    Refused(String),
    /// Something is too large for its interface, which counts with 32 bits.
    #[error("LightGBM counts with 32 bits: {0} are too many")]
    TooMany(String),
    /// The library would take it, and count wrongly or end the process.
    #[error("trees cannot be grown on this, or predict it: {0}")]
    Unusable(String),
    /// A text does not hold trees as the library writes them.
    #[error("the text of the trees is not whole: {0}")]
    Text(String),
    /// Trees that were read have no rows to grow on.
    #[error("trees that were read from a text grow no more: they have no rows to grow on")]
    Grown,
}
