//! `mlsysc explain CODE`: a diagnostic's page.

use clap::Args;
use mlsys_diagnostics::{CATALOGUE, entry, nearest};

use super::Exit;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A code such as E0401; without one, all codes are listed
    code: Option<String>,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let Some(code) = &arguments.code else {
        for entry in CATALOGUE {
            println!("{}  {}", entry.code, entry.title);
        }
        return Exit::Fine;
    };
    if let Some(entry) = entry(code) {
        println!("{}", entry.page.trim_end());
        return Exit::Fine;
    }
    let near = nearest(&code.to_uppercase(), CATALOGUE.iter().map(|entry| entry.code));
    let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    eprintln!("there is no diagnostic `{code}`{hint}; `mlsysc explain` lists them all");
    Exit::Usage
}
