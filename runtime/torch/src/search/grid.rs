//! `grid`: every combination of the values, the last one named changing fastest.

use mlsys_plan::Call;

use super::space::{Space, coordinate};
use super::{Search, Tried};

struct Grid;

pub(super) fn build(_call: &Call, _seed: u64) -> Box<dyn Search> {
    Box::new(Grid)
}

impl Search for Grid {
    fn next(&mut self, spaces: &[Space], tried: &[Tried]) -> Option<Vec<f64>> {
        let mut rest = tried.len();
        let mut point = vec![0.0; spaces.len()];
        for (space, at) in spaces.iter().zip(&mut point).rev() {
            let size = space.size().filter(|size| *size > 0)?;
            let first = if let Space::Integer { low, .. } = space { *low } else { 0.0 };
            *at = first + coordinate(rest % size);
            rest /= size;
        }
        (rest == 0).then_some(point)
    }
}

#[cfg(test)]
mod tests {
    use mlsys_plan::{Call, Value};

    use super::super::Tried;
    use super::super::space::Space;

    #[test]
    fn a_grid_tries_every_combination_once() {
        let spaces = [Space::Choice(vec![Value::Int(1), Value::Int(2)]), Space::Integer { low: 3.0, high: 5.0 }];
        let mut search = super::build(&Call::default(), 0);
        let mut tried = Vec::new();
        while let Some(point) = search.next(&spaces, &tried) {
            tried.push(Tried { point, loss: None });
        }
        let points: Vec<Vec<f64>> = tried.into_iter().map(|tried| tried.point).collect();
        let expected = [[0.0, 3.0], [0.0, 4.0], [0.0, 5.0], [1.0, 3.0], [1.0, 4.0], [1.0, 5.0]];
        assert_eq!(points, expected.map(Vec::from));
    }
}
