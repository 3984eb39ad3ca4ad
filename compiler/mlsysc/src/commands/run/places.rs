//! Where a run keeps what it makes, as the profile says, and what of a profile it cannot do yet.

use std::path::PathBuf;

use mlsys_diagnostics::{Diagnostic, Severity};
use mlsys_driver::{Compiler, Profile};
use mlsys_engine::{Remote, RunError, shared_store};

/// What the address of a store begins with that machines share.
const SHARED: &str = "s3://";

/// The folder that keeps results, or the working copy of a shared store: the one named on the command line, the profile's,
/// or `.mlsys` beside the program.
pub(crate) fn state(compiler: &Compiler, named: Option<&PathBuf>) -> PathBuf {
    let of_profile = compiler.profile().store.as_ref().filter(|store| !store.starts_with(SHARED));
    let of_profile = of_profile.map(|store| compiler.root().join(store));
    named.cloned().or(of_profile).unwrap_or_else(|| compiler.root().join(".mlsys"))
}

/// The store that the profile shares with other machines; none if it names a folder, or nothing.
///
/// # Errors
/// Its address cannot be read, or the environment does not fit it.
pub(super) fn shared(profile: &Profile) -> Result<Option<Remote>, RunError> {
    profile.store.as_ref().filter(|store| store.starts_with(SHARED)).map(|store| shared_store(store)).transpose()
}

/// Refusals of what this runtime cannot do yet: nothing of a profile is passed over in silence.
pub(super) fn refused(profile: &Profile) -> Vec<Diagnostic> {
    let is_unknown = |text: &&String| text.contains("://") && !text.starts_with(SHARED);
    let local = |text: &String| text == "local" || text == "embedded";
    let name = profile.name.as_deref().unwrap_or_default();
    let refusal = |what: &str, value: &String, help: &str| Diagnostic {
        code: "E0910",
        severity: Severity::Error,
        message: format!("the profile `{name}` wants the {what} `{value}`, which cannot be used yet"),
        labels: Vec::new(),
        help: Some(help.to_owned()),
        fix: None,
    };
    let store = profile.store.as_ref().filter(is_unknown);
    let online = profile.online.as_ref().filter(|online| !local(online));
    let registry = profile.registry.as_ref().filter(|registry| !local(registry));
    let engine = profile.engine.as_ref().filter(|engine| !local(engine));
    let refusals = [
        store.map(|store| {
            refusal("store", store, "name `s3://BUCKET/PREFIX` or a folder, or leave it out for `.mlsys`")
        }),
        online.map(|online| refusal("online store", online, "leave it out: nothing is served yet")),
        registry.map(|registry| refusal("registry", registry, "leave it out for the one in the state folder")),
        engine.map(|engine| refusal("engine", engine, "leave it out, or write `local`")),
    ];
    refusals.into_iter().flatten().collect()
}
