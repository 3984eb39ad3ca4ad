//! Histograms for people: ranges of equal length between the extremes of a column.

/// How many ranges there are.
const BARS: usize = 20;

/// The ranks whose values are reported, by name.
pub(super) const RANKS: [(&str, f64); 7] =
    [("p01", 0.01), ("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95), ("p99", 0.99)];

/// Twenty ranges from the least to the greatest value with the number of values in each; one, if they are the same. A place
/// is an estimate of where values are, and so many of them.
pub(super) fn bars(places: impl Iterator<Item = (f64, u64)>, least: f64, greatest: f64) -> Vec<(f64, f64, u64)> {
    // Parts of the range, since the range itself may be greater than every float.
    let part = |value: f64| value / BARS as f64;
    let width = part(greatest) - part(least);
    if width <= 0.0 {
        return vec![(least, greatest, places.map(|(_, count)| count).sum())];
    }
    let mut counts = [0_u64; BARS];
    for (place, count) in places {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the range")]
        let bar = ((part(place.clamp(least, greatest)) - part(least)) / width * BARS as f64) as usize;
        counts[bar.min(BARS - 1)] += count;
    }
    let share = |bar: usize| bar as f64 / BARS as f64;
    let edge = |bar: usize| least * (1.0 - share(bar)) + greatest * share(bar);
    counts.into_iter().enumerate().map(|(bar, count)| (edge(bar), edge(bar + 1), count)).collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn every_value_is_in_a_range() {
        let found = bars([(0.0, 2), (1.0, 3), (19.9, 4), (25.0, 5)].into_iter(), 0.0, 20.0);
        assert_eq!((found.len(), found[0], found[1], found[19]), (20, (0.0, 1.0, 2), (1.0, 2.0, 3), (19.0, 20.0, 9)));
        assert_eq!(bars([(7.1, 3)].into_iter(), 7.0, 7.0), [(7.0, 7.0, 3)]);
        let widest = bars([(f64::MIN, 1), (0.0, 1), (f64::MAX, 1)].into_iter(), f64::MIN, f64::MAX);
        assert_eq!((widest[0].2, widest[10].2, widest[19].2), (1, 1, 1));
        assert!(widest.iter().all(|(from, to, _)| from.is_finite() && to.is_finite() && from < to));
    }
}
