//! How much worse predictions are without each input (Breiman, 2001).

use super::{Chart, Figure};
use crate::card::Card;
use crate::limits;
use crate::plot::{Axis, Head, Row, Rows, rows};

pub(super) const CHART: Chart = Chart { section: "importance", draw };

fn draw(card: &Card) -> Vec<Figure> {
    let all = &card.report.importance[..card.report.importance.len().min(limits::IMPORTANCE)];
    let ends = all.iter().flat_map(|input| [input.worse - input.deviation, input.worse + input.deviation, input.worse]);
    let Some(first) = all.first() else { return Vec::new() };
    let metric = crate::shown::text(&first.metric, limits::LABEL);
    let Some(x) = Axis::over(&format!("{metric} becomes worse by"), ends.chain([0.0])) else { return Vec::new() };
    let about =
        "A bar for each input, the most important first; the line across its end is the deviation over shuffles.";
    let drawing = rows(&Rows {
        head: Head { id: "importance-chart", title: "Importance of inputs", description: about },
        x,
        rows: all
            .iter()
            .map(|input| Row {
                name: input.name.clone(),
                value: Some(input.worse),
                between: Some((input.worse - input.deviation, input.worse + input.deviation)),
                faint: false,
            })
            .collect(),
        guides: Vec::new(),
        bars: true,
    });
    vec![Figure { title: "Importance of inputs".to_owned(), about: about.to_owned(), drawing, numbers: None }]
}
