//! Cells of a table that are filled row by row, a block of rows at a time.

/// Fills the cells of some rows of a column.
pub(crate) type Fill<'a, T> = Box<dyn Fn(&[usize], &mut Strided<'_, T>) + Send + Sync + 'a>;

/// Some columns of a table that lies row by row in memory.
pub(crate) struct Strided<'a, T> {
    cells: &'a mut [T],
    /// The first of the columns.
    at: usize,
    /// How many columns the table has.
    stride: usize,
}

impl<'a, T: Copy> Strided<'a, T> {
    pub(crate) fn new(cells: &'a mut [T], at: usize, stride: usize) -> Self {
        Strided { cells, at, stride }
    }

    /// Puts a value into a cell.
    pub(crate) fn put(&mut self, row: usize, column: usize, value: T) {
        self.cells[row * self.stride + self.at + column] = value;
    }
}
