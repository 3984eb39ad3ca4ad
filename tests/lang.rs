//! The language suites: Markdown files under `lang/` that read as the language's specification.
//!
//! A `mlsys` fence is a program. The `diagnostics` fence after it holds what the compiler says about it; without one the
//! program must be without problems. A `mlsys PATH` fence is another file of the next program. A `plan` fence holds the plan's text. A `change` fence is a change to the flights
//! example: lines with `-` are replaced by the lines with `+` that follow them.
//!
//! `MLSYS_UPDATE=1 cargo test -p mlsys-tests --test lang` writes the expectations anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mlsys_tests::{Block, Document, compile, compile_beside, compile_with_hygiene, concise, repository, updating};

#[test]
fn suites_hold() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for path in suites() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (document, count, failed) = check(&text);
        cases += count;
        if updating() {
            std::fs::write(&path, document.to_text()).unwrap();
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            failures.extend(failed.into_iter().map(|failure| format!("{name}: {failure}")));
        }
    }
    assert!(cases > 0, "no case was found");
    assert!(failures.is_empty(), "{} of {cases} cases fail\n\n{}", failures.len(), failures.join("\n"));
}

/// Twenty and more mistakes in a real program give one diagnostic each: no cascades.
#[test]
fn one_mistake_gives_one_diagnostic() {
    let text = std::fs::read_to_string(repository().join("tests/lang/flights-variants.md")).unwrap();
    let changes: Vec<String> = Document::parse(&text)
        .blocks
        .into_iter()
        .filter_map(|block| match block {
            Block::Fence(info, body) if info == "change" => Some(body),
            _ => None,
        })
        .collect();
    assert!(changes.len() >= 20, "only {} variants", changes.len());
    for change in changes {
        let (plan, diagnostics, files) = compile(&changed(&change));
        assert!(plan.is_none(), "this variant compiles:\n{change}");
        assert_eq!(diagnostics.len(), 1, "{change}\n{}", concise(&diagnostics, &files));
        assert!(diagnostics[0].help.is_some(), "no help for:\n{change}\n{}", concise(&diagnostics, &files));
    }
}

fn suites() -> Vec<PathBuf> {
    let folder = repository().join("tests/lang");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths
}

/// The document with what was found, the number of cases, and those that differ.
fn check(text: &str) -> (Document, usize, Vec<String>) {
    let document = Document::parse(text);
    let mut out = Document::default();
    let mut failures = Vec::new();
    let mut cases = 0;
    let mut heading = String::new();
    let mut found: Option<(String, String)> = None;
    let mut others: BTreeMap<String, String> = BTreeMap::new();
    for block in document.blocks {
        match &block {
            Block::Heading(_, text) => heading.clone_from(text),
            Block::Fence(info, body) if info.strip_prefix("mlsys ").is_some_and(|path| path.ends_with(".mlsys")) => {
                others.insert(info["mlsys ".len()..].to_owned(), body.clone());
            }
            Block::Fence(info, body) if matches!(info.as_str(), "mlsys" | "mlsys hygiene" | "change") => {
                settle(&mut found, &heading, &mut out, &mut failures);
                cases += 1;
                let program = if info == "change" { changed(body) } else { body.clone() };
                let whole = info == "mlsys hygiene";
                let others = std::mem::take(&mut others);
                let (plan, diagnostics, files) =
                    if whole { compile_with_hygiene(&program) } else { compile_beside(&program, &others) };
                let plan = plan.map(|plan| plan.to_text()).unwrap_or_default();
                found = Some((concise(&diagnostics, &files), plan));
            }
            Block::Fence(info, body) if info == "diagnostics" || info == "plan" => {
                let Some((diagnostics, plan)) = &mut found else { continue };
                let actual = if info == "plan" { plan.clone() } else { std::mem::take(diagnostics) };
                if actual != *body {
                    failures.push(format!("{heading}\n--- expected\n{body}+++ found\n{actual}"));
                }
                if !actual.is_empty() {
                    out.blocks.push(Block::Fence(info.clone(), actual));
                }
                continue;
            }
            Block::Fence(..) | Block::Text(_) => {}
        }
        if matches!(block, Block::Heading(..)) {
            settle(&mut found, &heading, &mut out, &mut failures);
        }
        out.blocks.push(block);
    }
    settle(&mut found, &heading, &mut out, &mut failures);
    (out, cases, failures)
}

/// Diagnostics that no fence expects: written after the program when updating, a failure otherwise.
fn settle(found: &mut Option<(String, String)>, heading: &str, out: &mut Document, failures: &mut Vec<String>) {
    let Some((diagnostics, _)) = found.take() else { return };
    if diagnostics.is_empty() {
        return;
    }
    failures.push(format!("{heading}: unexpected\n{diagnostics}"));
    let fence =
        out.blocks.iter().rposition(|block| matches!(block, Block::Fence(..))).map_or(out.blocks.len(), |at| at + 1);
    out.blocks.insert(fence, Block::Fence("diagnostics".to_owned(), diagnostics));
}

/// The flights example with lines replaced.
fn changed(change: &str) -> String {
    let mut program = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    let mut lines = change.lines().peekable();
    while lines.peek().is_some() {
        let mut old = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('-')) {
            old.push_str(&line[1..]);
            old.push('\n');
        }
        let mut new = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('+')) {
            new.push_str(&line[1..]);
            new.push('\n');
        }
        assert_eq!(program.matches(&old).count(), 1, "these lines are not in the example exactly once:\n{old}");
        program = program.replacen(&old, &new, 1);
    }
    program
}
