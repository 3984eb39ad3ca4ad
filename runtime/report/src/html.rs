//! A card as one page of HTML that needs nothing else. Texts are escaped where they are put in, by construction: maud
//! writes nothing of a value as it is.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::card::Card;
use crate::charts::{self, Figure};
use crate::content::{Block, Cell, Section, Table};
use crate::sections::{self, Summary, Tile, summary};
use crate::{limits, shown};

/// The one style sheet, for light and dark, screens of every width, and paper.
const STYLE: &str = include_str!("html/style.css");

/// What a page may load: nothing but the style that is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(crate) fn write(card: &Card) -> String {
    let summary = summary(card);
    let sections = sections::all(card);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (summary.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (top(&summary))
                nav aria-label="Sections" {
                    @for section in &sections { a href=(format!("#{}", section.id)) { (section.title) } }
                }
                main { @for section in &sections { (of_section(section, &charts::of(section.id, card))) } }
                footer {
                    "Written by mlsys"
                    @if let Some(mlsys) = &card.origin.mlsys { " " (shown::text(mlsys, limits::LABEL)) }
                    "."
                }
            }
        }
    };
    page.into_string()
}

fn top(summary: &Summary) -> Markup {
    html! {
        header {
            h1 {
                (summary.title)
                @for alias in &summary.aliases { " " span.badge.champion[summary.is_champion] { (alias) } }
                @if summary.aliases.is_empty() { " " span.badge { "no alias" } }
            }
            p.lead { (sentence(&summary.lead)) }
            div.tiles {
                @if let Some((met, all)) = summary.gates {
                    div.tile.good[met == all].bad[met < all] {
                        span.what { "gates" }
                        span.value { (met) " of " (all) }
                        span.beside { @if met == all { "all hold" } @else { (all - met) " missed" } }
                    }
                }
                @for tile in &summary.tiles { (of_tile(tile)) }
            }
            @if let Some(part) = summary.part.as_ref().filter(|_| !summary.tiles.is_empty()) {
                p.note {
                    "Metrics of " (part)
                    @if summary.tiles.iter().any(|tile| tile.interval.is_some()) { ", with 95 % intervals" }
                    "."
                }
            }
        }
    }
}

fn of_tile(tile: &Tile) -> Markup {
    html! {
        div.tile title=(tile.direction) {
            span.what { (tile.metric) }
            span.value { (tile.value) }
            span.beside { @if let Some(interval) = &tile.interval { (interval) } @else { (tile.direction) } }
        }
    }
}

fn of_section(section: &Section, figures: &[Figure]) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.title) }
            div.blocks {
                @for block in &section.blocks {
                    @match block {
                        Block::Text(cells) => p { (sentence(cells)) },
                        Block::Table(table) => (of_table(table)),
                        Block::Charts => (of_figures(figures)),
                    }
                }
            }
            @if !section.blocks.iter().any(|block| matches!(block, Block::Charts)) { (of_figures(figures)) }
        }
    }
}

fn of_figures(figures: &[Figure]) -> Markup {
    html! {
        @if !figures.is_empty() { div.figures { @for figure in figures { (of_figure(figure)) } } }
    }
}

fn of_figure(figure: &Figure) -> Markup {
    html! {
        figure {
            figcaption { strong { (figure.title) } " " (figure.about) }
            (figure.drawing)
            @if let Some(numbers) = &figure.numbers { details { summary { "The numbers" } (of_table(numbers)) } }
        }
    }
}

fn of_table(table: &Table) -> Markup {
    let class = |column: usize| if table.is_numeric(column) { "number" } else { "" };
    html! {
        div.scroll {
            table.pairs[table.head.is_empty()] {
                @if !table.head.is_empty() {
                    thead {
                        tr {
                            @for (column, name) in table.head.iter().enumerate() {
                                th scope="col" class=(class(column)) { (name) }
                            }
                        }
                    }
                }
                tbody {
                    @for line in &table.lines {
                        tr {
                            @for (column, each) in line.iter().enumerate() {
                                @if column == 0 {
                                    th scope="row" { (cell(each)) }
                                } @else {
                                    td class=(class(column)) { (cell(each)) }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(more) = &table.more { p.note { (more) } }
    }
}

fn sentence(cells: &[Cell]) -> Markup {
    html! { @for each in cells { (cell(each)) } }
}

fn cell(cell: &Cell) -> Markup {
    html! {
        @match cell {
            Cell::Text(text) | Cell::Number(text) => (text),
            Cell::Name(name) => code { (name) },
            Cell::Between(value, between) => { (value) " " span.between { (between) } },
            Cell::Met(true) => span.yes { "yes" },
            Cell::Met(false) => span.no { "no" },
            Cell::Empty => {},
        }
    }
}
