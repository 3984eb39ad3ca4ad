//! Where the library is found.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::LightgbmError;
use crate::ffi::Functions;

/// The variable that names the library, or the folder that holds it.
const VARIABLE: &str = "MLSYS_LIGHTGBM";

/// Where it was set up when this program was built.
const BUILT_WITH: Option<&str> = option_env!("MLSYS_LIGHTGBM");

/// The opened library.
pub struct Library(pub(crate) Functions);

impl Library {
    /// Opens the library, once: the one that `MLSYS_LIGHTGBM` names, otherwise one beside the program, the one that the
    /// program was built with, or the system's.
    ///
    /// # Errors
    /// It is in none of these places, or too old.
    pub fn open() -> Result<&'static Library, LightgbmError> {
        static OPENED: OnceLock<Result<Library, LightgbmError>> = OnceLock::new();
        OPENED.get_or_init(|| open(&places())).as_ref().map_err(Clone::clone)
    }

    /// Works on at most so many threads from now on, in the whole process; none for as many as there are cores. The threads are
    /// no parameter of trees: these would be written with them, and trees are the same on any number.
    ///
    /// # Errors
    /// The library refuses.
    pub fn use_threads(&self, most: Option<u32>) -> Result<(), LightgbmError> {
        self.0.threads(most.map_or(-1, |most| i32::try_from(most).unwrap_or(i32::MAX)))
    }
}

fn open(places: &[PathBuf]) -> Result<Library, LightgbmError> {
    let mut reasons = Vec::new();
    for place in places {
        match Functions::open(place) {
            Ok(functions) => return Ok(Library(functions)),
            Err(reason) if place.exists() && reason.contains("LGBM_") => return Err(LightgbmError::TooOld(reason)),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(LightgbmError::NotFound(reasons.join("; ")))
}

/// The places to look at, in order; a variable that is set is the only one.
fn places() -> Vec<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return vec![within(Path::new(&named))];
    }
    let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_path_buf()));
    let beside = beside.into_iter().flat_map(|folder| [folder.join(file()), folder.join("../lib").join(file())]);
    let built_with = BUILT_WITH.map(|place| within(Path::new(place)));
    beside.filter(|place| place.exists()).chain(built_with).chain([PathBuf::from(file())]).collect()
}

fn within(place: &Path) -> PathBuf {
    if place.is_file() { place.to_path_buf() } else { place.join(file()) }
}

fn file() -> &'static str {
    if cfg!(target_os = "macos") { "lib_lightgbm.dylib" } else { "lib_lightgbm.so" }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::open;
    use crate::error::LightgbmError;

    #[test]
    fn a_library_that_is_nowhere_is_told_of_with_what_to_do() {
        let Err(error) = open(&[PathBuf::from("/nowhere/lib_lightgbm.so")]) else { panic!("it was found") };
        assert!(matches!(error, LightgbmError::NotFound(_)));
        let text = error.to_string();
        assert!(text.contains("/nowhere/lib_lightgbm.so") && text.contains("make setup"), "{text}");
    }
}
