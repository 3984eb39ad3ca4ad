//! Lines whose parts stand below each other: names and types of columns, keywords and what follows them, comments.

/// Lines with more difference than this between their longest and shortest part are not aligned.
const MOST_PADDING: usize = 28;

/// Which lines are aligned with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `name: type modifiers`
    Column,
    /// `name = value`
    Definition,
    /// `name value`
    Setting,
    /// `keyword rest`
    Clause,
    /// Nothing to align.
    Plain,
}

/// A line of the output.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// Nothing.
    Blank,
    /// A line that is printed as it is, with its full indentation.
    Whole { indent: usize, text: String, comment: Option<String> },
    /// A member in parts.
    Member { depth: usize, class: Class, cells: Vec<String>, comment: Option<String> },
}

impl Line {
    pub(super) fn comment(depth: usize, text: &str) -> Line {
        Line::Whole { indent: 2 * depth, text: text.trim_end().to_owned(), comment: None }
    }

    pub(super) fn whole(depth: usize, text: String) -> Line {
        Line::Whole { indent: 2 * depth, text, comment: None }
    }

    pub(super) fn wrapped(depth: usize, indent: usize, text: String) -> Line {
        Line::Whole { indent: 2 * depth + indent, text, comment: None }
    }

    /// Puts a comment at the line's end. Whether there was room for one.
    pub(super) fn add_comment(&mut self, text: &str) -> bool {
        match self {
            Line::Blank => false,
            Line::Whole { text, .. } if text.contains("//") => false,
            Line::Whole { comment, .. } | Line::Member { comment, .. } => {
                let free = comment.is_none();
                comment.get_or_insert_with(|| text.trim_end().to_owned());
                free
            }
        }
    }

    fn end_comment(&self) -> Option<&str> {
        match self {
            Line::Blank => None,
            Line::Whole { comment, .. } | Line::Member { comment, .. } => comment.as_deref(),
        }
    }
}

/// The lines as text, parts and comments below each other.
pub(super) fn aligned(lines: &[Line]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let run = lines[at..].iter().take_while(|line| goes_with(&lines[at], line)).count().max(1);
        texts.extend(run_of(&lines[at..at + run]));
        at += run;
    }
    comments(lines, &mut texts);
    texts
}

/// Whether a line is aligned with the first one of a run.
fn goes_with(first: &Line, line: &Line) -> bool {
    match (first, line) {
        (Line::Member { depth, class, .. }, Line::Member { depth: other_depth, class: other, .. }) => {
            depth == other_depth && class == other && *class != Class::Plain
        }
        _ => false,
    }
}

fn run_of(lines: &[Line]) -> Vec<String> {
    let rows: Vec<(&usize, &Vec<String>)> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Member { depth, cells, .. } => Some((depth, cells)),
            _ => None,
        })
        .collect();
    let widths: Vec<usize> = (0..2).map(|column| width(&rows, column)).collect();
    let row = |(depth, cells): (&usize, &Vec<String>)| {
        let mut text = " ".repeat(2 * depth);
        for (column, cell) in cells.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < cells.len() {
                let missing = widths.get(column).copied().unwrap_or_default().saturating_sub(cell.chars().count());
                text.push_str(&" ".repeat(missing + 1));
            }
        }
        text
    };
    if rows.is_empty() {
        return lines
            .iter()
            .map(|line| match line {
                Line::Whole { indent, text, .. } if !text.is_empty() => format!("{}{text}", " ".repeat(*indent)),
                _ => String::new(),
            })
            .collect();
    }
    rows.into_iter().map(row).collect()
}

/// How wide a part is printed; zero where parts differ too much. Only lines with a further part count.
fn width(rows: &[(&usize, &Vec<String>)], column: usize) -> usize {
    let lengths: Vec<usize> = rows
        .iter()
        .filter(|(_, cells)| cells.len() > column + 1)
        .map(|(_, cells)| cells[column].chars().count())
        .collect();
    let (least, most) = (lengths.iter().min(), lengths.iter().max());
    match (least, most) {
        (Some(least), Some(most)) if most - least <= MOST_PADDING => *most,
        _ => 0,
    }
}

/// Adds comments at the ends of lines; those of lines that follow each other stand below each other.
fn comments(lines: &[Line], texts: &mut [String]) {
    let mut at = 0;
    while at < lines.len() {
        let run = lines[at..].iter().take_while(|line| line.end_comment().is_some()).count();
        let widest = texts[at..at + run].iter().map(|text| text.chars().count()).max().unwrap_or_default();
        for (line, text) in lines[at..at + run].iter().zip(&mut texts[at..at + run]) {
            let missing = widest - text.chars().count();
            text.push_str(&" ".repeat(missing + 2));
            text.push_str(line.end_comment().unwrap_or_default());
        }
        at += run.max(1);
    }
}
