//! Models: observations, label, inputs, split, training and gates.

mod calibrate;
mod encode;
pub(crate) mod gates;
mod grouped;
mod impute;
mod inputs;
mod label;
mod observed;
mod split;
mod training;
mod tune;

use std::cell::RefCell;
use std::collections::BTreeSet;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Derived, Expr, Field, Join, Observe, Task, Ticks, Train, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Checked, Db, Item, ItemRef, Project};
use crate::known::{Moment, Timeline};
use crate::refer::refer;
use crate::report::Reports;
use crate::scope::{Scope, ScopeColumn, listed};
use crate::source::{SourceDef, missing, only_one, source_of};
use inputs::Collected;

/// A model's meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDef {
    /// The declaration.
    pub item: ItemRef,
    /// The model's name.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// The observed source, which may stand in another file.
    pub source: ItemRef,
    /// Whether examples are rows of the source, and not ticks.
    pub observes_rows: bool,
    /// What kind of prediction it makes; none if that is wrong.
    pub task: Option<Task>,
    /// Whether all inputs could be read; if not, one that seems to be missing may be among the rest.
    pub complete: bool,
    /// The model's inputs by name.
    pub inputs: Vec<String>,
    /// The types of the inputs, in the same order.
    pub types: Vec<ValueType>,
    /// Inputs that are personal data, by leave.
    pub personal: Vec<String>,
    /// The groups that are read, which may stand in other files.
    pub groups: Vec<GroupRead>,
    /// The columns that the label reads.
    pub label_reads: Vec<String>,
    /// What a request for a prediction must carry: declared columns of the observed source.
    pub request: Vec<Field>,
    /// The nodes; none if there are errors.
    pub nodes: Option<ModelNodes>,
}

/// What a model reads of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRead {
    /// The group.
    pub item: ItemRef,
    /// Its name.
    pub name: String,
    /// The features that are used, by name.
    pub features: Vec<String>,
}

/// The nodes of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelNodes {
    /// The examples.
    pub observe: Observe,
    /// The groups' features at every example.
    pub joins: Vec<Join>,
    /// The training.
    pub train: Train,
}

/// What the members of a model are checked against.
pub(crate) struct Context<'a, 'db> {
    pub(crate) constants: Constants<'db>,
    pub(crate) model: &'a ast::Model,
    pub(crate) source: &'a SourceDef,
    pub(crate) source_span: Span,
    /// When the prediction is made; none if that is wrong.
    pub(crate) at: Option<Moment>,
    /// The entity and the interval, if examples are no rows.
    pub(crate) ticks: Option<Ticks>,
    /// Which rows are examples.
    pub(crate) filter: Option<Expr>,
    /// Which examples count, by features.
    pub(crate) feature_filter: Option<Expr>,
    /// The features that the filter reads.
    pub(crate) filter_features: Vec<(ast::Name, ast::Name)>,
    /// Columns that the filter makes sure of.
    pub(crate) present: BTreeSet<String>,
    /// Whether a part of the filter is wrong: what it would have made sure of is not known.
    pub(crate) filter_failed: bool,
    /// Whether there is a label that inputs may be held against.
    pub(crate) label_fits: bool,
}

