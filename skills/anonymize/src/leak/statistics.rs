//! How many coincidences chance allows.

/// Fails one run in a million without a leak.
const FALSE_ALARM: f64 = 1e-6;

/// The largest count that chance still explains: the smallest k with P(X > k) ≤ 10⁻⁶ for a Poisson
/// variable of that mean.
pub(crate) fn allowed(mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > 500.0 {
        // Normal approximation, five standard deviations.
        return whole(mean + 5.0 * mean.sqrt());
    }
    let mut probability = (-mean).exp();
    let mut tail = 1.0 - probability;
    let mut count = 0_u32;
    while tail > FALSE_ALARM && count < 2000 {
        count += 1;
        probability *= mean / f64::from(count);
        tail -= probability;
    }
    u64::from(count)
}

/// The matches of a random assignment, three standard deviations on top: A9's bound.
pub(crate) fn baseline_bound(mean: f64) -> u64 {
    whole(mean + 3.0 * mean.sqrt())
}

fn whole(number: f64) -> u64 {
    let mut low = 0_u64;
    let mut high = 1_u64 << 52;
    // A float has no checked conversion; the numbers are small and this runs once a column.
    while low < high {
        let middle = (low + high).div_ceil(2);
        let (upper, lower) = (middle >> 26, middle & ((1 << 26) - 1));
        let part = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        if part(upper) * f64::from(1_u32 << 26) + part(lower) <= number {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// A count as a float, for means.
pub(crate) fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_allowed_and_no_more() {
        assert_eq!(allowed(0.0), 0);
        assert_eq!(allowed(1e-9), 0);
        assert_eq!(allowed(1e-3), 1);
        assert!((10..=15).contains(&allowed(3.0)));
        assert_eq!(allowed(10_000.0), 10_500);
        assert_eq!(baseline_bound(100.0), 130);
        assert_eq!(baseline_bound(0.0), 0);
    }
}
