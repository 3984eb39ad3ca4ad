//! The files of a project as renderers need them: names, texts, lines.

use serde::Serialize;

/// A file of a project, by its position in [`Files`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileId(pub u32);

/// Names and texts of files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<(String, String)>,
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
        self.files.push((name.into(), text.into()));
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// Replaces a file's text; an unknown file stays unknown.
    pub fn replace(&mut self, file: FileId, text: impl Into<String>) {
        if let Some((_, old)) = self.files.get_mut(file.0 as usize) {
            *old = text.into();
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
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            line: count(before.bytes().filter(|byte| *byte == b'\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
        }
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
