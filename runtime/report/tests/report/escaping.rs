//! Names and values that try to leave their place.

use mlsys_report::Card;

use crate::cards::{behaviour, gate, importance, input, rich, slice};

/// Texts that mean something to HTML, Markdown, tables or YAML.
const WILD: &[&str] = &[
    "<script>alert(1)</script>",
    "</title></svg><img src=x onerror=alert(1)>",
    "a & b \"c\" 'd'",
    "x: y # z",
    "one\n- two\n---\n",
    "`code` ``two`` | cell |",
    "[link](http://x.y) ![image](z) @ann",
    "\u{202e}backwards\u{0}",
];

fn with(text: &str) -> Card {
    let mut card = rich();
    let text = || text.to_owned();
    card.model = text();
    card.aliases = vec![text()];
    card.label = Some(text());
    card.learner = Some(text());
    card.classes = vec![text()];
    card.license = Some(text());
    card.registered_at = text();
    card.report.inputs = vec![input(&text(), &text(), 0.5)];
    card.report.importance = vec![importance(&text(), 0.1, 0.01)];
    card.report.importance[0].metric = text();
    card.report.trials[0].failure = Some(text());
    card.report.trials[1].values.insert(text(), mlsys_plan::Value::String(text()));
    for part in card.report.parts.values_mut() {
        part.slices = vec![slice(&text(), 500, 0.7, 0.1)];
        part.slices[0].column = text();
        part.metrics.0[0].metric = text();
        part.baselines.insert(text(), part.metrics.clone());
    }
    card.gates = vec![gate(&text(), Some(&text()), Some(&text()), 0.7, 0.6)];
    card.gates[0].note = Some(text());
    card.behaviours = vec![behaviour(&text(), &text(), 0)];
    card.origin.sources.insert(text(), text());
    card.origin.groups.insert(text(), text());
    card.origin.commit = Some(text());
    card.origin.mlsys = Some(text());
    card.history[0].what = text();
    card.history[0].who = Some(text());
    card.history[0].why = Some(text());
    card
}

/// The names of a page's elements in the order in which they begin and end.
fn elements(page: &str) -> Vec<String> {
    let name = |rest: &str| -> String {
        rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "/!".contains(*letter)).collect()
    };
    page.match_indices('<').map(|(place, _)| name(&page[place + 1..])).collect()
}

#[test]
fn no_text_becomes_an_element_of_the_page() {
    // The order of columns follows from their names.
    let sorted = |text: &str| {
        let mut elements = elements(&mlsys_report::html(&with(text)));
        elements.sort();
        elements
    };
    let expected = sorted("plain");
    for text in WILD {
        assert!(sorted(text) == expected, "{text}");
        assert!(!mlsys_report::html(&with(text)).contains(['\0', '\u{202e}']));
    }
    let page = mlsys_report::html(&with(WILD[0]));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"));
}

#[test]
fn elements_are_closed_in_order() {
    let page = mlsys_report::html(&with(WILD[1]));
    let mut open: Vec<String> = Vec::new();
    for name in elements(&page).into_iter().filter(|name| !["meta", "!DOCTYPE"].contains(&name.as_str())) {
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = mlsys_report::html(&rich());
    for outside in ["<link", "<script", "<img", "<iframe", "url(", "@import", "http://", "https://", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// Front matter has one line a scalar, and every text stands in double quotes on its line.
#[test]
fn no_text_leaves_its_line_of_the_front_matter() {
    let lines = |text: &str| {
        let card = mlsys_report::card(&with(text));
        let front: Vec<String> = card.lines().skip(1).take_while(|line| *line != "---").map(str::to_owned).collect();
        front.iter().map(|line| line.split('"').next().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let mut expected = lines("plain");
    expected.sort();
    for text in WILD {
        let mut lines = lines(text);
        lines.sort();
        assert_eq!(lines, expected, "{text}");
    }
}

/// Tables keep their columns, and there is no HTML outside of code.
#[test]
fn no_text_leaves_its_cell_of_a_table() {
    let shape = |text: &str| {
        let card = mlsys_report::card(&with(text));
        let rows = card.lines().filter(|line| line.starts_with('|'));
        rows.map(|row| row.replace("\\|", "").matches('|').count()).collect::<Vec<usize>>()
    };
    let expected = shape("plain");
    for text in WILD {
        assert_eq!(shape(text), expected, "{text}");
        for line in mlsys_report::card(&with(text)).lines().skip_while(|line| !line.starts_with("# ")) {
            let outside: String = line.split('`').step_by(2).collect();
            assert!(text.contains('`') || !outside.contains("<script"), "{line}");
        }
    }
}
