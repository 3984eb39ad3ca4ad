//! Feature groups: entity keys, the moment a row is seen, aggregates and derived features.

pub(crate) mod aggregate;
pub(crate) mod ahead;
mod hoist;
pub(crate) mod keys;
mod window;

use std::cell::RefCell;
use std::collections::BTreeSet;

use mlsys_diagnostics::Span;
use mlsys_plan::{Aggregate, Derived, Expr, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Checked, Db, Item, ItemRef, Project};
use crate::deployment::positive;
use crate::entity::entity_of;
use crate::known::{Moment, Timeline};
use crate::narrowing::present_when;
use crate::order::dependency_order;
use crate::refer::refer;
use crate::report::Reports;
use crate::scope::{Scope, ScopeColumn};
use crate::source::columns::{names_read, report_cycle};
use crate::source::{SourceDef, availability, only_one, source_of};

/// A feature group's meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDef {
    /// The declaration.
    pub item: ItemRef,
    /// The group's name.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// The entity's keys: name and type.
    pub keys: Vec<(String, Option<ValueType>)>,
    /// Whether the source has the keys; what is wrong with them is reported at the group.
    pub keys_fit: bool,
    /// Whether all of the declaration could be read; if not, a feature that seems to be missing may be in the rest.
    pub intact: bool,
    /// Names of features that could not be read.
    pub broken: Vec<String>,
    /// The source's name.
    pub source: String,
    /// Whether a stream brings the source's rows.
    pub live: bool,
    /// How often values are brought up to date where no stream does, in microseconds.
    pub refresh: Option<i64>,
    /// The features in written order, windows expanded.
    pub features: Vec<FeatureDef>,
    /// The node; none if there are errors.
    pub node: Option<mlsys_plan::Features>,
}

/// A feature of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureDef {
    /// The feature's name.
    pub name: String,
    /// The feature's type; none if it is wrong.
    pub ty: Option<ValueType>,
    /// Whether it is personal data.
    pub pii: bool,
    /// Where it is defined.
    pub span: Span,
}

/// What the members of a group are checked against.
pub(crate) struct Context<'a, 'db> {
    pub(crate) constants: Constants<'db>,
    pub(crate) group: &'a ast::Features,
    pub(crate) source: &'a SourceDef,
    /// When a row is seen; none if that is wrong.
    pub(crate) at: Option<Moment>,
    /// The group's filter.
    pub(crate) filter: Option<Expr>,
    /// Columns that the filter makes sure of.
    pub(crate) present: BTreeSet<String>,
    /// Uses of columns before they are known: who, which column, where.
    late: RefCell<Vec<(String, String, Span)>>,
}

