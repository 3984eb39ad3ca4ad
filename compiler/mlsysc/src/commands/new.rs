//! `mlsysc new`: a project that runs.

mod orders;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Exit, complain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder to make; its last part names the project
    path: PathBuf,
    /// What the project does
    #[arg(long, value_enum, default_value_t = Template::Batch)]
    template: Template,
}

#[derive(Clone, Copy, ValueEnum)]
enum Template {
    /// Score rows every night
    Batch,
    /// Answer requests
    Online,
}

impl Template {
    fn program(self) -> &'static str {
        match self {
            Template::Batch => include_str!("../../templates/batch/program.mlsys"),
            Template::Online => include_str!("../../templates/online/program.mlsys"),
        }
    }
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let path = &arguments.path;
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()).filter(|name| is_name(name))
    else {
        let message = format!("`{}` does not name a project", path.display());
        complain("E0914", &message, Some("take lower-case letters, digits and `_`, such as `returns`"));
        return Exit::Usage;
    };
    let is_taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) || path.is_file();
    if is_taken {
        let message = format!("`{}` is there already and not empty", path.display());
        complain("E0914", &message, Some("name another folder; nothing has been changed"));
        return Exit::Wrong;
    }
    match write(path, &name, arguments.template) {
        Ok(files) => {
            files.iter().for_each(|file| println!("{}", path.join(file).display()));
            println!("\nnext:  cd {} && mlsysc check && mlsysc run", path.display());
            Exit::Fine
        }
        Err(error) => {
            complain("E0914", &format!("cannot write `{}`: {error}", path.display()), Some("name another folder"));
            Exit::External
        }
    }
}

/// A project's name becomes the name of a file and of a module.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn write(path: &Path, name: &str, template: Template) -> std::io::Result<Vec<String>> {
    let named = |text: &str| text.replace("{name}", name);
    let with_email = matches!(template, Template::Online);
    let files = [
        (format!("{name}.mlsys"), template.program().to_owned()),
        ("mlsys.toml".to_owned(), named(include_str!("../../templates/mlsys.toml"))),
        ("README.md".to_owned(), named(include_str!("../../templates/README.md"))),
        (".gitignore".to_owned(), ".mlsys/\nbuild/\nout/\n".to_owned()),
        ("data/orders.csv".to_owned(), orders::csv(with_email)),
    ];
    fs::create_dir_all(path.join("data"))?;
    for (file, text) in &files {
        fs::write(path.join(file), text)?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}
