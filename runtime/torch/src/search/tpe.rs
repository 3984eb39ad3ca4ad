//! `tpe`: the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, 2011).
//!
//! Points so far are divided into a good share and the rest. Each dimension has a density of the good ones, `l`, and
//! one of the others, `g`; of several draws from `l` the one with the largest `l / g` is tried, which maximises the
//! expected improvement.

use mlsys_plan::Call;

use super::random::Draws;
use super::space::{Space, coordinate, index};
use super::{Search, Tried};

/// The share of points that count as good: γ in the paper, section 4.
const GOOD: f64 = 0.15;

/// How many draws from the good density are compared.
const DRAWS: usize = 24;

struct Tpe {
    startup: usize,
    draws: Draws,
}

pub(super) fn build(call: &Call, seed: u64) -> Box<dyn Search> {
    let startup = call.count("startup").unwrap_or(10);
    Box::new(Tpe { startup, draws: Draws::new(call, seed) })
}

impl Search for Tpe {
    fn next(&mut self, spaces: &[Space], tried: &[Tried]) -> Option<Vec<f64>> {
        if tried.len() < self.startup.max(2) {
            return Some(self.draws.point(spaces));
        }
        let mut order: Vec<&Tried> = tried.iter().collect();
        // A failed trial is worse than every other.
        order.sort_by(|left, right| left.loss.unwrap_or(f64::INFINITY).total_cmp(&right.loss.unwrap_or(f64::INFINITY)));
        let (good, rest) = order.split_at(index((coordinate(order.len()) * GOOD).ceil()).max(1));
        let at = |tried: &[&Tried], dimension: usize| tried.iter().map(|one| one.point[dimension]).collect::<Vec<_>>();
        let dimensions = spaces.iter().enumerate();
        Some(dimensions.map(|(number, space)| self.choose(space, &at(good, number), &at(rest, number))).collect())
    }
}

impl Tpe {
    /// Of several draws from the density of the good coordinates the one with the largest ratio.
    fn choose(&mut self, space: &Space, good: &[f64], rest: &[f64]) -> f64 {
        let (good, rest) = (Density::of(space, good), Density::of(space, rest));
        let mut best = (f64::NEG_INFINITY, 0.0);
        for _ in 0..DRAWS {
            let drawn = space.settle(good.draw(&mut self.draws));
            let ratio = good.at(drawn).ln() - rest.at(drawn).ln();
            if ratio > best.0 {
                best = (ratio, drawn);
            }
        }
        best.1
    }
}

/// A density over one dimension.
enum Density {
    /// The probability of each index: one for each value, and one more for each time it was tried.
    Choice(Vec<f64>),
    /// Normal distributions of equal weight, cut off at the bounds; the first one is the prior.
    Parzen { low: f64, high: f64, components: Vec<(f64, f64)> },
}

impl Density {
    fn of(space: &Space, tried: &[f64]) -> Self {
        match space.bounds() {
            None => {
                let mut counts = vec![1.0; space.size().unwrap_or_default()];
                tried.iter().for_each(|at| counts[index(*at)] += 1.0);
                let total: f64 = counts.iter().sum();
                Density::Choice(counts.into_iter().map(|count| count / total).collect())
            }
            Some((low, high)) => Density::Parzen { low, high, components: components(low, high, tried) },
        }
    }

    fn draw(&self, draws: &mut Draws) -> f64 {
        match self {
            Density::Choice(shares) => {
                let mut left = draws.unit();
                let found = shares.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                coordinate(found.unwrap_or(shares.len().saturating_sub(1)))
            }
            Density::Parzen { low, high, components } => {
                let (centre, width) = components[draws.below(components.len())];
                // Every centre lies between the bounds: at least a third of the draws of each component do so too.
                loop {
                    let drawn = centre + width * draws.normal();
                    if (*low..=*high).contains(&drawn) {
                        return drawn;
                    }
                }
            }
        }
    }

