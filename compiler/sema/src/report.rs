//! Reports: diagnostics whose places are relative to declarations.

use mlsys_diagnostics::{Severity, Span};

use crate::db::ItemRef;

/// One problem. The first label is the primary one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) labels: Vec<RelativeLabel>,
    pub(crate) help: Option<String>,
    pub(crate) fix: Option<RelativeFix>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelativeLabel {
    pub(crate) item: ItemRef,
    pub(crate) span: Span,
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelativeFix {
    pub(crate) title: String,
    pub(crate) sure: bool,
    pub(crate) item: ItemRef,
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// Collects the reports on one declaration.
pub(crate) struct Reports {
    item: ItemRef,
    reports: Vec<Report>,
}

impl Reports {
    pub(crate) fn on(item: ItemRef) -> Self {
        Reports { item, reports: Vec::new() }
    }

    /// Reports that nobody will read.
    pub(crate) fn silent() -> Self {
        Reports::on(ItemRef { file: mlsys_diagnostics::FileId(0), kind: None, name: String::new(), nth: 0 })
    }

    /// Adds an error at a span of this declaration.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Report {
        self.push(code, Severity::Error, span, message.into(), label.into())
    }

    /// Adds a warning at a span of this declaration.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Report {
        self.push(code, Severity::Warning, span, message.into(), label.into())
    }

    fn push(
        &mut self,
        code: &'static str,
        severity: Severity,
        span: Span,
        message: String,
        text: String,
    ) -> &mut Report {
        let labels = vec![RelativeLabel { item: self.item.clone(), span, text }];
        self.reports.push(Report { code, severity, message, labels, help: None, fix: None });
        let last = self.reports.len() - 1;
        &mut self.reports[last]
    }

    pub(crate) fn item(&self) -> &ItemRef {
        &self.item
    }

    /// Whether a code has been reported.
    pub(crate) fn has(&self, code: &str) -> bool {
        self.reports.iter().any(|report| report.code == code)
    }

    /// How many reports there are.
    pub(crate) fn count(&self) -> usize {
        self.reports.len()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.reports.iter().any(|report| report.severity == Severity::Error)
    }

    pub(crate) fn into_vec(self) -> Vec<Report> {
        self.reports
    }
}

impl Report {
    /// Adds a place in this or another declaration.
    pub(crate) fn also(&mut self, item: &ItemRef, span: Span, text: impl Into<String>) -> &mut Self {
        self.labels.push(RelativeLabel { item: item.clone(), span, text: text.into() });
        self
    }

    /// Says what to do.
    pub(crate) fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }

    /// Suggests a near name, with a fix that puts it in place of the primary span.
    pub(crate) fn did_you_mean(&mut self, near: Option<&str>) -> &mut Self {
        let (Some(near), Some(primary)) = (near, self.labels.first()) else { return self };
        self.help = Some(format!("did you mean `{near}`?"));
        self.fix = Some(RelativeFix {
            title: format!("write `{near}`"),
            sure: false,
            item: primary.item.clone(),
            span: primary.span,
            text: near.to_owned(),
        });
        self
    }
}

impl Report {
    /// Offers a change that is sure to be what was meant.
    pub(crate) fn mend(
        &mut self,
        title: impl Into<String>,
        item: &ItemRef,
        span: Span,
        text: impl Into<String>,
    ) -> &mut Self {
        self.fix = Some(RelativeFix { title: title.into(), sure: true, item: item.clone(), span, text: text.into() });
        self
    }
}

/// The text with its indefinite article.
pub(crate) fn a(what: &impl std::fmt::Display) -> String {
    let what = what.to_string();
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {what}")
}
