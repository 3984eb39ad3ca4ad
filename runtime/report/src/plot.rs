//! Drawing charts as SVG: axes with ticks at 1, 2 and 5, lines over two axes, and rows over one.

mod axis;
mod bars;
mod lines;
mod rows;
mod svg;

pub(crate) use axis::Axis;
pub(crate) use bars::{Bars, bars};
pub(crate) use lines::{Lines, Series, Shape, lines};
pub(crate) use rows::{Guide, Row, Rows, rows};
pub(crate) use svg::Head;
