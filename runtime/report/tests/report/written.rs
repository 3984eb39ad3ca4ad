//! Cards as they are written.

use std::fs;
use std::path::Path;

use mlsys_plan::Task;

use crate::cards::{empty, rich, small};

/// A drawing of a page, a line for each element.
fn drawing<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let title = page.find(&format!("<title id=\"{id}-title\">"))?;
    let begin = page[..title].rfind("<svg")?;
    let end = page[begin..].find("</svg>")?;
    Some(&page[begin..begin + end + "</svg>".len()])
}

#[test]
fn a_small_card() {
    insta::assert_snapshot!(mlsys_report::card(&small()));
}

#[test]
fn a_chart() {
    let page = mlsys_report::html(&small());
    let chart = drawing(&page, "slices-0").unwrap();
    insta::assert_snapshot!(chart.replace("><", ">\n<"));
}

#[test]
fn every_chart_stands_where_there_is_data_for_it() {
    let ids = [
        "roc",
        "precision-recall",
        "calibration",
        "predictions",
        "slices-0",
        "importance-chart",
        "learning-0",
        "learning-1",
        "search",
    ];
    let (full, none) = (mlsys_report::html(&rich()), mlsys_report::html(&empty(Task::Binary)));
    // Looked at by whoever changes it.
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html"), &full).unwrap();
    for id in ids {
        assert!(drawing(&full, id).is_some(), "{id}");
        assert!(drawing(&none, id).is_none(), "{id}");
    }
    assert!(full.contains("38,211") && !none.contains("class=\"matrix\""));
    assert!(!none.contains("<figure"));
    assert!(full.contains("58,963 of 59,000") && !none.contains("id=\"tests\""));
}

#[test]
fn every_task_can_be_written_without_any_data() {
    let tasks = [
        Task::Binary,
        Task::Multiclass,
        Task::Regression,
        Task::Quantile,
        Task::Ranking,
        Task::Retrieval,
        Task::Anomaly,
    ];
    for task in tasks {
        let card = mlsys_report::card(&empty(task));
        assert!(card.starts_with("---\nlibrary_name: mlsys\n") && !card.contains("model-index"), "{card}");
        let page = mlsys_report::html(&empty(task));
        assert!(page.contains(task.name()) && page.contains("no alias"), "{page}");
    }
}

#[test]
fn numbers_that_are_none_are_drawn_nowhere() {
    let mut card = rich();
    for part in card.report.parts.values_mut() {
        part.metrics.0[0].value = f64::NAN;
        part.slices[0].metrics.0[0].value = f64::INFINITY;
        part.curves.as_mut().unwrap().roc[3] = (f64::NAN, 0.5);
        part.curves.as_mut().unwrap().predicted[0].from = f64::NEG_INFINITY;
    }
    card.report.epochs[1].loss = f64::NAN;
    card.report.importance[0].deviation = f64::NAN;
    let page = mlsys_report::html(&card);
    for (place, _) in page.match_indices("<svg") {
        let drawing = page[place..].split("</svg>").next().unwrap();
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
    }
    assert!(!mlsys_report::card(&card).contains("NaN"));
}
