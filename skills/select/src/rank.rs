//! The ranking formula of DESIGN §2. Pure.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::DistrictId;

use crate::data::{DistrictFacts, MeasuredRate, Parts, Ranked, SizeClass};

/// Percent of the score: size, activity, completeness, business priority.
const WEIGHTS: [f64; 4] = [40.0, 30.0, 20.0, 10.0];
/// What an unmeasured part counts: neither good nor bad.
const NEUTRAL: f64 = 50.0;

/// Ranks districts, best first.
///
/// The parts, each 0 to 100: *size*, the counted rows in percent of the largest district's;
/// *activity*, the share of rows in the newest quarter in percent of the most active district's, 50
/// where it was not measured; *completeness*, the share of filled cells in percent, 50 where it was not
/// measured; *priority*, as configured (0 where nothing is, at most 100). The score is their weighted
/// mean, 40 : 30 : 20 : 10, to one decimal; equal scores are in the order of their keys, numbers as
/// numbers.
///
/// Size classes are thirds of the districts by size; equal sizes are of one class, and where all are
/// equal it is medium. The pilot of a class is its best district. A time is estimated in proportion
/// to the rows of a district whose migration was measured.
#[must_use]
pub fn rank(
    districts: Vec<DistrictFacts>,
    priorities: &BTreeMap<DistrictId, u32>,
    rate: Option<MeasuredRate>,
) -> Vec<Ranked> {
    let sizes: Vec<u64> = districts.iter().map(DistrictFacts::size).collect();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let most_active = districts
        .iter()
        .filter_map(|facts| facts.activity)
        .fold(0.0, f64::max);
    let mut ranked: Vec<Ranked> = districts
        .into_iter()
        .map(|facts| {
            let size = facts.size();
            let parts = Parts {
                size: percent(exact(size), exact(largest)),
                activity: facts
                    .activity
                    .map_or(NEUTRAL, |share| percent(share, most_active)),
                completeness: facts
                    .completeness
                    .map_or(NEUTRAL, |share| percent(share, 1.0)),
                priority: f64::from(
                    priorities
                        .get(&facts.district)
                        .copied()
                        .unwrap_or(0)
                        .min(100),
                ),
            };
            Ranked {
                rank: 0,
                score: score(parts),
                parts,
                size,
                size_class: size_class(size, &sizes),
                is_pilot: false,
                estimated_millis: rate.and_then(|rate| estimate(size, rate)),
                facts,
            }
        })
        .collect();
    ranked.sort_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score.then_with(|| by_key(&a.facts.district, &b.facts.district))
    });
    let mut classes = BTreeSet::new();
    for (place, one) in (1..).zip(&mut ranked) {
        one.rank = place;
        one.is_pilot = classes.insert(one.size_class);
    }
    ranked
}

fn score(parts: Parts) -> f64 {
    let parts = [
        parts.size,
        parts.activity,
        parts.completeness,
        parts.priority,
    ];
    let sum: f64 = parts
        .iter()
        .zip(WEIGHTS)
        .map(|(part, weight)| part * weight)
        .sum();
    round(sum / 100.0)
}

/// To one decimal.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        round((part / whole * 100.0).clamp(0.0, 100.0))
    } else {
        0.0
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of 2^53 rows is exact enough"
)]
fn exact(rows: u64) -> f64 {
    rows as f64
}

fn size_class(size: u64, sizes: &[u64]) -> SizeClass {
    let smaller = sizes.iter().filter(|other| **other < size).count();
    let equal = sizes.iter().filter(|other| **other == size).count();
    if equal == sizes.len() {
        return SizeClass::Medium;
    }
    match smaller * 3 / sizes.len() {
        0 => SizeClass::Small,
        1 => SizeClass::Medium,
        _ => SizeClass::Large,
    }
}

fn estimate(size: u64, rate: MeasuredRate) -> Option<u64> {
    let millis = u128::from(size) * u128::from(rate.millis);
    u64::try_from(millis.checked_div(rate.counted_rows.into())?).ok()
}

