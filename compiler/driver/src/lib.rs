//! The compiler's facade: loading a project, check and build.
//!
//! The outside world is behind [`FileSystem`]; this room and everything it calls reads no file by itself.

mod database;
mod fixes;
mod load;
mod manifest;
mod tracking;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mlsys_diagnostics::{Diagnostic, Files, Severity};
use mlsys_plan::{Plan, TestCase};
use mlsys_sema::Project;
use salsa::Setter;

pub use database::Database;
pub use load::{FileSystem, InMemory, LoadError, Settings};
pub use manifest::Profile;
pub use mlsys_lower::{Change, Column, Drawing, Effect, Format, Lineage, diff};
pub use mlsys_syntax::format;

/// A project in memory: its files, checked on demand and again only where something changed.
pub struct Compiler {
    database: Database,
    project: Project,
    files: Files,
    root: PathBuf,
    program: String,
    profile: Profile,
}

impl Compiler {
    /// Loads the program at `path`, a file or the folder of one, with everything it uses, as the
    /// project's `mlsys.toml` and the settings say.
    ///
    /// # Errors
    /// There is no program, one of its files cannot be read, or `mlsys.toml` is wrong.
    pub fn load(file_system: &dyn FileSystem, path: &Path, settings: Settings) -> Result<Self, LoadError> {
        load::load(Database::default(), file_system, path, settings)
    }

    /// As [`Compiler::load`], and `observer` is told the name of every query that is executed.
    ///
    /// # Errors
    /// As [`Compiler::load`].
    pub fn load_observed(
        file_system: &dyn FileSystem,
        path: &Path,
        settings: Settings,
        observer: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, LoadError> {
        load::load(Database::observed(observer), file_system, path, settings)
    }

    /// Replaces the text of one of the program's files; what does not depend on the change is not checked again.
    /// Whether there is such a file.
    pub fn edit(&mut self, name: &str, text: &str) -> bool {
        let Some(id) = self.files.by_name(name) else { return false };
        let own = self.project.files(&self.database).iter().copied().find(|file| file.id(&self.database) == id);
        let Some(file) = own else { return false };
        self.files.replace(id, text);
        file.set_text(&mut self.database).to(text.to_owned());
        true
    }

    /// Every problem of the program's own files.
    pub fn check(&self) -> Vec<Diagnostic> {
        let files = self.project.files(&self.database);
        let mut diagnostics: Vec<Diagnostic> =
            files.iter().flat_map(|file| mlsys_sema::check_file(&self.database, self.project, *file)).collect();
        diagnostics.extend(mlsys_sema::check_project(&self.database, self.project));
        diagnostics.extend(self.unknown_params());
        diagnostics
    }

    /// Warnings on a program that has no errors: what is not used, not judged, not watched, or there twice.
    pub fn hygiene(&self) -> Vec<Diagnostic> {
        mlsys_sema::hygiene(&self.database, self.project)
    }

    /// The texts of the program's files, by name, with the fixes of these diagnostics that are sure to be what was meant,
    /// and how many there are.
    pub fn fixed(&self, diagnostics: &[Diagnostic]) -> (BTreeMap<String, String>, usize) {
        let (texts, count) = fixes::applied(&self.files, diagnostics);
        (texts.into_iter().map(|(file, text)| (self.files.name(file).to_owned(), text)).collect(), count)
    }

    /// Problems of the standard library's own files: there are none.
    pub fn check_library(&self) -> Vec<Diagnostic> {
        let files = self.project.library(&self.database).iter();
        files.flat_map(|file| mlsys_sema::check_file(&self.database, self.project, *file)).collect()
    }

    /// The program's tests, in declared order.
    ///
    /// # Errors
    /// Every problem of the program, if one of them is an error.
    pub fn tests(&self) -> Result<Vec<TestCase>, Vec<Diagnostic>> {
        let diagnostics = self.check();
        if diagnostics.iter().any(|each| each.severity == Severity::Error) {
            return Err(diagnostics);
        }
        Ok(mlsys_lower::tests(&self.database, self.project, &self.files))
    }

    /// The plan, and the warnings.
    ///
    /// # Errors
    /// Every problem of the program, if one of them is an error.
    pub fn build(&self) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let diagnostics = self.check();
        if diagnostics.iter().any(|each| each.severity == Severity::Error) {
            return Err(diagnostics);
        }
        let plan = mlsys_lower::lower(&self.database, self.project, &self.files, &self.program)?;
        match mlsys_lower::lost(&self.database, self.project, &plan) {
            lost if lost.is_empty() => Ok((plan, diagnostics)),
            lost => Err(lost),
        }
    }

    /// The files, for renderers.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The project's folder: paths in the program are relative to it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the program runs, and with what.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Values that were set for parameters that the program does not have.
    fn unknown_params(&self) -> Vec<Diagnostic> {
        load::unknown_params(&self.database, self.project, &self.profile)
    }
}
