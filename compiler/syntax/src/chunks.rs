//! Cuts a file into declarations before any grammar sees it.
//!
//! A declaration begins at a line whose first word is a declaration's keyword, outside of all braces; inside of
//! unclosed braces only at the line's very first column and with a `{` on the line, so that a missing `}` costs one
//! declaration and not the rest of the file.

use mlsys_diagnostics::Span;

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What the piece declares; none for text that is no declaration.
    pub kind: Option<Kind>,
    /// The declared name, or what stands in its place.
    pub name: String,
    /// The piece in the file, with the doc comments directly above it.
    pub span: Span,
}

/// The kinds of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `param`
    Param,
    /// `entity`
    Entity,
    /// `source`
    Source,
    /// `features`
    Features,
    /// `model`
    Model,
    /// `deployment`
    Deployment,
    /// `monitor`
    Monitor,
    /// `fn`
    Function,
    /// `extern`
    Extern,
    /// `test`
    Test,
    /// `use`
    Use,
}

impl Kind {
    /// Every kind, in the order a manual lists them.
    pub const ALL: [Kind; 11] = [
        Kind::Use,
        Kind::Param,
        Kind::Entity,
        Kind::Source,
        Kind::Features,
        Kind::Model,
        Kind::Deployment,
        Kind::Monitor,
        Kind::Function,
        Kind::Test,
        Kind::Extern,
    ];

    /// The keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Kind::Param => "param",
            Kind::Entity => "entity",
            Kind::Source => "source",
            Kind::Features => "features",
            Kind::Model => "model",
            Kind::Deployment => "deployment",
            Kind::Monitor => "monitor",
            Kind::Function => "fn",
            Kind::Extern => "extern",
            Kind::Test => "test",
            Kind::Use => "use",
        }
    }

    fn has_block(self) -> bool {
        !matches!(self, Kind::Param | Kind::Function | Kind::Extern | Kind::Use)
    }
}

/// The chunks of a file, in order. Blank lines, comments and `//!` lines between declarations belong to none.
pub fn chunks(text: &str) -> Vec<Chunk> {
    let mut splitter = Splitter::default();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        splitter.line(line, offset);
        offset += line.len();
    }
    splitter.finish();
    splitter.chunks
}

#[derive(Default)]
struct Splitter {
    chunks: Vec<Chunk>,
    open: Option<Chunk>,
    docs: Option<usize>,
    depth: usize,
}

impl Splitter {
    fn line(&mut self, line: &str, offset: usize) {
        let content = line.trim();
        if self.depth == 0 && (content.is_empty() || content.starts_with("//")) {
            self.trivia(content, offset + line.len() - line.trim_start().len());
            return;
        }
        if let Some((kind, name)) = self.head(line) {
            self.finish();
            let start = self.docs.take().unwrap_or(offset + line.len() - line.trim_start().len());
            self.open = Some(Chunk { kind: Some(kind), name, span: Span::new(start, start) });
        } else if self.open.is_none() || self.begins_something_else(line) {
            self.finish();
            self.docs = None;
            let start = offset + line.len() - line.trim_start().len();
            self.open = Some(Chunk { kind: None, name: String::new(), span: Span::new(start, start) });
        }
        if let Some(open) = &mut self.open {
            open.span = Span::new(open.span.start as usize, offset + line.trim_end().len());
        }
        self.depth = depth_after(line, self.depth);
    }

    /// A line between declarations: doc comments wait for the next one, anything else separates.
    fn trivia(&mut self, content: &str, start: usize) {
        if content.starts_with("///") && !content.starts_with("////") {
            self.finish();
            self.docs.get_or_insert(start);
        } else {
            self.docs = None;
        }
    }

    /// A word in the first column, outside of all brackets, is no continuation of the declaration before it.
    fn begins_something_else(&self, line: &str) -> bool {
        self.depth == 0 && line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '}')
    }

    fn head(&self, line: &str) -> Option<(Kind, String)> {
        let content = line.trim_start();
        let word_end = content.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(content.len());
        let kind = Kind::ALL.into_iter().find(|kind| kind.keyword() == &content[..word_end])?;
        let rest = content[word_end..].trim();
        if self.depth > 0 && (content.len() != line.len() || !kind.has_block() || !rest.contains('{')) {
            return None;
        }
        // A keyword may also be a member's name, as in `source = 1`; a declaration has a name after it.
        let begins_name = |c: char| c.is_ascii_alphabetic() || c == '_' || (kind == Kind::Test && c == '"');
        if !rest.is_empty() && !rest.starts_with(begins_name) {
            return None;
        }
        Some((kind, declared_name(kind, rest)))
    }

    fn finish(&mut self) {
        self.chunks.extend(self.open.take());
        self.depth = 0;
    }
}

fn declared_name(kind: Kind, rest: &str) -> String {
    let name = match kind {
        Kind::Use => rest,
        Kind::Test => rest.trim_start_matches('"').split('"').next().unwrap_or_default(),
        Kind::Extern => rest.split_once(char::is_whitespace).map_or("", |(_, name)| name.trim_start()),
        Kind::Param
        | Kind::Entity
        | Kind::Source
        | Kind::Features
        | Kind::Model
        | Kind::Deployment
        | Kind::Monitor
        | Kind::Function => rest,
    };
    match kind {
        Kind::Test | Kind::Use => name.to_owned(),
        _ => name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned(),
    }
}

/// The number of open braces after a line, text and comments left out.
fn depth_after(line: &str, mut depth: usize) -> usize {
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => skip_string(&mut chars),
            '/' if chars.peek() == Some(&'/') => return depth,
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}

fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return,
            _ => {}
        }
    }
}