    fn at(&self, at: f64) -> f64 {
        match self {
            Density::Choice(shares) => shares[index(at)],
            Density::Parzen { low, high, components } => {
                let densities = components.iter().map(|(centre, width)| {
                    let inside = below((high - centre) / width) - below((low - centre) / width);
                    let distance = (at - centre) / width;
                    (-0.5 * distance * distance).exp() / (width * std::f64::consts::TAU.sqrt() * inside)
                });
                densities.sum::<f64>() / coordinate(components.len())
            }
        }
    }
}

/// Centres and widths: the prior in the middle and as wide as the space, then one at each point, as wide as its
/// farther neighbour is away, but neither wider than the space nor narrower than a share of it.
fn components(low: f64, high: f64, tried: &[f64]) -> Vec<(f64, f64)> {
    let range = high - low;
    let prior = (f64::midpoint(low, high), range);
    let mut centres: Vec<f64> = tried.iter().copied().chain([prior.0]).collect();
    centres.sort_by(f64::total_cmp);
    let narrowest = range / (1.0 + coordinate(centres.len())).min(100.0);
    let width = |at: f64| {
        let place = centres.partition_point(|centre| *centre < at);
        let before = if place == 0 { low } else { centres[place - 1] };
        let after = centres.get(place + 1).copied().unwrap_or(high);
        (at - before).max(after - at).clamp(narrowest, range)
    };
    [prior].into_iter().chain(tried.iter().map(|at| (*at, width(*at)))).collect()
}

/// The standard normal distribution function.
fn below(x: f64) -> f64 {
    0.5 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlsys_plan::{Call, Value};

    use super::super::space::{Space, index};
    use super::super::{Search, Tried, random};

    fn spaces() -> Vec<Space> {
        vec![
            Space::Log { low: 1e-4_f64.ln(), high: 0.0 },
            Space::Choice(vec![Value::Int(1), Value::Int(2), Value::Int(3)]),
            Space::Integer { low: 1.0, high: 20.0 },
        ]
    }

    /// Smallest, zero, at 0.01, the second value, and 7.
    fn loss(point: &[f64]) -> f64 {
        let penalty = if index(point[1]) == 1 { 0.0 } else { 1.0 };
        (point[0] - 0.01_f64.ln()).powi(2) + penalty + ((point[2] - 7.0) / 5.0).powi(2)
    }

    fn best(mut search: Box<dyn Search>, trials: usize) -> f64 {
        let mut tried: Vec<Tried> = Vec::new();
        for _ in 0..trials {
            let point = search.next(&spaces(), &tried).unwrap();
            let space = spaces();
            for (space, at) in space.iter().zip(&point) {
                assert!(space.bounds().is_none_or(|(low, high)| (low..=high).contains(at)), "{space:?} {at}");
            }
            tried.push(Tried { loss: Some(loss(&point)), point });
        }
        tried.iter().filter_map(|tried| tried.loss).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn it_finds_better_points_than_chance_and_the_same_ones_again() {
        let call = |seed: i64| Call {
            name: "tpe".to_owned(),
            args: BTreeMap::from([("seed".to_owned(), Value::Int(seed)), ("startup".to_owned(), Value::Int(10))]),
        };
        let seeds: Vec<i64> = (0..20).collect();
        let median = |build: super::super::Build| {
            let mut found: Vec<f64> = seeds.iter().map(|seed| best(build(&call(*seed), 1), 60)).collect();
            found.sort_by(f64::total_cmp);
            found[found.len() / 2]
        };
        let (informed, by_chance) = (median(super::build), median(random::build));
        assert!(informed < by_chance / 2.0, "{informed} {by_chance}");
        assert_eq!(median(super::build).to_bits(), informed.to_bits());
    }

    #[test]
    fn a_failed_trial_is_worse_than_every_other() {
        let space = [Space::Choice(vec![Value::Int(1), Value::Int(2)])];
        let tried: Vec<Tried> = (0..40)
            .map(|number| {
                let failed = number % 2 == 0;
                let point = vec![if failed { 0.0 } else { 1.0 }];
                Tried { point, loss: (!failed).then_some(1.0) }
            })
            .collect();
        let call = Call { name: "tpe".to_owned(), args: BTreeMap::new() };
        assert_eq!(super::build(&call, 3).next(&space, &tried), Some(vec![1.0]));
    }
}
