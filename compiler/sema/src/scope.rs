//! What names mean inside an expression.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Expr, ExprKind, Literal, Type, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::db::{Db, Item, Project, SourceFile, Word, lookup, names_of_kind};
use crate::param::param_of;
use crate::report::{Reports, a};

/// Columns in reach, and what was used of them.
pub(crate) struct Scope<'db> {
    pub(crate) db: &'db dyn Db,
    pub(crate) project: Project,
    pub(crate) file: SourceFile,
    /// What the columns belong to and what they are called, such as "the source `flights`" and "column"; none where there
    /// are no columns.
    owner: Option<(String, &'static str)>,
    /// Whether all columns are known; if not, a name that seems to be missing may be one.
    complete: bool,
    /// Whether names may stand for parameters.
    parameters: bool,
    /// Whether `now` is known: the moment that a value is asked for.
    now: bool,
    /// The declaration whose rows are looked at; other tables may be looked up there only.
    pub(crate) item: Option<Item<'db>>,
    columns: Vec<ScopeColumn>,
    narrowed: BTreeSet<String>,
    /// Columns that were read, with the places, in order.
    pub(crate) uses: Vec<(String, Span)>,
    /// Personal data that was read outside of a declassifier: what it is called, and where.
    pub(crate) personal: Vec<(String, Span)>,
    /// How many declassifiers this expression stands in.
    pub(crate) declassifying: u32,
    /// How many function bodies this expression stands in.
    pub(crate) depth: u32,
    /// How many operations have been looked at, with those of functions that were put in place.
    pub(crate) steps: Rc<Cell<usize>>,
}

/// A column in reach; without a type if that is wrong, which was reported elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    pub(crate) name: String,
    pub(crate) ty: Option<ValueType>,
    /// Whether it is personal data.
    pub(crate) pii: bool,
}

impl ScopeColumn {
    /// A column that is no personal data.
    pub(crate) fn new(name: impl Into<String>, ty: Option<ValueType>) -> Self {
        ScopeColumn { name: name.into(), ty, pii: false }
    }
}

impl<'db> Scope<'db> {
    /// A scope without columns: constants and parameters only.
    pub(crate) fn constant(db: &'db dyn Db, project: Project, file: SourceFile) -> Self {
        Scope {
            db,
            project,
            file,
            owner: None,
            complete: true,
            parameters: true,
            now: false,
            item: None,
            columns: Vec::new(),
            narrowed: BTreeSet::new(),
            uses: Vec::new(),
            personal: Vec::new(),
            declassifying: 0,
            depth: 0,
            steps: Rc::default(),
        }
    }

    /// A scope with the columns of `owner`.
    pub(crate) fn with_columns(
        mut self,
        owner: impl Into<String>,
        what: &'static str,
        columns: Vec<ScopeColumn>,
    ) -> Self {
        self.owner = Some((owner.into(), what));
        self.columns = columns;
        self
    }

    /// Says whether all columns are known.
    pub(crate) fn complete(mut self, complete: bool) -> Self {
        self.complete = complete;
        self
    }

    /// Lets the rows of a declaration look up other tables.
    pub(crate) fn inside(mut self, item: Item<'db>) -> Self {
        self.item = Some(item);
        self
    }

    /// Lets `now` stand for the moment that a value is asked for.
    pub(crate) fn with_now(mut self) -> Self {
        self.now = true;
        self
    }

    /// Adds columns.
    pub(crate) fn add_columns(&mut self, columns: impl IntoIterator<Item = ScopeColumn>) {
        self.columns.extend(columns);
    }

    /// Notes that personal data is read.
    pub(crate) fn reads_personal(&mut self, what: String, span: Span) {
        if self.declassifying == 0 {
            self.personal.push((what, span));
        }
    }

    /// A scope of literals only: a parameter's default may not read parameters.
    pub(crate) fn without_parameters(mut self) -> Self {
        self.parameters = false;
        self
    }

    /// Takes columns as present: a filter has made sure of it.
    pub(crate) fn narrow(&mut self, columns: BTreeSet<String>) {
        self.narrowed.extend(columns);
    }

    /// What `look` finds where these columns are present as well.
    pub(crate) fn with_present<T>(&mut self, columns: BTreeSet<String>, look: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.narrowed.clone();
        self.narrowed.extend(columns);
        let found = look(self);
        self.narrowed = before;
        found
    }

    /// Whether names may stand for parameters.
    pub(crate) fn reads_parameters(&self) -> bool {
        self.parameters
    }