/// Numbers in the order of numbers, before texts.
pub(crate) fn by_key(a: &DistrictId, b: &DistrictId) -> Ordering {
    let number = |key: &DistrictId| key.as_str().parse::<i64>().ok();
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::RowCount;

    fn facts(district: &str, rows: u64, activity: Option<f64>, completeness: f64) -> DistrictFacts {
        let table = "ids.main.schools".parse().unwrap();
        DistrictFacts {
            district: DistrictId::new(district),
            name: None,
            rows_by_table: [(
                table,
                RowCount {
                    rows,
                    is_estimated: false,
                },
            )]
            .into(),
            activity,
            completeness: Some(completeness),
        }
    }

    fn order(ranked: &[Ranked]) -> Vec<&str> {
        ranked
            .iter()
            .map(|one| one.facts.district.as_str())
            .collect()
    }

    #[test]
    fn the_score_is_the_weighted_mean_of_the_four_parts() {
        let priorities = [(DistrictId::new("b"), 80)].into();
        let ranked = rank(
            vec![
                facts("a", 50, Some(0.2), 0.9),
                facts("b", 200, Some(0.1), 0.5),
            ],
            &priorities,
            None,
        );
        assert_eq!(order(&ranked), ["b", "a"]);
        // 40·100 + 30·50 + 20·50 + 10·80, and 40·25 + 30·100 + 20·90 + 10·0.
        assert_eq!((ranked[0].score, ranked[1].score), (73.0, 58.0));
        assert_eq!((ranked[0].rank, ranked[1].rank), (1, 2));
    }

    #[test]
    fn what_was_not_measured_counts_half() {
        let mut unknown = facts("a", 10, None, 0.0);
        unknown.completeness = None;
        let ranked = rank(vec![unknown], &BTreeMap::new(), None);
        assert_eq!(
            (ranked[0].parts.activity, ranked[0].parts.completeness),
            (50.0, 50.0)
        );
        assert_eq!(ranked[0].estimated_millis, None);
    }

    #[test]
    fn equal_scores_are_in_the_order_of_their_keys_whatever_the_input_order() {
        let all = |keys: [&str; 4]| keys.map(|key| facts(key, 5, None, 1.0)).to_vec();
        let none = BTreeMap::new();
        let one = rank(all(["10", "9", "x", "2"]), &none, None);
        let other = rank(all(["x", "2", "10", "9"]), &none, None);
        assert_eq!(order(&one), ["2", "9", "10", "x"]);
        assert_eq!(one, other);
    }

    #[test]
    fn each_size_class_has_one_pilot() {
        let all = (1..=6)
            .map(|n| facts(&n.to_string(), n * n, None, 1.0))
            .collect();
        let ranked = rank(all, &BTreeMap::new(), None);
        let pilots: Vec<_> = ranked
            .iter()
            .filter(|one| one.is_pilot)
            .map(|one| (one.facts.district.as_str(), one.size_class))
            .collect();
        assert_eq!(
            pilots,
            [
                ("6", SizeClass::Large),
                ("4", SizeClass::Medium),
                ("2", SizeClass::Small)
            ]
        );
        let same = rank(
            vec![facts("1", 7, None, 1.0), facts("2", 7, None, 1.0)],
            &BTreeMap::new(),
            None,
        );
        assert!(same.iter().all(|one| one.size_class == SizeClass::Medium));
    }

    #[test]
    fn empty_estates_and_empty_districts_rank_without_dividing_by_zero() {
        assert!(rank(Vec::new(), &BTreeMap::new(), None).is_empty());
        let rate = Some(MeasuredRate {
            counted_rows: 0,
            millis: 5,
        });
        let ranked = rank(vec![facts("1", 0, Some(0.0), 0.0)], &BTreeMap::new(), rate);
        assert_eq!((ranked[0].score, ranked[0].estimated_millis), (0.0, None));
    }

    #[test]
    fn times_are_in_proportion_to_a_measured_migration() {
        let rate = Some(MeasuredRate {
            counted_rows: 200,
            millis: 10_000,
        });
        let ranked = rank(vec![facts("1", 50, None, 1.0)], &BTreeMap::new(), rate);
        assert_eq!(ranked[0].estimated_millis, Some(2_500));
    }
}
