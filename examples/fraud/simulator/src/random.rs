//! Random numbers that are the same on every machine.

use std::f64::consts::TAU;

/// The golden ratio as a fraction of 2^64, the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The generator SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The generator of one choice, named by numbers: what is chosen, for whom, on which day.
    pub(crate) fn of(seed: u64, name: &[u64]) -> Self {
        let mix = |state: u64, part: &u64| Random { state: state ^ part }.next();
        Random { state: name.iter().fold(Random { state: seed }.next(), mix) }
    }

    /// 64 random bits.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 (included) to 1 (excluded).
    #[expect(clippy::cast_precision_loss, reason = "53 bits are a float exactly")]
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `low` to `high`, every one as likely as the others.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// A whole number below `count`, which is not 0 (Lemire, "Fast random integer generation in an interval", 2019,
    /// without the correction of a bias of `count` in 2^64).
    #[expect(clippy::cast_possible_truncation, reason = "the product's upper half is below `count`")]
    pub(crate) fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }

    /// A normally distributed number (Box and Muller, 1958).
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let (radius, angle) = (libm::sqrt(-2.0 * libm::log(1.0 - self.share())), TAU * self.share());
        mean + deviation * radius * libm::cos(angle)
    }

    /// How many events happen of which `mean` are expected: a Poisson distribution (Knuth, "The Art of Computer
    /// Programming", volume 2, 3.4.1). Takes time proportional to the mean, which is small here.
    pub(crate) fn events(&mut self, mean: f64) -> u32 {
        let (mut count, mut product, end) = (0, self.share(), libm::exp(-mean));
        while product > end {
            count += 1;
            product *= self.share();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_are_those_of_the_publication() {
        // The first outputs for the seed 1234567, as the reference implementation of SplitMix64 prints them.
        let mut random = Random { state: 1_234_567 };
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn distributions_have_their_means() {
        let mut random = Random::of(1, &[]);
        let mut mean = |draw: fn(&mut Random) -> f64| (0..20_000).map(|_| draw(&mut random)).sum::<f64>() / 20_000.0;
        assert!((mean(|random| random.share()) - 0.5).abs() < 0.01);
        assert!((mean(|random| random.normal(3.0, 2.0)) - 3.0).abs() < 0.05);
        assert!((mean(|random| random.normal(0.0, 2.0).powi(2)) - 4.0).abs() < 0.15);
        assert!((mean(|random| f64::from(random.events(2.5))) - 2.5).abs() < 0.05);
        assert!((mean(|random| random.below(11) as f64) - 5.0).abs() < 0.1);
        assert_eq!(mean(|random| f64::from(random.events(0.0))), 0.0);
    }

    #[test]
    fn names_make_generators_of_their_own() {
        let first = |seed, name: &[u64]| Random::of(seed, name).next();
        assert_eq!(first(1, &[2, 3]), first(1, &[2, 3]));
        let others = [first(2, &[2, 3]), first(1, &[3, 2]), first(1, &[2]), first(1, &[2, 3, 0])];
        assert!(others.iter().all(|other| *other != first(1, &[2, 3])));
    }
}
