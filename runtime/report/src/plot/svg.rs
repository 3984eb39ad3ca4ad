//! What every drawing has: a size, a title and a description for those who do not see it, and numbers as short as they
//! can be.

use maud::{Markup, html};

/// What a drawing is called and says.
pub(crate) struct Head<'a> {
    /// Its name among the drawings of a page.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    /// What is to be seen, in a sentence.
    pub(crate) description: &'a str,
}

/// A drawing of that size.
pub(super) fn svg(head: &Head<'_>, width: f64, height: f64, inside: &Markup) -> Markup {
    let (title, description) = (format!("{}-title", head.id), format!("{}-text", head.id));
    html! {
        svg role="img" viewBox=(format!("0 0 {} {}", px(width), px(height))) style=(format!("--width:{}", px(width)))
            aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { (head.title) }
            desc id=(description) { (head.description) }
            (inside)
        }
    }
}

/// A place in a drawing, to a tenth.
pub(super) fn px(place: f64) -> String {
    let text = format!("{place:.1}");
    let short = text.strip_suffix(".0").unwrap_or(&text);
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A text at a place; `class` says how it is set.
pub(super) fn text(x: f64, y: f64, class: &str, text: &str) -> Markup {
    html! { text x=(px(x)) y=(px(y)) class=(class) { (text) } }
}

/// A line between two places.
pub(super) fn rule(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Markup {
    html! { line class=(class) x1=(px(x1)) y1=(px(y1)) x2=(px(x2)) y2=(px(y2)) {} }
}
