//! The formatter on every program of the repository: it keeps comments and meaning, and formatting twice is formatting once.

use mlsys_driver::format;
use mlsys_tests::{compile, programs};

#[test]
fn formatting_twice_is_formatting_once() {
    for (name, text) in programs() {
        let once = format(&text);
        assert_eq!(format(&once), once, "{name}");
    }
}

#[test]
fn comments_are_kept_in_order() {
    for (name, text) in programs() {
        assert_eq!(comments(&format(&text)), comments(&text), "{name}");
    }
}

/// The plan is the same but for lines.
#[test]
fn meaning_is_kept() {
    let mut compiled = 0;
    for (name, text) in programs() {
        let (before, found, _) = compile(&text);
        let (after, found_after, _) = compile(&format(&text));
        let codes = |found: &[mlsys_diagnostics::Diagnostic]| {
            let mut codes: Vec<&str> = found.iter().map(|each| each.code).collect();
            codes.sort_unstable();
            codes.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(codes(&found), codes(&found_after), "{name}");
        let (Some(before), Some(after)) = (before, after) else { continue };
        compiled += 1;
        assert_eq!(before.nodes.len(), after.nodes.len(), "{name}");
        for (left, right) in before.nodes.iter().zip(&after.nodes) {
            let of = |node: &mlsys_plan::Node| mlsys_plan::fingerprint(&node.operation, &[]).unwrap();
            assert_eq!((&left.id, of(left)), (&right.id, of(right)), "{name}");
        }
    }
    assert!(compiled > 100, "only {compiled} programs compile");
}

/// Programs with their blanks, line breaks and comments moved about mean the same after formatting, which stays one style.
#[test]
fn mangled_layout_is_mended() {
    let mut random = Random(1);
    for (name, text) in programs() {
        if compile(&text).0.is_none() {
            continue;
        }
        for _ in 0..3 {
            let mangled = mangle(&text, &mut random);
            let formatted = format(&mangled);
            assert_eq!(format(&formatted), formatted, "{name}\n{mangled}");
            assert_eq!(comments(&formatted), comments(&mangled), "{name}\n{mangled}");
            let (before, after) = (compile(&mangled).0, compile(&formatted).0);
            let operations = |plan: Option<mlsys_plan::Plan>| {
                let nodes = plan.into_iter().flat_map(|plan| plan.nodes);
                nodes.map(|node| mlsys_plan::fingerprint(&node.operation, &[]).unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(operations(before), operations(after), "{name}\n{mangled}\n{formatted}");
        }
    }
}

/// The comments of a program, doc comments among them.
fn comments(text: &str) -> Vec<String> {
    let comment = |line: &str| {
        let mut in_text = false;
        let mut escaped = false;
        let bytes = line.as_bytes();
        let at = (0..bytes.len()).find(|&at| {
            if escaped {
                escaped = false;
            } else if in_text && bytes[at] == b'\\' {
                escaped = true;
            } else if bytes[at] == b'"' {
                in_text = !in_text;
            } else if !in_text && line[at..].starts_with("//") {
                return true;
            }
            false
        });
        at.map(|at| line[at..].trim_end().to_owned())
    };
    // A byte may lie within a character: only lines of plain text are cut.
    text.lines().filter(|line| line.is_ascii()).filter_map(comment).collect()
}

/// Blanks doubled, line breaks added where a line begins, comments added at the ends of lines.
fn mangle(text: &str, random: &mut Random) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let is_plain = !line.contains('"') && !line.contains("//");
        let changed = match random.below(5) {
            0 if is_plain => line.replace(' ', "  "),
            1 if is_plain && !line.trim().is_empty() && line.starts_with(' ') => format!("\n{line}"),
            2 if is_plain && !line.trim().is_empty() && line.starts_with(' ') => format!("{line} // remark"),
            3 if is_plain => line.replace("{ ", "{\n").replace(", ", ",\n    "),
            _ => line.to_owned(),
        };
        out.push_str(&changed);
        out.push('\n');
    }
    out
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
