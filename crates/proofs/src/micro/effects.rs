//! The effects of a job, each with a point before and a point behind it, and how they are disturbed.

use anyhow::{Result, ensure};
use redistrict_testkit::types::Random;

use crate::run_crash::points::Point;

/// An effect on CERT or on the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The number of the point before it; that behind it is the next one.
    pub(crate) number: u64,
    pub(crate) name: String,
}

/// Pairs the points up. Effects do not overlap.
pub(crate) fn effects(points: &[Point]) -> Result<Vec<Effect>> {
    let (pairs, rest) = points.as_chunks::<2>();
    ensure!(
        !pairs.is_empty() && rest.is_empty(),
        "{} points",
        points.len()
    );
    let effect = |[before, after]: &[Point; 2]| {
        let name = before.name.strip_prefix("before ");
        let is_pair = name.is_some()
            && name == after.name.strip_prefix("after ")
            && before.number + 1 == after.number;
        ensure!(is_pair, "{} is followed by {}", before.name, after.name);
        Ok(Effect {
            number: before.number,
            name: name.unwrap_or_default().to_owned(),
        })
    };
    pairs.iter().map(effect).collect()
}

/// What goes wrong at an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    KilledBefore,
    KilledAfter,
    /// It is done, and the answer says that it is not.
    ReplyLost,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::KilledBefore, Self::KilledAfter, Self::ReplyLost];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
            Self::ReplyLost => "reply lost of",
        }
    }

    pub(crate) fn is_kill(self) -> bool {
        self != Self::ReplyLost
    }

    /// For the `faulty` twin.
    fn at(self, number: u64) -> String {
        match self {
            Self::KilledBefore => format!("kill:{number}"),
            Self::KilledAfter => format!("kill:{}", number + 1),
            Self::ReplyLost => format!("drop:{}", number + 1),
        }
    }
}

/// One disturbed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disturbance {
    /// The first fault, for the `faulty` twin.
    pub(crate) first: String,
    pub(crate) fault: Fault,
    /// What befalls the process that resumes, and whether that is a kill.
    pub(crate) second: Option<(String, bool)>,
    /// In words.
    pub(crate) what: String,
}

impl Disturbance {
    /// The process asks again, and comes to its end. Of a journal that cannot be written it dies.
    pub(crate) fn is_answer_of_cert(&self) -> bool {
        self.fault == Fault::ReplyLost && self.what.contains(" cert ")
    }
}

/// Every effect with every fault.
pub(crate) fn each(effects: &[Effect]) -> Vec<Disturbance> {
    let of_effect = |effect: &Effect| {
        Fault::ALL.map(|fault| Disturbance {
            first: fault.at(effect.number),
            fault,
            second: None,
            what: format!("{} {}", fault.as_str(), effect.name),
        })
    };
    effects.iter().flat_map(of_effect).collect()
}

/// So many deaths, each followed by a fault of the process that mends it. What a resume still has to do has about as many
/// points as are left, and those of its leases.
pub(crate) fn pairs(effects: &[Effect], count: usize, random: &mut Random) -> Vec<Disturbance> {
    let pair = |_| {
        let at = random.below(effects.len());
        let fault = [Fault::KilledBefore, Fault::KilledAfter][random.below(2)];
        let later = 2 * (1 + random.below(effects.len() - at) as u64);
        let is_kill = random.below(2) == 0;
        let (kind, point) = match is_kill {
            true => ("kill", later - random.below(2) as u64),
            // The point behind an effect has an even number.
            false => ("drop", later),
        };
        Disturbance {
            first: fault.at(effects[at].number),
            fault,
            second: Some((format!("{kind}:{point}"), is_kill)),
            what: format!(
                "{} {}, then {kind} at point {point} of the resume",
                fault.as_str(),
                effects[at].name
            ),
        }
    };
    (0..count).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_crash::points::read_points;

    fn made(names: &[&str]) -> Result<Vec<Effect>> {
        let lines = names.iter().enumerate();
        let lines: Vec<String> = lines
            .map(|(at, name)| format!("{} {name}", 5 + at))
            .collect();
        effects(&read_points(&lines.join("\n")))
    }

    #[test]
    fn every_effect_is_disturbed_in_three_ways() {
        let effects = made(&[
            "before cert a",
            "after cert a",
            "before cert b",
            "after cert b",
        ])
        .unwrap();
        let firsts: Vec<_> = each(&effects).into_iter().map(|one| one.first).collect();
        assert_eq!(
            firsts,
            ["kill:5", "kill:6", "drop:6", "kill:7", "kill:8", "drop:8"]
        );
        let some = |seed| pairs(&effects, 20, &mut Random(seed));
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(
            some(1)
                .iter()
                .all(|one| one.second.is_some() && one.fault.is_kill())
        );
    }

    #[test]
    fn an_effect_without_a_point_behind_it_is_no_effect() {
        assert!(made(&["before cert a", "before cert b"]).is_err());
        assert!(made(&["before cert a"]).is_err());
        assert!(made(&[]).is_err());
    }
}
