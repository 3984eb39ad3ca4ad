//! What a version of a model looks like to a person: a model card in Markdown, and one page in HTML with charts.
//!
//! Both are made of a [`Card`], which holds plain data and knows nothing of where versions are kept. What is told is
//! decided once, in `sections`: each gives text and a table, which [`card`] writes as Markdown and [`html`] as HTML.
//! Charts, one file each in `charts`, stand beside the section that they belong to. Every text of a card is untrusted
//! and every length is bounded, so that neither output can be made to run, or to grow without end (`limits`).

mod card;
mod charts;
mod content;
mod html;
mod limits;
mod markdown;
mod plot;
mod reading;
mod sections;
mod shown;

pub use card::{Card, Event, Origin};

/// A model card in Markdown, with the front matter that the Hugging Face Hub reads.
pub fn card(card: &Card) -> String {
    markdown::write(card)
}

/// One HTML file of less than a megabyte that needs nothing else: no network, no scripts, no fonts of its own. It
/// follows the reader's choice of light or dark, and can be printed.
pub fn html(card: &Card) -> String {
    html::write(card)
}
