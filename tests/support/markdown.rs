//! Markdown as test data: headings name cases, fences hold programs and what is expected of them.

/// A document taken apart into lines and fences, put together again unchanged.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The pieces in order.
    pub blocks: Vec<Block>,
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A line outside of fences.
    Text(String),
    /// A heading: how deep, and its text.
    Heading(usize, String),
    /// A fenced block: its info string and its lines.
    Fence(String, String),
}

impl Document {
    /// Takes a document apart.
    pub fn parse(text: &str) -> Self {
        let mut blocks = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.strip_prefix("```") {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                let body = if body.is_empty() { String::new() } else { body.join("\n") + "\n" };
                blocks.push(Block::Fence(info.to_owned(), body));
            } else if line.starts_with('#') {
                let depth = line.bytes().take_while(|byte| *byte == b'#').count();
                blocks.push(Block::Heading(depth, line[depth..].trim().to_owned()));
            } else {
                blocks.push(Block::Text(line.to_owned()));
            }
        }
        Document { blocks }
    }

    /// The bodies of the fences with that info string, in order.
    pub fn fences<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.blocks.iter().filter_map(move |block| match block {
            Block::Fence(info, body) if info == wanted => Some(body.as_str()),
            _ => None,
        })
    }

    /// The document as text.
    pub fn to_text(&self) -> String {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Text(line) => format!("{line}\n"),
            Block::Heading(depth, text) => format!("{} {text}\n", "#".repeat(*depth)),
            Block::Fence(info, body) => format!("```{info}\n{body}```\n"),
        });
        blocks.collect()
    }
}
