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

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let example = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    assert_eq!(programs(&repository().join("README.md")), [example]);
}

/// Links to files of the repository lead somewhere.
#[test]
fn links_lead_somewhere() {
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
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

fn documents() -> Vec<PathBuf> {
    let mut found = vec![repository().join("README.md"), repository().join("CHANGELOG.md")];
    found.extend(files_under(&repository().join("docs"), "md"));
    found
}

fn programs(path: &Path) -> Vec<String> {
    let document = Document::parse(&std::fs::read_to_string(path).unwrap());
    document.fences("mlsys").map(str::to_owned).collect()
}
