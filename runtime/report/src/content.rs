//! What a section tells, before it is Markdown or HTML.

/// A piece of a card with a heading.
pub(crate) struct Section {
    /// Its name, to which links lead and to which charts belong.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) blocks: Vec<Block>,
}

/// A piece of a section.
pub(crate) enum Block {
    /// A sentence of the project's own words and of cells.
    Text(Vec<Cell>),
    Table(Table),
    /// Where charts stand, if it is not the section's end.
    Charts,
}

/// Lines of cells below a head; without a head, pairs of a name and a value.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) lines: Vec<Vec<Cell>>,
    /// What is not shown, such as `and 312 more`.
    pub(crate) more: Option<String>,
}

/// A value in a table or a sentence.
#[derive(Clone)]
pub(crate) enum Cell {
    /// Words.
    Text(String),
    /// A name of the program, or a value of its data.
    Name(String),
    /// A number, flush right.
    Number(String),
    /// A number, with where it lies beside it.
    Between(String, String),
    /// Whether a gate or a test holds.
    Met(bool),
    /// Nothing to tell.
    Empty,
}

impl Cell {
    pub(crate) fn text(text: &str) -> Self {
        Cell::Text(crate::shown::text(text, crate::limits::SENTENCE))
    }

    pub(crate) fn name(name: &str) -> Self {
        Cell::Name(crate::shown::text(name, crate::limits::NAME))
    }

    pub(crate) fn figure(value: Option<f64>) -> Self {
        value.map_or(Cell::Empty, |value| Cell::Number(crate::shown::figure(value)))
    }

    pub(crate) fn count(count: u64) -> Self {
        Cell::Number(crate::shown::count(count))
    }

    /// A metric with its interval.
    pub(crate) fn score(score: &mlsys_training::Score) -> Self {
        let value = crate::shown::figure(score.value);
        match crate::shown::interval(score.interval) {
            Some(interval) => Cell::Between(value, interval),
            None => Cell::Number(value),
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Cell::Number(_) | Cell::Between(..))
    }
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N], lines: Vec<Vec<Cell>>, more: Option<String>) -> Self {
        Table { head: head.map(str::to_owned).to_vec(), lines, more }
    }

    /// Pairs of a name and a value.
    pub(crate) fn pairs(lines: Vec<(&str, Cell)>) -> Self {
        let lines = lines.into_iter().map(|(name, value)| vec![Cell::text(name), value]).collect();
        Table { lines, ..Table::default() }
    }

    /// The same without columns in which nothing is told.
    pub(crate) fn without_empty(mut self) -> Self {
        let told = |column: usize| {
            self.lines.iter().any(|line| line.get(column).is_some_and(|cell| !matches!(cell, Cell::Empty)))
        };
        let told: Vec<bool> = (0..self.head.len()).map(told).collect();
        let kept = |column: usize| told.get(column).copied().unwrap_or_default();
        self.head =
            self.head.into_iter().enumerate().filter(|(column, _)| kept(*column)).map(|(_, cell)| cell).collect();
        for line in &mut self.lines {
            let cells = std::mem::take(line).into_iter().enumerate();
            *line = cells.filter(|(column, _)| kept(*column)).map(|(_, cell)| cell).collect();
        }
        self
    }

    /// Whether all cells of a column are numbers, or empty.
    pub(crate) fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.lines.iter().filter_map(|line| line.get(column));
        column > 0 && cells.all(|cell| cell.is_number() || matches!(cell, Cell::Empty))
    }
}

impl Section {
    /// A section, if it has anything to tell.
    pub(crate) fn of(id: &'static str, title: &'static str, blocks: Vec<Block>) -> Option<Self> {
        (!blocks.is_empty()).then_some(Section { id, title, blocks })
    }
}
