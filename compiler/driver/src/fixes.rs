//! Applying fixes: the changes that are sure to be what was meant.

use std::collections::BTreeMap;

use mlsys_diagnostics::{Diagnostic, Edit, FileId, Files};

/// The texts of the files that sure fixes change, and how many fixes went into them. Fixes that overlap with an earlier
/// one wait for another round.
pub(crate) fn applied(files: &Files, diagnostics: &[Diagnostic]) -> (BTreeMap<FileId, String>, usize) {
    let mut chosen: Vec<&Edit> = Vec::new();
    let mut count = 0;
    for fix in diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_ref()).filter(|fix| fix.sure) {
        if fix.edits.iter().all(|edit| chosen.iter().all(|other| is_apart(edit, other))) {
            chosen.extend(&fix.edits);
            count += 1;
        }
    }
    // From the back, so that places stay where they are.
    chosen.sort_by_key(|edit| std::cmp::Reverse((edit.place.file, edit.place.span.start)));
    let mut texts: BTreeMap<FileId, String> = BTreeMap::new();
    for edit in chosen {
        let text = texts.entry(edit.place.file).or_insert_with(|| files.text(edit.place.file).to_owned());
        text.replace_range(edit.place.span.range(), &edit.text);
    }
    (texts, count)
}

/// Two insertions at one place are not apart either: which comes first?
fn is_apart(left: &Edit, right: &Edit) -> bool {
    let (one, other) = (left.place.span, right.place.span);
    left.place.file != right.place.file || one.end < other.start || other.end < one.start
}
