//! The columns of a source: declared ones with their types, derived ones typed in dependency order.

use mlsys_plan::{Derived, Field, Literal, ValueType};
use mlsys_syntax::ast;

use crate::args::Constants;
use crate::order::dependency_order;
use crate::report::Reports;
use crate::scope::{Scope, ScopeColumn};

/// Columns with types; availability comes later.
pub(crate) struct Table {
    pub(super) schema: Vec<Field>,
    /// Derived columns in dependency order.
    pub(super) derived: Vec<Derived>,
    /// Every column in written order, with the type where it is right.
    pub(super) columns: Vec<TypedColumn>,
}

/// A column of the table.
pub(crate) struct TypedColumn {
    pub(super) scope: ScopeColumn,
    pub(super) span: mlsys_diagnostics::Span,
    /// Columns a derived column reads, with the places; none for a declared one.
    pub(super) uses: Option<Vec<(String, mlsys_diagnostics::Span)>>,
}

impl Table {
    pub(super) fn scope_columns(&self) -> Vec<ScopeColumn> {
        self.columns.iter().map(|column| column.scope.clone()).collect()
    }
}

pub(super) fn table(constants: &Constants<'_>, tree: &ast::Source, reports: &mut Reports) -> Table {
    let mut table = Table { schema: Vec::new(), derived: Vec::new(), columns: Vec::new() };
    if tree.columns.is_empty() {
        reports
            .error("E0209", tree.name.span, format!("`{}` has no columns", tree.name.text), "needs a `schema`")
            .help("declare the columns that are used, such as `schema { amount: float64 }`");
    }
    for column in &tree.columns {
        let broken = column.ty.is_none() && table.columns.iter().any(|known| known.scope.name == column.name.text);
        if broken || duplicate(&table, &column.name, reports) {
            continue;
        }
        let ty = column.ty.as_ref().and_then(|ty| crate::types::resolve(reports, ty));
        if let Some(ty) = &ty {
            table.schema.push(Field {
                name: column.name.text.clone(),
                ty: ty.clone(),
                default: default(constants, column, ty, reports),
                pii: column.pii.is_some(),
                line: column.name.span.start,
            });
        }
        table.columns.push(TypedColumn {
            scope: ScopeColumn { name: column.name.text.clone(), ty, pii: column.pii.is_some() },
            span: column.name.span,
            uses: None,
        });
    }
    derive(constants, tree, &mut table, reports);
    table
}

/// What stands for a missing value of a column.
fn default(constants: &Constants<'_>, column: &ast::Column, ty: &ValueType, reports: &mut Reports) -> Option<Literal> {
    let written = column.default.as_ref()?;
    if ty.nullable {
        let message = format!("`{}` has a default, so it is never missing", column.name.text);
        reports
            .error("E0322", written.span, message, "stands for every missing value")
            .help(format!("declare it as `{}`, or remove the default", ty.ty));
        return None;
    }
    if matches!(written.kind, ast::ExprKind::Literal(ast::Literal::Null)) {
        let message = format!("a default stands for a missing value of `{}`, and is none itself", column.name.text);
        reports.error("E0322", written.span, message, "is missing too").help(format!(
            "give it {}, or declare the column as `{}?`",
            crate::report::a(&ty.ty),
            ty.ty
        ));
        return None;
    }
    Scope::constant(constants.db, constants.project, constants.file).literal(written, &ty.ty, reports)
}

fn duplicate(table: &Table, name: &ast::Name, reports: &mut Reports) -> bool {
    let Some(first) = table.columns.iter().find(|column| column.scope.name == name.text) else { return false };
    let (item, span) = (reports.item().clone(), first.span);
    reports
        .error("E0203", name.span, format!("the column `{}` is declared twice", name.text), "declared a second time")
        .also(&item, span, "first declared here")
        .help("give one of them another name");
    true
}

fn derive(constants: &Constants<'_>, tree: &ast::Source, table: &mut Table, reports: &mut Reports) {
    let mut definitions: Vec<&ast::Definition> = Vec::new();
    for definition in &tree.derived {
        let earlier = definitions.iter().find(|earlier| earlier.name.text == definition.name.text);
        if let Some(earlier) = earlier {
            let (item, span) = (reports.item().clone(), earlier.name.span);
            let message = format!("the column `{}` is declared twice", definition.name.text);
            reports
                .error("E0203", definition.name.span, message, "declared a second time")
                .also(&item, span, "first declared here")
                .help("give one of them another name");
        } else if !duplicate(table, &definition.name, reports) {
            definitions.push(definition);
        }
    }
    let names: Vec<&str> = definitions.iter().map(|definition| definition.name.text.as_str()).collect();
    let reads: Vec<Vec<String>> = definitions.iter().map(|definition| names_read(&definition.value)).collect();
    let order = match dependency_order(&names, &reads) {
        Ok(order) => order,
        Err(cycle) => {
            report_cycle(&cycle, &definitions, reports);
            for definition in &definitions {
                table.columns.push(TypedColumn {
                    scope: ScopeColumn::new(definition.name.text.clone(), None),
                    span: definition.name.span,
                    uses: Some(Vec::new()),
                });
            }
            return;
        }
    };
    let first = table.columns.len();
    for index in order {
        let definition = definitions[index];
        // A definition that reads a later one is typed after it; one that reads nothing known says so itself.
        let owner = format!("the source `{}`", tree.name.text);
        let mut scope = Scope::constant(constants.db, constants.project, constants.file).with_columns(
            owner,
            "column",
            table.scope_columns(),
        );
        scope.item = Some(constants.item);
        let typed = scope.expr(&definition.value, reports);
        let ty = typed.as_ref().map(|typed| typed.ty.clone());
        table.derived.extend(typed.map(|expr| Derived { name: definition.name.text.clone(), expr }));
        table.columns.push(TypedColumn {
            scope: ScopeColumn { name: definition.name.text.clone(), ty, pii: !scope.personal.is_empty() },
            span: definition.name.span,
            uses: Some(scope.uses),
        });
    }
    table.columns[first..].sort_by_key(|column| column.span);
}

/// Reports definitions that need each other, with the path.
pub(crate) fn report_cycle(cycle: &[usize], definitions: &[&ast::Definition], reports: &mut Reports) {
    let mut path: Vec<String> = cycle.iter().map(|&index| format!("`{}`", definitions[index].name.text)).collect();
    path.push(path[0].clone());
    let item = reports.item().clone();
    let first = definitions[cycle[0]];
    let message = format!("`{}` is defined by itself: {}", first.name.text, path.join(" reads "));
    let report = reports.error("E0701", first.name.span, message, "needs itself");
    report.help("let one of them be computed from something else");
    for &index in &cycle[1..] {
        report.also(&item, definitions[index].name.span, "on the way");
    }
}

/// The names an expression mentions.
pub(crate) fn names_read(expr: &ast::Expr) -> Vec<String> {
    let mut names = Vec::new();
    collect(expr, &mut names);
    names
}

fn collect(expr: &ast::Expr, names: &mut Vec<String>) {
    if let ast::ExprKind::Name(name) = &expr.kind {
        names.push(name.clone());
    }
    // What a look ahead reads are columns of another source.
    if matches!(&expr.kind, ast::ExprKind::Call(call) if call.ahead.is_some()) {
        return;
    }
    // The name of a table that is looked up is no column.
    let skipped = usize::from(matches!(expr.kind, ast::ExprKind::Index(..)));
    expr.children().into_iter().skip(skipped).for_each(|child| collect(child, names));
}
