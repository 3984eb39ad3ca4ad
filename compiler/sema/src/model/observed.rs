//! What a model observes: rows at a moment, or entities at ticks.

use mlsys_diagnostics::Span;
use mlsys_plan::{Expr, ExprKind, Ticks, Type};
use mlsys_syntax::{Kind, ast};

use super::{Context, grouped};
use crate::args::Constants;
use crate::deployment::positive;
use crate::entity::entity_of;
use crate::features::conjuncts;
use crate::known::{Known, Moment};
use crate::narrowing::present_when;
use crate::refer::refer;
use crate::report::Reports;
use crate::source::{SourceDef, availability};

impl<'a, 'db> Context<'a, 'db> {
    pub(super) fn of(
        constants: Constants<'db>,
        model: &'a ast::Model,
        source: &'a SourceDef,
        observed: &'a ast::Observe,
        reports: &mut Reports,
    ) -> Self {
        let mut context = Context {
            constants,
            model,
            source,
            source_span: observed.source.span,
            at: None,
            ticks: None,
            filter: None,
            feature_filter: None,
            filter_features: Vec::new(),
            present: std::collections::BTreeSet::new(),
            filter_failed: false,
            label_fits: false,
        };
        match &observed.observed {
            ast::Observed::Rows(at) => context.at = context.observed_at(observed, at.as_ref(), reports),
            ast::Observed::Ticks { every, entity } => context.observe_every(*every, entity, reports),
        }
        context.observed_filter(observed, reports);
        context
    }

    fn observed_at(
        &self,
        observed: &ast::Observe,
        written: Option<&ast::Expr>,
        reports: &mut Reports,
    ) -> Option<Moment> {
        let Some(timeline) = &self.source.timeline else {
            if (self.source.node.is_some() || self.source.is_static) && self.source.intact {
                let message = format!("the source `{}` has no `time` to observe at", self.source.name);
                let report = reports.error("E0406", observed.source.span, message, "has no time");
                if self.source.is_static {
                    report.help("to predict for its entities, say how often: `observe every 7d for ENTITY in SOURCE`");
                } else {
                    report.help("add `time COLUMN` to the source");
                }
            }
            return None;
        };
        let Some(written) = written else { return Some(timeline.row.clone()) };
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

    /// `observe every 7d for customer in customers`: the latest row of every entity at every tick.
    fn observe_every(&mut self, every: ast::Spanned<i64>, entity: &ast::Name, reports: &mut Reports) {
        let interval = positive(every, reports);
        let now = Expr { kind: ExprKind::Now, ty: Type::Timestamp.required() };
        if self.source.timeline.is_some() || self.source.is_static {
            self.at = Some(Moment::of(&now, &[], "now".to_owned()));
        } else if self.source.node.is_some() && self.source.intact {
            let message = format!("the source `{}` has no `time`: which row is the latest?", self.source.name);
            reports
                .error("E0406", self.source_span, message, "has no time")
                .help("add `time COLUMN` to the source, or `static` if it never changes");
        }
        let Some(item) = refer(&self.constants, entity, Kind::Entity, reports) else { return };
        let Some(entity_def) = entity_of(self.constants.db, item).value.as_ref() else { return };
        let mut keys = Vec::new();
        for key in &entity_def.keys {
            let column = self.source.column(&key.name);
            if column.is_none() && self.source.intact {
                let message = format!(
                    "`{}` is keyed by `{}`, which the source `{}` does not have",
                    entity.text, key.name, self.source.name
                );
                reports
                    .error("E0411", self.source_span, message, format!("has no column `{}`", key.name))
                    .also(&entity_def.item, key.span, "the key is declared here")
                    .help("observe a source whose rows say which entity they are of");
                return;
            }
            keys.push(key.name.clone());
        }
        self.ticks = interval.map(|interval| Ticks { interval, entity: entity.text.clone(), keys });
    }

    fn observed_filter(&mut self, observed: &ast::Observe, reports: &mut Reports) {
        for written in observed.filter.iter().flat_map(conjuncts) {
            let grouped = grouped::rewrite(&self.constants, written, reports);
            let mut scope = self.source.scope(&self.constants).with_now();
            scope.add_columns(grouped.columns);
            let typed = scope.predicate(&grouped.expr, reports);
            self.check_known(&scope.uses, "the filter", reports);
            let Some(typed) = typed else {
                self.filter_failed = true;
                continue;
            };
            let joined = if grouped.features.is_empty() {
                self.present.extend(present_when(&typed));
                &mut self.filter
            } else {
                self.filter_features.extend(grouped.features);
                &mut self.feature_filter
            };
            *joined = Some(match joined.take() {
                Some(left) => crate::expr::and(left, typed),
                None => typed,
            });
        }
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

    /// Reports columns that are not known when the prediction is made.
    pub(crate) fn check_known(&self, uses: &[(String, Span)], input: &str, reports: &mut Reports) {
        // Which rows are examples may depend on what comes later, as the label does; which entities are asked may not.
        if input == "the filter" && self.ticks.is_none() {
            return;
        }
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
