//! `random`: combinations by chance, and the draws that other searches begin with.

use mlsys_plan::Call;
use rand_core::{Rng, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::space::{Space, coordinate, index};
use super::{Search, Tried};

/// Random numbers that depend on the model's seed and the search's own.
pub(super) struct Draws(XorShiftRng);

struct Random(Draws);

pub(super) fn build(call: &Call, seed: u64) -> Box<dyn Search> {
    Box::new(Random(Draws::new(call, seed)))
}

impl Search for Random {
    fn next(&mut self, spaces: &[Space], _tried: &[Tried]) -> Option<Vec<f64>> {
        Some(self.0.point(spaces))
    }
}

impl Draws {
    pub(super) fn new(call: &Call, seed: u64) -> Self {
        let own = call.int("seed").unwrap_or_default().unsigned_abs();
        Draws(XorShiftRng::seed_from_u64(seed ^ own.rotate_left(32)))
    }

    /// A number from 0 on, less than 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float64 holds")]
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An index below a count.
    pub(super) fn below(&mut self, count: usize) -> usize {
        index(self.unit() * coordinate(count)).min(count.saturating_sub(1))
    }

    /// A number of the standard normal distribution (Box and Muller, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A point drawn evenly.
    pub(super) fn point(&mut self, spaces: &[Space]) -> Vec<f64> {
        spaces.iter().map(|space| self.coordinate(space)).collect()
    }

    fn coordinate(&mut self, space: &Space) -> f64 {
        match space.bounds() {
            Some((low, high)) => space.settle(low + (high - low) * self.unit()),
            None => coordinate(self.below(space.size().unwrap_or_default())),
        }
    }
}
