//! How likely it is that values are keys of a table and lead to the right districts by accident: where a column's
//! name says nothing, that is what has to be ruled out. Pure.

use std::collections::BTreeMap;

use redistrict_model::Key;

/// Fewer different values are no evidence.
const LEAST_VALUES: usize = 10;
/// In the order of the values the district has to change so often: rows that were brought district by district have
/// keys that lie in blocks, and so have numbers that are no keys.
const LEAST_TURNS: usize = 5;
/// The greatest chance of an accident, over all tables that the values were compared with.
const MOST_CHANCE: f64 = 1e-4;

/// What the rows say that were compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strength {
    /// Rows in which both references lead to a district.
    pub(super) rows: usize,
    /// Rows in which they lead to different ones.
    pub(super) differing: usize,
    values: usize,
    turns: usize,
    /// The natural logarithm of the chance that values drawn at random lead to the same districts throughout.
    chance: f64,
}

impl Strength {
    /// From the values with their own district and that of the reference beside.
    pub(super) fn of(rows: &[(Key, Key, Key)]) -> Self {
        let mut of_value: BTreeMap<&Key, &Key> = BTreeMap::new();
        for (value, _, beside) in rows {
            of_value.insert(value, beside);
        }
        let mut shares: BTreeMap<&Key, f64> = BTreeMap::new();
        for district in of_value.values() {
            *shares.entry(district).or_default() += 1.0;
        }
        let values = of_value.len();
        let all = values as f64;
        let alike: f64 = shares.values().map(|share| (share / all).powi(2)).sum();
        let mut ordered: Vec<(Option<u128>, &Key, &Key)> = (of_value.iter())
            .map(|(value, district)| (number(value), *value, *district))
            .collect();
        ordered.sort();
        let turns = ordered.windows(2).filter(|pair| match pair {
            [one, other] => one.2 != other.2,
            _ => false,
        });
        Self {
            rows: rows.len(),
            differing: rows.iter().filter(|(_, own, beside)| own != beside).count(),
            values,
            turns: turns.count(),
            chance: if values == 0 { 0.0 } else { all * alike.ln() },
        }
    }

    /// Whether it cannot be an accident, where the values were compared with the keys of so many tables.
    pub(super) fn is_no_accident(self, tables: usize) -> bool {
        let tables = tables.max(1) as f64;
        self.differing == 0
            && self.values >= LEAST_VALUES
            && self.turns >= LEAST_TURNS
            && self.chance + tables.ln() <= MOST_CHANCE.ln()
    }
}

fn number(key: &Key) -> Option<u128> {
    match key.parts() {
        [part] => part.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of these values: the district of each by its own table, and by the reference beside.
    fn strength(rows: impl IntoIterator<Item = (u32, u32, u32)>) -> Strength {
        let key = |number: u32| Key::new([number.to_string().into_boxed_str()]);
        let rows: Vec<(Key, Key, Key)> = rows
            .into_iter()
            .map(|(value, own, beside)| (key(value), key(own), key(beside)))
            .collect();
        Strength::of(&rows)
    }

    #[test]
    fn districts_that_agree_throughout_are_no_accident_unless_they_are_few_or_lie_in_blocks() {
        let mixed = |value: u32| value * 7 % 3;
        let all = |count: u32| strength((0..count).map(|one| (one, mixed(one), mixed(one))));
        assert!(all(30).is_no_accident(200));
        assert!(all(13).is_no_accident(45));
        // Too few for what they were compared with.
        assert!(!all(10).is_no_accident(200));
        assert!(!all(9).is_no_accident(1));
        // One of thirty leads elsewhere.
        let but_one = |one| if one == 4 { 9 } else { mixed(one) };
        let one_off = strength((0..30).map(|one| (one, mixed(one), but_one(one))));
        assert!(!one_off.is_no_accident(1));
        // Ten of each district, one behind the other: numbers of anything would look like this.
        let blocks = strength((0..30).map(|one| (one, one / 10, one / 10)));
        assert!(!blocks.is_no_accident(1));
        // One value in many rows is one value, and one district says nothing.
        assert!(!strength((0..90).map(|row| (row % 4, row % 4, row % 4))).is_no_accident(1));
        assert!(!strength((0..90).map(|row| (row, 1, 1))).is_no_accident(1));
        assert!(!strength([]).is_no_accident(1));
    }
}
