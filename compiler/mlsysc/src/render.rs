//! Diagnostics on a terminal: the one adapter to miette.

use std::fmt::{self, Display};
use std::io::IsTerminal;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};
use mlsys_diagnostics::{Diagnostic, FileId, Files, Label, Severity};

/// Writes diagnostics to the standard error stream, with excerpts of the program.
pub(crate) fn print(diagnostics: &[Diagnostic], files: &Files) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for diagnostic in diagnostics {
        eprintln!("{}", report(diagnostic, files, colour));
    }
}

/// How many errors and warnings there are, as a phrase.
pub(crate) fn counted(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|each| each.severity == severity).count();
    let phrase = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        more => Some(format!("{more} {word}s")),
    };
    let phrases = [phrase(count(Severity::Error), "error"), phrase(count(Severity::Warning), "warning")];
    phrases.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn report(diagnostic: &Diagnostic, files: &Files, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(100);
    let mut text = String::new();
    match handler.render_report(&mut text, &Excerpt::of(diagnostic, files)) {
        Ok(()) => text,
        Err(fmt::Error) => format!("{}: {}", diagnostic.code, diagnostic.message),
    }
}

/// A diagnostic as miette wants it: excerpts of one file, those of others as related ones.
#[derive(Debug)]
struct Excerpt {
    code: Option<&'static str>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    source: Option<Source>,
    labels: Vec<LabeledSpan>,
    elsewhere: Vec<Excerpt>,
}

/// A file. miette's own sources count the lines of an excerpt from the beginning of the file, which makes excerpts that
/// are far apart look as if they touched.
#[derive(Debug)]
struct Source {
    name: String,
    text: String,
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, before, after)?;
        let lines = read.data().split(|byte| *byte == b'\n').count();
        let (span, line, column) = (*read.span(), read.line(), read.column());
        Ok(Box::new(MietteSpanContents::new_named(self.name.clone(), read.data(), span, line, column, lines)))
    }
}

impl Excerpt {
    fn of(diagnostic: &Diagnostic, files: &Files) -> Self {
        let mut parts: Vec<(FileId, Vec<&Label>)> = Vec::new();
        for label in &diagnostic.labels {
            match parts.iter_mut().find(|(file, _)| *file == label.place.file) {
                Some((_, labels)) => labels.push(label),
                None => parts.push((label.place.file, vec![label])),
            }
        }
        let severity = match diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        let mut excerpts = parts.into_iter().map(|(file, labels)| Excerpt {
            code: None,
            severity: miette::Severity::Advice,
            message: format!("in {}", files.name(file)),
            help: None,
            source: Some(Source { name: files.name(file).to_owned(), text: files.text(file).to_owned() }),
            labels: in_order(&labels),
            elsewhere: Vec::new(),
        });
        let (source, labels) = excerpts.next().map_or((None, Vec::new()), |first| (first.source, first.labels));
        Excerpt {
            code: Some(diagnostic.code),
            severity,
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            source,
            labels,
            elsewhere: excerpts.collect(),
        }
    }
}

/// Labels by place: miette shows everything between two labels that are out of order.
fn in_order(labels: &[&Label]) -> Vec<LabeledSpan> {
    let mut spans: Vec<LabeledSpan> =
        labels.iter().enumerate().map(|(index, label)| labelled(label, index == 0)).collect();
    spans.sort_by_key(LabeledSpan::offset);
    spans
}

fn labelled(label: &Label, primary: bool) -> LabeledSpan {
    let span = (label.place.span.start as usize, label.place.span.range().len());
    let text = Some(label.text.clone());
    if primary { LabeledSpan::new_primary_with_span(text, span) } else { LabeledSpan::new_with_span(text, span) }
}

impl Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Excerpt {}

impl miette::Diagnostic for Excerpt {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.code.map(|code| Box::new(code) as Box<dyn Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let related = self.elsewhere.iter().map(|each| each as &dyn miette::Diagnostic);
        (!self.elsewhere.is_empty()).then(|| Box::new(related) as Box<dyn Iterator<Item = &'a dyn miette::Diagnostic>>)
    }
}