/// The meaning of a `model` declaration.
#[salsa::tracked(returns(ref))]
pub fn model_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<ModelDef> {
    let Some(ast::Item::Model(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let value = define(db, project, item, tree, &mut reports);
    Checked { value, reports: reports.into_vec() }
}

fn define<'db>(
    db: &'db dyn Db,
    project: Project,
    item: Item<'db>,
    tree: &ast::Model,
    reports: &mut Reports,
) -> Option<ModelDef> {
    let constants = Constants { db, project, file: item.file(db), item };
    let training = training::training(&constants, tree, reports);
    let split = split::split(&constants, tree, reports);
    let observed = only_one(&tree.observe, |clause| clause.source.span, "observe", reports)
        .or_else(|| missing(&tree.name, "observe", "`observe payments`", reports));
    let observed_item = observed.and_then(|observe| refer(&constants, &observe.source, Kind::Source, reports));
    let source = source_of(db, project, observed_item?).value.as_ref()?;
    let mut context = Context::of(constants, tree, source, observed?, reports);
    let label = label::label(&context, reports);
    context.label_fits = label.as_ref().is_some_and(Option::is_some);
    let mut collected = inputs::inputs(&context, reports);
    encode::encode(&context, &mut collected, reports);
    let task = training::task(&context, label.as_ref().map(Option::as_ref), training.as_ref(), reports);
    let imputed = impute::impute(&context, &collected, reports);
    let judged = training::Judged {
        context: &context,
        collected: &collected,
        training: training.as_ref(),
        task,
        misfits: RefCell::default(),
    };
    let learner = judged.learner(reports);
    let tuned = tune::tune(&judged, reports);
    let calibrated = calibrate::calibrate(&judged, reports);
    let gates = gates::gates(&judged, reports);
    judged.stops(reports);
    let judgeable = judged.metrics_fit(reports);
    split::check(&context, split.as_ref(), &collected, reports);
    let columns = columns(&context, reports);

    let label_reads = tree.label.iter().flat_map(|label| crate::source::columns::names_read(&label.value)).collect();
    let nodes = (!reports.has_errors()).then_some(()).and_then(|()| {
        let (label, columns) = (label?, columns?);
        let name = tree.name.text.clone();
        let train = Train {
            model: name.clone(),
            task: task?,
            label: label.as_ref().map(|label| label.name.clone()),
            inputs: collected.inputs.clone(),
            impute: imputed,
            learner: learner?,
            training: training?.training()?,
            tune: tuned?,
            calibrate: calibrated?,
            gates: gates?,
            // Tests are declarations of their own: they are put beside the gates when the plan is made.
            behaviours: Vec::new(),
        };
        let observe = Observe {
            model: name,
            source: source.name.clone(),
            at: context.at.clone()?.expr,
            time: source.timeline.as_ref().and_then(Timeline::column),
            every: context.ticks.clone(),
            filter: context.filter.clone(),
            feature_filter: context.feature_filter.clone(),
            label,
            group: columns.group,
            debias: columns.debias,
            keys: collected.keys.clone(),
            slices: columns.slices,
            inputs: collected.row.clone(),
            split: split?,
        };
        Some(ModelNodes { observe, joins: collected.joins.clone(), train })
    });
    Some(ModelDef {
        item: item.reference(db),
        name: tree.name.text.clone(),
        name_span: tree.name.span,
        source: source.item.clone(),
        observes_rows: tree.observe.iter().all(|observe| matches!(observe.observed, ast::Observed::Rows(_))),
        complete: collected.complete,
        // Whoever watches the model is not blamed for what is wrong with its task.
        task: task.filter(|_| judgeable),
        inputs: collected.inputs.iter().map(|input| input.name.clone()).collect(),
        types: collected.inputs.iter().map(|input| input.ty.clone()).collect(),
        groups: collected.groups_read(),
        personal: collected.personal,
        label_reads,
        request: request(source, &collected.columns),
        nodes,
    })
}

impl<'db> Context<'_, 'db> {
    /// A scope of the observed row's columns, narrowed by the filter.
    pub(crate) fn scope(&self) -> Scope<'db> {
        let mut scope = self.source.scope(&self.constants).with_now();
        scope.narrow(self.present.clone());
        scope
    }

    /// The columns of the observed source by name.
    pub(crate) fn column_names(&self) -> Vec<String> {
        self.source.columns.iter().map(|column| column.name.clone()).collect()
    }
}

/// Columns that stand beside the inputs.
struct Beside {
    group: Option<Derived>,
    debias: Option<Derived>,
    slices: Vec<Derived>,
}

