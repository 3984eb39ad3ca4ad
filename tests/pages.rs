//! The catalogue's pages: every code has one, and its programs do what it says.

use mlsys_diagnostics::CATALOGUE;
use mlsys_tests::{Document, compile, compile_with_hygiene, concise, files_under, repository};

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
        let is_hygiene = ["W02", "W0601", "W0602"].iter().any(|code| entry.code.starts_with(code));
        let (_, found, files) = if is_hygiene { compile_with_hygiene(wrong) } else { compile(wrong) };
        let codes: Vec<&str> = found.iter().map(|each| each.code).collect();
        let expected: &[&str] = if of_runtime { &[] } else { &[entry.code] };
        if codes != expected {
            failures.push(format!("{}: the wrong program gives\n{}", entry.code, concise(&found, &files)));
        }
        let (_, found, files) = if is_hygiene { compile_with_hygiene(right) } else { compile(right) };
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
        let files = files_under(&repository().join(room), "rs").into_iter();
        for path in files.filter(|path| !path.ends_with("catalogue.rs")) {
            raised.extend(quoted_codes(&std::fs::read_to_string(path).unwrap()));
        }
    }
    let known: std::collections::BTreeSet<String> = CATALOGUE.iter().map(|entry| entry.code.to_owned()).collect();
    let unknown: Vec<&String> = raised.difference(&known).collect();
    let unused: Vec<&String> = known.difference(&raised).collect();
    assert!(unknown.is_empty(), "raised, but not in the catalogue: {unknown:?}");
    assert!(unused.is_empty(), "in the catalogue, but never raised: {unused:?}");
}

/// Texts in quotes that have the form of a code.
fn quoted_codes(text: &str) -> impl Iterator<Item = String> {
    text.match_indices('"').filter_map(|(quote, _)| {
        let code = text.get(quote + 1..quote + 6)?;
        let closed = text[quote + 6..].starts_with('"');
        let digits = code.strip_prefix(['E', 'W'])?.bytes().all(|byte| byte.is_ascii_digit());
        (closed && digits).then(|| code.to_owned())
    })
}

fn programs(page: &str) -> Vec<String> {
    Document::parse(page).fences("mlsys").map(str::to_owned).collect()
}
