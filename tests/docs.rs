//! The documents: every program in them compiles, and what they quote is what there is.

use std::path::{Path, PathBuf};

use mlsys_tests::{Document, compile, concise, files_under, repository};

#[test]
fn programs_in_documents_compile() {
    let mut count = 0;
    for path in documents() {
        for program in programs(&path) {
            let (plan, diagnostics, files) = compile(&program);
            let clean = plan.is_some() && diagnostics.is_empty();
            assert!(clean, "{}\n{}", path.display(), concise(&diagnostics, &files));
            count += 1;
        }
    }
    assert!(count > 0, "no program was found");
}

/// Programs that show a mistake give exactly the one that they show.
#[test]
fn wrong_programs_in_documents_are_wrong_as_said() {
    let mut count = 0;
    for path in documents() {
        let document = Document::parse(&std::fs::read_to_string(&path).unwrap());
        for block in &document.blocks {
            let mlsys_tests::Block::Fence(info, body) = block else { continue };
            let Some(code) = info.strip_prefix("mlsys-wrong ") else { continue };
            let (_, diagnostics, files) = compile(body);
            let codes: Vec<&str> = diagnostics.iter().map(|each| each.code).collect();
            assert_eq!(codes, [code], "{}\n{body}\n{}", path.display(), concise(&diagnostics, &files));
            count += 1;
        }
    }
    assert!(count > 10, "only {count} wrong programs were found");
}

/// The manual's page on the library is what the library says.
#[test]
fn the_library_page_is_up_to_date() {
    let book = repository().join("docs/book");
    let output = std::process::Command::new("python3").arg(book.join("library.py")).arg("--check").output().unwrap();
    assert!(output.status.success(), "run `python3 docs/book/library.py`: {}", mlsys_tests::printed(&output));
}

/// Every command of the command line stands in the manual.
#[test]
fn the_manual_names_every_command() {
    let page = std::fs::read_to_string(repository().join("docs/book/src/commands.md")).unwrap();
    let help = mlsys_tests::mlsysc(&["--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // Further lines of a description are indented.
    let first = commands.filter(|line| !line.starts_with("   "));
    let commands: Vec<&str> = first.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10, "{help}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        assert!(page.contains(&format!("mlsysc {command}")), "`{command}` is not in the manual");
    }
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let example = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    assert_eq!(programs(&repository().join("README.md")), [example]);
}

/// Links to files of the repository lead somewhere.
#[test]
fn links_lead_somewhere() {
    for path in documents() {
        let text = prose(&std::fs::read_to_string(&path).unwrap());
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                let file = path.parent().unwrap().join(target);
                assert!(file.exists(), "{}: `{target}` does not exist", path.display());
            }
        }
    }
}

/// A document without fences and code spans, in which brackets mean something else.
fn prose(text: &str) -> String {
    let document = Document::parse(text);
    let lines = document.blocks.iter().filter_map(|block| match block {
        mlsys_tests::Block::Text(line) => Some(line.split('`').step_by(2).collect::<String>()),
        mlsys_tests::Block::Heading(..) | mlsys_tests::Block::Fence(..) => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![repository().join("README.md"), repository().join("CHANGELOG.md")];
    found.extend(files_under(&repository().join("docs"), "md"));
    found
}

fn programs(path: &Path) -> Vec<String> {
    let document = Document::parse(&std::fs::read_to_string(path).unwrap());
    document.fences("mlsys").map(str::to_owned).collect()
}
