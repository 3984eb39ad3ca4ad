//! `test` declarations: rows against the source's columns, expectations against the group's features or a model's inputs.

mod behaviours;

use std::collections::BTreeMap;

use mlsys_diagnostics::nearest;
use mlsys_plan::{Behaviour, ExpectedFeatures, GivenRows, Literal, Origin, TestCase, Type, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Checked, Db, Item, Project};
use crate::features::features_of;
use crate::refer::refer;
use crate::report::{Reports, a};
use crate::scope::{Scope, listed};
use crate::source::source_of;

/// A test's meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum TestDef {
    /// Of definitions, on rows that it gives.
    Case(TestCase),
    /// Of a trained model, on its examples.
    Model(ModelTest),
}

/// A test of a trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelTest {
    /// The model's name.
    pub model: String,
    /// What is expected, in the program's order.
    pub behaviours: Vec<Behaviour>,
}

/// The meaning of a `test` declaration; its origin is filled in where the file is at hand.
#[salsa::tracked(returns(ref))]
pub fn test_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<TestDef> {
    let Some(ast::Item::Test(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let constants = Constants { db, project, file: item.file(db), item };
    let origin = Origin { file: String::new(), line: tree.name.span.start, name: format!("test {:?}", tree.name.text) };
    let value = match &tree.model {
        Some(model) => behaviours::of_model(&constants, tree, model, &origin, &mut reports).map(TestDef::Model),
        None => Some(TestDef::Case(case(&constants, tree, origin, &mut reports))),
    };
    if tree.expect.is_empty() && item.is_intact(db) {
        let example = match tree.model {
            Some(_) => "`expect rising in INPUT`, `expect invariant to INPUT within 0.01`",
            None => "`expect GROUP { key: … } at @2024-01-01 { feature = … }`",
        };
        reports
            .error("E0209", tree.name.span, "the test expects nothing, so it cannot fail", "needs an `expect`")
            .help(format!("say what must follow: {example}"));
    }
    let fine = !reports.has_errors();
    Checked { value: value.filter(|_| fine), reports: reports.into_vec() }
}

/// A test of definitions.
fn case(constants: &Constants<'_>, tree: &ast::Test, origin: Origin, reports: &mut Reports) -> TestCase {
    let (db, project) = (constants.db, constants.project);
    let mut case =
        TestCase { name: tree.name.text.clone(), origin, given: vec![], features: vec![], conditions: vec![] };
    for (name, rows) in &tree.given {
        if let Some(rows) = given(constants, name, rows, reports) {
            match case.given.iter_mut().find(|known| known.source == rows.source) {
                Some(known) => known.rows.extend(rows.rows),
                None => case.given.push(rows),
            }
        }
    }
    for expect in &tree.expect {
        match expect {
            ast::TestExpectation::Rows(rows) => case.features.extend(expected(constants, rows, reports)),
            ast::TestExpectation::Condition(condition) => {
                let predicate = Scope::constant(db, project, constants.file).predicate(condition, reports);
                case.conditions.extend(predicate.map(|predicate| (predicate, condition.span.start)));
            }
            ast::TestExpectation::Behaviour(_) => {}
        }
    }
    behaviours::without_model(tree, reports);
    case
}

/// A named value that is wanted, with its type where it is known.
type Slot = (String, Option<ValueType>);

fn given(constants: &Constants<'_>, name: &ast::Name, rows: &[ast::Expr], reports: &mut Reports) -> Option<GivenRows> {
    let item = refer(constants, name, Kind::Source, reports)?;
    let source = source_of(constants.db, constants.project, item).value.as_ref()?;
    let declared = source.columns.iter().filter(|column| column.reads == [column.name.clone()]);
    let schema: Vec<Slot> = declared.map(|column| (column.name.clone(), column.ty.clone())).collect();
    if !source.intact {
        return None;
    }
    let has_default = |name: &str| {
        let field = source.node.iter().flat_map(|node| &node.schema).find(|field| field.name == name);
        field.is_some_and(|field| field.default.is_some())
    };
    let mut found = GivenRows { source: name.text.clone(), rows: Vec::new() };
    for row in rows {
        let ast::ExprKind::Record(fields) = &row.kind else {
            reports
                .error("E0305", row.span, "a row is a record", "not a record")
                .help("write it as `{ column: value, … }`");
            continue;
        };
        let owner = format!("the source `{}`", name.text);
        let all_known = fields.iter().all(|(field, _)| schema.iter().any(|(name, _)| *name == field.text));
        found.rows.push(values(constants, &owner, &schema, fields.iter().map(|(name, value)| (name, value)), reports));
        let missing: Vec<&str> = schema
            .iter()
            .filter(|(name, ty)| {
                let needed = ty.as_ref().is_some_and(|ty| !ty.nullable) && !has_default(name);
                needed && fields.iter().all(|(field, _)| field.text != *name)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        // A misspelt column is reported as such, and not as a missing one besides.
        if !missing.is_empty() && all_known {
            let message = format!("the row has no {}", listed(&missing));
            reports
                .error("E0303", row.span, message, "values are missing")
                .help("only columns with `?` or a default may be left out");
        }
    }
    Some(found)
}

fn expected(constants: &Constants<'_>, expect: &ast::ExpectRows, reports: &mut Reports) -> Option<ExpectedFeatures> {
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    let at = scope.literal(&expect.at, &Type::Timestamp, reports);
    let item = refer(constants, &expect.group, Kind::Features, reports)?;
    let group = features_of(constants.db, constants.project, item).value.as_ref()?;
    let owner = format!("the group `{}`", group.name);
    if !group.keys_fit || !group.intact {
        return None;
    }
    let keys = values(constants, &owner, &group.keys, expect.keys.iter().map(|(name, value)| (name, value)), reports);
    let given = |name: &String| expect.keys.iter().any(|(key, _)| key.text == *name);
    let known = expect.keys.iter().all(|(key, _)| group.keys.iter().any(|(name, _)| *name == key.text));
    let missing: Vec<&str> =
        group.keys.iter().map(|(name, _)| name).filter(|name| !given(name)).map(String::as_str).collect();
    if !missing.is_empty() && known {
        let message = format!("`{}` is also keyed by {}", group.name, listed(&missing));
        reports.error("E0303", expect.group.span, message, "of which entity?").help("give a value for every key");
    }
    let mut slots: Vec<Slot> =
        group.features.iter().map(|feature| (feature.name.clone(), feature.ty.clone())).collect();
    slots.extend(group.broken.iter().map(|name| (name.clone(), None)));
    let features =
        values(constants, &owner, &slots, expect.values.iter().map(|each| (&each.name, &each.value)), reports);
    let Literal::Timestamp(at) = at? else { return None };
    let keys = group.keys.iter().map(|(name, _)| keys.get(name).cloned()).collect::<Option<_>>()?;
    Some(ExpectedFeatures { group: group.name.clone(), keys, at, values: features, line: expect.span.start })
}

fn values<'a>(
    constants: &Constants<'_>,
    owner: &str,
    slots: &[Slot],
    fields: impl Iterator<Item = (&'a ast::Name, &'a ast::Expr)>,
    reports: &mut Reports,
) -> BTreeMap<String, Literal> {
    let mut found = BTreeMap::new();
    let mut seen: Vec<&ast::Name> = Vec::new();
    for (name, value) in fields {
        if let Some(first) = seen.iter().find(|known| known.text == name.text) {
            let item = reports.item().clone();
            reports
                .error("E0203", name.span, format!("`{}` is given twice", name.text), "given a second time")
                .also(&item, first.span, "first given here")
                .help("remove one of them");
            continue;
        }
        seen.push(name);
        let Some((_, ty)) = slots.iter().find(|(known, _)| *known == name.text) else {
            let near = nearest(&name.text, slots.iter().map(|(known, _)| known.as_str()));
            let known: Vec<&str> = slots.iter().map(|(known, _)| known.as_str()).collect();
            reports
                .error("E0202", name.span, format!("{owner} has no `{}` that can be given here", name.text), "unknown")
                .help(format!("it has {}", listed(&known)))
                .did_you_mean(near);
            continue;
        };
        let is_null = matches!(value.kind, ast::ExprKind::Literal(ast::Literal::Null));
        match ty {
            Some(ty) if is_null && !ty.nullable => {
                reports
                    .error("E0305", value.span, format!("`{}` is never missing", name.text), "cannot be null")
                    .help(format!("give it {}", a(&ty.ty)));
            }
            Some(ty) if !is_null => {
                let scope = Scope::constant(constants.db, constants.project, constants.file);
                found.extend(scope.literal(value, &ty.ty, reports).map(|value| (name.text.clone(), value)));
            }
            Some(_) => drop(found.insert(name.text.clone(), Literal::Null)),
            None => {}
        }
    }
    found
}
