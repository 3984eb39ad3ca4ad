//! A growing run of values of which old ones are let go: a vector addressed by positions since the beginning.

use std::ops::Index;

/// Values at positions `start..end`; earlier ones have been released.
#[derive(Clone, Debug)]
pub(crate) struct Retained<T> {
    /// The position of `values[0]`.
    origin: usize,
    values: Vec<T>,
}

impl<T> Default for Retained<T> {
    fn default() -> Self {
        Retained { origin: 0, values: Vec::new() }
    }
}

impl<T: Clone> Retained<T> {
    /// No values yet; the first one will have the given position.
    pub(crate) fn starting_at(origin: usize) -> Self {
        Retained { origin, values: Vec::new() }
    }

    /// The position after the last value.
    pub(crate) fn end(&self) -> usize {
        self.origin + self.values.len()
    }

    /// Adds values at the end.
    pub(crate) fn extend(&mut self, values: impl IntoIterator<Item = T>) {
        self.values.extend(values);
    }

    /// Adds a value at the end.
    pub(crate) fn push(&mut self, value: T) {
        self.values.push(value);
    }

    /// Makes room for so many values.
    pub(crate) fn reserve(&mut self, values: usize) {
        self.values.reserve(values);
    }

    /// Adds values at the end, all at once.
    pub(crate) fn extend_from_slice(&mut self, values: &[T]) {
        self.values.extend_from_slice(values);
    }

    /// Lets go of values before a position. They are moved out only once they are half of what is held, so that each
    /// value is moved a bounded number of times.
    pub(crate) fn release(&mut self, before: usize) {
        let released = before.saturating_sub(self.origin).min(self.values.len());
        if released * 2 > self.values.len() {
            self.values.drain(..released);
            self.origin += released;
        }
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>()
    }
}

impl<T> Index<usize> for Retained<T> {
    type Output = T;

    fn index(&self, position: usize) -> &T {
        &self.values[position - self.origin]
    }
}

#[cfg(test)]
mod tests {
    use super::Retained;

    #[test]
    fn positions_survive_a_release() {
        let mut retained = Retained::default();
        retained.extend(0..10);
        retained.release(3);
        retained.extend_from_slice(&[10, 11]);
        retained.release(9);
        assert_eq!((retained[9], retained[11], retained.end()), (9, 11, 12));
    }
}
