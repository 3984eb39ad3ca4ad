//! Tokens with the space between them.

use pest::iterators::Pair;

use crate::parse::Rule;

/// A piece of text that is never broken.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) text: String,
    /// Whether a line break stands before it in the source.
    pub(super) starts_line: bool,
    /// Whether a blank line stands before it in the source.
    pub(super) after_blank: bool,
    /// Whether it sticks to the token before it.
    pub(super) tight: bool,
}

impl Token {
    pub(super) fn is_comment(&self) -> bool {
        self.text.starts_with("//")
    }

    pub(super) fn is_doc(&self) -> bool {
        self.text.starts_with("///") && !self.text.starts_with("////")
    }
}

/// What the grammar says about places in the text.
#[derive(Default)]
struct Known {
    /// Literals: where they begin and end.
    literals: Vec<(usize, usize)>,
    /// Brackets and signs that stick to what stands before them.
    tight: Vec<usize>,
    /// Signs to which what follows sticks.
    prefixes: Vec<usize>,
}

/// The tokens of a declaration, comments among them.
pub(super) fn tokens(text: &str, chunk: &Pair<'_, Rule>) -> Vec<Token> {
    let mut known = Known::default();
    known.visit(chunk);
    known.literals.sort_unstable();
    known.tight.sort_unstable();
    known.prefixes.sort_unstable();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find(|c: char| !c.is_whitespace()) {
        let start = at + offset;
        let end = known.end_of(text, start);
        let breaks = text[at..start].matches('\n').count();
        let tight = tokens.last().is_some_and(|before| known.sticks(before, &text[start..end], start));
        let token = text[start..end].trim_end().to_owned();
        tokens.push(Token { start, text: token, starts_line: breaks > 0, after_blank: breaks > 1, tight });
        at = end;
    }
    tokens
}

impl Known {
    fn visit(&mut self, pair: &Pair<'_, Rule>) {
        let span = pair.as_span();
        match pair.as_rule() {
            Rule::int
            | Rule::float
            | Rule::percent
            | Rule::size
            | Rule::rate
            | Rule::clock
            | Rule::duration
            | Rule::instant
            | Rule::string => self.literals.push((span.start(), span.start() + pair.as_str().trim_end().len())),
            Rule::arguments | Rule::keys | Rule::key_map | Rule::parameters => self.tight.push(span.start()),
            Rule::type_names | Rule::type_list | Rule::type_parameters | Rule::optional => {
                self.tight.push(span.start())
            }
            Rule::field | Rule::every_field | Rule::some_fields => self.tight.push(span.start()),
            Rule::minus => self.prefixes.push(span.start()),
            _ => {}
        }
        if matches!(pair.as_rule(), Rule::some_fields | Rule::use_item) {
            let brace = |sign: char| pair.as_str().find(sign).map(|offset| span.start() + offset);
            self.prefixes.extend(brace('{'));
            self.tight.extend(brace('}'));
        }
        if matches!(pair.as_rule(), Rule::type_list | Rule::type_parameters) {
            self.prefixes.push(span.start());
            self.tight.push(span.start() + pair.as_str().trim_end().len() - 1);
        }
        pair.clone().into_inner().for_each(|inner| self.visit(&inner));
    }

    fn end_of(&self, text: &str, start: usize) -> usize {
        let rest = &text[start..];
        if rest.starts_with("//") {
            return start + rest.find('\n').unwrap_or(rest.len());
        }
        if let Ok(index) = self.literals.binary_search_by_key(&start, |(start, _)| *start) {
            return self.literals[index].1;
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if rest.starts_with(word) {
            return start + rest.find(|c| !word(c)).unwrap_or(rest.len());
        }
        let pairs = ["==", "!=", "<=", ">=", "??", "->"];
        let length = if pairs.iter().any(|pair| rest.starts_with(pair)) {
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        start + length
    }

    fn sticks(&self, before: &Token, text: &str, start: usize) -> bool {
        let known = |places: &[usize], place: usize| places.binary_search(&place).is_ok();
        if matches!(text, "," | ")" | "]" | ":" | "." | "@") || known(&self.tight, start) {
            return true;
        }
        matches!(before.text.as_str(), "(" | "[" | "." | "@") || known(&self.prefixes, before.start)
            // `.*` and `.{` are one sign.
            || (before.text == "." && matches!(text, "*" | "{"))
    }
}

/// The tokens on one line.
pub(super) fn joined(tokens: &[Token]) -> String {
    let mut line = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && !token.tight {
            line.push(' ');
        }
        line.push_str(&token.text);
    }
    line
}
