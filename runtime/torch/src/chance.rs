//! Chance in training: orders of rows and dropped activations that depend on seed, epoch and step alone.
//!
//! libtorch's generator is one for the whole process. These draws are the same whichever thread asks first, and a
//! training that goes on from a checkpoint makes those that it would have made.

use std::sync::{Mutex, PoisonError};

use rand_core::{Rng, SeedableRng};
use rand_xorshift::XorShiftRng;
use tch::{Kind, Tensor};

use crate::sizes::dimension;

/// A stream of random numbers, or none while predicting.
pub(crate) struct Chance(Option<XorShiftRng>);

impl Chance {
    /// No chance: what is only for training does nothing.
    pub(crate) fn none() -> Self {
        Chance(None)
    }

    /// The stream of a place in training, such as seed, epoch and step.
    pub(crate) fn at(place: &[u64]) -> Self {
        Chance(Some(stream(place)))
    }

    /// Whether this is training.
    pub(crate) fn is_training(&self) -> bool {
        self.0.is_some()
    }

    /// A seed for libtorch's own generator, which a module of others draws from.
    pub(crate) fn seed(&mut self) -> Option<i64> {
        // Half of all numbers: the others are no `i64`.
        self.0.as_mut().and_then(|random| i64::try_from(random.next_u64() >> 1).ok())
    }

    /// Leaves a share of the values out and scales the others, so that the sum is expected to stay (Srivastava et al.,
    /// 2014). Shares are met to a 65,536th.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 65,536")]
    pub(crate) fn dropout(&mut self, values: &Tensor, share: f64) -> Tensor {
        let Some(random) = self.0.as_mut().filter(|_| share > 0.0) else { return values.shallow_clone() };
        let limit = (share * 65_536.0).round().min(65_535.0) as u16;
        let kept = 1.0 / (1.0 - f64::from(limit) / 65_536.0);
        let mut mask = vec![0_f32; values.numel()];
        for four in mask.chunks_mut(4) {
            let mut bits = random.next_u64();
            for value in four {
                *value = if (bits & 0xffff) as u16 >= limit { kept as f32 } else { 0.0 };
                bits >>= 16;
            }
        }
        let mask = Tensor::from_slice(&mask).view_as(values).to_kind(values.kind()).to_device(values.device());
        values * mask
    }
}

/// An order of rows by chance (Durstenfeld, 1964).
pub(crate) fn order(rows: usize, place: &[u64]) -> Vec<i64> {
    let mut random = stream(place);
    let mut order: Vec<i64> = (0..dimension(rows)).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(&mut random, last + 1));
    }
    order
}

/// So many rows drawn with replacement, each class equally often.
pub(crate) fn balanced(classes: &[u32], place: &[u64]) -> Vec<i64> {
    let mut members: std::collections::BTreeMap<u32, Vec<i64>> = std::collections::BTreeMap::new();
    for (row, class) in (0_i64..).zip(classes) {
        members.entry(*class).or_default().push(row);
    }
    let members: Vec<Vec<i64>> = members.into_values().collect();
    let mut random = stream(place);
    let mut draw = |_: &u32| {
        let class = &members[below(&mut random, members.len())];
        class[below(&mut random, class.len())]
    };
    classes.iter().map(&mut draw).collect()
}

/// An index below a count, without a bias that shows (Lemire, 2019).
#[expect(clippy::cast_possible_truncation, reason = "the upper half of a product is below the count")]
fn below(random: &mut XorShiftRng, count: usize) -> usize {
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

/// Neighbouring places have streams that have nothing to do with each other: SplitMix64's finaliser (Steele, Lea and
/// Flood, 2014) over the numbers of the place.
fn stream(place: &[u64]) -> XorShiftRng {
    let mixed = place.iter().fold(0x9e37_79b9_7f4a_7c15_u64, |state, number| {
        let mut mixed = state ^ number.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    XorShiftRng::seed_from_u64(mixed)
}

/// The type of numbers that networks compute with, unless the program asks for another one.
pub(crate) const FLOAT: Kind = Kind::Float;

/// Lets first weights follow from a seed: libtorch draws them, from one generator for the whole process. What is built
/// meanwhile on other threads waits.
pub(crate) fn with_libtorch<T>(seed: u64, build: impl FnOnce() -> T) -> T {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(i64::try_from(seed).unwrap_or(i64::MAX));
    build()
}
