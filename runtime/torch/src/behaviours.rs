//! How predictions follow an input: examples are changed, and predicted again (metamorphic relations, as in the behavioural
//! tests of Ribeiro et al., 2020).

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow::compute::kernels::cmp::gt;
use arrow::compute::take;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mlsys_metrics::{middle, most_probable};
use mlsys_plan::{Behaviour, Part, Relation, Train};
use mlsys_training::{BehaveJob, BehaviourReport, Changed, Seen, TrainEvent};

use crate::artefact::{Answer, Model};
use crate::chance;
use crate::error::TrainError;
use crate::examples::Examples;
use crate::importance::{SHUFFLES, chosen};
use crate::training::{use_threads, write_json};

/// What chance is drawn for.
const PLACE: u64 = 4;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// Holds a trained model's predictions on the test part against the behaviours of its training, and writes a
/// [`BehaviourReport`].
///
/// # Errors
/// The examples or the model cannot be read, the examples lack an input of the model, or the report cannot be written.
pub fn behave(job: &BehaveJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<BehaviourReport, TrainError> {
    use_threads(job.threads);
    let model = Model::load(&job.model)?;
    let examples = Examples::read(&job.examples)?;
    let probe = Probe::of(&job.train, &model, &examples)?;
    let seen = job.train.behaviours.iter().map(|behaviour| probe.seen(behaviour)).collect::<Result<_, _>>()?;
    let report = BehaviourReport { seen };
    write_json(&job.output, &report)?;
    emit(&TrainEvent::Done);
    Ok(report)
}

/// Examples and what the model predicts of them as they are.
struct Probe<'a> {
    train: &'a Train,
    model: &'a Model,
    examples: Examples,
    /// How many numbers the prediction of a row is made of.
    width: usize,
    /// Which of them is looked at, row by row.
    places: Vec<usize>,
    before: Vec<f64>,
}

/// An input with other values.
struct Change {
    old: ArrayRef,
    new: ArrayRef,
    /// Which way each row has gone: whether it became larger where that is asked for; none where nothing is compared.
    ways: Vec<Option<bool>>,
}

impl<'a> Probe<'a> {
    fn of(train: &'a Train, model: &'a Model, examples: &Examples) -> Result<Self, TrainError> {
        let parts = examples.parts(model.head().is_labelled())?;
        let rows = &parts.rows[&Part::Test];
        let looked_at: Vec<usize> =
            chosen(rows.len(), train.training.seed).into_iter().map(|place| rows[place]).collect();
        let examples = examples.at(&looked_at)?;
        let width = model.head().width();
        let mut probe = Probe { train, model, examples, width, places: Vec::new(), before: Vec::new() };
        let predictions = probe.predict(&probe.examples)?;
        probe.places = predictions.chunks(width).map(looked_at_of(&model.answer())).collect();
        probe.before = probe.numbers(&predictions);
        Ok(probe)
    }

    fn predict(&self, examples: &Examples) -> Result<Vec<f64>, TrainError> {
        let rows: Vec<usize> = (0..examples.rows()).collect();
        self.model.predict(examples, &rows)
    }

    /// The number that is looked at of each row's prediction.
    fn numbers(&self, predictions: &[f64]) -> Vec<f64> {
        self.places.iter().zip(predictions.chunks(self.width)).map(|(&place, row)| row[place]).collect()
    }

    fn seen(&self, behaviour: &Behaviour) -> Result<Seen, TrainError> {
        let mut seen = Seen { examples: self.examples.rows() as u64, ..Seen::default() };
        let mut farthest = behaviour.tolerance;
        for shuffle in 0..SHUFFLES {
            let change = self.change(behaviour, shuffle)?;
            let changed = self.examples.replaced(&behaviour.input, change.new.clone());
            let after = self.numbers(&self.predict(&changed)?);
            for (row, way) in change.ways.iter().enumerate() {
                let Some(larger) = *way else { continue };
                let astray = astray(behaviour.relation, larger, self.before[row], after[row]);
                seen.compared += 1;
                if astray <= behaviour.tolerance {
                    seen.held += 1;
                } else if astray > farthest {
                    farthest = astray;
                    seen.worst = Some(change.shown(behaviour, row, self.before[row], after[row])?);
                }
            }
        }
        Ok(seen)
    }

