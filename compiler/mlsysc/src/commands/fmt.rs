//! `mlsysc fmt`: one style.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, complain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Programs, or folders whose programs are meant; `-` reads from standard input and writes to standard output
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Change nothing: name the files that are not in the style, and fail if there is one
    #[arg(long)]
    check: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    if arguments.paths == [PathBuf::from("-")] {
        return standard_input(arguments.check);
    }
    let mut files = Vec::new();
    for path in &arguments.paths {
        if let Err(error) = programs(path, &mut files) {
            let help = "name a file that ends in `.mlsys`, or a folder of some";
            complain("E0914", &format!("cannot read `{}`: {error}", path.display()), Some(help));
            return Exit::Wrong;
        }
    }
    let mut changed = 0;
    for file in &files {
        match format_file(file, arguments.check) {
            Ok(false) => {}
            Ok(true) => {
                changed += 1;
                println!("{}{}", if arguments.check { "not in the style: " } else { "formatted " }, file.display());
            }
            Err(error) => {
                complain("E0914", &format!("cannot format `{}`: {error}", file.display()), None);
                return Exit::Wrong;
            }
        }
    }
    if arguments.check && changed > 0 {
        eprintln!("run `mlsysc fmt` to format {changed} of {} files", files.len());
        return Exit::Wrong;
    }
    if changed == 0 {
        println!("{} files, all in the style", files.len());
    }
    Exit::Fine
}

fn standard_input(check: bool) -> Exit {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        complain("E0914", &format!("cannot read standard input: {error}"), Some("programs are UTF-8 text"));
        return Exit::Wrong;
    }
    let formatted = mlsys_driver::format(&text);
    if check {
        return if formatted == text { Exit::Fine } else { Exit::Wrong };
    }
    print!("{formatted}");
    Exit::Fine
}

/// The programs at a path: the file itself, or all below a folder that are no build output.
fn programs(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        found.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if entry.is_dir() && !hidden && !entry.is_symlink() {
            programs(&entry, found)?;
        } else if entry.extension().is_some_and(|extension| extension == "mlsys") {
            found.push(entry);
        }
    }
    Ok(())
}

/// Formats a file in place, or only says whether it would change.
fn format_file(path: &Path, check: bool) -> std::io::Result<bool> {
    let text = std::fs::read_to_string(path)?;
    let formatted = mlsys_driver::format(&text);
    if formatted == text {
        return Ok(false);
    }
    if !check {
        // The file is replaced as a whole, so that it is never seen half written.
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".new");
        let beside = path.with_file_name(name);
        std::fs::write(&beside, formatted)?;
        std::fs::rename(&beside, path)?;
    }
    Ok(true)
}
