//! Broken and hostile programs: a diagnostic, never a panic, never a long wait.

use mlsys_tests::{compile, repository};

/// The flights program with each of its words and signs left out in turn.
#[test]
fn a_lost_word_is_survived() {
    let text = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    let words = words(&text);
    assert!(words.len() > 500);
    let mut silent = 0;
    for (start, end) in &words {
        let program = format!("{}{}", &text[..*start], &text[*end..]);
        let (plan, diagnostics, _) = compile(&program);
        assert!(plan.is_some() || !diagnostics.is_empty(), "no plan and no reason without `{}`", &text[*start..*end]);
        silent += usize::from(diagnostics.is_empty());
    }
    // Some words can go: a `validate:` boundary cannot, an `expect` can.
    assert!(silent * 10 < words.len(), "{silent} of {} programs compile", words.len());
}

#[test]
fn every_prefix_is_survived() {
    let text = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    for end in (0..text.len()).step_by(17).filter(|&end| text.is_char_boundary(end)) {
        compile(&text[..end]);
    }
}

#[test]
fn deep_and_long_programs_are_refused() {
    let cases = [
        format!("param a: int64 = {}1{}", "(".repeat(5000), ")".repeat(5000)),
        format!("param a: int64 = 1{}", " + 1".repeat(20_000)),
        format!("param a: bool = {}true", "not ".repeat(20_000)),
        format!("param a: int64 = {}1", "- ".repeat(20_000)),
        format!("source s {{ schema {{ a: {}int64{} }} }}", "list<".repeat(5000), ">".repeat(5000)),
        format!("test \"t\" {{ given s [{}] }}", "{ a: [".repeat(3000)),
        format!("param a: string = \"{}\"", "x".repeat(5 << 20)),
        "fn f0(x: float64) -> float64 = x + x\n".to_owned()
            + &(1..40)
                .map(|i| format!("fn f{i}(x: float64) -> float64 = f{0}(x) + f{0}(x)\n", i - 1))
                .collect::<String>(),
        "\u{0}\u{1}\u{ffff}{{{{\"\"\"".repeat(1000),
    ];
    for program in cases {
        let (plan, diagnostics, _) = compile(&program);
        let shown: String = program.chars().take(60).collect();
        assert!(plan.is_none() && !diagnostics.is_empty(), "{shown}…");
    }
}

/// Where words and signs begin and end; comments are left out.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let code = line.find("//").map_or(line, |comment| &line[..comment]);
        let mut at = 0;
        while let Some(first) = code[at..].chars().next() {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
            let rest = &code[at..];
            let length = if word(first) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
            if !first.is_whitespace() {
                found.push((offset + at, offset + at + length));
            }
            at += length;
        }
        offset += line.len();
    }
    found
}
