//! The catalogue's pages: every code has one, and its programs do what it says.

use mlsys_diagnostics::CATALOGUE;
use mlsys_tests::{Block, Document, compile, concise, repository};

#[test]
fn codes_are_sorted_and_unique() {
    let codes: Vec<&str> = CATALOGUE.iter().map(|entry| entry.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted);
}

/// The program under "Wrong" gives exactly this code, the one under "Right" nothing. Codes of data and runtime are
/// about what a program meets: both of their programs compile.
#[test]
fn programs_of_pages_do_what_pages_say() {
    let mut failures = Vec::new();
    for entry in CATALOGUE {
        let programs = programs(entry.page);
        let title = format!("# {}: {}", entry.code, entry.title);
        if entry.page.lines().next() != Some(title.as_str()) {
            failures.push(format!("{}: the page does not begin with `{title}`", entry.code));
        }
        let of_runtime = entry.code.starts_with("E09");
        let [wrong, right] = programs.as_slice() else {
            if !(of_runtime && entry.page.lines().count() > 5) {
                failures.push(format!("{}: needs a wrong and a right program, has {}", entry.code, programs.len()));
            }
            continue;
        };
        let (_, found, files) = compile(wrong);
        let codes: Vec<&str> = found.iter().map(|each| each.code).collect();
        let expected: &[&str] = if of_runtime { &[] } else { &[entry.code] };
        if codes != expected {
            failures.push(format!("{}: the wrong program gives\n{}", entry.code, concise(&found, &files)));
        }
        let (_, found, files) = compile(right);
        if !found.is_empty() {
            failures.push(format!("{}: the right program gives\n{}", entry.code, concise(&found, &files)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Every code that is raised anywhere stands in the catalogue, and every code of the catalogue is raised somewhere.
#[test]
fn codes_are_raised_and_known() {
    let mut raised = std::collections::BTreeSet::new();
    for room in ["compiler", "runtime"] {
        collect(&repository().join(room), &mut raised);
    }
    let known: std::collections::BTreeSet<String> = CATALOGUE.iter().map(|entry| entry.code.to_owned()).collect();
    let unknown: Vec<&String> = raised.difference(&known).collect();
    let unused: Vec<&String> = known.difference(&raised).collect();
    assert!(unknown.is_empty(), "raised, but not in the catalogue: {unknown:?}");
    assert!(unused.is_empty(), "in the catalogue, but never raised: {unused:?}");
}

fn collect(folder: &std::path::Path, raised: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, raised);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("catalogue.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for (quote, _) in text.match_indices('"') {
                let Some(code) = text.get(quote + 1..quote + 6) else { continue };
                let closed = text[quote + 6..].starts_with('"');
                if closed && code.starts_with(['E', 'W']) && code[1..].bytes().all(|byte| byte.is_ascii_digit()) {
                    raised.insert(code.to_owned());
                }
            }
        }
    }
}

fn programs(page: &str) -> Vec<String> {
    let blocks = Document::parse(page).blocks;
    let fences = blocks.into_iter().filter_map(|block| match block {
        Block::Fence(info, body) if info == "mlsys" => Some(body),
        _ => None,
    });
    fences.collect()
}
