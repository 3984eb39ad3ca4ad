//! Where a run keeps what it makes, as the profile says, and what of a profile it cannot do yet.

use std::path::PathBuf;

use mlsys_diagnostics::{Diagnostic, Severity};
use mlsys_driver::{Compiler, Profile};
use mlsys_engine::{RegistryAddress, Remote, RunError, shared_registry, shared_store};

use super::super::Exit;
use super::told;
use crate::render;

/// What the address of a store begins with that machines share.
const SHARED: &str = "s3://";

/// What the address of a registry begins with that machines share.
const SERVERS: [&str; 2] = ["postgres://", "postgresql://"];

/// The variable that holds the password of a registry, unless `secrets` of the profile names another one for it.
pub(in super::super) const PASSWORD: &str = "PGPASSWORD";

/// Where results, files of versions and the registry are.
pub(in super::super) struct Places {
    /// The state folder.
    pub(in super::super) state: PathBuf,
    /// The store that machines share; none for the state folder alone.
    pub(in super::super) store: Option<Remote>,
    /// The registry that machines share; none for the one in the state folder.
    pub(in super::super) registry: Option<RegistryAddress>,
}

impl Places {
    /// The places of a program, as its profile and `--state` say. What cannot be used is told.
    pub(in super::super) fn of(compiler: &Compiler, state: Option<&PathBuf>) -> Result<Self, Exit> {
        let refused = refused(compiler.profile());
        if !refused.is_empty() {
            render::print(&refused, compiler.files());
            return Err(Exit::Wrong);
        }
        let failed = |error: RunError| told(&[error], compiler.files());
        let store = shared(compiler.profile()).map_err(failed)?;
        let registry = registry(compiler.profile()).map_err(failed)?;
        Ok(Places { state: self::state(compiler, state), store, registry })
    }
}

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
fn shared(profile: &Profile) -> Result<Option<Remote>, RunError> {
    profile.store.as_ref().filter(|store| store.starts_with(SHARED)).map(|store| shared_store(store)).transpose()
}

/// The registry that the profile shares with other machines; none for the one in the state folder.
///
/// # Errors
/// Its address cannot be read, or the variable with its password that the profile names is not there.
fn registry(profile: &Profile) -> Result<Option<RegistryAddress>, RunError> {
    let server = profile.registry.as_ref().filter(|registry| is_server(registry));
    let password = profile.secrets.get(PASSWORD).map(String::as_str);
    server.map(|address| shared_registry(address, password)).transpose()
}

fn is_server(registry: &str) -> bool {
    SERVERS.iter().any(|scheme| registry.starts_with(scheme))
}

/// Refusals of what this runtime cannot do yet: nothing of a profile is passed over in silence.
fn refused(profile: &Profile) -> Vec<Diagnostic> {
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
    let is_redis = |online: &String| ["redis://", "rediss://"].iter().any(|scheme| online.starts_with(scheme));
    let online = profile.online.as_ref().filter(|online| !local(online) && !is_redis(online));
    let registry = profile.registry.as_ref().filter(|registry| !local(registry) && !is_server(registry));
    let engine = profile.engine.as_ref().filter(|engine| !local(engine));
    let refusals = [
        store.map(|store| {
            refusal("store", store, "name `s3://BUCKET/PREFIX` or a folder, or leave it out for `.mlsys`")
        }),
        online.map(|online| {
            refusal("online store", online, "name `redis://HOST:PORT/DATABASE`, or leave it out for the embedded one")
        }),
        registry.map(|registry| {
            refusal(
                "registry",
                registry,
                "name `postgres://USER@HOST/DATABASE`, or leave it out for the one in the state folder",
            )
        }),
        engine.map(|engine| refusal("engine", engine, "leave it out, or write `local`")),
    ];
    refusals.into_iter().flatten().collect()
}