/// The meaning of a `features` declaration.
#[salsa::tracked(returns(ref))]
pub fn features_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<GroupDef> {
    let Some(ast::Item::Features(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let value = define(db, project, item, tree, &mut reports);
    Checked { value, reports: reports.into_vec() }
}

fn define<'db>(
    db: &'db dyn Db,
    project: Project,
    item: Item<'db>,
    tree: &ast::Features,
    reports: &mut Reports,
) -> Option<GroupDef> {
    let constants = Constants { db, project, file: item.file(db), item };
    let entity_item = refer(&constants, &tree.entity, Kind::Entity, reports);
    let source_item = refer(&constants, &tree.source, Kind::Source, reports);
    let source = source_of(db, project, source_item?).value.as_ref()?;
    let mut context = Context {
        constants,
        group: tree,
        source,
        at: None,
        filter: None,
        present: BTreeSet::new(),
        late: RefCell::default(),
    };
    context.at = context.seen_at(reports);
    context.group_filter(reports);
    let refresh = only_one(&tree.refresh, |length| length.span, "refresh", reports);
    let refresh = refresh.and_then(|length| positive(*length, reports));
    let entity = entity_item.and_then(|item| entity_of(db, item).value.as_ref());
    let keys = entity.map(|entity| keys::keys(&context, entity, reports));

    let keys_fit = keys.as_ref().is_some_and(|keys| keys.iter().all(Option::is_some));
    let (aggregates, derived) = members(&context, reports);
    context.report_late(reports);
    aggregate::check_order(&context, reports);
    let features = in_written_order(&aggregates, &derived);
    let broken = tree.members.iter().any(|member| matches!(member, ast::Member::Broken(_)));
    if features.is_empty() && !broken && !reports.has_errors() {
        reports
            .error("E0209", tree.name.span, format!("`{}` defines no feature", tree.name.text), "is empty")
            .help("define one, such as `payments = count() over 7d`");
    }
    let at = context.at.clone();
    let finished = (!reports.has_errors()).then_some(()).and(at).and_then(|at| {
        Some(mlsys_plan::Features {
            name: tree.name.text.clone(),
            entity: tree.entity.text.clone(),
            keys: keys?.into_iter().collect::<Option<Vec<_>>>()?,
            source: source.name.clone(),
            at: at.expr,
            time: source.timeline.as_ref().and_then(Timeline::column),
            filter: context.filter.clone(),
            order: source.key.clone(),
            aggregates: aggregates.into_iter().map(|(aggregate, _)| aggregate).collect::<Option<Vec<Aggregate>>>()?,
            derived: derived.into_iter().map(|(derived, _)| derived).collect::<Option<Vec<Derived>>>()?,
            refresh,
        })
    });
    let keys = entity.map(|entity| entity.keys.iter().map(|key| (key.name.clone(), key.ty.clone())).collect());
    Some(GroupDef {
        item: item.reference(db),
        name: tree.name.text.clone(),
        name_span: tree.name.span,
        keys: keys.unwrap_or_default(),
        keys_fit,
        intact: item.is_intact(db),
        source: source.name.clone(),
        live: source.has_stream,
        refresh,
        features,
        broken: tree.members.iter().filter_map(broken_name).collect(),
        node: finished,
    })
}

impl FeatureDef {
    /// The feature as a column for its siblings.
    fn column(&self) -> ScopeColumn {
        ScopeColumn { name: self.name.clone(), ty: self.ty.clone(), pii: self.pii }
    }
}

impl Context<'_, '_> {
    fn seen_at(&self, reports: &mut Reports) -> Option<Moment> {
        let Some(timeline) = &self.source.timeline else {
            if (self.source.node.is_some() || self.source.is_static) && self.source.intact {
                let message = format!("the source `{}` has no `time`, so its rows have no past", self.source.name);
                reports
                    .error("E0406", self.group.source.span, message, "has no time")
                    .help("add `time COLUMN` to the source");
            }
            return None;
        };
        let Some(written) = &self.group.at else { return Some(timeline.row.clone()) };
        let mut scope = self.source.scope(&self.constants);
        let moment = availability::moment(&mut scope, written, &self.source.derived, reports)?;
        if !timeline.not_before_row(&moment) {
            let message = format!("`{}` may come before the row's own time `{}`", moment.text, timeline.row.text);
            reports.error("E0404", written.span, message, "not surely after the row").help(format!(
                "use `{}`, a moment that `known at` declares, or one of them plus a duration",
                timeline.row.text
            ));
            return None;
        }
        Some(moment)
    }

    /// Types the group's filters. A part that is wrong does not take away what the others make sure of.
    fn group_filter(&mut self, reports: &mut Reports) {
        for written in self.group.filters.iter().flat_map(conjuncts) {
            let mut scope = self.source.scope(&self.constants);
            let typed = scope.predicate(written, reports);
            self.check_known(&scope, "the filter");
            let Some(typed) = typed else { continue };
            self.present.extend(present_when(&typed));
            self.filter = Some(match self.filter.take() {
                Some(left) => crate::expr::and(left, typed),
                None => typed,
            });
        }
    }

    /// A scope of the source's columns, narrowed by the group's filter and by one of a feature's own.
    pub(crate) fn scope(&self, filter: Option<&Expr>) -> Scope<'_> {
        let mut scope = self.source.scope(&self.constants);
        scope.narrow(self.present.clone());
        if let Some(filter) = filter {
            scope.narrow(present_when(filter));
        }
        scope
    }

    /// Reports columns that are used before they are known.
    pub(crate) fn check_known(&self, scope: &Scope<'_>, user: &str) {
        let (Some(at), Some(timeline)) = (&self.at, &self.source.timeline) else { return };
        for (name, span) in &scope.uses {
            let late = self.source.column(name).is_some_and(|column| !timeline.usable(&column.known, at));
            if late {
                self.late.borrow_mut().push((user.to_owned(), name.clone(), *span));
            }
        }
    }

    /// One report on all uses of columns before they are known: the moment that the group names is one mistake.
    fn report_late(&self, reports: &mut Reports) {
        const MOST: usize = 3;
        let mut late = self.late.borrow().clone();
        // A column that is itself the later moment explains least: it is told of last.
        late.sort_by_key(|(_, name, _)| self.source.column(name).is_some_and(|column| column.derived));
        let (Some(at), Some((user, name, span))) = (&self.at, late.first()) else { return };
        let Some(column) = self.source.column(name) else { return };
        let crate::known::Known::At(known) = &column.known else { return };
        let message = format!(
            "{user} uses `{name}`, which is known at `{}`, but these features see a row at `{}`",
            known.text, at.text
        );
        let item = reports.item().clone();
        let report = reports.error("E0401", *span, message, format!("not known yet at `{}`", at.text));
        report.also(&self.source.item, column.known_span.unwrap_or(column.span), column.becomes_known(known));
        match &self.group.at {
            Some(written) => report.also(&item, written.span, "a row is seen here"),
            None => report.also(&item, self.group.source.span, format!("a row is seen at its time, `{}`", at.text)),
        };
        for (_, name, span) in late.iter().skip(1).take(MOST) {
            report.also(&item, *span, format!("`{name}` is not known either"));
        }
        report.help(format!(
            "let the group see rows when the value is there: `from {} at {}`",
            self.source.name, known.text
        ));
    }
}

