//! Where a run keeps what it makes, as the profile says, and what of a profile it cannot do yet.

use std::path::PathBuf;

use mlsys_diagnostics::{Diagnostic, Severity};
use mlsys_driver::{Compiler, Profile};

/// The folder that keeps results: the one named on the command line, the profile's, or `.mlsys` beside the program.
pub(crate) fn state(compiler: &Compiler, named: Option<&PathBuf>) -> PathBuf {
    let of_profile = compiler.profile().store.as_ref().map(|store| compiler.root().join(store));
    named.cloned().or(of_profile).unwrap_or_else(|| compiler.root().join(".mlsys"))
}

/// Refusals of what this runtime cannot do yet: nothing of a profile is passed over in silence.
pub(super) fn refused(profile: &Profile) -> Vec<Diagnostic> {
    let is_address = |text: &String| text.contains("://");
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
    let store = profile.store.as_ref().filter(|store| is_address(store));
    let online = profile.online.as_ref().filter(|online| !local(online));
    let registry = profile.registry.as_ref().filter(|registry| !local(registry));
    let engine = profile.engine.as_ref().filter(|engine| !local(engine));
    let refusals = [
        store.map(|store| refusal("store", store, "name a folder, or leave it out for `.mlsys` beside the program")),
        online.map(|online| refusal("online store", online, "leave it out: nothing is served yet")),
        registry.map(|registry| refusal("registry", registry, "leave it out for the one in the state folder")),
        engine.map(|engine| refusal("engine", engine, "leave it out, or write `local`")),
    ];
    refusals.into_iter().flatten().collect()
}
