//! What several sections and charts read from a card.

use mlsys_metrics::Curves;
use mlsys_plan::{Part, Task};
use mlsys_training::{GateResult, PartReport, Scores, SliceReport};

use crate::card::Card;
use crate::limits;
use crate::plot::{Series, Shape};

/// The alias of the version that is used.
pub(crate) const CHAMPION: &str = "champion";

/// The part that says how good a version is: the last one that has examples, which is test if there is a test part.
pub(crate) fn judged(card: &Card) -> Option<(Part, &PartReport)> {
    parts(card).last()
}

/// The parts that have examples, in order of time.
pub(crate) fn parts(card: &Card) -> impl DoubleEndedIterator<Item = (Part, &PartReport)> {
    Part::ALL
        .into_iter()
        .filter_map(|part| Some((part, card.report.parts.get(&part).filter(|report| report.rows > 0)?)))
}

/// The curves of the part that judges.
pub(crate) fn drawn(card: &Card) -> Option<(Part, &Curves)> {
    let (part, report) = judged(card)?;
    Some((part, report.curves.as_ref()?))
}

/// A curve of every part that has it but the one that was learnt from, where it would only say how well that is
/// remembered.
pub(crate) fn curves(card: &Card, shape: Shape, points: impl Fn(&Curves) -> Vec<(f64, f64)>) -> Vec<Series> {
    let drawn = parts(card).filter(|(part, _)| *part != Part::Train).filter_map(|(part, report)| {
        let points = points(report.curves.as_ref()?);
        (!points.is_empty()).then(|| Series { name: part.to_string(), class: class(part), shape, points })
    });
    drawn.collect()
}

/// The name of a part's colour in the style sheet.
pub(crate) fn class(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Validate => "validate",
        Part::Test => "test",
    }
}

/// The share of the labels that hold, on the part that judges.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
pub(crate) fn base_rate(card: &Card) -> Option<f64> {
    let (_, report) = judged(card)?;
    Some(report.positives? as f64 / report.rows.max(1) as f64)
}

/// Whether larger values of a metric are better, where it is known.
pub(crate) fn larger_is_better(metric: &str) -> Option<bool> {
    Some(mlsys_metrics::definition(name_of(metric))?.larger_is_better)
}

/// The name of a metric without its arguments.
pub(crate) fn name_of(metric: &str) -> &str {
    metric.split(['(', ' ']).next().unwrap_or_default()
}

/// Which way a metric is to go.
pub(crate) fn direction(metric: &str) -> &'static str {
    match larger_is_better(metric) {
        Some(true) => "higher is better",
        Some(false) => "lower is better",
        None => "",
    }
}

/// What a prediction is.
pub(crate) fn prediction(task: Task) -> &'static str {
    match task {
        Task::Binary => "the probability that it holds",
        Task::Multiclass => "the probability of each class",
        Task::Regression => "a number",
        Task::Quantile => "quantiles of a number",
        Task::Ranking => "an order within each group",
        Task::Retrieval => "candidates",
        Task::Anomaly => "how unusual an example is",
    }
}

/// The results of one gate: one, or one a slice.
pub(crate) struct Clause<'a> {
    pub(crate) results: &'a [GateResult],
}

impl<'a> Clause<'a> {
    /// The gates of a card, each with its results.
    pub(crate) fn all(card: &'a Card) -> Vec<Self> {
        card.gates.chunk_by(|left, right| left.gate == right.gate).map(|results| Clause { results }).collect()
    }

    /// Those that count.
    pub(crate) fn judged(&self) -> impl Iterator<Item = &'a GateResult> {
        self.results.iter().filter(|result| result.judged)
    }

    /// Whether it holds everywhere it counts.
    pub(crate) fn met(&self) -> bool {
        self.judged().all(|result| result.met)
    }
}

/// A metric on the slices of a column.
pub(crate) struct Sliced<'a> {
    pub(crate) column: &'a str,
    pub(crate) metric: String,
    /// The slices that are shown, from the worst to the best; where the metric is not defined, last.
    pub(crate) slices: Vec<&'a SliceReport>,
    /// How many slices there are.
    pub(crate) all: usize,
    /// The metric on the whole part.
    pub(crate) whole: Option<f64>,
    /// What the gates ask for.
    pub(crate) bound: Option<f64>,
    /// Slices with fewer rows are not judged.
    pub(crate) min_rows: u64,
}

/// The metrics that gates look at on slices; for a column without such a gate, the first metric.
pub(crate) fn sliced(card: &Card) -> Vec<Sliced<'_>> {
    let Some((_, part)) = judged(card).filter(|(_, part)| !part.slices.is_empty()) else { return Vec::new() };
    let columns = part.slices.chunk_by(|left, right| left.column == right.column);
    columns.flat_map(|slices| of_column(card, part, slices)).take(limits::SLICED).collect()
}

fn of_column<'a>(card: &'a Card, part: &'a PartReport, slices: &'a [SliceReport]) -> Vec<Sliced<'a>> {
    let column = slices[0].column.as_str();
    let mut asked: Vec<(String, Option<f64>, u64)> = Vec::new();
    for clause in Clause::all(card) {
        let Some(gate) = clause.results.first().map(|result| &result.gate) else { continue };
        let metric = gate.metric_name();
        if gate.by.as_deref() == Some(column) && asked.iter().all(|(known, ..)| *known != metric) {
            asked.push((metric, gate.bound.as_number(), gate.min_rows));
        }
    }
    if asked.is_empty() {
        let first = slices.iter().find_map(|slice| slice.metrics.0.first());
        asked.extend(first.map(|score| (score.metric.clone(), None, 0)));
    }
    let chosen = largest(slices);
    let sliced = asked.into_iter().map(|(metric, bound, min_rows)| Sliced {
        column,
        slices: ordered(&chosen, &metric),
        all: slices.len(),
        whole: part.metrics.get(&metric),
        bound,
        min_rows,
        metric,
    });
    sliced.collect()
}

/// The slices with the most rows: of those that are small a metric says little.
fn largest(slices: &[SliceReport]) -> Vec<&SliceReport> {
    let mut all: Vec<&SliceReport> = slices.iter().collect();
    all.sort_by_key(|slice| std::cmp::Reverse(slice.rows));
    all.truncate(limits::SLICES);
    all
}

fn ordered<'a>(slices: &[&'a SliceReport], metric: &str) -> Vec<&'a SliceReport> {
    let larger = larger_is_better(metric).unwrap_or(true);
    let worst_first = |scores: &Scores| match scores.get(metric) {
        Some(value) if value.is_finite() => {
            if larger {
                value
            } else {
                -value
            }
        }
        _ => f64::INFINITY,
    };
    let mut ordered = slices.to_vec();
    ordered.sort_by(|left, right| worst_first(&left.metrics).total_cmp(&worst_first(&right.metrics)));
    ordered
}

/// The name of a slice.
pub(crate) fn slice(value: Option<&str>) -> &str {
    match value {
        Some("") => "(empty)",
        Some(value) => value,
        None => "(missing)",
    }
}
