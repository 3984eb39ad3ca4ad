//! Models: observations, label, inputs, split, training and gates.

mod inputs;
mod label;
pub(crate) mod training;

use std::collections::BTreeSet;

use mlsys_diagnostics::Span;
use mlsys_plan::{Derived, Expr, Field, Join, Observe, Train};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Checked, Db, Item, ItemRef, Project};
use crate::features::{conjuncts, refer};
use crate::known::{Known, Moment};
use crate::narrowing::present_when;
use crate::report::Reports;
use crate::scope::Scope;
use crate::source::{SourceDef, availability, missing, only_one, source_of};

/// A model's meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDef {
    /// The declaration.
    pub item: ItemRef,
    /// The model's name.
    pub name: String,
    /// The model's inputs by name.
    pub inputs: Vec<String>,
    /// What a request for a prediction must carry: declared columns of the observed source.
    pub request: Vec<Field>,
    /// The nodes; none if there are errors.
    pub nodes: Option<ModelNodes>,
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
    /// Which rows are examples.
    pub(crate) filter: Option<Expr>,
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
    let constants = Constants { db, project, file: item.file(db) };
    let training = training::training(&constants, tree, reports);
    let split = training::split(&constants, tree, reports);
    let observed = only_one(&tree.observe, |clause| clause.source.span, "observe", reports)
        .or_else(|| missing(&tree.name, "observe", "`observe payments`", reports));
    let observed_item = observed.and_then(|observe| refer(&constants, &observe.source, Kind::Source, reports));
    let source = source_of(db, project, observed_item?).value.as_ref()?;
    let observed = observed?;
    let mut context = Context {
        constants,
        model: tree,
        source,
        source_span: observed.source.span,
        at: None,
        filter: None,
        present: BTreeSet::new(),
        filter_failed: false,
        label_fits: false,
    };
    context.at = context.observed_at(observed, reports);
    context.observed_filter(observed, reports);

    let label = label::label(&context, reports);
    context.label_fits = label.is_some();
    let collected = inputs::inputs(&context, reports);
    let impute = training::impute(&context, &collected, reports);
    let gates = training::gates(&context, reports);
    let slices = slices(&context, reports);
    let nodes = (!reports.has_errors()).then_some(()).and_then(|()| {
        let (learner, settings) = training?;
        let (label, task) = label?;
        let name = &tree.name.text;
        let label_name = label.name.clone();
        Some(ModelNodes {
            observe: Observe {
                model: name.clone(),
                source: source.name.clone(),
                at: context.at.clone()?.expr,
                filter: context.filter.clone(),
                label,
                keys: collected.keys.clone(),
                slices: slices?,
                inputs: collected.row.clone(),
                split: split?,
            },
            joins: collected.joins.clone(),
            train: Train {
                model: name.clone(),
                task,
                label: label_name,
                inputs: collected.inputs.clone(),
                impute,
                learner,
                training: settings,
                gates: gates?,
            },
        })
    });
    Some(ModelDef {
        item: item.reference(db),
        name: tree.name.text.clone(),
        inputs: collected.inputs.iter().map(|input| input.name.clone()).collect(),
        request: request(source, &collected.columns),
        nodes,
    })
}

impl<'db> Context<'_, 'db> {
    fn observed_at(&self, observed: &ast::Observe, reports: &mut Reports) -> Option<Moment> {
        let Some(timeline) = &self.source.timeline else {
            if self.source.node.is_some() {
                let message = format!("the source `{}` has no `time` to observe at", self.source.name);
                reports
                    .error("E0406", observed.source.span, message, "has no time")
                    .help("add `time COLUMN` to the source");
            }
            return None;
        };
        let Some(written) = &observed.at else { return Some(timeline.row.clone()) };
        let mut scope = self.source.scope(&self.constants);
        let moment = availability::moment(&mut scope, written, &self.source.derived, reports)?;
        if !timeline.not_before_row(&moment) {
            let message = format!("`{}` may come before the row's own time `{}`", moment.text, timeline.row.text);
            reports
                .error("E0404", written.span, message, "not surely after the row")
                .help(format!("observe at `{}` or at a moment that is surely later", timeline.row.text));
            return None;
        }
        Some(moment)
    }

    /// A scope of the observed row's columns, narrowed by the filter.
    pub(crate) fn scope(&self) -> Scope<'db> {
        let mut scope = self.source.scope(&self.constants);
        scope.narrow(self.present.clone());
        scope
    }

    /// Reports an input that reads what the label is made of: it would only repeat the answer.
    pub(crate) fn check_label(&self, uses: &[(String, Span)], input: &str, reports: &mut Reports) {
        let (Some(label), Some(at), Some(timeline)) = (self.model.label.first(), &self.at, &self.source.timeline)
        else {
            return;
        };
        if !self.label_fits {
            return;
        }
        let names = crate::source::columns::names_read(&label.value);
        // What is known later than the prediction has been reported as that.
        let known = |name: &String| self.source.column(name).is_some_and(|column| timeline.usable(&column.known, at));
        let Some((name, span)) = uses.iter().find(|(name, _)| names.contains(name) && known(name)) else { return };
        let item = reports.item().clone();
        reports
            .error(
                "E0402",
                *span,
                format!("the input `{input}` reads `{name}`, which the label is made of"),
                "repeats the answer",
            )
            .also(&item, label.value.span, "the label")
            .help("remove the input: at the prediction the label is what is asked for");
    }

    fn observed_filter(&mut self, observed: &ast::Observe, reports: &mut Reports) {
        for written in observed.filter.iter().flat_map(conjuncts) {
            let Some(typed) = self.source.scope(&self.constants).predicate(written, reports) else {
                self.filter_failed = true;
                continue;
            };
            self.present.extend(present_when(&typed));
            self.filter = Some(match self.filter.take() {
                Some(left) => crate::expr::and(left, typed),
                None => typed,
            });
        }
    }

    /// Reports columns that are not known when the prediction is made.
    pub(crate) fn check_known(&self, uses: &[(String, Span)], input: &str, reports: &mut Reports) {
        let (Some(at), Some(timeline)) = (&self.at, &self.source.timeline) else { return };
        for (name, span) in uses {
            let Some(column) = self.source.column(name) else { continue };
            let Known::At(known) = &column.known else { continue };
            if known.no_later_than(at) || timeline.usable(&column.known, at) {
                continue;
            }
            let itself = input.ends_with(&format!("input `{name}`"));
            let uses = if itself { "is".to_owned() } else { format!("uses `{name}`, which is") };
            let message =
                format!("{input} {uses} known at `{}`, but the prediction is made at `{}`", known.text, at.text);
            let item = reports.item().clone();
            reports
                .error("E0402", *span, message, format!("not known yet at `{}`", at.text))
                .also(&self.source.item, column.known_span.unwrap_or(column.span), column.becomes_known(known))
                .also(&item, self.source_span, format!("a prediction is made at `{}`", at.text))
                .help(format!(
                    "remove it, or learn from its past: a `features` group `from {} at {}`",
                    self.source.name, known.text
                ));
            // One input is one mistake, however many columns it reads.
            return;
        }
    }
}

/// The columns by which gates look at slices.
fn slices(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Vec<Derived>> {
    let mut slices: Vec<Derived> = Vec::new();
    for column in context.model.require.iter().filter_map(|require| require.by.as_ref()) {
        let mut scope = context.scope();
        scope.require_column(column, reports)?;
        if slices.iter().all(|slice| slice.name != column.text) {
            let expr = scope.name(&column.text, column.span, reports)?;
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