fn columns(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Beside> {
    let model = context.model;
    let group = only_one(&model.group, |name| name.span, "group", reports);
    let group = group.map(|name| beside(context, name, "examples are grouped by it", reports));
    let debias = only_one(&model.debias, |name| name.span, "debias", reports);
    let debias = debias.map(|name| beside(context, name, "it is learnt with", reports));
    let slices = slices(context, reports);
    let each = |column: Option<Option<Derived>>| match column {
        None => Some(None),
        Some(found) => found.map(Some),
    };
    Some(Beside { group: each(group)?, debias: each(debias)?, slices: slices? })
}

/// A column that examples carry without being an input.
fn beside(context: &Context<'_, '_>, name: &ast::Name, why: &str, reports: &mut Reports) -> Option<Derived> {
    let mut scope = context.scope();
    scope.require_column(name, reports)?;
    let expr = scope.name(&name.text, name.span, reports)?;
    if let (Some((what, span)), "it is learnt with") = (scope.personal.first(), why) {
        reports
            .error(
                "E0501",
                *span,
                format!("the model learns with `{what}`, which is personal data"),
                "reaches the model",
            )
            .help("derive a column from it with a function of `std.privacy`, and learn with that");
        return None;
    }
    if expr.ty.nullable {
        reports
            .error("E0309", name.span, format!("`{}` may be missing, but {why}", name.text), "may be missing")
            .help(format!("leave such rows out: `observe … where {} is not null`", name.text));
        return None;
    }
    Some(Derived { name: name.text.clone(), expr })
}

/// The columns by which gates and metrics look at slices.
fn slices(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Vec<Derived>> {
    let mut slices: Vec<Derived> = Vec::new();
    for column in gates::sliced_by(context) {
        let mut scope = context.scope();
        scope.require_column(&column, reports)?;
        let expr = scope.name(&column.text, column.span, reports)?;
        if let Some((name, span)) = scope.personal.first() {
            let message = format!("the report would show the values of `{name}`, which is personal data");
            reports
                .error("E0504", *span, message, "reaches a report")
                .help("derive a column from it with a function of `std.privacy`, and look at its slices");
            return None;
        }
        if slices.iter().all(|slice| slice.name != column.text) {
            slices.push(Derived { name: column.text.clone(), expr });
        }
    }
    Some(slices)
}

/// The declared columns behind those that inputs and keys read, in declared order.
fn request(source: &SourceDef, read: &BTreeSet<String>) -> Vec<Field> {
    let bases: BTreeSet<&String> =
        source.columns.iter().filter(|column| read.contains(&column.name)).flat_map(|column| &column.reads).collect();
    let schema = source.node.iter().flat_map(|node| &node.schema);
    schema.filter(|field| bases.contains(&field.name)).cloned().collect()
}

/// The features that a part of a program reads, as columns named `GROUP.FEATURE`.
fn feature_columns(group: &str, features: &[crate::features::FeatureDef]) -> Vec<ScopeColumn> {
    let column = |feature: &crate::features::FeatureDef| ScopeColumn {
        name: format!("{group}.{}", feature.name),
        ty: feature.ty.clone(),
        pii: feature.pii,
    };
    features.iter().map(column).collect()
}

/// The place of an input among a model's, or a report that there is none.
pub(crate) fn place_of_input(
    name: &str,
    span: Span,
    inputs: &[String],
    complete: bool,
    reports: &mut Reports,
) -> Option<usize> {
    let place = inputs.iter().position(|input| input == name);
    if place.is_none() && complete {
        let known: Vec<&str> = inputs.iter().map(String::as_str).collect();
        reports
            .error("E0205", span, format!("the model has no input `{name}`"), "not an input")
            .help(format!("it has {}", listed(&known)))
            .did_you_mean(nearest(name, known.iter().copied()));
    }
    place
}

/// Everything that a model's inputs were taken apart into.
pub(crate) type Inputs = Collected;