    /// The input's values exchanged among the examples; where they have an order, among those that have one.
    fn change(&self, behaviour: &Behaviour, shuffle: u64) -> Result<Change, TrainError> {
        let name = &behaviour.input;
        let old = self.examples.column(name)?.clone();
        let number = self.train.inputs.iter().position(|input| input.name == *name).unwrap_or_default() as u64;
        let place = [self.train.training.seed, PLACE, number * SHUFFLES + shuffle];
        let invariant = behaviour.relation == Relation::Invariant;
        let members = if invariant { (0..old.len()).collect() } else { self.ordered(name, &old)? };
        let new = take(&old, &exchanged(old.len(), &members, &place), None).map_err(|error| unusable(name, &error))?;
        let ways = if invariant { Ok(differences(&old, &new)) } else { directions(&old, &new) };
        Ok(Change { ways: ways.map_err(|error| unusable(name, &error))?, old, new })
    }

    /// The rows whose value is larger or smaller than others: it is there, and is a number.
    fn ordered(&self, name: &str, column: &ArrayRef) -> Result<Vec<usize>, TrainError> {
        let floats = if column.data_type().is_floating() { Some(self.examples.numbers(name)?) } else { None };
        let is_number = |row: usize| floats.as_ref().is_none_or(|floats| !floats.value(row).is_nan());
        Ok((0..column.len()).filter(|&row| column.is_valid(row) && is_number(row)).collect())
    }
}

impl Change {
    fn shown(&self, behaviour: &Behaviour, row: usize, before: f64, after: f64) -> Result<Changed, TrainError> {
        let text = |column: &ArrayRef| text(column, row).map_err(|error| unusable(&behaviour.input, &error));
        let values = if behaviour.hidden { None } else { Some((text(&self.old)?, text(&self.new)?)) };
        let number = |value: f64| value.is_finite().then_some(value);
        Ok(Changed { values, before: number(before), after: number(after) })
    }
}

/// Which of the numbers of a row's prediction is looked at: the same as when rows are scored, of classes the one that was
/// predicted.
fn looked_at_of(answer: &Answer) -> impl Fn(&[f64]) -> usize {
    move |row| match answer {
        Answer::Probability | Answer::Number => 0,
        Answer::Classes(_) => most_probable(row),
        Answer::Quantiles(quantiles) => middle(quantiles),
    }
}

/// How far a prediction went where it must not; beyond all bounds if there is none.
fn astray(relation: Relation, larger: bool, before: f64, after: f64) -> f64 {
    let rise = after - before;
    if !rise.is_finite() {
        return f64::INFINITY;
    }
    match relation {
        Relation::Invariant => rise.abs(),
        Relation::Rising => {
            if larger {
                -rise
            } else {
                rise
            }
        }
        Relation::Falling => {
            if larger {
                rise
            } else {
                -rise
            }
        }
    }
}

/// Every row with the place of the row whose value it takes: by chance one of the members, where it is one itself.
fn exchanged(rows: usize, members: &[usize], place: &[u64]) -> UInt64Array {
    let mut from: Vec<u64> = (0..rows as u64).collect();
    for (&member, other) in members.iter().zip(chance::order(members.len(), place)) {
        from[member] = members[usize::try_from(other).unwrap_or_default()] as u64;
    }
    UInt64Array::from(from)
}

/// Which rows have become larger and which smaller.
fn directions(old: &ArrayRef, new: &ArrayRef) -> Result<Vec<Option<bool>>, ArrowError> {
    let (larger, smaller) = (gt(new, old)?, gt(old, new)?);
    let holds = |rows: &BooleanArray, row: usize| rows.is_valid(row) && rows.value(row);
    let way = |row: usize| match (holds(&larger, row), holds(&smaller, row)) {
        (false, false) => None,
        (larger, _) => Some(larger),
    };
    Ok((0..old.len()).map(way).collect())
}

/// Which rows have become others.
fn differences(old: &ArrayRef, new: &ArrayRef) -> Vec<Option<bool>> {
    (0..old.len()).map(|row| (*old.slice(row, 1) != *new.slice(row, 1)).then_some(true)).collect()
}

/// A value as text, as much of it as is read.
fn text(column: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new().with_null("null"))?;
    let text = formatter.value(row).try_to_string()?;
    let mut characters = text.chars();
    let shown: String = characters.by_ref().take(SHOWN).collect();
    Ok(if characters.next().is_some() { shown + "…" } else { shown })
}

fn unusable(name: &str, error: &ArrowError) -> TrainError {
    TrainError::Column { name: name.to_owned(), reason: error.to_string() }
}
