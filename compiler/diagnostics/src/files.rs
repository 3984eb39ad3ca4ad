//! The files of a project as renderers need them: names, texts, lines.

use serde::Serialize;

/// A file of a project, by its position in [`Files`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileId(pub u32);

/// Names and texts of files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<(String, String)>,
    /// Where the lines of each file begin.
    lines: Vec<Vec<u32>>,
}

/// Where the lines of a text begin.
fn line_starts(text: &str) -> Vec<u32> {
    let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect()
}

/// A position as people count it: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character within the line.
    pub column: u32,
}

impl Files {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        self.lines.push(line_starts(&text));
        self.files.push((name.into(), text));
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// Replaces a file's text; an unknown file stays unknown.
    pub fn replace(&mut self, file: FileId, text: impl Into<String>) {
        let index = file.0 as usize;
        if let (Some((_, old)), Some(lines)) = (self.files.get_mut(index), self.lines.get_mut(index)) {
            *old = text.into();
            *lines = line_starts(old);
        }
    }

    /// The file of that name.
    pub fn by_name(&self, name: &str) -> Option<FileId> {
        let index = self.files.iter().position(|(known, _)| known == name)?;
        u32::try_from(index).ok().map(FileId)
    }

    /// The file's name; empty for an unknown file.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |(name, _)| name)
    }

    /// The file's text; empty for an unknown file.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |(_, text)| text)
    }

    /// Where a byte offset lies.
    pub fn position(&self, file: FileId, offset: u32) -> Position {
        let text = self.text(file);
        let mut offset = (offset as usize).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.lines.get(file.0 as usize).map_or(&[0][..], Vec::as_slice);
        let line = starts.partition_point(|start| *start as usize <= offset).max(1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let before = text.get(starts[line - 1] as usize..offset).unwrap_or_default();
        Position { line: count(line), column: count(before.chars().count() + 1) }
    }

    /// The byte range of a line, from 1, without its line break; none past the end.
    pub fn line_span(&self, file: FileId, line: u32) -> Option<crate::Span> {
        let text = self.text(file);
        let mut start = 0;
        for (number, content) in text.split('\n').enumerate() {
            if number + 1 == line as usize {
                let indent = content.len() - content.trim_start().len();
                return Some(crate::Span::new(start + indent, start + content.trim_end().len().max(indent)));
            }
            start += content.len() + 1;
        }
        None
    }
}
