//! Broken and hostile programs: a diagnostic, never a panic, never a long wait.

use mlsys_driver::format;
use mlsys_tests::{compile, compile_with_hygiene, programs, repository};

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
        format!("param a: int64 = {}1{}", "if true then ".repeat(3000), " else 2".repeat(3000)),
        format!("param a: int64 = {}1{}", "if true\nthen ".repeat(900), " else 2".repeat(900)),
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

/// Every program of the repository with some of its words lost, doubled, exchanged or replaced: no panic, a reason for every
/// plan that is missing, and nothing that the formatter spoils.
#[test]
fn mutations_are_survived() {
    let mut random = Random(42);
    let all = programs();
    let vocabulary: Vec<String> = all
        .iter()
        .step_by(7)
        .flat_map(|(_, text)| words(text).into_iter().map(|(start, end)| text[start..end].to_owned()))
        .collect();
    let mut broken = 0;
    for (name, text) in all.iter().filter(|(_, text)| text.len() < 8_000) {
        let places = words(text);
        for _ in 0..4.min(places.len()) {
            let mutated = mutate(text, &places, &vocabulary, &mut random);
            let (plan, diagnostics, _) = compile_with_hygiene(&mutated);
            assert!(plan.is_some() || !diagnostics.is_empty(), "{name}: no plan and no reason\n{mutated}");
            let formatted = format(&mutated);
            assert_eq!(format(&formatted), formatted, "{name}\n{mutated}");
            broken += usize::from(plan.is_none());
        }
    }
    assert!(broken > 500, "only {broken} mutations broke a program");
}

/// A file of 50 MB: declarations of every kind, and one line without an end.
#[test]
fn a_huge_file_is_checked_or_refused() {
    let one = "source rows_N { from csv(\"a.csv\")  schema { a: int64 }  key a  static }\n";
    let many: String = (0..5_000).map(|number| one.replace('N', &number.to_string())).collect();
    let comments = "// filler\n".repeat((50 << 20) / 10 - many.len() / 10);
    let (plan, diagnostics, _) = compile(&format!("{comments}{many}"));
    assert!(plan.is_some_and(|plan| plan.nodes.len() == 5_000) && diagnostics.is_empty());
    let line = format!("param a: string = \"{}\"", "x".repeat(50 << 20));
    let (plan, diagnostics, _) = compile(&line);
    assert!(plan.is_none() && diagnostics[0].code == "E0105");
}

fn mutate(text: &str, places: &[(usize, usize)], vocabulary: &[String], random: &mut Random) -> String {
    let pick = |random: &mut Random| places[random.below(places.len())];
    let (start, end) = pick(random);
    let word = &text[start..end];
    match random.below(5) {
        0 => format!("{}{}", &text[..start], &text[end..]),
        1 => format!("{}{word} {word}{}", &text[..start], &text[end..]),
        2 => format!("{}{}{}", &text[..start], vocabulary[random.below(vocabulary.len())], &text[end..]),
        3 => {
            let (other, other_end) = pick(random);
            let ((a, b), (c, d)) =
                if start <= other { ((start, end), (other, other_end)) } else { ((other, other_end), (start, end)) };
            if b > c {
                return text.to_owned();
            }
            format!("{}{}{}{}{}", &text[..a], &text[c..d], &text[b..c], &text[a..b], &text[d..])
        }
        _ => {
            let noise = ["\u{0}", "é", "{", ")", "\"", "//", "99999999999999999999", "@", "\r\n", "null"];
            format!("{}{}{}", &text[..start], noise[random.below(noise.len())], &text[start..])
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
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