type Aggregates = Vec<(Option<Aggregate>, FeatureDef)>;
type DerivedFeatures = Vec<(Option<Derived>, FeatureDef)>;

fn members(context: &Context<'_, '_>, reports: &mut Reports) -> (Aggregates, DerivedFeatures) {
    let mut aggregates: Aggregates = Vec::new();
    let mut pending: Vec<&ast::Definition> = Vec::new();
    let mut names: Vec<(String, Span)> = Vec::new();
    for member in &context.group.members {
        let defined = match member {
            ast::Member::Broken(_) => continue,
            ast::Member::Bare(name) => aggregate::bare(context, name, reports),
            ast::Member::Definition(definition) if not_of_a_row(definition, reports) => continue,
            ast::Member::Definition(definition) => match aggregate::defined(context, definition, reports) {
                Some(features) => features,
                None => {
                    pending.push(definition);
                    let span = definition.name.span;
                    repeated(&mut names, &definition.name.text, span, reports);
                    continue;
                }
            },
        };
        for (aggregate, feature) in defined {
            if !repeated(&mut names, &feature.name, feature.span, reports) {
                aggregates.push((aggregate, feature));
            }
        }
    }
    let derived = derived(context, &mut aggregates, &pending, reports);
    (aggregates, derived)
}

/// Reports `known at` where values are no columns of rows. Whether it was there.
pub(crate) fn not_of_a_row(definition: &ast::Definition, reports: &mut Reports) -> bool {
    let Some(known) = &definition.known_at else { return false };
    let message = "`known at` belongs to a column of a source";
    reports.error("E0404", known.span, message, "says nothing here").help(
        "say it where the source declares or derives the value; a group sees rows at a later moment with `from … at …`",
    );
    true
}

fn broken_name(member: &ast::Member) -> Option<String> {
    match member {
        ast::Member::Broken(name) => Some(name.text.clone()),
        ast::Member::Bare(_) | ast::Member::Definition(_) => None,
    }
}

/// The parts of `a and b and c`.
pub(crate) fn conjuncts(written: &ast::Expr) -> Vec<&ast::Expr> {
    match &written.kind {
        ast::ExprKind::Binary(ast::BinaryOp::And, left, right) => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        _ => vec![written],
    }
}

fn repeated(names: &mut Vec<(String, Span)>, name: &str, span: Span, reports: &mut Reports) -> bool {
    if let Some((_, first)) = names.iter().find(|(known, _)| known == name) {
        let (item, first) = (reports.item().clone(), *first);
        reports
            .error("E0203", span, format!("the feature `{name}` is defined twice"), "defined a second time")
            .also(&item, first, "first defined here")
            .help("give one of them another name");
        return true;
    }
    names.push((name.to_owned(), span));
    false
}

/// Features computed from siblings, in dependency order.
fn derived(
    context: &Context<'_, '_>,
    aggregates: &mut Aggregates,
    pending: &[&ast::Definition],
    reports: &mut Reports,
) -> DerivedFeatures {
    let names: Vec<&str> = pending.iter().map(|definition| definition.name.text.as_str()).collect();
    let reads: Vec<Vec<String>> = pending.iter().map(|definition| names_read(&definition.value)).collect();
    let order = match dependency_order(&names, &reads) {
        Ok(order) => order,
        Err(cycle) => {
            report_cycle(&cycle, pending, reports);
            return Vec::new();
        }
    };
    let broken = context.group.members.iter().filter_map(broken_name);
    let broken = broken.map(|name| ScopeColumn::new(name, None));
    let mut columns: Vec<ScopeColumn> = aggregates.iter().map(|(_, feature)| feature.column()).chain(broken).collect();
    let mut done = Vec::new();
    for index in order {
        let definition = pending[index];
        let (value, parts) = hoist::hoist(context, definition, reports);
        columns.extend(parts.iter().map(|(_, part)| part.column()));
        aggregates.extend(parts);
        let owner = format!("the group `{}`", context.group.name.text);
        let constants = &context.constants;
        let mut scope = Scope::constant(constants.db, constants.project, constants.file).with_columns(
            owner,
            "feature",
            columns.clone(),
        );
        scope = scope.with_now().inside(constants.item);
        let typed = scope.expr(&value, reports);
        let name = definition.name.text.clone();
        let ty = typed.as_ref().map(|typed| typed.ty.clone());
        let pii = !scope.personal.is_empty();
        let feature = FeatureDef { name: name.clone(), ty, pii, span: definition.name.span };
        columns.push(feature.column());
        done.push((typed.map(|expr| Derived { name, expr }), feature));
    }
    done
}

fn in_written_order(aggregates: &Aggregates, derived: &DerivedFeatures) -> Vec<FeatureDef> {
    let whole = aggregates.iter().filter(|(_, feature)| !feature.name.contains('.'));
    let mut features: Vec<FeatureDef> = whole.map(|(_, feature)| feature.clone()).collect();
    features.extend(derived.iter().map(|(_, feature)| feature.clone()));
    features.sort_by_key(|feature| feature.span.start);
    features
}
