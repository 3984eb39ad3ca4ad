//! Text that stays text in Markdown, also in the cell of a table (CommonMark 0.31, GitHub's tables).

/// Words: every letter that may mean something is escaped.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A link that is written out, or somebody's name, becomes a link without any brackets.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
    out.replace("://", ":&#47;/").replace("www.", "www&#46;")
}

/// A name as code: fenced by more backticks than it has in a row. Bars are escaped, since a table is cut into cells
/// before code is seen.
pub(super) fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let text = text.replace('|', "\\|");
    let blank = text.trim().is_empty();
    match (blank, text.starts_with(['`', ' ']) || text.ends_with(['`', ' '])) {
        (true, _) => plain(&format!("({} blanks)", text.chars().count())),
        (false, true) => format!("{fence} {text} {fence}"),
        (false, false) => format!("{fence}{text}{fence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{code, plain};

    #[test]
    fn words_mean_nothing_to_markdown() {
        assert_eq!(plain("<script>&*a*|`"), "&lt;script&gt;&amp;\\*a\\*\\|\\`");
        assert_eq!(plain("see http://x.y @ann"), "see http:&#47;/x.y &#64;ann");
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("amount"), "`amount`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a|b"), "`` `a\\|b ``");
        assert_eq!(code("  "), "(2 blanks)");
    }
}
