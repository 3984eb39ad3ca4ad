//! Tests of a trained model: how its predictions follow its inputs.

use mlsys_diagnostics::Span;
use mlsys_plan::{Behaviour, Literal, Origin, Relation, Task, Type};
use mlsys_syntax::{Kind, ast};

use super::ModelTest;
use crate::args::Constants;
use crate::model::{ModelDef, model_of, place_of_input};
use crate::refer::refer;
use crate::report::{Reports, a};
use crate::scope::Scope;

/// How many places of one mistake are shown.
const MOST: usize = 3;

/// The meaning of a test of a model; none if it or the model is wrong.
pub(super) fn of_model(
    constants: &Constants<'_>,
    tree: &ast::Test,
    name: &ast::Name,
    origin: &Origin,
    reports: &mut Reports,
) -> Option<ModelTest> {
    only_behaviours(tree, name, reports);
    let item = refer(constants, name, Kind::Model, reports)?;
    let model = model_of(constants.db, constants.project, item).value.as_ref()?;
    predicts_numbers(model, name, reports)?;
    let written = tree.expect.iter().filter_map(|expect| match expect {
        ast::TestExpectation::Behaviour(behaviour) => Some(behaviour),
        _ => None,
    });
    let test = Test { constants, model, name: &tree.name.text, origin };
    let behaviours: Vec<Option<Behaviour>> = written.map(|written| test.behaviour(written, reports)).collect();
    Some(ModelTest { model: model.name.clone(), behaviours: behaviours.into_iter().collect::<Option<_>>()? })
}

/// Reports expectations that are about a model in a test that names none.
pub(super) fn without_model(tree: &ast::Test, reports: &mut Reports) {
    let spans = tree.expect.iter().filter_map(|expect| match expect {
        ast::TestExpectation::Behaviour(behaviour) => Some(behaviour.span),
        _ => None,
    });
    let message = "this says how a model behaves, and the test names none";
    let help = format!("name the model: `test {:?} for MODEL {{ … }}`", tree.name.text);
    together("E0209", spans.collect(), message, "which model?", &help, reports);
}

/// Reports rows, features and conditions in a test of a model.
fn only_behaviours(tree: &ast::Test, name: &ast::Name, reports: &mut Reports) {
    let given = tree.given.iter().map(|(source, _)| source.span);
    let expected = tree.expect.iter().filter_map(|expect| match expect {
        ast::TestExpectation::Rows(rows) => Some(rows.span),
        ast::TestExpectation::Condition(condition) => Some(condition.span),
        ast::TestExpectation::Behaviour(_) => None,
    });
    let message = "a test of a model looks at the examples of its test part: it says how predictions follow an input";
    let help = format!("move it to a test of its own, without `for {}`", name.text);
    together("E0211", given.chain(expected).collect(), message, "not about a model", &help, reports);
}

/// One report on all places of one mistake.
fn together(code: &'static str, mut spans: Vec<Span>, message: &str, label: &str, help: &str, reports: &mut Reports) {
    spans.sort_unstable();
    let Some((first, others)) = spans.split_first() else { return };
    let item = reports.item().clone();
    let report = reports.error(code, *first, message, label);
    for span in others.iter().take(MOST) {
        report.also(&item, *span, "this as well");
    }
    report.help(help);
}

/// What is retrieved is a list of candidates, which is neither larger nor smaller than another one.
fn predicts_numbers(model: &ModelDef, name: &ast::Name, reports: &mut Reports) -> Option<()> {
    if model.task != Some(Task::Retrieval) {
        return Some(());
    }
    let message = format!("`{}` retrieves candidates: it predicts no number that could be compared", model.name);
    reports.error("E0211", name.span, message, "its task is `retrieval`").help(
        "test a model that predicts a label, an order or how unusual a row is, such as one that ranks the candidates",
    );
    None
}

/// What an expectation is checked against.
struct Test<'a, 'db> {
    constants: &'a Constants<'db>,
    model: &'a ModelDef,
    name: &'a str,
    origin: &'a Origin,
}

impl Test<'_, '_> {
    fn behaviour(&self, written: &ast::Behaviour, reports: &mut Reports) -> Option<Behaviour> {
        let model = self.model;
        let input = &written.input;
        let place = place_of_input(&input.text, input.span, &model.inputs, model.complete, reports);
        let relation = relation(written.relation);
        let fits = place.and_then(|place| self.is_ordered(place, relation, input.span, reports));
        let tolerance = self.tolerance(written.tolerance.as_ref(), reports);
        let share = self.share(written.share.as_ref(), reports);
        fits?;
        Some(Behaviour {
            test: self.name.to_owned(),
            origin: Origin { line: written.span.start, ..self.origin.clone() },
            relation,
            input: input.text.clone(),
            tolerance: tolerance?,
            share: share?,
            hidden: model.personal.contains(&input.text),
        })
    }

    /// Only what has an order can become larger.
    fn is_ordered(&self, place: usize, relation: Relation, span: Span, reports: &mut Reports) -> Option<()> {
        let ty = &self.model.types.get(place)?.ty;
        let ordered = ty.is_numeric() || matches!(ty, Type::Duration | Type::Timestamp | Type::Date);
        if ordered || relation == Relation::Invariant {
            return Some(());
        }
        let input = &self.model.inputs[place];
        let message = format!("predictions cannot be {} `{input}`, which is {}", relation.words(), a(ty));
        reports
            .error("E0302", span, message, "is neither larger nor smaller")
            .help("name an input that is a number, a duration or a time; `invariant to` takes inputs of every type");
        None
    }

    fn tolerance(&self, written: Option<&ast::Expr>, reports: &mut Reports) -> Option<f64> {
        let Some(written) = written else { return Some(0.0) };
        let tolerance = self.number(written, reports)?;
        if tolerance < 0.0 {
            reports
                .error("E0314", written.span, format!("a tolerance of {tolerance} can never be kept"), "below 0")
                .help("say by how much a prediction may go where it must not, such as `within 0.02`");
            return None;
        }
        Some(tolerance)
    }

    fn share(&self, written: Option<&ast::Expr>, reports: &mut Reports) -> Option<f64> {
        let Some(written) = written else { return Some(1.0) };
        let share = self.number(written, reports)?;
        if share <= 0.0 || share > 1.0 {
            reports
                .error("E0314", written.span, "a share of examples is above 0% and at most 100%", "is no such share")
                .help("write it as `in 95% of examples`, or leave it out for all of them");
            return None;
        }
        Some(share)
    }

    fn number(&self, written: &ast::Expr, reports: &mut Reports) -> Option<f64> {
        let constants = self.constants;
        let scope = Scope::constant(constants.db, constants.project, constants.file);
        match scope.literal(written, &Type::Float64, reports)? {
            Literal::Float(value) => Some(value),
            _ => None,
        }
    }
}

fn relation(written: ast::Relation) -> Relation {
    match written {
        ast::Relation::Invariant => Relation::Invariant,
        ast::Relation::Rising => Relation::Rising,
        ast::Relation::Falling => Relation::Falling,
    }
}
