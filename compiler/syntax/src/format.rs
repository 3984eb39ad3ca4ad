//! The formatter: one style, no options.
//!
//! A declaration is parsed and printed again from its tokens, one member a line; text, numbers and comments stay as they
//! are written. A declaration with mistakes of form is left alone. Formatting twice is formatting once.

mod align;
mod block;
mod tokens;
mod wrap;

use crate::chunks::{Chunk, Kind, chunks};

/// The widest line that is printed where something can be broken.
const WIDTH: usize = 100;

/// The text in the one style.
pub fn format(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut out = Output::default();
    let mut end = 0;
    let mut before: Option<Chunk> = None;
    for chunk in chunks(&text) {
        let gap = &text[end..chunk.span.start as usize];
        out.gap(gap, before.as_ref().is_some_and(|before| is_apart(before, &chunk)));
        declaration(&chunk, &text[chunk.span.range()], &mut out);
        end = chunk.span.end as usize;
        before = Some(chunk);
    }
    out.gap(&text[end..], false);
    out.finish()
}

fn declaration(chunk: &Chunk, text: &str, out: &mut Output) {
    match block::declaration(chunk.kind, text) {
        Some(lines) => lines.into_iter().for_each(|line| out.line(&line)),
        // What could not be read is not touched.
        None => text.lines().for_each(|line| out.line(line.trim_end())),
    }
}

/// Whether a blank line stands between two declarations, whatever was written.
fn is_apart(before: &Chunk, after: &Chunk) -> bool {
    let has_block = |kind: Option<Kind>| !matches!(kind, Some(Kind::Param | Kind::Use | Kind::Entity | Kind::Function));
    has_block(before.kind) || has_block(after.kind) || before.kind != after.kind
}

#[derive(Default)]
struct Output {
    text: String,
}

impl Output {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Comments between declarations, and at most one blank line in a row.
    fn gap(&mut self, gap: &str, apart: bool) {
        let mut blank = apart;
        // The first line ends the declaration before, the last one begins the next.
        let lines: Vec<&str> = gap.split('\n').map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let is_edge = index == 0 || index + 1 == lines.len();
            if !line.is_empty() {
                self.blank(blank);
                self.line(line);
                blank = false;
            } else if !is_edge {
                blank = true;
            }
        }
        self.blank(blank);
    }

    fn blank(&mut self, blank: bool) {
        if blank && !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn finish(mut self) -> String {
        while self.text.ends_with("\n\n") {
            self.text.pop();
        }
        self.text
    }
}