    /// The column's type, narrowed.
    pub(crate) fn column_type(&self, name: &str) -> Option<Option<ValueType>> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        let present = self.narrowed.contains(name);
        Some(column.ty.clone().map(|ty| if present { ty.with_nullable(false) } else { ty }))
    }

    /// What a name stands for: a column or a parameter's value.
    pub(crate) fn name(&mut self, name: &str, span: Span, reports: &mut Reports) -> Option<Expr> {
        if let Some(ty) = self.column_type(name) {
            self.uses.push((name.to_owned(), span));
            if self.columns.iter().any(|column| column.name == name && column.pii) {
                self.reads_personal(name.to_owned(), span);
            }
            return ty.map(|ty| Expr::column(name, ty));
        }
        if name == "now" {
            return self.moment(span, reports);
        }
        if self.parameters {
            let word = Word::new(self.db, name.to_owned());
            if let Some(item) = lookup(self.db, self.project, self.file, word) {
                return self.declared(item, name, span, reports);
            }
            if crate::imports::mentions(self.db, self.file, name) {
                return None;
            }
        }
        self.unknown_column(name, span, reports);
        None
    }

    /// The value of a declaration that is named alone: a parameter, or a function without arguments.
    fn declared(&mut self, item: Item<'db>, name: &str, span: Span, reports: &mut Reports) -> Option<Expr> {
        match item.kind(self.db) {
            Some(Kind::Param) => {
                let value = param_of(self.db, self.project, item).value.as_ref()?;
                Some(Expr::literal(value.value.clone(), value.ty.clone().required()))
            }
            Some(Kind::Function | Kind::Extern) => {
                let call = ast::Call::bare(ast::Name { text: name.to_owned(), span });
                self.expr(&ast::Expr { kind: ast::ExprKind::Call(call), span }, reports)
            }
            other => {
                let what = other.map_or("a declaration", crate::refer::noun);
                reports
                    .error(
                        "E0207",
                        span,
                        format!("`{name}` is {what}, a value is needed here"),
                        format!("this is {what}"),
                    )
                    .help("name a column, a parameter or a constant");
                None
            }
        }
    }

    /// `now`, where there is a moment that it can stand for.
    fn moment(&self, span: Span, reports: &mut Reports) -> Option<Expr> {
        if self.now {
            return Some(Expr { kind: ExprKind::Now, ty: Type::Timestamp.required() });
        }
        reports
            .error("E0320", span, "`now` has no meaning here", "which moment?")
            .help("`now` is the moment a prediction is made: use it in a derived feature or in a model, or name a time column");
        None
    }

    fn unknown_column(&self, name: &str, span: Span, reports: &mut Reports) {
        if !self.complete || crate::db::lost(self.db, self.file, name) {
            return;
        }
        let near = nearest(name, self.columns.iter().map(|column| column.name.as_str()));
        let Some((owner, what)) = &self.owner else {
            let parameters = names_of_kind(self.db, self.file, Kind::Param);
            reports
                .error("E0317", span, format!("`{name}` is not known when the program is compiled"), "not a constant")
                .help(if self.parameters {
                    "only literals and parameters may stand here"
                } else {
                    "only literals may stand here"
                })
                .did_you_mean(nearest(name, parameters));
            return;
        };
        let report = reports.error("E0202", span, format!("{owner} has no {what} `{name}`"), format!("no such {what}"));
        if near.is_some() {
            report.did_you_mean(near);
        } else {
            let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            report.help(format!("it has {}", listed(&known)));
        }
    }

    /// Reports a column that `owner` does not have; for names that are no expressions.
    pub(crate) fn require_column(&self, name: &ast::Name, reports: &mut Reports) -> Option<Option<ValueType>> {
        let ty = self.column_type(&name.text);
        if ty.is_none() {
            self.unknown_column(&name.text, name.span, reports);
        }
        ty
    }

    /// The value of a constant expression, as that type.
    pub(crate) fn literal(mut self, value: &ast::Expr, ty: &Type, reports: &mut Reports) -> Option<Literal> {
        let typed = self.expr(value, reports)?;
        let typed = self.coerce_or_report(typed, ty, value.span, reports)?;
        match typed.kind {
            ExprKind::Literal { value: Literal::Null } => {
                reports
                    .error("E0305", value.span, format!("{} is needed here, and `null` is none", a(ty)), "says nothing")
                    .help(format!("give it {}, or leave the clause out", a(ty)));
                None
            }
            ExprKind::Literal { value } => Some(value),
            _ => {
                reports.error(
                    "E0317",
                    value.span,
                    "this value is not known when the program is compiled",
                    "not a constant",
                );
                None
            }
        }
    }
}

/// Names as a phrase; long lists are cut.
pub(crate) fn listed(names: &[&str]) -> String {
    const MOST: usize = 12;
    let quoted: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    match (quoted.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => quoted.join(", "),
        (false, more) => format!("{} and {more} more", quoted.join(", ")),
    }
}
