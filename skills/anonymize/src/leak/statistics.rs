//! How many coincidences chance allows.

use super::normal::Normal;
use super::values::FEWEST_DIGITS;

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

pub(crate) fn whole_digits(number: &str) -> &str {
    let unsigned = number.trim_start_matches('-');
    unsigned.split('.').next().unwrap_or("")
}

pub(crate) fn expected_digits(digits: &str, members: u32) -> f64 {
    if digits.len() < FEWEST_DIGITS {
        return 0.0;
    }
    f64::from(members) / (9.0 * 10_f64.powi(power(digits.len()) - 1))
}

/// Members of the format over the size of the format.
pub(crate) fn expected_pattern(text: &Normal, members: u32) -> f64 {
    let digits = text.digits().len();
    let letters = text.characters() - digits.min(text.characters());
    f64::from(members) / (10_f64.powi(power(digits)) * 26_f64.powi(power(letters)) * 0.9)
}

fn power(count: usize) -> i32 {
    i32::try_from(count.min(200)).unwrap_or(200)
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
